"""The rules for every source (`wauth_core.web.asking.Source`), as pytest tests for sources that you write.

Subclass `SourceContract`, write a fixture ``source``, and return the request with which a person comes::

    class TestClientCertificate(SourceContract):
        believes = "server"

        @pytest.fixture
        def source(self):
            return ClientCertificate()

        def claim(self, username):
            return Request({"SSL_CLIENT_S_DN_CN": on_the_wire(username)}, (), "127.0.0.1")

Each row makes from it the requests of a WSGI and of an ASGI server. If the source's ``asgi`` is False, only the first.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal, NoReturn

import pytest

from wauth_core.identity import Identity, NameRules, fold_username
from wauth_core.testing.repository_contract.samples import in_threads
from wauth_core.web.asking import Source, decide, load_sources
from wauth_core.web.outcomes import Headers, Outcome, Rejected, SignedIn
from wauth_core.web.request import Request, from_environ, from_scope

__all__ = ["SourceContract", "on_the_wire"]

STRANGER = "192.0.2.7"  # RFC 5737: nobody's proxy

ORDINARY = {
    "plain": "alice",
    "capitals": "ALICE",
    "dots-and-digits": "a.b-c_1",
    "inner-space": "van dyke",
    "apostrophe": "o'brien",
    "parenthesis": "penny(f)",
    "accents": "zoë.ünal",
    "sharp-s": "weiß",
    "cyrillic": "аlice",
    "kelvin-sign": "\u212aen",
    "full-width": "ａｌｉｃｅ",
    "beyond-the-basic-plane": "\U00020000",
}

HOSTILE = {
    "empty": "",
    "blank": " ",
    "two-names": "alice\\bob",
    "another-domain": "OTHER\\alice",
    "upn": "alice@example.local",
    "comma": "alice,bob",
    "star": "*",
    "filter": "alice)(cn=x",
    "slash": "alice/x",
    "nul": "alice\x00",
    "newline": "alice\nbob",
    "tab": "al\tice",
    "leading-blank": " alice",
    "trailing-blank": "alice ",
    "trailing-dot": "alice.",
    "zero-width": "al\u200bice",
    "right-to-left": "\u202eecila",
    "no-break-space": "al\xa0ice",
    "lost-letter": "zo\ufffd",
    "question-mark": "zo?",
    "lone-surrogate": "al\ud800ice",
    "markup": "<script>",
    "ten-kilobytes": "a" * 10_000,
}
"""What is no logon name in AD (MS-SAMR 3.1.1.8.4), or cannot be told from another one."""

BROKEN = {
    "empty": "",
    "blank": " ",
    "nul": "\x00",
    "newline": "\r\n",
    "no-utf-8": "\xff\xfe",
    "separators": "\\",
    "hundred-kilobytes": "a" * 100_000,
}

NAMES_OF_USERS = ("Remote-User", "X-Remote-User", "RemoteUser", "X-Forwarded-User", "Auth-User", "Logon-User", "From")


def on_the_wire(text: str) -> str:
    """*text* as a server passes it in a header or a variable: UTF-8 bytes, read as latin-1 (PEP 3333)."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


