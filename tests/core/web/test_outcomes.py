"""Which source decides, and that none can break a request."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from wauth_core import Identity
from wauth_core.identity import NameRules
from wauth_core.web.outcomes import Anonymous, Outcome, Rejected, Request, SignedIn, Source, decide

ALICE = Identity("EXAMPLE", "alice")


class Says:
    """A source that answers what it was given, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, str):
            return SignedIn(rules.parse(self.answer), "Says")
        return self.answer  # type: ignore[no-any-return]


REQUEST = Request({}, (("x-user", "a"), ("x-user", "b")), "10.0.0.1")

CASES: list[Any] = [
    pytest.param([], Anonymous, None, id="no source"),
    pytest.param([None, None], Anonymous, None, id="nobody knows"),
    pytest.param(["EXAMPLE\\alice"], SignedIn, ALICE, id="one knows"),
    pytest.param([None, "EXAMPLE\\alice"], SignedIn, ALICE, id="the second knows"),
    pytest.param([Anonymous(), "EXAMPLE\\alice"], Anonymous, None, id="a definite nobody ends it"),
    pytest.param([Rejected("no", "x"), "EXAMPLE\\alice"], Rejected, None, id="a refusal is not asked around"),
    pytest.param(["nonsense", "EXAMPLE\\alice"], Rejected, None, id="an unreadable name is a refusal"),
    pytest.param([RuntimeError("boom"), "EXAMPLE\\alice"], Rejected, None, id="a source that fails is a refusal"),
    pytest.param(["A\\B\\C"], Rejected, None, id="two separators"),
]


@pytest.mark.parametrize(("answers", "kind", "identity"), CASES)
def test_the_first_who_knows_decides(answers: list[Any], kind: type, identity: Identity | None) -> None:
    """Sources are asked in order; a refusal and a failure end the asking as well."""
    sources = [Says(answer) for answer in answers]
    outcome = decide(sources, REQUEST, NameRules())
    assert type(outcome) is kind
    assert getattr(outcome, "identity", None) == identity


def test_nobody_is_asked_after_the_answer() -> None:
    """A later source is not even asked."""
    later = Says("EXAMPLE\\bob")
    decide([Says("EXAMPLE\\alice"), later], REQUEST, NameRules())
    assert later.asked == 0


def test_a_failure_shows_nothing_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """The exception is in the log; the reason that an adapter sees is not its text."""
    with caplog.at_level(logging.WARNING, "wauth.sources"):
        outcome = decide([Says(RuntimeError("canary-5512"))], REQUEST, NameRules())
    assert isinstance(outcome, Rejected)
    assert "canary-5512" not in outcome.reason
    assert "canary-5512" in caplog.text


def test_rules_decide_how_names_are_read() -> None:
    """The same text is one person by one rule and nobody by the other."""
    assert isinstance(decide([Says("Alice@example.local")], REQUEST, NameRules(use_spn=True)), SignedIn)
    assert isinstance(decide([Says("Alice@example.local")], REQUEST, NameRules()), Rejected)
    kept = decide([Says("EXAMPLE\\Alice")], REQUEST, NameRules(lowercase=False))
    assert isinstance(kept, SignedIn)
    assert kept.identity.username == "Alice"


def test_every_value_of_a_header_is_seen() -> None:
    """A header that was sent twice has two values, in order, whatever its case."""
    assert REQUEST.header_values("X-USER") == ["a", "b"]
    assert REQUEST.header_values("x-other") == []


def test_says_is_a_source() -> None:
    """The stand-in of these tests has the shape of a real source."""
    assert isinstance(Says(None), Source)
