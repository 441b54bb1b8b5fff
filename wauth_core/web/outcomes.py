"""What the sources say of one request, as frozen data.

A *source* says who is there. `decide` asks the configured sources in order and returns one outcome:

- `SignedIn`: somebody is named. Its `headers` belong on whatever response is sent (a cookie, a mutual-authentication
  token).
- `Rejected`: a false claim. Nobody is signed in, and no later source is asked.
- `Handshake`: a step of a handshake. The front end answers with its `status` and `headers`, and nothing else happens.
- `Unchecked`: somebody claims to be someone, and nobody could check it. The answer is 503.
- `Anonymous`: nobody is named. `challenge_of` the sources belongs on every 401 that is sent.

What becomes of the session, `wauth_core.web.visit` says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import Identity, NameRules, TransportFacts
from wauth_core.setting_kinds import imported

logger = logging.getLogger("wauth.sources")

Headers = tuple[tuple[str, str], ...]

LATER: Headers = (("Retry-After", "30"),)  # seconds that a visitor shall wait after a 503


@dataclass(frozen=True)
class Anonymous:
    """Nobody said who they are."""


@dataclass(frozen=True)
class SignedIn:
    """The source vouches for *identity*. *headers* belong on the response, whatever it is.

    *by_password* says that a password proved it, so that the session outlives requests that name nobody. *sid* is the
    person's SID, if the source knows it.
    """

    identity: Identity
    source: str
    facts: TransportFacts | None = None
    headers: Headers = ()
    by_password: bool = False
    sid: str | None = None

    @property
    def user_sid(self) -> str | None:
        """The person's SID, if it is known."""
        return self.facts.user_sid if self.facts is not None else self.sid

    @property
    def own_facts(self) -> TransportFacts | None:
        """The facts; if the SID alone is known, that: another bearer of the name is somebody else."""
        return TransportFacts(self.sid, frozenset()) if self.facts is None and self.sid else self.facts


@dataclass(frozen=True)
class Rejected:
    """Somebody claims to be someone, and must not be believed. *reason* is for the log, never for the client.

    *status* is the answer where a sign-in is required.
    """

    reason: str
    source: str
    status: int = 403


@dataclass(frozen=True)
class Handshake:
    """A step of a handshake, or a wrong password: answer it with *status* and *headers* (``WWW-Authenticate``).

    *reason* is for the log; empty for a step that is no failure.
    """

    headers: Headers
    source: str
    reason: str = ""
    status: int = 401


@dataclass(frozen=True)
class Unchecked:
    """Somebody claims to be someone, and it could not be checked: the directory is down. *reason* is for the log."""

    reason: str
    source: str
    headers: Headers = LATER
    status: int = 503


Outcome = Anonymous | SignedIn | Rejected | Handshake | Unchecked
OUTCOMES = (Anonymous, SignedIn, Rejected, Handshake, Unchecked)

TEXTS = {
    401: b"Please sign in.\n",
    403: b"You may not sign in this way.\n",
    429: b"There were too many attempts to sign in. Please wait a few minutes.\n",
    503: b"Signing in does not work at the moment. Please try again in a minute.\n",
}
"""What a front end's own answer says, by status, where no source has a page for it."""

ANONYMOUS = Anonymous()


