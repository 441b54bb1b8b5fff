"""One hostile table against every source under every server: nobody is signed in, and nothing is a server error."""

from __future__ import annotations

import sys

import pytest

from tests.e2e import fastcgi, servers
from tests.e2e.fastcgi_process import wfastcgi
from tests.e2e.hostile import (
    ANY_PEER,
    GOOD,
    HYPHENS,
    SECRET,
    STRANGER,
    TRUSTED_PEER,
    TWINS,
    UNSIGNED,
    slipped_past,
)
from tests.e2e.servers import Answer
from wauth_core.iis import webconfig
from wauth_core.iis.options import WebConfigOptions

EVERYBODY = ("server", "proxy", "hyphen", "signed", "stranger", "iis")
ROWS = {
    **{f"{source}-{name}": (source, row) for source in EVERYBODY for name, row in ANY_PEER.items()},
    **{f"proxy-trusted-{name}": ("proxy", row) for name, row in TRUSTED_PEER.items()},
    **{f"stranger-{name}": ("stranger", row) for name, row in STRANGER.items()},
    **{f"server-{name}": ("server", row) for name, row in STRANGER.items()},
    **{f"secret-{name}": ("secret", row) for name, row in SECRET.items()},
    **{f"hyphen-trusted-{name}": ("hyphen", row) for name, row in slipped_past("X-Remote-User").items()},
    **{f"signed-{name}": ("signed", row) for name, row in {**UNSIGNED, **TRUSTED_PEER}.items()},
}  # fmt: skip


REPEATED = (TRUSTED_PEER["twice"], TRUSTED_PEER["twice-other-case"], SECRET["twice"])

# ServerIdentity refuses to exist under ASGI.
WSGI_ROWS = {name: case for name, case in ROWS.items() if case[0] == "server"}
ANY_ROWS = {name: case for name, case in ROWS.items() if case[0] != "server"}


@pytest.mark.parametrize(("source", "row"), ANY_ROWS.values(), ids=ANY_ROWS)
def test_nobody_is_signed_in(plain_server, source, row):
    """The application sees nobody, or is not asked; where a sign-in is required, the answer is 401, 403 or 400."""
    if plain_server.name in servers.LAST_WINS and row in REPEATED and source != "signed":
        pytest.skip("this server shows the last of several headers only; docs/howto/sources.md says so")
    expect_nobody(plain_server, source, row)


@pytest.mark.parametrize(("source", "row"), WSGI_ROWS.values(), ids=WSGI_ROWS)
def test_nobody_is_signed_in_by_a_header_called_remote_user(wsgi_server, source, row):
    """The same for the server's own variable."""
    expect_nobody(wsgi_server, source, row)


def expect_nobody(server, source, row):
    """Whatever is sent, there is nobody, and the server stands."""
    answer = server.get(f"/{source}", row)
    assert answer.status < 500
    assert answer.told["identity"] is None
    answer = server.get(f"/{source}/required", row)
    assert answer.status in (400, 401, 403, 431)


class FromIIS:
    """Requests as IIS's FastCGI module hands them to wfastcgi."""

    def __init__(self, process):
        self._process = process

    def get(self, path, headers):
        """The answer to a request whose user IIS did not authenticate."""
        answer = self._process.get(path, b"", **fastcgi.header_variables(headers))
        return Answer(answer.status, [], answer.body)


@pytest.fixture(scope="module")
def under_iis(tmp_path_factory):
    """The application of these tests in the real wfastcgi."""
    folder = tmp_path_factory.mktemp("site")
    options = WebConfigOptions(
        root=str(folder),
        application="tests.e2e.application:wsgi()",
        python=sys.executable,
        handler="fastcgi",
        wfastcgi="/unused/wfastcgi.py",
        logs="",
        environment=(("E2E_PROXY", fastcgi.CLIENT.decode()),),
    )
    (folder / "Web.config").write_bytes(webconfig.build(options).files[0].content)
    with wfastcgi(folder) as process:
        yield FromIIS(process)


@pytest.mark.parametrize(("source", "row"), ROWS.values(), ids=ROWS)
def test_nobody_is_signed_in_under_wfastcgi(under_iis, source, row):
    """The same under IIS with FastCGI, also where IIS's client is the proxy that is believed."""
    answer = under_iis.get(f"/{source}", row)
    assert (answer.status in (200, 403), answer.told["identity"]) == (True, None)
    assert under_iis.get(f"/{source}/required", row).status in (401, 403)


@pytest.mark.parametrize("row", [*ANY_PEER.values(), *TRUSTED_PEER.values()], ids=[*ANY_PEER, *TRUSTED_PEER])
def test_nobody_is_signed_in_by_negotiate(kerberos_server, row):
    """The same against Kerberos in the process."""
    answer = kerberos_server.get("/negotiate", row)
    assert answer.status < 500
    assert answer.told["identity"] is None
    assert kerberos_server.get("/negotiate/required", row).status in (400, 401, 431)


def test_the_table_can_fail(plain_server):
    """The same requests with a right header from the right peer do sign in: the rows above reach the application."""
    answer = plain_server.get("/proxy", [GOOD])
    assert (answer.status, answer.told["identity"]) == (200, "EXAMPLE\\alice")
    answer = plain_server.get("/secret", [GOOD, ("WauthSecret", "known to the proxy")])
    assert answer.told["identity"] == "EXAMPLE\\alice"


def test_the_table_can_fail_under_wfastcgi(under_iis):
    """There too the right header from the right peer signs in."""
    assert under_iis.get("/proxy", [GOOD]).told["identity"] == "EXAMPLE\\alice"


def test_a_name_with_hyphens_signs_in_where_no_twin_can_replace_it(plain_server):
    """Elsewhere nobody is signed in, and the log says what to change."""
    answer = plain_server.get("/hyphen", [HYPHENS])
    assert answer.status == 200
    believed = plain_server.name not in servers.FOLDING
    assert answer.told["identity"] == ("EXAMPLE\\alice" if believed else None)
    assert plain_server.get("/hyphen/required", [HYPHENS]).status == (200 if believed else 403)
    assert believed or "name without a hyphen" in plain_server.said()


@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
def test_a_twin_makes_nobody_else(plain_server, row):
    """Beside the proxy's own header, or instead of it."""
    answer = plain_server.get("/hyphen", row)
    assert answer.status < 500
    assert answer.told["identity"] in (None, "EXAMPLE\\alice")


def test_another_peer_is_a_stranger(plain_server):
    """The very request that signs in from the proxy's address signs nobody in from another one."""
    assert plain_server.get("/proxy", [GOOD], source_address="127.0.0.7").told["identity"] is None
    assert plain_server.get("/proxy/required", [GOOD], source_address="127.0.0.7").status == 403
