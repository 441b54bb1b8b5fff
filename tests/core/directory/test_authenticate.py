"""What a bind's answer means, whose password is tried, and what people read of themselves."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from wauth_core import Identity, Wauth
from wauth_core.directory import AuthReason, AuthResult, LDAPManager
from wauth_core.directory.authenticate import UNREADABLE, Lockout, is_empty
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

PASSWORD = "Passw0rd!x"
NOW = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
HALF_AN_HOUR = timedelta(minutes=30)


def managed(directory: EmbeddedDirectory, **settings: Any) -> LDAPManager:
    """A manager of it."""
    return LDAPManager(LDAPSettings(**directory.settings(**settings)), "EXAMPLE")


# -- what the server's answer means


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (49, AuthReason.BAD_PASSWORD),
        (32, AuthReason.BAD_PASSWORD),
        (51, AuthReason.UNAVAILABLE),
        (52, AuthReason.UNAVAILABLE),
        (53, AuthReason.REFUSED),
        (8, AuthReason.REFUSED),
    ],
)
def test_a_result_without_a_reason_of_its_own(directory: EmbeddedDirectory, code: int, reason: AuthReason) -> None:
    """Another server than AD sends no number in its message."""
    with managed(directory) as manager:
        manager.user("alice")
        with directory.faults.refuse_binds(code):
            assert manager.authenticate("alice", PASSWORD).reason is reason


COUNTS: list[Any] = [
    pytest.param(5, 3, NOW, False, id="two-left"),
    pytest.param(5, 4, NOW, True, id="one-left"),
    pytest.param(5, 5, NOW, True, id="none-left"),
    pytest.param(0, 99, NOW, False, id="never-locks"),
    pytest.param(1, 0, NOW, True, id="the-first-locks"),
    pytest.param(5, None, NOW, False, id="never-counted"),
    pytest.param(5, "4", NOW, False, id="no-number"),
    pytest.param(5, 4, None, True, id="nobody-says-when"),
    pytest.param(5, 4, NOW - HALF_AN_HOUR + timedelta(seconds=1), True, id="in-the-window"),
    pytest.param(5, 4, NOW - HALF_AN_HOUR, False, id="the-window-ends"),
]


@pytest.mark.parametrize(("threshold", "count", "last", "near"), COUNTS)
def test_the_last_attempt_before_a_lock(threshold: int, count: Any, last: Any, near: bool) -> None:
    """By AD's own count, as long as it counts."""
    counted: Any = SimpleNamespace(attributes={"badPwdCount": count, "badPasswordTime": last})
    assert Lockout(threshold, HALF_AN_HOUR).is_near(counted, NOW) is near


def test_locks_unless_told() -> None:
    """No policy locks nobody; one that cannot be read is taken for a strict one."""
    assert Lockout() == Lockout(0, timedelta(0))
    assert (UNREADABLE.threshold, UNREADABLE.window) == (3, HALF_AN_HOUR)


@pytest.mark.parametrize(
    ("password", "empty"),
    [
        ("", True),
        (" \t\n", True),
        ("\u200b\u00a0\u2003\x07", True),
        ("\x00secret", True),
        ("secret\x00", True),
        (None, True),
        (b"secret", True),
        (" a ", False),
        ("\u0301", False),
    ],
)
def test_what_is_no_password(password: Any, empty: bool) -> None:
    """It would be a bind that succeeds for everybody."""
    assert is_empty(password) is empty


def test_an_answer_unless_told(directory: EmbeddedDirectory) -> None:
    """Nobody, nothing read, no waiting; and no person in a log line."""
    answer = AuthResult(AuthReason.OK)
    assert (answer.user, answer.identity, answer.own, answer.retry_after) == (None, None, None, 0)
    with managed(directory) as manager:
        result = dataclasses.replace(manager.authenticate("alice", PASSWORD), own="what was read")
        assert result.user == manager.user("alice")
    assert "alice" not in repr(result)
    assert "what was read" not in repr(result)


def test_half_a_surrogate_pair_is_no_password(directory: EmbeddedDirectory) -> None:
    """It has no octets, so it is nobody's."""
    with managed(directory) as manager:
        directory.operations.clear()
        assert manager.authenticate("alice", "\ud800").reason is AuthReason.BAD_PASSWORD
        assert manager.authenticate("alice", "\x00").reason is AuthReason.EMPTY_PASSWORD
        assert directory.operations.only("bind", "search") == []


