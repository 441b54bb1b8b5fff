"""What both wrappers share: their arguments, and the answer when a sign-in is required and nobody is there."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wauth_core.outcomes import Challenge, Headers, Outcome, Rejected, Rules, SignedIn, Source, challenge_of

IDENTITY, USER, OUTCOME = "wauth.identity", "wauth.user", "wauth.outcome"


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        return "401 Unauthorized" if self.status == 401 else "403 Forbidden"


@dataclass(frozen=True)
class Front:
    """A wrapper's arguments, settled once."""

    wauth: Any
    sources: tuple[Source, ...]
    required: bool
    rules: Rules
    challenge: Challenge
    owns_wauth: bool

    @classmethod
    def of(cls, wauth: Any, sources: Iterable[Source], required: bool) -> Front:
        owns = isinstance(wauth, Mapping)
        if owns:
            # An identity alone needs none of what this imports.
            wauth = importlib.import_module("wauth_core").Wauth.from_mapping(wauth)
        sources = tuple(sources)
        rules = Rules() if wauth is None else wauth.rules
        return cls(wauth, sources, required, rules, challenge_of(sources), owns)

    def answer(self, outcome: Outcome) -> Answer | None:
        """The response that replaces the application's, if any; see `wauth_core.outcomes`."""
        if isinstance(outcome, SignedIn):
            return None
        if isinstance(outcome, Rejected):
            if not outcome.headers and not self.required:
                return None
            return self._answer(outcome.status, outcome.headers)
        return self._answer(401, ()) if self.required else None

    def _answer(self, status: int, headers: Headers) -> Answer:
        page = self.challenge.page if status == 401 else None
        if status == 401 and not headers:
            headers = self.challenge.headers
        if page is None:
            text = "Please sign in." if status == 401 else "You may not sign in this way."
            body, kind = text.encode() + b"\n", "text/plain; charset=utf-8"
        else:
            body, kind = page, "text/html; charset=utf-8"
        plain = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
        return Answer(status, (*plain, *headers), body)

    def extra_headers(self, outcome: Outcome) -> Headers:
        """Headers for whatever the application answers."""
        return outcome.headers if isinstance(outcome, SignedIn) else ()

    def close(self) -> None:
        if self.owns_wauth:
            self.wauth.close()
