"""What every source must do, over each of ours; the rows are `wauth_core.testing.source_contract`."""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any

import pytest

from tests.core.web.sources.test_iis_token import Windows
from tests.wsgi.tickets import Believing, ticket
from wauth_core.identity import Identity, NameRules
from wauth_core.testing.source_contract import SourceContract, on_the_wire
from wauth_core.web.asking import decide
from wauth_core.web.outcomes import Outcome, SignedIn
from wauth_core.web.request import Request
from wauth_core.web.sources.encoding import as_text
from wauth_wsgi import IISToken, Negotiate, ProxyHeader, ServerIdentity, SignedHeader

PROXY = "10.0.0.5"
KEY = "a key of sixteen bytes or more"


class TestServerIdentity(SourceContract):
    """The server's REMOTE_USER."""

    believes = "server"

    @pytest.fixture
    def source(self) -> ServerIdentity:
        """The source."""
        return ServerIdentity()

    def claim(self, username: str) -> Request:
        """As mod_wsgi says it."""
        return Request({"REMOTE_USER": on_the_wire(f"EXAMPLE\\{username}")}, (), PROXY)


class TestProxyHeader(SourceContract):
    """A proxy's header, with the proxy's secret."""

    hidden = ("wauthsecret",)

    @pytest.fixture
    def source(self) -> ProxyHeader:
        """The source."""
        return ProxyHeader("RemoteUser", [PROXY], secret="s" * 32)

    def claim(self, username: str) -> Request:
        """As the proxy sends it."""
        return Request({}, (("remoteuser", on_the_wire(f"EXAMPLE\\{username}")), ("wauthsecret", "s" * 32)), PROXY)


class TestSignedHeader(TestProxyHeader):
    """A proxy's header that is signed."""

    hidden = ("remoteuser",)

    @pytest.fixture
    def source(self) -> SignedHeader:  # type: ignore[override]
        """The source."""
        return SignedHeader("RemoteUser", [PROXY], KEY)

    def claim(self, username: str) -> Request:
        """As the proxy signs it."""
        name, at = on_the_wire(f"EXAMPLE\\{username}"), str(int(time.time()))
        message = "\n".join(("GET", "intranet", at, name)).encode("latin-1")
        signature = hmac.digest(KEY.encode(), message, "sha256").hex()
        return Request({}, (("host", "intranet"), ("remoteuser", f"{at} {signature} {name}")), PROXY)


class TestSignedHeaderProvesItself(TestSignedHeader):
    """From the proxy itself an altered one is refused, too."""

    believes = "proof"


class TestIISToken(SourceContract):
    """IIS's token."""

    hidden = ("x-iis-windowsauthtoken",)

    @pytest.fixture
    def source(self) -> IISToken:
        """The source, with tokens of the test's own."""
        windows = self.windows = Named()
        return IISToken(reader=windows, environment={})

    def claim(self, username: str) -> Request:
        """As IIS hands it on."""
        return Request({}, (("x-iis-windowsauthtoken", self.windows.token_of(username)),), "127.0.0.1")


class Named(Windows):  # type: ignore[misc]
    """A Windows in which anybody may have a token."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {}

    def token_of(self, username: str) -> str:
        """A new token's number."""
        handle = 0x1000 + 4 * len(self.names)
        self.tokens[handle] = f"S-1-5-21-1-2-3-{handle}"
        self.names[self.tokens[handle]] = username
        return f"{handle:x}"

    def account(self, sid: str) -> tuple[str, str]:
        """The name behind a SID."""
        return "EXAMPLE", self.names[sid]


class TestNegotiate(SourceContract):
    """A Kerberos ticket."""

    believes = "proof"
    hidden = ("authorization",)

    @pytest.fixture
    def source(self) -> Negotiate:
        """The source, which takes the test's tickets."""
        self.acceptor = Believing()
        self.negotiate = Negotiate(acceptor=self.acceptor, secret_key="k" * 32, secure=False)
        return self.negotiate

    def claim(self, username: str) -> Request:
        """A ticket whose PAC tells the name."""
        name = username.encode("utf-8", "replace").decode()
        token = f"ticket {len(self.acceptor.tickets)}".encode()
        self.acceptor.tickets[token] = ticket("somebody@EXAMPLE.LOCAL", username=name)
        return Request({}, (("authorization", "Negotiate " + base64.b64encode(token).decode()),), "192.0.2.1")


