"""What the application itself has to say about a user: a hook before a sync, functions for fields and names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.standing import standing
from tests.core.sync.fakes import FakeDirectory, person, policy, sync
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.exceptions import ConfigurationError, SyncError
from wauth_core.sync.policy import Policy
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory

ALICE = Identity.parse("EXAMPLE\\alice")
FIELDS = {"username": "sAMAccountName", "email": "mail"}


def no_trainees(identity: Identity, user: Any) -> str | None:
    """Named by its path below."""
    return f"{identity.username} is a trainee" if user.attributes.get("title") == "Trainee" else None


def broken(*_: object) -> Any:
    """A hook of an application with a bad day."""
    raise KeyError("department")


def full_name(user: Any) -> str:
    """Of two attributes that no map names."""
    return f"{user.attributes.get('givenName', '')} {user.attributes.get('sn', '')}".strip()


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


@pytest.mark.parametrize("given", [no_trainees, f"{__name__}.no_trainees"], ids=["function", "dotted-path"])
def test_a_hook_refuses(directory: EmbeddedDirectory, store: MemoryUserRepository, given: Any) -> None:
    """Its text is the reason; nobody is made, and a known user loses their access."""
    settings = directory.settings(USER_FIELD_MAP={**FIELDS, "job": "title"})
    with Wauth.from_mapping({"WAUTH_DOMAINS": {"EXAMPLE": settings}, "WAUTH_BEFORE_SYNC": given}) as wauth:
        assert wauth.sync(ALICE, store).ok
        directory.update("alice", title="Trainee")
        result = wauth.sync(ALICE, store)
    assert (result.status, result.reason) == (SyncStatus.REFUSED, "alice is a trainee")
    assert store.users[result.key].flags["is_active"] is False


@pytest.mark.parametrize("given", [7, "no.such.hook", "nohook", f"{__name__}.ALICE"])
def test_what_is_no_hook_is_told_at_once(given: object) -> None:
    """A path that leads nowhere, and a thing that cannot be called."""
    with pytest.raises(ConfigurationError, match="WAUTH_BEFORE_SYNC"):
        Wauth({}, before_sync=given)


BROKEN = [
    pytest.param({}, {}, broken, "before_sync raised KeyError: 'department'", id="before-sync"),
    pytest.param(
        {"USER_FIELD_MAP": {**FIELDS, "unit": broken}},
        {},
        None,
        r"USER_FIELD_MAP\['unit'\] raised KeyError",
        id="field",
    ),
    pytest.param({}, {"username_format": broken}, None, "WAUTH_USERNAME_FORMAT raised KeyError", id="name"),
    pytest.param({}, {"username_format": lambda user: " "}, None, "WAUTH_USERNAME_FORMAT gave ' '", id="no-name"),
    pytest.param({}, {"username_format": lambda user: None}, None, "WAUTH_USERNAME_FORMAT gave None", id="not-a-name"),
]


@pytest.mark.parametrize(("settings", "options", "before", "message"), BROKEN)
def test_a_hook_that_raises_stops_that_one_user(
    store: MemoryUserRepository, settings: Any, options: Any, before: Any, message: str
) -> None:
    """The error says which hook it was; nothing is written, and what was known stays."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    key = sync(directory, store, policy(STAFF_GROUPS="Staff")).key
    known = store.users[key]
    directory.people = [person("alice", 1), person("bob", 2)]
    rules: Policy = policy(options=options, STAFF_GROUPS="Staff", **settings)
    for name in ("alice", "bob"):
        with pytest.raises(SyncError, match=message):
            sync(directory, store, rules, name, before=before)
    assert store.users == {key: known}


def test_in_a_bulk_sync_the_others_go_on(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """One person's broken hook is one failure in the answer."""

    def hook(identity: Identity, user: Any) -> None:
        if user.username == "bob":
            raise ValueError("not bob")

    with Wauth({"EXAMPLE": directory.settings()}, before_sync=hook) as wauth:
        result = wauth.sync_all(store, "EXAMPLE")
    [(name, error)] = result.failures
    assert (name, str(error)) == ("bob", "before_sync raised ValueError: not bob")
    assert result.counts[SyncStatus.CREATED] > 20


def test_functions_see_all_attributes(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Alone and in bulk; a change of any attribute arrives, also by the incremental sync."""
    settings = directory.settings(USER_FIELD_MAP={**FIELDS, "full_name": full_name})
    options: Any = {"username_format": lambda user: user.email or user.username}
    with Wauth({"EXAMPLE": settings}, **options) as wauth:
        key = wauth.sync(ALICE, store).key
        before = store.users[key].fields["full_name"]
        assert (before.split()[0], store.users[key].fields["username"]) == ("Alice", "alice@example.local")
        assert wauth.sync(ALICE, store).status is SyncStatus.UNCHANGED
        wauth.sync_all(store, "EXAMPLE", incremental=True)
        directory.update("alice", givenName="Alicia")
        result = wauth.sync_all(store, "EXAMPLE", incremental=True)
        assert (result.incremental, store.users[key].fields["full_name"]) == (True, before.replace("Alice", "Alicia"))


def test_nobody_is_made_without_create_users(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A sign-in of a stranger is refused; who was made, linked or adopted signs in."""
    with Wauth({"EXAMPLE": directory.settings()}, create_users=False) as wauth:
        refused = standing(wauth, store, ALICE, delta=0).result
        assert (refused.status, refused.ok) == (SyncStatus.REFUSED, False)
        assert "makes none by itself" in refused.reason
        assert not store.users
        assert wauth.sync(ALICE, store).status is SyncStatus.CREATED
        assert standing(wauth, store, ALICE, delta=0).result.ok
