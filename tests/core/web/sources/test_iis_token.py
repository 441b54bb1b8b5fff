"""IISToken with a Windows of the tests' own. The real calls are proved under Wine, in tests/windows."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest

from tests.wsgi.calls import over_asgi, over_wsgi
from wauth_core import ConfigurationError
from wauth_core.settings import ConfigurationWarning
from wauth_wsgi import IISToken, ServerIdentity, Simulate

HEADERS = ["X-IIS-WindowsAuthToken", "MS-ASPNETCORE-WINAUTHTOKEN", "MS-PLATFORM-HANDLER-WINAUTHTOKEN"]
PAIRED = {"HTTP_PLATFORM_TOKEN": "shared-secret", "HTTP_PLATFORM_IIS_HTTPAUTH": "windows;"}
LOOPBACK = "127.0.0.1"


class Windows:
    """Handles of tokens, and what is behind them. 0x2c0 is alice's."""

    def __init__(self):
        self.tokens = {0x2C0: "S-1-5-21-1-2-3-1105", 0x2C4: "S-1-5-7", 0x2C8: "S-1-5-17", 0x2CC: "S-1-5-20"}
        self.closed = []

    def user_sid(self, handle):
        if handle not in self.tokens:
            raise OSError(6, "invalid handle")
        return self.tokens[handle]

    def group_sids(self, handle):
        return frozenset({"S-1-5-21-1-2-3-512", "S-1-5-32-544"})

    def account(self, sid):
        return "EXAMPLE", "Alice"

    def own_sid(self):
        return "S-1-5-20"

    def close(self, handle):
        del self.tokens[handle]
        self.closed.append(handle)


@pytest.fixture
def windows():
    """A fresh Windows."""
    return Windows()


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def call(request):
    """The same request over each interface."""
    return request.param


def source(windows, environment=None, **arguments):
    """IISToken on that Windows."""
    return IISToken(reader=windows, environment=environment or {}, **arguments)


def in_request(seen, header):
    """Whether the application could read the header."""
    if "headers" in seen:
        return header.lower().encode() in dict(seen["headers"])
    return "HTTP_" + header.upper().replace("-", "_") in seen


@pytest.mark.parametrize("header", HEADERS)
def test_a_token_signs_in_with_its_groups(call, windows, header):
    """The name comes from the token, the groups too if the operator says so; the handle is closed, the header gone."""
    given = source(windows, header=header, ticket_groups_for=timedelta(hours=10))
    reply = call([given], headers=[(header, "2c0")], peer=LOOPBACK)
    assert reply.identity == "EXAMPLE\\alice"
    assert reply.seen["wauth.user"].in_group("Domain Admins")
    assert windows.closed == [0x2C0]
    assert not in_request(reply.seen, header)


def test_an_administrator_of_the_web_server_is_none_of_the_domain(call, windows):
    """Built-in groups in a token are the machine's own: they count for nothing, and the directory is to be asked."""
    reply = call([source(windows, ticket_groups_for=timedelta(hours=10))], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK)
    assert "S-1-5-32-544" not in reply.seen["wauth.user"].group_sids
    with pytest.raises(ConfigurationError, match="read from the directory"):
        reply.seen["wauth.user"].in_group("Administrators")


def test_the_groups_of_a_token_are_of_unknown_age(call, windows):
    """Nobody knows when Windows was told of them: by default they give nothing."""
    reply = call([source(windows)], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK)
    with pytest.raises(ConfigurationError, match="read from the directory"):
        reply.seen["wauth.user"].in_group("Domain Admins")


def test_a_token_is_closed_where_another_source_answers(call, windows):
    """The handle is in the process whoever signs in."""
    reply = call([Simulate("EXAMPLE\\bob", debug=True), source(windows)], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK)
    assert (reply.identity, windows.closed) == ("EXAMPLE\\bob", [0x2C0])
    assert not in_request(reply.seen, HEADERS[0])


def test_a_token_is_closed_where_the_name_cannot_be_read(call, windows):
    """Any failure after the handle was proved to be a token still gives it back."""
    windows.account = lambda sid: (_ for _ in ()).throw(OSError("no domain controller"))
    assert call([source(windows)], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK).identity is None
    assert windows.closed == [0x2C0]


def test_a_token_is_closed_where_its_name_is_no_name(call, windows):
    """Parsing comes after closing."""
    windows.account = lambda sid: ("EX?AMPLE", "al*ice")
    reply = call([source(windows)], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK)
    assert (reply.status, reply.identity, windows.closed) == (200, None, [0x2C0])


