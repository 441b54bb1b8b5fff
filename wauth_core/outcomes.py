"""What the core answers to a front end, as frozen data: who signs in, and the facts that came along.

A *source* says who is there. `decide` asks the configured sources in order and gives one of three outcomes; an
adapter translates the outcome and decides nothing itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from wauth_core.exceptions import InvalidIdentity
from wauth_core.identity import Identity

logger = logging.getLogger("wauth.sources")


@dataclass(frozen=True)
class TransportFacts:
    """What a Windows token or a Kerberos ticket says of its owner, with no question to the directory.

    *group_sids* are enabled groups only, nested ones included. *complete* is False where built-in groups
    (``S-1-5-32-…``) are missing, as in a ticket's PAC. *at* is when the facts were taken (aware, UTC).
    """

    user_sid: str
    group_sids: frozenset[str] = field(repr=False)
    at: datetime
    complete: bool = True
    upn: str | None = None


@dataclass(frozen=True)
class Anonymous:
    """Nobody said who they are."""


@dataclass(frozen=True)
class SignedIn:
    """The source vouches for *identity*."""

    identity: Identity
    source: str
    facts: TransportFacts | None = None


@dataclass(frozen=True)
class Rejected:
    """Somebody claims to be someone, and must not be believed. *reason* is for the log, never for the client.

    *headers* belong on the 401 that a front end may answer (``WWW-Authenticate``).
    """

    reason: str
    source: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 403


Outcome = Anonymous | SignedIn | Rejected


@dataclass(frozen=True)
class Request:
    """The plain facts of a request that a source may look at, whatever the front end.

    *server* holds what the server itself says (WSGI's ``REMOTE_USER`` and ``AUTH_TYPE``; empty under ASGI), *headers*
    the client's and the proxy's headers as (lower-case name, value) in the order they came, *peer* the address of
    the socket's other end. *raw* is the environ or scope, for a source that must change it.
    """

    server: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]
    peer: str | None
    method: str = "GET"
    path: str = "/"
    secure: bool = False
    raw: Any = field(default=None, repr=False, compare=False)

    def header_values(self, name: str) -> list[str]:
        """Every value of the header *name* (any case), in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@runtime_checkable
class Source(Protocol):
    """One way in which an identity reaches the application."""

    def identify(self, request: Request, rules: Rules) -> Outcome | None:
        """None where this source has nothing to say. An exception counts as `Rejected`."""


@dataclass(frozen=True)
class Rules:
    """How names are read: the site's options that a source needs."""

    use_spn: bool = False
    lowercase: bool = True

    def parse(self, value: object) -> Identity:
        """`Identity.parse` by these rules. Raises `InvalidIdentity`."""
        return Identity.parse(value, use_spn=self.use_spn, lowercase=self.lowercase)


def decide(sources: Iterable[Source], request: Request, rules: Rules) -> Outcome:
    """Ask each source; the first that has something to say decides. Never raises, opens no connection."""
    for source in sources:
        name = type(source).__name__
        try:
            outcome = source.identify(request, rules)
        except InvalidIdentity as error:
            outcome = Rejected(str(error), name)
        except Exception:
            logger.exception("The source %s failed; nobody is signed in.", name)
            outcome = Rejected("the source failed", name, status=401)
        if outcome is None:
            continue
        if isinstance(outcome, Rejected):
            logger.warning("%s refused a sign-in from %r: %s", name, request.peer, outcome.reason)
        return outcome
    return Anonymous()
