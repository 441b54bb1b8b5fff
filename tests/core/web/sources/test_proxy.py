"""ProxyHeader: whom it believes, and everything it does not."""

from __future__ import annotations

import pytest

from tests.wsgi.calls import over_asgi, over_wsgi
from wauth_core import ConfigurationError
from wauth_wsgi import ProxyHeader

PROXY = "10.0.0.5"
ALICE = ("X-Remote-User", "EXAMPLE\\alice")
BOTH = [over_wsgi, over_asgi]


@pytest.fixture(params=BOTH, ids=["wsgi", "asgi"])
def call(request):
    """The same request over each interface."""
    return request.param


def test_names_beyond_ascii_come_out_right(call):
    """UTF-8 bytes in a header are read as UTF-8."""
    header = ("X-Remote-User", "EXAMPLE\\Zoë".encode().decode("latin-1"))
    assert call([ProxyHeader("x-remote-user", [PROXY])], headers=[header], peer=PROXY).identity == "EXAMPLE\\zoë"


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        pytest.param(["10.0.0.0/24"], PROXY, True, id="network"),
        pytest.param(["192.0.2.1", PROXY], PROXY, True, id="second-listed"),
        pytest.param(["::1"], "::1", True, id="ipv6"),
        pytest.param([PROXY], f"::ffff:{PROXY}", True, id="mapped-ipv6"),
        pytest.param([PROXY], "10.0.0.50", False, id="longer-address"),
        pytest.param([PROXY], "192.0.2.66", False, id="stranger"),
        pytest.param(["127.0.0.1"], "localhost", False, id="a-name"),
        pytest.param([PROXY], f"{PROXY}, 192.0.2.1", False, id="forged-list"),
        pytest.param(["::1"], "127.0.0.1", False, id="other-loopback"),
    ],
)
def test_only_listed_peers_are_believed(call, trusted, peer, believed):
    """From a listed address the header counts; from any other it is refused, not ignored."""
    reply = call([ProxyHeader("X-Remote-User", trusted)], headers=[ALICE], peer=peer, required=True)
    assert (reply.status, reply.identity) == ((200, "EXAMPLE\\alice") if believed else (403, None))


def test_a_unix_socket_has_no_address(call):
    """It is believed only where the operator said "unix"."""
    extra = {"environ": {"REMOTE_ADDR": ""}} if call is over_wsgi else {}
    assert call([ProxyHeader("X-Remote-User", ["unix"])], headers=[ALICE], peer="", **extra).identity is not None
    assert call([ProxyHeader("X-Remote-User", [PROXY])], headers=[ALICE], peer="", **extra).identity is None


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([ALICE, ("X-Remote-User", "EXAMPLE\\evil")], id="twice"),
        pytest.param([ALICE, ALICE], id="same-twice"),
        pytest.param([("X-Remote-User", "EXAMPLE\\alice,EXAMPLE\\evil")], id="comma"),
        pytest.param([("X-Remote-User", "EXAMPLE\\alice, ")], id="trailing-comma"),
        pytest.param([("X-Remote-User", "")], id="empty"),
        pytest.param([("X-Remote-User", "(null)")], id="apache-null"),
        pytest.param([("X-Remote-User", "alice")], id="no-domain"),
        pytest.param([("X-Remote-User", "EXAMPLE\\a\xff")], id="not-utf-8"),
        pytest.param([("X-Remote-User", "EXAMPLE\\" + "a" * 10240)], id="ten-kilobytes"),
    ],
)
def test_anything_but_one_right_name_is_refused(call, headers):
    """Nobody is signed in, and it is a refusal."""
    reply = call([ProxyHeader("X-Remote-User", [PROXY])], headers=headers, peer=PROXY, required=True)
    assert (reply.status, reply.seen) == (403, None)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("X_Remote_User", "EXAMPLE\\evil")], id="alone"),
        pytest.param([ALICE, ("X_Remote_User", "EXAMPLE\\evil")], id="beside-the-real-one"),
        pytest.param([ALICE, ("x-remote_user", "EXAMPLE\\evil")], id="half-underscored"),
    ],
)
def test_an_underscore_twin_is_refused_where_it_can_be_seen(headers):
    """Under ASGI both forms arrive; the twin is a forgery."""
    source = ProxyHeader("X-Remote-User", [PROXY])
    reply = over_asgi([source], headers=headers, peer=PROXY, required=True)
    assert (reply.status, reply.seen) == (403, None)


@pytest.mark.parametrize(
    "name", ["Remote-User", "REMOTE_USER", "remote_user", "X-Remote-Users", "X-Remote", "X-IIS-WindowsAuthToken"]
)
def test_other_headers_say_nothing(call, name):
    """A header of nearly that name, even from the proxy, is nobody's word."""
    source = ProxyHeader("X-Remote-User", [PROXY])
    reply = call([source], headers=[(name, "EXAMPLE\\evil")], peer=PROXY)
    assert (reply.status, reply.identity) == (200, None)


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        pytest.param([("X-Wauth-Secret", "s3cret-ÿ".encode().decode("latin-1"))], True, id="right"),
        pytest.param([], False, id="missing"),
        pytest.param([("X-Wauth-Secret", "s3cret")], False, id="prefix"),
        pytest.param([("X-Wauth-Secret", "")], False, id="empty"),
        pytest.param([("X-Wauth-Secret", "s3cret-ÿ".encode().decode("latin-1"))] * 2, False, id="twice"),
    ],
)
def test_the_proxys_secret(call, given, believed):
    """With a secret configured, the header alone is not enough, and the application never sees the secret."""
    source = ProxyHeader("X-Remote-User", [PROXY], secret="s3cret-ÿ")
    reply = call([source], headers=[ALICE, *given], peer=PROXY)
    assert reply.identity == ("EXAMPLE\\alice" if believed else None)
    assert "s3cret" not in repr(reply.seen)


def test_the_secrets_header_may_have_another_name(call):
    """A pair names it."""
    source = ProxyHeader("X-Remote-User", [PROXY], secret=("X-Proxy-Key", "k"))
    assert call([source], headers=[ALICE, ("X-Proxy-Key", "k")], peer=PROXY).identity == "EXAMPLE\\alice"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param(("X-Remote-User", []), "address", id="nobody-trusted"),
        pytest.param(("X-Remote-User", ["0.0.0.0/0"]), "everybody", id="everybody-trusted"),
        pytest.param(("X-Remote-User", ["::/0"]), "everybody", id="everybody-trusted-ipv6"),
        pytest.param(("X-Remote-User", ["proxy.example"]), "no address", id="a-name"),
        pytest.param(("X-Remote-User", ["10.0.0.5/24"]), "no address", id="host-bits"),
        pytest.param(("HTTP_X_REMOTE_USER", [PROXY]), "underscore", id="environ-key"),
        pytest.param(("", [PROXY]), "header's name", id="no-name"),
        pytest.param(("X-Remote-User", [PROXY], ""), "secret", id="empty-secret"),
    ],
)
def test_a_dangerous_configuration_stops_the_start(arguments, match):
    """What would believe everybody or nobody is refused at once."""
    with pytest.raises(ConfigurationError, match=match):
        ProxyHeader(*arguments)
