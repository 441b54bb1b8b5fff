"""One hostile table against every source under every server: nobody is signed in, and nothing is a server error."""

from __future__ import annotations

import base64
import sys

import pytest

from tests.e2e.fastcgi_process import wfastcgi
from tests.e2e.servers import Answer
from wauth_core.iis import webconfig
from wauth_core.iis.options import WebConfigOptions

EVIL = "EXAMPLE\\evil"
TOKENS = ("X-IIS-WindowsAuthToken", "MS-ASPNETCORE-WINAUTHTOKEN", "MS-PLATFORM-HANDLER-WINAUTHTOKEN")
GOOD = ("X-Remote-User", "EXAMPLE\\alice")

# From any peer, for every source: nothing of this is anybody's word.
ANY_PEER = {
    "nothing": [],
    "remote_user": [("REMOTE_USER", EVIL)],
    "remote-user": [("Remote-User", EVIL)],
    "remote_user-small": [("remote_user", EVIL)],
    "http-remote-user": [("HTTP-REMOTE-USER", EVIL)],
    "auth-user": [("AUTH_USER", EVIL), ("Logon-User", EVIL), ("Auth-Type", "Negotiate")],
    "x-remote-users": [("X-Remote-Users", EVIL)],
    "underscored": [("X_Remote_User", EVIL)],
    "half-underscored": [("X-Remote_User", EVIL)],
    "forwarded": [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-User", EVIL), ("Forwarded", "for=127.0.0.1")],
    "wauth-keys": [("wauth.identity", EVIL), ("Wauth-User", EVIL)],
    "bearer": [("Authorization", "Bearer evil")],
    "basic": [("Authorization", "Basic " + base64.b64encode(b"EXAMPLE\\evil:x").decode())],
    "negotiate-junk": [("Authorization", "Negotiate " + base64.b64encode(b"evil").decode())],
    "negotiate-empty": [("Authorization", "Negotiate")],
    "negotiate-not-base64": [("Authorization", b"Negotiate \xff\xfe")],
    "negotiate-big": [("Authorization", "Negotiate " + "YWxp" * 12_000)],
    "ntlm": [("Authorization", "NTLM TlRMTVNTUAABAAAA"), ("Authorization", "Negotiate TlRMTVNTUAABAAAA")],
    "cookie": [("Cookie", "__Host-wauth=evil.evil; wauth=evil.evil"), ("Cookie", "wauth=evil")],
    "cookie-bytes": [("Cookie", b"wauth=\xff\xfe; \x80")],
    "pairing": [("MS-ASPNETCORE-TOKEN", "guess"), (TOKENS[0], "2c0")],
    **{f"token-{n}": [(name, "2c0")] for n, name in enumerate(TOKENS)},
    "tokens-all": [(name, "2c0") for name in TOKENS],
    "token-twice": [(TOKENS[0], "2c0"), (TOKENS[0], "2c4")],
    "token-pseudo-handle": [(TOKENS[0], "fffffffffffffffc")],
    "token-negative": [(TOKENS[0], "-4")],
    "token-underscored": [(TOKENS[0].replace("-", "_"), "2c0")],
    "token-long": [(TOKENS[0], "2" * 4000)],
}

# From the very peer that ProxyHeader believes: what a client can slip past a careless proxy.
TRUSTED_PEER = {
    "twice": [GOOD, ("X-Remote-User", EVIL)],
    "twice-other-case": [GOOD, ("x-remote-user", EVIL)],
    "comma": [("X-Remote-User", f"EXAMPLE\\alice,{EVIL}")],
    "trailing-comma": [("X-Remote-User", "EXAMPLE\\alice,")],
    "empty": [("X-Remote-User", "")],
    "null": [("X-Remote-User", "(null)")],
    "no-domain": [("X-Remote-User", "evil")],
    "star": [("X-Remote-User", "EXAMPLE\\*")],
    "not-utf-8": [("X-Remote-User", b"EXAMPLE\\\xff")],
    "bidi": [("X-Remote-User", "EXAMPLE\\al\u202eice".encode())],
    "lost-letter": [("X-Remote-User", "EXAMPLE\\Zo?")],
    "long": [("X-Remote-User", "EXAMPLE\\" + "a" * 4000)],
}

# A peer that ProxyHeader does not believe, with a header that would be right from the proxy.
STRANGER = {
    "right-header": [GOOD],
    "right-header-twice": [GOOD, GOOD],
    "with-forwarded": [GOOD, ("X-Forwarded-For", "192.0.2.1"), ("X-Real-IP", "192.0.2.1")],
}

# The proxy's secret is missing or wrong.
SECRET = {
    "missing": [GOOD],
    "wrong": [GOOD, ("X-Wauth-Secret", "guess")],
    "twice": [GOOD, ("X-Wauth-Secret", "known to the proxy"), ("X-Wauth-Secret", "known to the proxy")],
    "underscored": [GOOD, ("X_Wauth_Secret", "known to the proxy")],
}

EVERYBODY = ("server", "proxy", "stranger", "iis")
ROWS = {
    **{f"{source}-{name}": (source, row) for source in EVERYBODY for name, row in ANY_PEER.items()},
    **{f"proxy-trusted-{name}": ("proxy", row) for name, row in TRUSTED_PEER.items()},
    **{f"stranger-{name}": ("stranger", row) for name, row in STRANGER.items()},
    **{f"server-{name}": ("server", row) for name, row in STRANGER.items()},
    **{f"secret-{name}": ("secret", row) for name, row in SECRET.items()},
}  # fmt: skip


# ServerIdentity refuses to exist under ASGI.
WSGI_ROWS = {name: case for name, case in ROWS.items() if case[0] == "server"}
ANY_ROWS = {name: case for name, case in ROWS.items() if case[0] != "server"}


@pytest.mark.parametrize(("source", "row"), ANY_ROWS.values(), ids=ANY_ROWS)
def test_nobody_is_signed_in(plain_server, source, row):
    """The application sees nobody, or is not asked; where a sign-in is required, the answer is 401, 403 or 400."""
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
    """Requests as IIS's FastCGI module hands them to wfastcgi: every header in capitals, hyphens as underscores."""

    def __init__(self, process):
        self._process = process

    def get(self, path, headers):
        """The answer to a request whose user IIS did not authenticate."""
        variables = {}
        for name, value in headers:
            key = "HTTP_" + name.upper().replace("-", "_")
            value = value if isinstance(value, bytes) else value.encode("latin-1")
            variables[key] = variables[key] + b"," + value if key in variables else value
        answer = self._process.get(path, b"", **variables)
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
    )
    (folder / "Web.config").write_bytes(webconfig.build(options).files[0].content)
    with wfastcgi(folder) as process:
        yield FromIIS(process)


# ProxyHeader makes no sense here: IIS itself is the server, and signs people in itself.
UNDER_IIS = {name: row for name, row in ROWS.items() if name.startswith(("server", "stranger", "iis"))}


@pytest.mark.parametrize(("source", "row"), UNDER_IIS.values(), ids=UNDER_IIS)
def test_nobody_is_signed_in_under_wfastcgi(under_iis, source, row):
    """The same under IIS with FastCGI."""
    answer = under_iis.get(f"/{source}", row)
    assert (answer.status, answer.told["identity"]) == (200, None)
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
    answer = plain_server.get("/secret", [GOOD, ("X-Wauth-Secret", "known to the proxy")])
    assert answer.told["identity"] == "EXAMPLE\\alice"


def test_another_peer_is_a_stranger(plain_server):
    """The very request that signs in from the proxy's address signs nobody in from another one."""
    assert plain_server.get("/proxy", [GOOD], source_address="127.0.0.7").told["identity"] is None
    assert plain_server.get("/proxy/required", [GOOD], source_address="127.0.0.7").status == 403
