"""The contract of a source, and how the sources of an application are asked: the first answer decides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import NameRules
from wauth_core.setting_kinds import imported
from wauth_core.web.outcomes import (
    ANONYMOUS,
    OUTCOMES,
    Handshake,
    Headers,
    Outcome,
    Rejected,
    SignedIn,
    Unchecked,
)
from wauth_core.web.request import Request

logger = logging.getLogger("wauth.sources")


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
