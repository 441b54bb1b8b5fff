"""USER_QUERY_FIELD: how a link that was made by hand says whose it is, until the first sync gives it a GUID."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from tests.core.sync.fakes import FakeDirectory, guid, person, policy, sync
from wauth_core import SyncStatus, Wauth
from wauth_core.sync.repository import Link
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory

FIELDS = {"username": "displayName", "email": "mail"}
RULES = dataclasses.replace(
    policy(USER_FIELD_MAP=FIELDS, USER_QUERY_FIELD="email", STAFF_GROUPS="Staff"), name_field="username"
)


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


def alice() -> Any:
    """She signs in as alice, and goes by another name here."""
    return person("alice", 1, "Staff", displayName="Alice L.", mail="alice@example.local")


def by_hand(store: MemoryUserRepository, name: str, email: str, link: str, domain: str = "EXAMPLE") -> Any:
    """A user and the link that somebody made in a shell."""
    key = store.add(name, flags={"is_staff": True}, link=Link(domain, link))
    store.users[key].fields["email"] = email
    return key


@pytest.mark.parametrize("spelled", ["alice@example.local", "ALICE@Example.local"])
def test_a_link_made_by_hand_is_found_by_the_field(store: MemoryUserRepository, spelled: str) -> None:
    """Whatever name stands in it. From then on it holds the logon name and the GUID."""
    key = by_hand(store, "old name", spelled, "old name")
    result = sync(FakeDirectory(alice()), store, RULES)
    assert (result.status, result.key) == (SyncStatus.UPDATED, key)
    assert store.users[key].link == Link("EXAMPLE", "alice", guid(1), alice().sid)
    assert store.users[key].fields == {"username": "alice l.", "email": "alice@example.local"}
    assert sync(FakeDirectory(alice()), store, RULES).status is SyncStatus.UNCHANGED


def test_the_name_in_a_link_does_not_overrule_the_field(store: MemoryUserRepository) -> None:
    """A link called alice whose field is bob's gives alice nothing, takes nothing, and says so."""
    key = by_hand(store, "whoever", "bob@example.local", "alice")
    before = copy.deepcopy(store.users)
    result = sync(FakeDirectory(alice()), store, RULES)
    assert (result.status, result.ok) == (SyncStatus.REFUSED, False)
    assert "somebody else by email, 'bob@example.local'" in result.reason
    assert (result.key, store.users) == (key, before)


OTHERS = [
    pytest.param({"email": ""}, id="an-empty-field"),
    pytest.param({"email": "alice@example.local", "domain": "OTHER"}, id="of-another-domain"),
]


@pytest.mark.parametrize("given", OTHERS)
def test_what_is_not_taken_for_a_link_of_hers(store: MemoryUserRepository, given: dict[str, str]) -> None:
    """She gets a user of her own."""
    key = by_hand(store, "somebody", link="somebody", **given)
    result = sync(FakeDirectory(alice()), store, RULES)
    assert result.status is SyncStatus.CREATED
    assert result.key != key


def test_a_local_account_is_not_taken_over_by_the_field(store: MemoryUserRepository) -> None:
    """The same address without a link is no link."""
    key = store.add("local")
    store.users[key].fields["email"] = "alice@example.local"
    assert sync(FakeDirectory(alice()), store, RULES).key != key
    assert store.users[key].link is None


@pytest.mark.parametrize("rules", [policy(), RULES], ids=["logon-name", "email"])
def test_a_link_that_was_never_known_is_not_deactivated(store: MemoryUserRepository, rules: Any) -> None:
    """It may be the name that is wrong: the answer says so, and nothing is taken."""
    key = by_hand(store, "misspelt", "nobody@example.local", "misspelt")
    before = copy.deepcopy(store.users)
    result = sync(FakeDirectory(), store, rules, "misspelt")
    assert (result.status, result.ok, result.changes) == (SyncStatus.NOT_FOUND, False, ())
    assert "never known" in result.reason
    assert (result.key, store.users) == (key, before)


def test_the_bulk_sync(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """The same for a whole domain; who is not found is reported in the answer."""
    key = by_hand(store, "old name", "alice@example.local", "old name")
    lost = by_hand(store, "lost", "lost@example.local", "lost")
    by_hand(store, "one", "bob@example.local", "one")
    by_hand(store, "two", "bob@example.local", "two")
    settings = directory.settings(USER_FIELD_MAP=FIELDS, USER_QUERY_FIELD="email")
    with Wauth({"EXAMPLE": settings}, name_field="username") as wauth:
        result = wauth.sync_all(store, "EXAMPLE", create=False)
    assert store.users[key].link.username == "alice"
    assert store.users[key].link.guid is not None
    assert store.users[lost].flags["is_staff"] is True
    reported = {each.identity.username: each.status for each in result.results if not each.ok}
    assert reported == dict.fromkeys(("lost", "one", "two"), SyncStatus.NOT_FOUND)
