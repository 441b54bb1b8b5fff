"""Who a typed name is, and what becomes of a password that was right."""

from __future__ import annotations

from typing import Any

import pytest

from wauth_core import Identity, Wauth
from wauth_core.directory import AuthReason, DirectoryUser
from wauth_core.exceptions import AmbiguousUser, DirectoryUnavailable
from wauth_core.passwords import Guard, Typed, domain_of
from wauth_core.sync.directories import Directories
from wauth_core.sync.manager_answers import Lookups
from wauth_core.sync.policy import Policy
from wauth_core.testing import EmbeddedDirectory
from wauth_core.throttle import NAME_LIMIT

PASSWORD = "Passw0rd!x"
SUFFIX = "corp.example"


# -- which domain is meant


def two_domains(directory: EmbeddedDirectory, **options: Any) -> Wauth:
    """Two domains of one forest; whoever is in Left is not in Right."""
    for unit in ("Left", "Right"):
        directory.add_ou(unit)
        directory.add_user(unit.lower(), ou=unit, upn=f"{unit}@{SUFFIX}")
    left, right = (directory.settings(SEARCH_BASE=f"OU={unit},{directory.base_dn}") for unit in ("Left", "Right"))
    return Wauth({"LEFT": left, "RIGHT": right}, **options)


@pytest.fixture
def suffixes(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The UPN suffixes of each domain's forest."""
    known = {"LEFT": {SUFFIX}, "RIGHT": {SUFFIX}, "EXAMPLE": {SUFFIX}}
    monkeypatch.setattr(Lookups, "upn_suffixes", lambda lookups: known[lookups.manager.domain])
    return known


def test_a_suffix_of_the_forest(directory: EmbeddedDirectory, suffixes: dict[str, set[str]]) -> None:
    """Whoever has that UPN, in the one domain that has them."""
    with two_domains(directory) as wauth:
        for name, domain in (("left", "LEFT"), ("right", "RIGHT"), ("nobody", None)):
            typed = f"{name}@Corp.Example"
            assert domain_of(wauth.directories, typed) == domain
            result = wauth.authenticate(typed, PASSWORD)
            assert result.identity == (Identity(domain, name) if domain else None)
            assert result.reason is (AuthReason.OK if domain else AuthReason.NO_SUCH_USER)
        suffixes["LEFT"] = set()
        assert domain_of(wauth.directories, f"left@{SUFFIX}") == "RIGHT", "the only one that may have it"
        suffixes["RIGHT"] = set()
        assert domain_of(wauth.directories, f"left@{SUFFIX}") is None


def test_a_suffix_that_is_a_domains_name_in_the_settings(directory: EmbeddedDirectory) -> None:
    """Whatever its SEARCH_BASE is; and a name without a suffix is no suffix."""
    with Wauth({"corp.example": directory.settings(), "OTHER": directory.settings()}) as wauth:
        assert domain_of(wauth.directories, f"alice@{SUFFIX.upper()}") == SUFFIX
        assert domain_of(wauth.directories, "other") is None
        assert domain_of(wauth.directories, SUFFIX) is None


def test_a_upn_in_two_domains_is_nobodys(directory: EmbeddedDirectory, suffixes: dict[str, set[str]]) -> None:
    """It is told by neither which of the two is meant."""
    with Wauth({"LEFT": directory.settings(), "RIGHT": directory.settings()}) as wauth:
        directory.update("alice", userPrincipalName=f"alice@{SUFFIX}")
        assert domain_of(wauth.directories, f"alice@{SUFFIX}") is None
        assert wauth.authenticate(f"alice@{SUFFIX}", PASSWORD).reason is AuthReason.NO_SUCH_USER


def test_a_forest_that_cannot_be_asked(directory: EmbeddedDirectory, suffixes: dict[str, set[str]]) -> None:
    """Nobody, and no error."""
    with two_domains(directory) as wauth, directory.faults.outage():
        assert domain_of(wauth.directories, f"left@{SUFFIX}") is None


def test_a_domain_apart_must_be_the_one_that_is_typed(directory: EmbeddedDirectory) -> None:
    """A form's domain and the typed one, however spelled; else nobody."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        for domain, ok in (("example", True), ("EXAMPLE", True), ("", False), ("OTHER", False)):
            assert wauth.authenticate("EXAMPLE\\alice", PASSWORD, domain=domain).ok is ok
            assert wauth.authenticate("alice", PASSWORD, domain=domain).ok is ok


def test_without_a_domain_nobody_signs_in() -> None:
    """And nothing is asked."""
    with Wauth({}) as wauth:
        assert wauth.authenticate("EXAMPLE\\alice", PASSWORD).reason is AuthReason.NO_SUCH_USER
        assert wauth.authenticate("alice", PASSWORD).reason is AuthReason.NO_SUCH_USER


def test_the_default_serves_its_own_domain_alone(directory: EmbeddedDirectory) -> None:
    """By the names that it really has; nobody's while it cannot be asked."""
    with Wauth({"__default__": directory.settings()}) as wauth, directory.faults.outage():
        assert wauth.authenticate("EXAMPLE\\alice", PASSWORD).reason is AuthReason.UNAVAILABLE
    with Wauth({"__default__": directory.settings()}) as wauth:
        assert wauth.authenticate("OTHER\\alice", PASSWORD).reason is AuthReason.NO_SUCH_USER
        assert wauth.authenticate("EXAMPLE\\alice", PASSWORD).ok


def test_a_name_that_no_identity_can_have(directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right password of somebody whom nothing could name afterwards."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        monkeypatch.setattr(Policy, "logon_name", lambda policy, user: "a\\b")
        result = wauth.authenticate("alice", PASSWORD)
        assert (result.reason, result.identity) == (AuthReason.REFUSED, None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, AuthReason.OK),
        (DirectoryUnavailable("down"), AuthReason.UNAVAILABLE),
        (AmbiguousUser("alice", "EXAMPLE", ()), AuthReason.REFUSED),
        ("bob", AuthReason.REFUSED),
    ],
    ids=["the-same", "down", "two", "another"],
)
def test_a_upn_must_lead_back_to_who_signed_in(
    directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch, error: Any, reason: AuthReason
) -> None:
    """Asked only where UPNs are names: with sAMAccountNames there is nothing to tell apart."""

    def user(directories: Directories, identity: Identity) -> DirectoryUser:
        if isinstance(error, Exception):
            raise error
        return wauth.manager(identity.domain).user(error or "alice")

    monkeypatch.setattr(Directories, "user", user)
    with Wauth({"example.local": directory.settings()}, use_spn=True) as wauth:
        result = wauth.authenticate("alice", PASSWORD)
        assert (result.reason, result.identity is None) == (reason, reason is not AuthReason.OK)
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        assert wauth.authenticate("alice", PASSWORD).ok


