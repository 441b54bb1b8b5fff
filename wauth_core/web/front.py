"""What both wrappers share: their arguments, and the answer when a sign-in is required and nobody is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from wauth_core import Wauth
from wauth_core.identity import Rules
from wauth_core.web.outcomes import (
    TEXTS,
    Challenge,
    Headers,
    Outcome,
    Rejected,
    Request,
    SignedIn,
    Source,
    challenge_of,
    load_sources,
)

IDENTITY, USER, OUTCOME = "wauth.identity", "wauth.user", "wauth.outcome"


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        """As WSGI wants it: "401 Unauthorized"."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


@dataclass(frozen=True)
class Front:
    """A wrapper's arguments, settled once."""

    wauth: Wauth | None
    sources: tuple[Source, ...]
    required: bool
    rules: Rules
    challenge: Challenge
    owns_wauth: bool

    @classmethod
    def of(cls, wauth: Wauth | Mapping[str, Any] | None, sources: Iterable[Source | str], required: bool) -> Front:
        owns = isinstance(wauth, Mapping)
        if isinstance(wauth, Mapping):
            wauth = Wauth.from_mapping(wauth)
        loaded = load_sources(sources, wauth)
        rules = Rules() if wauth is None else wauth.rules
        return cls(wauth, loaded, required, rules, challenge_of(loaded), owns)

    def answer(self, outcome: Outcome, request: Request) -> Answer | None:
        """The response that replaces the application's, if any; see `wauth_core.web.outcomes`."""
        if isinstance(outcome, SignedIn):
            return None
        if isinstance(outcome, Rejected):
            if not outcome.headers and not self.required:
                return None
            return self._answer(outcome.status, outcome.headers, request)
        return self._answer(401, (), request) if self.required else None

    def _answer(self, status: int, headers: Headers, request: Request) -> Answer:
        page = None
        if status == 401:
            challenge = self.challenge.over(request.secure)
            page = challenge.page
            headers = headers or challenge.headers
        if page is None:
            body, kind = TEXTS.get(status, TEXTS[403]), "text/plain; charset=utf-8"
        else:
            body, kind = page, "text/html; charset=utf-8"
            headers = (*headers, ("X-Frame-Options", "DENY"))
        plain = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
        return Answer(status, (*plain, *headers), body)

    def close(self) -> None:
        if self.owns_wauth and self.wauth is not None:
            self.wauth.close()
