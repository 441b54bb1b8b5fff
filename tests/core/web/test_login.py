"""What a login form is told, for each answer to a name and a password."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.core.sync.fakes import person
from wauth_core import AuthResult, ConfigurationError, Identity
from wauth_core.directory import AuthReason
from wauth_core.directory.authenticate import MESSAGES
from wauth_core.web.login import UNAVAILABLE, PasswordCheck, check

ALICE = Identity("EXAMPLE", "alice")
WRONG = MESSAGES[AuthReason.BAD_PASSWORD]


class Answers:
    """Stands for a `Wauth` that answers so."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def authenticate(self, username: str, password: str, peer: str | None = None) -> AuthResult:
        self.asked.append((username, password, peer))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


OK = AuthResult(AuthReason.OK, person("alice", 1), ALICE)
CASES = [
    pytest.param(OK, PasswordCheck(ALICE, "S-1-5-21-1-2-3-2001"), id="right"),
    pytest.param(dataclasses.replace(OK, user=None), PasswordCheck(ALICE), id="right-without-a-sid"),
    pytest.param(dataclasses.replace(OK, identity=None), PasswordCheck(message="Signed in.", reason="OK"), id="nobody"),
    pytest.param(
        AuthResult(AuthReason.DISABLED, identity=ALICE),
        PasswordCheck(message=MESSAGES[AuthReason.DISABLED], reason="DISABLED"),
        id="disabled-with-a-name",
    ),
    pytest.param(
        AuthResult(AuthReason.BAD_PASSWORD), PasswordCheck(message=WRONG, reason="BAD_PASSWORD"), id="wrong-password"
    ),
    pytest.param(
        AuthResult(AuthReason.UNAVAILABLE),
        PasswordCheck(message=MESSAGES[AuthReason.UNAVAILABLE], reason="UNAVAILABLE", unavailable=True),
        id="down",
    ),
    pytest.param(
        AuthResult(AuthReason.THROTTLED, retry_after=7),
        PasswordCheck(message=MESSAGES[AuthReason.THROTTLED], reason="THROTTLED", retry_after=7),
        id="too-many",
    ),
    pytest.param(
        ConfigurationError("no domain"),
        PasswordCheck(message=UNAVAILABLE, reason="no domain", unavailable=True),
        id="wrong-settings",
    ),
]


@pytest.mark.parametrize(("answer", "expected"), CASES)
def test_what_a_form_is_told(answer: Any, expected: PasswordCheck) -> None:
    """Somebody, or a message for the person and a reason for the log; never an error."""
    wauth = Answers(answer)
    assert check(wauth, "alice", "x", "192.0.2.1") == expected  # type: ignore[arg-type]
    assert wauth.asked == [("alice", "x", "192.0.2.1")]


@pytest.mark.parametrize(("username", "password"), [("", "x"), (None, "x"), ("alice", ""), ("alice", None)])
def test_half_a_form_asks_nobody(username: str | None, password: str | None) -> None:
    """The message is that of an empty password."""
    wauth = Answers(OK)
    assert check(wauth, username, password).message == MESSAGES[AuthReason.EMPTY_PASSWORD]  # type: ignore[arg-type]
    assert wauth.asked == []


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (PasswordCheck(), 403),
        (PasswordCheck(unavailable=True), 503),
        (PasswordCheck(retry_after=1), 429),
        (PasswordCheck(unavailable=True, retry_after=1), 429),
    ],
)
def test_the_status_of_the_form_that_is_shown_again(found: PasswordCheck, status: int) -> None:
    """Too many attempts before an outage, before a wrong password."""
    assert found.status == status