def test_a_turn_that_does_not_come(directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that waits too long for the one before it, by the same name, is not tried."""
    monkeypatch.setattr("wauth_core.passwords.LONGEST_TURN", 0.01)
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        guard = Guard()
        with guard._turns.take("EXAMPLE\\alice", 1):
            typed = Typed("alice", PASSWORD)
            assert guard.check(wauth.directories, typed, None).reason is AuthReason.UNAVAILABLE
            assert guard.check(wauth.directories, Typed("hana", PASSWORD), None).ok
        assert guard.check(wauth.directories, typed, None).ok, "nothing was remembered"


def test_what_was_not_tried_is_tried_later(directory: EmbeddedDirectory) -> None:
    """Neither an outage nor too many attempts make a password a wrong one."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        guard = Guard()
        typed = Typed("alice", PASSWORD)
        with directory.faults.outage():
            assert guard.check(wauth.directories, typed, None).reason is AuthReason.UNAVAILABLE
        for number in range(NAME_LIMIT):
            guard.check(wauth.directories, Typed("alice", f"wrong {number}"), None)
        assert guard.check(wauth.directories, typed, None).reason is AuthReason.THROTTLED
        guard._throttle.forget("EXAMPLE\\alice")
        assert guard.check(wauth.directories, typed, None).ok


def test_no_password_is_no_attempt(directory: EmbeddedDirectory) -> None:
    """It is told each time, and never counted."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        for _ in range(NAME_LIMIT + 1):
            assert wauth.authenticate("alice", "").reason is AuthReason.EMPTY_PASSWORD
        assert wauth.authenticate("alice", PASSWORD).ok


def test_nothing_typed_is_shown() -> None:
    """A password is in no text that is made of it."""
    assert "canary" not in repr(Typed("alice", "canary"))
