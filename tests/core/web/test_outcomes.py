"""Which source decides, and that none can break a request."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from wauth_core import ConfigurationError, Identity
from wauth_core.identity import NameRules, TransportFacts
from wauth_core.web.asking import Challenge, Source, challenge_of, decide, load_sources
from wauth_core.web.outcomes import TEXTS, Anonymous, Handshake, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.request import Request

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
    assert isinstance(decide([Says("Alice@example.local")], REQUEST, NameRules(by_upn=True)), SignedIn)
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


def test_what_outcomes_say_unless_told() -> None:
    """No password, TLS neither, the status that fits; and the age of a ticket is the facts' own matter."""
    assert SignedIn(ALICE, "s").by_password is False
    assert [Rejected("", "s").status, Handshake((), "s").status, Unchecked("", "s").status] == [403, 401, 503]
    assert dict(Unchecked("", "s").headers) == {"Retry-After": "30"}
    assert sorted(TEXTS) == [401, 403, 429, 503]
    request = Request({}, (("cookie", "secret"),), None, raw={"HTTP_COOKIE": "secret"})
    assert (request.secure, request.may_fold, "secret" in repr(request)) == (False, False, False)
    assert request == Request({}, (("cookie", "secret"),), None, raw={})


FACTS = TransportFacts("S-1-5-21-1", frozenset({"S-1-5-21-2"}))


@pytest.mark.parametrize(
    ("signed_in", "sid", "known"),
    [
        (SignedIn(ALICE, "s"), None, None),
        (SignedIn(ALICE, "s", sid="S-1-5-21-9"), "S-1-5-21-9", TransportFacts("S-1-5-21-9", frozenset())),
        (SignedIn(ALICE, "s", FACTS), "S-1-5-21-1", FACTS),
        (SignedIn(ALICE, "s", FACTS, sid="S-1-5-21-9"), "S-1-5-21-1", FACTS),
    ],
)
def test_whose_sid_a_sign_in_tells(signed_in: SignedIn, sid: str | None, known: TransportFacts | None) -> None:
    """The ticket's, else what the source knows."""
    assert signed_in.user_sid == sid
    assert signed_in.own_facts == known


def test_a_source_that_fails_may_be_tried_again() -> None:
    """401, not the 403 of a false claim."""
    outcome = decide([Says(RuntimeError("broken"))], Request({}, (), None), NameRules())
    assert outcome == Rejected("the source failed", "Says", 401)


ASK, TYPE = ("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "Basic")


@pytest.mark.parametrize(
    ("challenge", "secure", "expected"),
    [
        (Challenge((ASK,), b"page", (TYPE,), b"form"), False, Challenge((ASK,), b"page", (TYPE,), b"form")),
        (Challenge((ASK,), b"page", (TYPE,), b"form"), True, Challenge((ASK, TYPE), b"page")),
        (Challenge((ASK,), None, (), b"form"), True, Challenge((ASK,), b"form")),
    ],
)
def test_passwords_are_asked_for_over_tls(challenge: Challenge, secure: bool, expected: Challenge) -> None:
    """Its own page before the form."""
    assert challenge.over(secure) == expected


class Asks(Says):
    """A source with a challenge."""

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(None)
        self.challenge = challenge


def test_the_first_page_of_each_kind_is_shown() -> None:
    """And all headers."""
    one, other = Challenge((ASK,), None, (TYPE,), b"form"), Challenge((ASK,), b"page", (TYPE,), b"other form")
    assert challenge_of([Says(None), Asks(one), Asks(other)]) == Challenge((ASK, ASK), b"page", (TYPE, TYPE), b"form")
    assert challenge_of([Says(None)]) == Challenge()


def made() -> Says:
    """A function that makes a source."""
    return Says(None)


def test_sources_come_in_every_shape() -> None:
    """None, one, several; instances, classes, functions and paths of them."""
    instance = Says(None)
    assert load_sources(None) == ()
    assert load_sources(instance) == (instance,)
    assert [type(each) for each in load_sources([made, f"{__name__}.made", instance])] == [Says] * 3
    assert type(load_sources("wauth_core.web.sources.ServerIdentity")[0]).__name__ == "ServerIdentity"


@pytest.mark.parametrize("wrong", [7, "os.path", object, Says])
def test_what_is_no_source_stops_the_start(wrong: Any) -> None:
    """A number, a module, a class that is none, or one that needs arguments."""
    with pytest.raises(ConfigurationError):
        load_sources([wrong])


def test_a_source_that_can_be_called_is_a_source() -> None:
    """It is not called for one."""

    class Called(Says):
        def __call__(self) -> None:
            raise AssertionError("called")

    called = Called(None)
    assert load_sources([called]) == (called,)


def test_whoever_checks_passwords_checks_them_with_this_site() -> None:
    """Each source that can is bound, once."""

    class Bound(Says):
        def bind(self, wauth: Any) -> None:
            self.asked = wauth

    bound = Bound(None)
    load_sources([Says(None), bound], "the site")
    assert bound.asked == "the site"