@dataclass(frozen=True)
class Request:
    """The plain facts of a request that a source may look at, whatever the front end.

    *server* holds what the server itself says (WSGI's ``REMOTE_USER`` and ``AUTH_TYPE``; empty under ASGI), *headers*
    the client's and the proxy's headers as (lower-case name, value) in the order they came, *peer* the address of
    the socket's other end. *raw* is the environ or scope, for a source that must change it.
    `wauth_core.web.request` makes one from a WSGI environ or an ASGI scope.
    """

    server: Mapping[str, str]
    headers: Headers = field(repr=False)
    peer: str | None
    method: str = "GET"
    path: str = "/"
    secure: bool = False
    may_fold: bool = False  # whether a client's X_Name may stand where X-Name is looked for
    raw: Any = field(default=None, repr=False, compare=False)

    def header_values(self, name: str) -> list[str]:
        """Every value of the header *name* (any case), in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]

    def remove_header(self, name: str) -> None:
        """Hide the header *name* from the application, by changing *raw*."""


@runtime_checkable
class Source(Protocol):
    """One way in which an identity reaches the application. This is the whole contract of a source.

    `identify` is asked at every request, in many threads at once. It returns one of:

    - None: the request holds nothing for this source. The next source is asked.
    - `SignedIn`: its identity comes from ``rules.parse(text)``, or is made of names that the source itself has proved.
      A name that a client could have written is never enough. With groups (`TransportFacts`) it says how old they are.
    - `Rejected`: the request claims a name, and the claim is not believed. No later source is asked.
    - `Handshake`: the browser has to answer this before anybody is signed in.
    - `Unchecked`: the claim could not be checked just now. The visitor gets a 503, and a session is kept.

    `InvalidIdentity`, or any other exception, counts as `Rejected`.

    Who checks peers: the source. What came in a header is believed only if ``request.peer`` is one that the operator
    listed. `wauth_core.web.HeaderSource` does that.

    What a source may not do: hold on to a request after ``release``; put a secret into a reason or a log message;
    change the request, but by ``request.remove_header``.

    A source may also have:

    - ``name``: what outcomes and the log call it.
    - ``challenge``: a `Challenge`, for the 401 that asks people to sign in.
    - ``release(request)``: called once a request, even if another source answered; it closes what the request brought
      (an IIS token), and hides it from the application.
    - ``may_block(request) -> bool``: whether `identify` may wait for a network or for Windows at this request. An event
      loop then asks it in a thread. Without it a source never waits.
    - ``bind(wauth)``: called once, when the application starts, with its `wauth_core.Wauth`, or None. A
      `ConfigurationError` stops the start.
    - ``asgi = False``: it can never answer under ASGI.

    `wauth_core.testing.source_contract` has the tests of all this.
    """

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """Who the request comes from, by this source; None if it has nothing to say."""


@dataclass(frozen=True)
class Challenge:
    """What a 401 carries: *headers* (``WWW-Authenticate``), and an HTML *page* for those who can answer none.

    *tls_headers* and *tls_page* ask for a password: they are for requests that came over TLS, see `over`.
    """

    headers: Headers = ()
    page: bytes | None = None
    tls_headers: Headers = ()
    tls_page: bytes | None = None

    def over(self, secure: bool) -> Challenge:
        """The challenge for one request, *secure* where it came over TLS."""
        if not secure:
            return self
        return Challenge(self.headers + self.tls_headers, self.page or self.tls_page)


def decide(sources: Iterable[Source], request: Request, rules: NameRules) -> Outcome:
    """Ask each source; the first that has something to say decides. Never raises. Waits for a network only if a
    source's ``may_block`` says so.

    *sources* is iterated twice: a list or a tuple.
    """
    outcome: Outcome | None = None
    for source in sources:
        outcome = _ask(source, request, rules)
        if outcome is not None:
            break
    for source in sources:
        release = getattr(source, "release", None)
        if release is not None:
            try:
                release(request)
            except Exception:
                logger.exception("The source %s could not clean up after a request.", type(source).__name__)
    return ANONYMOUS if outcome is None else outcome


def _ask(source: Source, request: Request, rules: NameRules) -> Outcome | None:
    try:
        outcome = source.identify(request, rules)
        if outcome is not None and not isinstance(outcome, OUTCOMES):
            raise TypeError(f"a source must give an outcome or None, not {type(outcome).__name__}")
    except InvalidIdentity as error:
        outcome = Rejected(str(error), type(source).__name__)
    except Exception:
        logger.exception("The source %s failed; nobody is signed in.", type(source).__name__)
        outcome = Rejected("the source failed", type(source).__name__, status=401)
    if isinstance(outcome, (Rejected, Handshake, Unchecked)) and outcome.reason:
        logger.warning("%s refused a sign-in from %r: %s", outcome.source, _peer(request), outcome.reason)
    return outcome


def _peer(request: Request) -> str | None:
    try:
        return request.peer
    except Exception:  # a broken environ must not break the log line about it
        return None


def challenge_of(sources: Iterable[Source]) -> Challenge:
    """What a 401 carries when these sources are asked: all their headers, and the first page of each kind."""
    found = [c for c in (getattr(source, "challenge", None) for source in sources) if isinstance(c, Challenge)]
    return Challenge(
        tuple(header for c in found for header in c.headers),
        next((c.page for c in found if c.page is not None), None),
        tuple(header for c in found for header in c.tls_headers),
        next((c.tls_page for c in found if c.tls_page is not None), None),
    )


def owed(outcome: Outcome | None, asks: bool, challenge: Callable[[], Challenge]) -> Headers:
    """What belongs on an application's own response: what the sign-in brought; or how to sign in, if it *asks* for that
    (a 401 without ``WWW-Authenticate``). *challenge* is that of the request."""
    if isinstance(outcome, SignedIn):
        return outcome.headers
    return challenge().headers if asks else ()


def load_sources(given: Iterable[Source | str] | Source | str | None, wauth: Any = None) -> tuple[Source, ...]:
    """The sources that a setting names: instances, or dotted paths of an instance, a class or a function without
    arguments ("wauth_core.web.sources.ServerIdentity"). Those that check passwords check them with *wauth*.

    Raises `ConfigurationError` for what cannot be found or is no source.
    """
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = (given,)
    loaded = tuple(_load(item) for item in given)
    for source in loaded:
        bind = getattr(source, "bind", None)
        if bind is not None:
            bind(wauth)
    return loaded


def _load(item: Source | str) -> Source:
    found: Any = imported(item, "source") if isinstance(item, str) else item
    if isinstance(found, type) or (callable(found) and not hasattr(found, "identify")):
        try:
            found = found()
        except TypeError as error:
            raise ConfigurationError(
                f"The source {item!r} needs arguments: make an instance of it and name that. ({error})"
            ) from error
    if not isinstance(found, Source):
        raise ConfigurationError(f"{item!r} is not a source: it has no identify(request, rules).")
    return found