class SourceContract:
    """All rows of the contract.

    *domain* is the domain of the people in `claim`. *rules* says how the site reads names: for a source of UPNs
    ``NameRules(by_upn=True)``, with the domain's DNS name as *domain*. *believes* says why the source believes a claim:

    - "peers": it comes from an address that the operator listed. A stranger's is refused.
    - "server": the server itself says so, and no header of a client's.
    - "proof": it proves itself, as a signature or a ticket does. An altered one is refused.

    *hidden* holds the headers, in lower case, that no application may see.
    """

    domain = "EXAMPLE"
    rules = NameRules()
    believes: Literal["peers", "server", "proof"] = "peers"
    hidden: tuple[str, ...] = ()

    def claim(self, username: str) -> Request:
        """The request with which *username* comes: the server's variables, the headers, and the peer that sends them.

        It is called for each request. *username* may be hostile: return the request that a hostile client, proxy or
        directory could make with it.
        """
        raise NotImplementedError

    @pytest.mark.parametrize("username", ORDINARY.values(), ids=ORDINARY)
    def test_a_claim_is_its_owners(self, source: Source, username: str) -> None:
        """The identity is the person who comes: without case, otherwise letter by letter."""
        for outcome in self._outcomes(source, lambda: self.claim(username)):
            assert isinstance(outcome, SignedIn), outcome
            assert outcome.identity == Identity(self.domain, fold_username(username), self.rules.by_upn)
            assert outcome.source

    @pytest.mark.parametrize("username", HOSTILE.values(), ids=HOSTILE)
    def test_what_is_no_name_signs_nobody_in(self, source: Source, username: str) -> None:
        """A hostile name is refused: no error, and nobody with a similar name."""
        for outcome in self._outcomes(source, lambda: self.claim(username)):
            assert not isinstance(outcome, SignedIn), outcome

    def test_who_claims_nothing_is_nobody(self, source: Source) -> None:
        """Without a claim the next source is asked, whatever the peer."""
        for peer in (self.claim("alice").peer, STRANGER, None):
            for request in self._requests(source, lambda peer=peer: Request({}, (), peer)):  # type: ignore[misc]
                assert source.identify(request, self.rules) is None

    def test_a_claim_needs_what_makes_it_believed(self, source: Source) -> None:
        """See *believes*: another peer, a client's headers of the same names, an altered claim."""
        for forged in self._forged():
            for outcome in self._outcomes(source, lambda forged=forged: forged):  # type: ignore[misc]
                assert not isinstance(outcome, SignedIn), forged

    def test_other_headers_of_a_client_sign_nobody_in(self, source: Source) -> None:
        """The source reads no header but its own, whatever the peer."""
        alice = self.claim("alice")
        own = {name.lower() for name, _ in alice.headers}
        for name in NAMES_OF_USERS:
            forged = Request({}, ((name.lower(), f"{self.domain}\\alice"),), alice.peer)
            if name.lower() not in own:
                for outcome in self._outcomes(source, lambda forged=forged: forged):  # type: ignore[misc]
                    assert not isinstance(outcome, SignedIn), name

    def test_two_claims_in_one_request_sign_nobody_in(self, source: Source) -> None:
        """A claim that comes twice is refused: one is a client's, and nobody knows which."""

        def both() -> Request:
            alice, bob = self.claim("alice"), self.claim("bob")
            return replace(alice, headers=alice.headers + bob.headers)

        for outcome in self._outcomes(source, both) if self.claim("alice").headers else ():
            assert not isinstance(outcome, SignedIn), outcome

    @pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
    def test_a_broken_claim_signs_nobody_in(self, source: Source, value: str) -> None:
        """Whatever stands in place of the claim, there is an outcome and no error."""
        alice = self.claim("alice")
        broken = [replace(alice, server={**alice.server, name: value}) for name in alice.server]
        broken += [replace(alice, headers=_with(alice.headers, name, value)) for name, _ in alice.headers]
        for request in broken:
            for outcome in self._outcomes(source, lambda request=request: request):  # type: ignore[misc]
                assert not isinstance(outcome, SignedIn), request

    def test_it_says_when_it_blocks(self, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
        """Under ASGI it is asked in the event loop, without network or sleep, unless ``may_block`` says otherwise."""
        may_block: Callable[[Request], bool] = getattr(source, "may_block", lambda request: False)
        asked = [
            request
            for claim in (lambda: self.claim("alice"), lambda: Request({}, (), None))
            for request in self._requests(source, claim)
        ]
        for module, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (time, "sleep")):
            monkeypatch.setattr(module, name, _no)
        for request in asked:
            if not may_block(request):
                source.identify(request, self.rules)

    def test_threads_share_it(self, source: Source) -> None:
        """If eight people come at once, each gets their own identity."""
        requests = [list(self._requests(source, lambda n=n: self.claim(f"user{n}"))) for n in range(8)]  # type: ignore[misc]
        outcomes = in_threads(8, lambda n: [decide([source], request, self.rules) for request in requests[n]])
        seen = {str(getattr(outcome, "identity", outcome)) for each in outcomes for outcome in _listed(each)}
        assert seen == {str(Identity(self.domain, f"user{n}")) for n in range(8)}

    def test_the_application_does_not_see_what_signs_people_in(self, source: Source) -> None:
        """`decide` hides the claim, whichever source answered, so that nobody can send it again."""
        for request in self._requests(source, lambda: self.claim("alice")):
            decide([_Nobody(), source], request, self.rules)
            left = {name for name in self.hidden if request.header_values(name)}
            assert left == set()

    def test_it_is_a_source(self, source: Source) -> None:
        """A front end accepts the source as it is."""
        assert load_sources([source]) == (source,)

    # -- the requests

    def _outcomes(self, source: Source, claim: Callable[[], Request]) -> Iterator[Outcome]:
        for request in self._requests(source, claim):
            outcome = decide([source], request, self.rules)
            assert not (isinstance(outcome, Rejected) and outcome.reason == "the source failed"), request
            yield outcome

    def _requests(self, source: Source, claim: Callable[[], Request]) -> Iterator[Request]:
        yield _by_wsgi(claim())
        if getattr(source, "asgi", True):
            yield _by_asgi(claim())

    def _forged(self) -> Iterator[Request]:
        alice = self.claim("alice")
        if self.believes == "peers":
            for peer in (STRANGER, "127.0.0.1.evil.example", f"{alice.peer}, {STRANGER}"):
                yield replace(alice, peer=peer)
        elif self.believes == "server":
            for form in ("{}", "HTTP_{}", "X-{}"):
                renamed = ((form.format(name).replace("_", "-").lower(), said) for name, said in alice.server.items())
                yield Request({}, tuple(renamed), alice.peer)
        else:
            assert alice.headers, "a proof comes in a header"
            for name, value in alice.headers:
                for altered in (value[:-1], value[: len(value) // 2], value.swapcase(), f"{value}A"):
                    yield replace(alice, headers=_with(alice.headers, name, altered))


class _Nobody:
    """A source that ends the asking."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        return Rejected("asked before", "nobody")


def _with(headers: Headers, name: str, value: str) -> Headers:
    return tuple((key, value if key == name else kept) for key, kept in headers)


def _by_wsgi(request: Request) -> Request:
    environ: dict[str, Any] = {"SERVER_SOFTWARE": "waitress", "REQUEST_METHOD": request.method, **request.server}
    if request.peer is not None:
        environ["REMOTE_ADDR"] = request.peer
    environ["wsgi.url_scheme"] = "https" if request.secure else "http"
    for name, value in request.headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return from_environ(environ)


def _by_asgi(request: Request) -> Request:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers]
    scheme = "https" if request.secure else "http"
    scope: dict[str, Any] = {"type": "http", "method": request.method, "scheme": scheme, "headers": pairs}
    return from_scope({**scope, "client": None if request.peer is None else (request.peer, 1)})


def _listed(outcomes: list[Outcome] | Exception) -> list[Outcome]:
    if isinstance(outcomes, Exception):
        raise outcomes
    return outcomes


def _no(*args: Any, **kwargs: Any) -> NoReturn:
    raise AssertionError("the source blocks, and may_block() did not say so")