@pytest.mark.parametrize(
    ("headers", "closed"),
    [
        pytest.param([(HEADERS[0], "2c0"), (HEADERS[0], "2c0")], [], id="twice"),
        pytest.param([(HEADERS[0], "2c0"), (HEADERS[0], "2c4")], [], id="twice-another-visitors"),
        pytest.param([(HEADERS[1], "2c0")], [], id="another-name"),
        pytest.param([(name, "2c0") for name in HEADERS[1:]], [], id="two-other-names"),
        pytest.param([(HEADERS[0], "junk,2c0")], [], id="joined-to-junk"),
        pytest.param([(HEADERS[0], "2c0,2c4")], [], id="joined"),
        pytest.param([(HEADERS[0], ",".join(f"{n:x}" for n in range(4, 8004, 4)))], [], id="two-thousand-numbers"),
        pytest.param([(HEADERS[0], "2c4")], [0x2C4], id="anonymous"),
        pytest.param([(HEADERS[0], "2c8")], [0x2C8], id="iusr"),
        pytest.param([(HEADERS[0], "2cc")], [], id="our-own-account"),
        pytest.param([(HEADERS[0], "40")], [], id="another-object"),
        pytest.param([(HEADERS[0], "-4")], [], id="minus-four"),
        pytest.param([(HEADERS[0], "fffffffffffffffc")], [], id="pseudo-handle"),
        pytest.param([(HEADERS[0], "0x2c0")], [], id="prefix"),
        pytest.param([(HEADERS[0], "2c1")], [], id="not-a-multiple-of-four"),
        pytest.param([(HEADERS[0], "0")], [], id="zero"),
        pytest.param([(HEADERS[0], "")], [], id="empty"),
        pytest.param([(HEADERS[0], "2C0\xff")], [], id="not-ascii"),
        pytest.param([(HEADERS[0], "2" * 10_000)], [], id="ten-kilobytes"),
    ],
)
def test_hostile_tokens_sign_nobody_in(call, windows, headers, closed):
    """Only what proved to be a token is closed, and that always."""
    reply = call([source(windows)], headers=headers, peer=LOOPBACK)
    assert (reply.status, reply.identity) == (200, None)
    assert windows.closed == closed
    assert not any(in_request(reply.seen, name) for name in HEADERS)


@pytest.mark.parametrize("beside", ["2c4", "2c0", "40", ",".join(f"{n:x}" for n in range(4, 8004, 4))])
def test_a_client_cannot_have_another_visitors_token_closed(call, windows, beside):
    """What a signed-in client adds under the other names is hidden, and no handle of it is touched."""
    headers = [(HEADERS[0], "2c0"), (HEADERS[1], beside), (HEADERS[2], beside)]
    reply = call([source(windows)], headers=headers, peer=LOOPBACK)
    assert (reply.identity, windows.closed) == ("EXAMPLE\\alice", [0x2C0])
    assert not any(in_request(reply.seen, name) for name in HEADERS)


def test_only_headers_that_iis_sends_can_be_named(windows):
    """A header of any other name is a client's."""
    with pytest.raises(ConfigurationError, match="X-IIS-WindowsAuthToken"):
        source(windows, header="X-Token")


def test_a_token_under_another_name_is_a_false_claim(call, windows):
    """The settings are wrong, or a client made it up: it is refused where a sign-in is required, and not ignored."""
    headers = [("MS-ASPNETCORE-WINAUTHTOKEN", "2c0")]
    reply = call([source(windows)], headers=headers, peer=LOOPBACK, required=True)
    assert (reply.status, windows.closed) == (403, [])


@pytest.mark.parametrize("software", ["Granian", "Cheroot/11.1.2 Server", "WSGIServer/0.2 CPython/3.13.1", ""])
def test_a_server_that_lets_twins_in_is_not_heard(windows, software, caplog):
    """There a client's X_IIS_WindowsAuthToken may stand in the place of IIS's, and name another visitor's token."""
    environ = {"SERVER_SOFTWARE": software}
    arguments = {"headers": [(HEADERS[0], "2c0")], "peer": LOOPBACK, "required": True}
    reply = over_wsgi([source(windows)], environ=environ, **arguments)
    assert (reply.status, reply.seen, windows.closed) == (403, None, [])
    assert "waitress" in caplog.text
    assert over_wsgi([source(windows)], environ={"SERVER_SOFTWARE": "waitress"}, **arguments).status == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1", "localhost", "127.0.0.1.evil", "", "::ffff:192.0.2.1"])
