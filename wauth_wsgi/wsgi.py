"""`WindowsAuthWSGI`: who is there, in the environ of any WSGI application (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wauth_core import Wauth, WindowsUser
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.web.asking import Challenge, Source, decide, owed
from wauth_core.web.front import IDENTITY, OUTCOME, USER, Answer, Front
from wauth_core.web.outcomes import Outcome, SignedIn
from wauth_core.web.request import from_environ
from wauth_core.web.sources import ServerIdentity

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


NOBODY = WindowsUser()
ASKS_NOTHING = Challenge()


class WindowsAuthWSGI:
    """Wrap *app*. It finds ``environ["wauth.identity"]`` (an `Identity` or None), ``environ["wauth.user"]`` (a lazy
    `WindowsUser`) and ``environ["wauth.outcome"]`` (what they come from). Other values under these keys are replaced.

    *wauth* is a `wauth_core.Wauth`, a mapping of settings for one, or None. With it, the account's state,
    REQUIRE_GROUPS and DENY_GROUPS are checked, by one search for each person in WAUTH_RESYNC_DELTA. Somebody who may
    not come in is nobody here (403 with *required*). As long as that cannot be known, the answer is 503. Without
    *wauth* only names are known, and groups if a young ticket lists them.

    *sources* are asked in order, and the first answer wins. The default is the server's own ``REMOTE_USER``. With
    *required* a request without a user gets 401, and one with a false claim 403; the application never sees them.
    Without it the application decides.

    Raises `ConfigurationError` for what is no source.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        wauth: Wauth | Mapping[str, Any] | None = None,
        sources: Iterable[Source | str] | None = None,
        required: bool = False,
    ) -> None:
        self.app = app
        self._front = Front.of(wauth, [ServerIdentity()] if sources is None else sources, required)
        self._sources, self._rules, self._people = self._front.sources, self._front.rules, self._front.people

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._front.wauth is None:  # no directory is asked
            return self._respond(environ, start_response)
        with self._front.in_time():
            return self._respond(environ, start_response)

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        front = self._front
        request = from_environ(environ)
        outcome, authority = front.judge(decide(self._sources, request, self._rules))
        environ[OUTCOME] = outcome
        if not isinstance(outcome, SignedIn):
            environ[IDENTITY] = None
            environ[USER] = NOBODY
            if (answer := front.answer(outcome, request)) is not None:
                return _send(answer, environ, start_response)
            if (challenge := front.challenge.over(request.secure)).headers:
                start_response = _finishing(start_response, outcome, challenge)
            return self.app(environ, start_response)
        environ[IDENTITY] = outcome.identity
        environ[USER] = WindowsUser(
            outcome.identity, outcome.facts, directory=self._people, sid=outcome.sid, told=authority.told
        )
        if outcome.headers:
            start_response = _finishing(start_response, outcome, ASKS_NOTHING)
        try:
            return self.app(environ, start_response)
        except DirectoryUnavailable as error:
            return _send(front.unavailable(error, request), environ, start_response, sys.exc_info())

    def close(self) -> None:
        """Close the connections of a `Wauth` that was made here from a mapping."""
        self._front.close()


def _send(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse, *exc_info: Any) -> Iterable[bytes]:
    start_response(answer.status_line, list(answer.headers), *exc_info)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]


def _finishing(start_response: StartResponse, outcome: Outcome, challenge: Challenge) -> StartResponse:
    """*start_response*, with what belongs on the application's response."""

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        asks = status.startswith("401") and not any(name.lower() == "www-authenticate" for name, _ in headers)
        return start_response(status, [*headers, *owed(outcome, asks, lambda: challenge)], *exc_info)

    return start