@pytest.mark.parametrize("settings", [{}, {"USER_QUERY_FILTER": "(objectClass=user)"}], ids=["all", "filtered"])
def test_whose_password_is_tried(directory: EmbeddedDirectory, settings: dict[str, Any]) -> None:
    """Who has the name, if they are of this domain and the filter lets them in: one bind, as them or as nobody."""
    directory.add_user("guest7", password="Guest-7!", department="Guests")
    if settings:
        settings = {"USER_QUERY_FILTER": "(!(department=Guests))"}
    with managed(directory, **settings) as manager:
        directory.operations.clear()
        result = manager.authenticate("guest7", "Guest-7!")
        assert result.reason is (AuthReason.NO_SUCH_USER if settings else AuthReason.OK)
        tried = [each.base for each in directory.operations.only("bind") if each.base != manager.settings.USERNAME]
        assert [base == directory.dn("guest7") for base in tried] == [not settings]


def test_an_entry_of_another_domain_is_nobody_here(
    directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DN, GUID or SID finds people anywhere in the forest."""
    with managed(directory) as manager:
        monkeypatch.setattr(type(manager._domain), "is_home", lambda profile, dn: False)
        assert manager.authenticate(directory.dn("alice"), PASSWORD).reason is AuthReason.NO_SUCH_USER


# -- without a service account


@pytest.fixture
def bound_as(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SIDs that the directory tells whoever is bound; our embedded one tells none."""
    sids: list[str] = []
    monkeypatch.setattr("wauth_core.directory.own.token_groups", lambda entry: sids)
    return sids


WITHOUT = {"USERNAME": "", "PASSWORD": ""}


def bound_by_name(directory: EmbeddedDirectory) -> list[str]:
    """Whom connections were bound as, apart from nobody: that asks what kind of server it is."""
    return [each.base for each in directory.operations.only("bind") if each.base]


@pytest.mark.parametrize(
    ("typed", "password", "reason"),
    [
        ("alice", PASSWORD, AuthReason.OK),
        ("EXAMPLE\\ALICE", PASSWORD, AuthReason.OK),
        ("alice@example.local", PASSWORD, AuthReason.OK),
        ("alice", "wrong", AuthReason.BAD_PASSWORD),
        ("dan", PASSWORD, AuthReason.DISABLED),
        ("hana", PASSWORD, AuthReason.NO_SUCH_USER),
        ("OTHER\\alice", PASSWORD, AuthReason.NO_SUCH_USER),
        ("nobody", "wrong", AuthReason.NO_SUCH_USER),
    ],
)
@pytest.mark.parametrize("use_spn", [False, True])
def test_a_person_reads_themselves(
    directory: EmbeddedDirectory, bound_as: list[str], typed: str, password: str, reason: AuthReason, use_spn: bool
) -> None:
    """One bind, as them: what it is allowed to read decides. Who is bound must be who was named."""
    bound_as.append(directory.sid("alice"))
    name = "example.local" if use_spn else "EXAMPLE"
    with Wauth({name: directory.settings(**WITHOUT)}, use_spn=use_spn) as wauth:
        if use_spn:
            typed = typed.replace("EXAMPLE\\", "example.local\\")
        result = wauth.authenticate(typed, password)
        assert result.reason is reason
        assert len(bound_by_name(directory)) == 1
        assert (result.own is not None) is (reason is AuthReason.OK)
        assert result.identity == (Identity(name, "alice", use_spn) if result.ok else None)
        if result.user is not None:
            assert result.user.door is wauth.manager(name)


def test_a_directory_that_tells_nobody_who_is_bound(directory: EmbeddedDirectory, bound_as: list[str]) -> None:
    """Nobody is signed in by a guess."""
    with managed(directory, **WITHOUT) as manager:
        assert manager.authenticate("alice", PASSWORD).reason is AuthReason.UNAVAILABLE
        bound_as.append(directory.sid("alice"))
        result = manager.authenticate("alice", PASSWORD)
        assert (result.reason, result.own) == (AuthReason.OK, None)


@pytest.mark.parametrize("typed", ["OTHER\\alice", "CN=alice,DC=example,DC=local", "\\"])
def test_who_cannot_be_bound_as_costs_a_bind_too(directory: EmbeddedDirectory, typed: str) -> None:
    """The same time as anybody."""
    with managed(directory, **WITHOUT) as manager:
        assert manager.authenticate(typed, PASSWORD).reason is AuthReason.NO_SUCH_USER
        (bound,) = bound_by_name(directory)
        assert "alice" not in bound


def test_with_a_service_account_nothing_is_read_twice(directory: EmbeddedDirectory) -> None:
    """The sync reads with the account."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        result = wauth.authenticate("alice", PASSWORD)
        assert (result.ok, result.own) == (True, None)