def test_other_peers_are_not_heard(call, windows, peer):
    """A handle from elsewhere is not even looked at."""
    reply = call([source(windows)], headers=[(HEADERS[0], "2c0")], peer=peer)
    assert (reply.identity, windows.closed) == (None, [])


@pytest.mark.parametrize(
    ("pairing", "environment", "believed"),
    [
        pytest.param([("MS-ASPNETCORE-TOKEN", "shared-secret")], PAIRED, True, id="right"),
        pytest.param([], PAIRED, False, id="missing"),
        pytest.param([("MS-ASPNETCORE-TOKEN", "guess")], PAIRED, False, id="wrong"),
        pytest.param([("MS-ASPNETCORE-TOKEN", "shared-secret")] * 2, PAIRED, False, id="twice"),
        pytest.param(
            [("MS-ASPNETCORE-TOKEN", "shared-secret")],
            {**PAIRED, "HTTP_PLATFORM_IIS_HTTPAUTH": "windows;anonymous;"},
            False,
            id="anonymous-beside-it",
        ),
    ],
)
def test_the_pairing_of_httpplatformhandler_2(call, windows, pairing, environment, believed):
    """Where IIS shares a secret with the process, requests must carry it; the application never sees it."""
    reply = call([source(windows, environment)], headers=[(HEADERS[0], "2c0"), *pairing], peer=LOOPBACK)
    assert (reply.identity is not None) is believed
    assert not in_request(reply.seen, "MS-ASPNETCORE-TOKEN")


def test_a_handle_is_never_logged(call, windows, caplog):
    """Refusals say why, without the number."""
    call([source(windows)], headers=[(HEADERS[0], "abcdef0")], peer=LOOPBACK)
    assert "refused" in caplog.text
    assert "abcdef0" not in caplog.text


def test_the_settings_may_name_the_domain_otherwise(windows):
    """A NetBIOS name becomes the settings' DNS name."""
    negotiate = source(windows, domains={"example": "example.local"})
    assert over_wsgi([negotiate], headers=[(HEADERS[0], "2c0")], peer=LOOPBACK).identity == "alice@example.local"


def test_no_token_is_nobodys_word(call, windows):
    """Another source may know; where none does, it is a 401 and no refusal."""
    reply = call([source(windows)], peer=LOOPBACK)
    assert (reply.status, reply.identity) == (200, None)
    assert call([source(windows)], peer=LOOPBACK, required=True).status == 401
    assert call([source(windows), Simulate("EXAMPLE\\bob", debug=True)], peer=LOOPBACK).identity == "EXAMPLE\\bob"


def test_the_event_loop_does_not_wait_for_windows(windows):
    """A name may be asked of a domain controller, so a request with a token goes to a thread."""
    from wauth_core.web.request import from_environ

    assert source(windows).may_block(from_environ({"HTTP_X_IIS_WINDOWSAUTHTOKEN": "2c0"}))
    assert not source(windows).may_block(from_environ({}))


def test_several_workers_are_warned_of(windows, monkeypatch):
    """Tokens reach one process only; two are several."""
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    with pytest.warns(ConfigurationWarning, match="one process"):
        source(windows)


def warnings_in_this_process():
    """What making the source warns of here."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        source(Windows())
    return [str(warning.message) for warning in found]


def test_a_servers_worker_process_is_warned_of(monkeypatch):
    """Workers as uvicorn and hypercorn start them, where the command line says how many; one process is left alone."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    assert warnings_in_this_process() == []
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as workers:
        (told,) = workers.submit(warnings_in_this_process).result(60)
    assert "--workers 1" in told


@pytest.mark.skipif(sys.platform == "win32", reason="it may be made there")
def test_it_exists_on_windows_only():
    """Elsewhere there is nobody to ask."""
    with pytest.raises(ConfigurationError, match="Windows"):
        IISToken()


def test_server_identity_ignores_tokens(windows):
    """Without IISToken the headers are nobody's word."""
    reply = over_wsgi([ServerIdentity()], headers=[(name, "2c0") for name in HEADERS], peer=LOOPBACK)
    assert (reply.identity, windows.closed) == (None, [])