class TestNegotiatesCookie(TestNegotiate):
    """The session that a ticket has begun."""

    hidden = ()

    def claim(self, username: str) -> Request:
        """The cookie that was set; none for who was refused."""
        begun = decide([self.negotiate], super().claim(username), NameRules())
        headers = getattr(begun, "headers", ())
        cookies = (value.partition(";")[0] for name, value in headers if name == "Set-Cookie")
        return Request({}, tuple(("cookie", cookie) for cookie in cookies), "192.0.2.1")


# -- sources of one's own: of the guide, and some that are wrong


class ClientCertificate:
    """The source of docs/howto/wsgi.md."""

    asgi = False

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """Who the server says is there."""
        name = request.server.get("SSL_CLIENT_S_DN_CN")
        return SignedIn(rules.parse(f"EXAMPLE\\{as_text(name)}"), "ClientCertificate") if name else None


class TestClientCertificate(SourceContract):
    """A source of one's own."""

    believes = "server"

    @pytest.fixture
    def source(self) -> ClientCertificate:
        """The source."""
        return ClientCertificate()

    def claim(self, username: str) -> Request:
        """The name as the server verified it."""
        return Request({"SSL_CLIENT_S_DN_CN": on_the_wire(username)}, (), PROXY)


class Careless(ProxyHeader):
    """Believes its header from whatever peer, and the last one of two."""

    def __init__(self) -> None:
        super().__init__("RemoteUser", [PROXY])

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        values = request.header_values("RemoteUser")
        return SignedIn(rules.parse(as_text(values[-1])), "Careless") if values else None


class Curious(Careless):
    """Reads any header that may name a user."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        values = [value for name, value in request.headers if "user" in name]
        return SignedIn(rules.parse(as_text(values[-1])), "Curious") if values else None


class Tidy(Careless):
    """Makes names of what is none, and takes letters apart."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        import unicodedata

        for value in request.header_values("RemoteUser"):
            name = unicodedata.normalize("NFKD", as_text(value)).encode("ascii", "ignore").decode()
            return SignedIn(rules.parse("".join(name.split())), "Tidy")
        return None


class Slow(Careless):
    """Asks the network who is there."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        import socket

        socket.getaddrinfo("localhost", 389)
        return super().identify(request, rules)


class Forgetful(Careless):
    """Keeps who is there on itself, and claims that somebody is there when nobody is."""

    who = "EXAMPLE\\alice"

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        self.who = next(iter(request.header_values("RemoteUser")), self.who)
        return SignedIn(rules.parse(as_text(self.who)), "Forgetful")


class Fragile(Careless):
    """Fails over what it does not expect."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        for value in request.header_values("RemoteUser"):
            domain, name = value.encode("latin-1").decode().split("\\")
            return SignedIn(Identity(domain, name), "Fragile")
        return None


class Chatty(ProxyHeader):
    """Leaves the proxy's secret to the application."""

    def __init__(self) -> None:
        super().__init__("RemoteUser", [PROXY], secret="s" * 32)

    def release(self, request: Request) -> None:
        """Hides nothing."""


WRONG: list[Any] = [
    pytest.param(Careless, "test_a_claim_needs_what_makes_it_believed", {}, id="whatever-peer"),
    pytest.param(Careless, "test_two_claims_in_one_request_sign_nobody_in", {}, id="the-last-of-two"),
    pytest.param(Curious, "test_other_headers_of_a_client_sign_nobody_in", {}, id="any-header"),
    pytest.param(Tidy, "test_a_claim_is_its_owners", {"username": "zoë.ünal"}, id="letters"),
    pytest.param(Tidy, "test_what_is_no_name_signs_nobody_in", {"username": "alice "}, id="blanks"),
    pytest.param(Slow, "test_it_says_when_it_blocks", {"monkeypatch": None}, id="blocks"),
    pytest.param(Forgetful, "test_who_claims_nothing_is_nobody", {}, id="somebody-always"),
    pytest.param(Forgetful, "test_other_headers_of_a_client_sign_nobody_in", {}, id="whoever-was-here"),
    pytest.param(Fragile, "test_a_broken_claim_signs_nobody_in", {"value": "\\"}, id="fails"),
    pytest.param(Chatty, "test_the_application_does_not_see_what_signs_people_in", {}, id="secret"),
]


@pytest.mark.parametrize(("wrong", "row", "more"), WRONG)
def test_the_contract_finds_a_source_that_is_wrong(
    wrong: type[Any], row: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that passes over the right source fails over the wrong one."""
    more = {name: monkeypatch if name == "monkeypatch" else value for name, value in more.items()}
    contract = TestProxyHeader()
    getattr(contract, row)(ProxyHeader("RemoteUser", [PROXY], secret="s" * 32), **more)
    with pytest.raises(AssertionError):
        getattr(contract, row)(wrong(), **more)
