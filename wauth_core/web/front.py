"""What both wrappers share: their arguments, and what becomes of a request."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from wauth_core.directory import limits
from wauth_core.exceptions import DirectoryError
from wauth_core.identity import NameRules
from wauth_core.service import Wauth
from wauth_core.sync.people import People
from wauth_core.web.asking import Challenge, Source, challenge_of, load_sources
from wauth_core.web.authority import YES, Authority, of_person, of_person_at_once
from wauth_core.web.outcomes import LATER, OUTCOMES, TEXTS, Handshake, Headers, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.pages import nobody, policy
from wauth_core.web.request import Request
from wauth_core.web.visit import Step, next_step

logger = logging.getLogger("wauth.sources")

IDENTITY, USER, OUTCOME = "wauth.identity", "wauth.user", "wauth.outcome"


def found_by_wrapper(carrier: Mapping[str, Any]) -> Outcome | None:
    """The outcome that a wrapper around the application has put into *carrier*, an environ or a scope, if there is one.

    No client can put one there: headers are texts.
    """
    found = carrier.get(OUTCOME)
    return found if isinstance(found, OUTCOMES) else None


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
    rules: NameRules
    challenge: Challenge
    owns_wauth: bool

    @classmethod
    def of(cls, wauth: Wauth | Mapping[str, Any] | None, sources: Iterable[Source | str], required: bool) -> Front:
        owns = isinstance(wauth, Mapping)
        if isinstance(wauth, Mapping):
            wauth = Wauth.from_mapping(wauth)
        loaded = load_sources(sources, wauth)
        rules = NameRules() if wauth is None else wauth.rules
        return cls(wauth, loaded, required, rules, challenge_of(loaded), owns)

    @property
    def people(self) -> People | None:
        """What the users of the application ask, if there is a directory."""
        return None if self.wauth is None else self.wauth.people

    def in_time(self) -> AbstractContextManager[None]:
        """All questions to directories that are asked in the block end by WAUTH_REQUEST_DEADLINE, together."""
        return limits.request(None if self.wauth is None else self.wauth.settings.request_deadline)

    def judge(self, outcome: Outcome) -> tuple[Outcome, Authority]:
        """The outcome after the directory has been asked whether the person in *outcome* may come in. May ask over the
        network."""
        if self.wauth is None or not isinstance(outcome, SignedIn):
            return outcome, YES
        return _judged(outcome, of_person(self.wauth, outcome.identity, outcome.own_facts))

    def judge_at_once(self, outcome: Outcome) -> tuple[Outcome, Authority] | None:
        """`judge`, if that needs no network; else None."""
        if self.wauth is None or not isinstance(outcome, SignedIn):
            return outcome, YES
        authority = of_person_at_once(self.wauth, outcome.identity, outcome.own_facts)
        return None if authority is None else _judged(outcome, authority)

    def answer(self, outcome: Outcome, request: Request) -> Answer | None:
        """The response that replaces the application's, if any."""
        step = next_step(outcome, None)
        if step is Step.ANSWER or step is Step.UNAVAILABLE:
            assert isinstance(outcome, (Handshake, Unchecked))  # noqa: S101 - that is what these steps mean
            return self._answer(outcome.status, outcome.headers, request)
        if step.begins or not self.required:
            return None
        if isinstance(outcome, Rejected):
            return self._answer(outcome.status, (), request)
        logger.info("401 for %s: %s", request.path, nobody(self.sources))
        return self._answer(401, (), request)

    def unavailable(self, error: DirectoryError, request: Request) -> Answer:
        """The response for an application that asked a question which nobody can answer just now."""
        logger.error("A question about %s could not be answered: %s", request.path, error)
        return self._answer(503, LATER, request)

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
            if guard := policy(page):
                headers = (*headers, ("Content-Security-Policy", guard))
        plain = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
        return Answer(status, (*plain, *headers), body)

    def close(self) -> None:
        if self.owns_wauth and self.wauth is not None:
            self.wauth.close()


def _judged(outcome: SignedIn, authority: Authority) -> tuple[Outcome, Authority]:
    if authority.allows:
        return outcome, authority
    logger.log(authority.log_level, "%s may not come in: %s", outcome.identity, authority.reason)
    if authority.ends:
        return Rejected(authority.reason, outcome.source), authority
    return Unchecked(authority.reason, outcome.source, LATER), authority
