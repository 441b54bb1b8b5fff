"""What the sources say of one request, as frozen data.

A *source* says who is there. `wauth_core.web.asking.decide` asks the sources in order and returns one outcome:

- `SignedIn`: somebody is named. Its `headers` belong on whatever response is sent (a cookie, a mutual-authentication
  token).
- `Rejected`: a false claim. Nobody is signed in, and no later source is asked.
- `Handshake`: a step of a handshake. The front end answers with its `status` and `headers`, and nothing else happens.
- `Unchecked`: somebody claims to be someone, and nobody could check it. The answer is 503.
- `Anonymous`: nobody is named.

What becomes of the session, `wauth_core.web.visit` says.
"""

from __future__ import annotations

from dataclasses import dataclass

from wauth_core.identity import Identity, TransportFacts

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
