"""Users as they are written and read."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from wauth_core.exceptions import SyncError
from wauth_core.sync.repository import Change, Link, UserRepository, Wanted
from wauth_core.testing.repository_contract.samples import (
    ALICE,
    ALL,
    BOB,
    LATER,
    NOW,
    SID,
    changed,
    in_threads,
    link,
    link_of,
    new,
    one,
)

REFUSED = [
    pytest.param([new("fresh", link("bob", uuid.UUID(int=7)))], id="link-name-taken"),
    pytest.param([new("fresh", link("BOB", uuid.UUID(int=7)))], id="link-name-taken-in-other-case"),
    pytest.param([new("fresh", link("fresh", BOB))], id="guid-taken"),
    pytest.param([Change(987654321, fields={"email": "x"})], id="user-is-gone"),
]


class Records:
    """What `apply` writes, `find`, `named` and `linked` read."""

    def test_a_created_user_is_found_as_it_was_written(self, repository: UserRepository) -> None:
        """What apply() creates, find() returns: key, link, fields, flags and groups."""
        given = link(password_set=NOW - timedelta(days=1), controller="dc1.example.local", lowered_at=NOW)
        [key] = repository.apply(
            [new("alice", given, ("Editors", "Staff"), first_name="Alice", email="a@example.local", is_staff=True)],
            now=NOW,
        )
        found = one(repository)
        assert found.key == key
        assert link_of(found) == given
        assert (link_of(found).sid, link_of(found).last_sync) == (SID, NOW)
        assert found.fields == {"username": "alice", "first_name": "Alice", "email": "a@example.local"}
        assert found.flags == {"is_active": True, "is_staff": True, "is_superuser": False}
        assert found.groups == {"Editors", "Staff"}

    def test_a_new_user_is_active_and_nothing_else(self, repository: UserRepository) -> None:
        """Without a word on flags a new user may sign in and has no privilege."""
        repository.apply([Change(None, link(), {"username": "alice"})], now=NOW)
        assert one(repository).flags == {"is_active": True, "is_staff": False, "is_superuser": False}

    def test_only_wanted_fields_and_flags_are_read(self, repository: UserRepository) -> None:
        """A snapshot holds what the settings speak of, and passes over what the store does not have."""
        repository.apply([new("alice", link(), email="a@example.local")], now=NOW)
        wanted = Wanted(fields=("email", "shoe_size"), flags=("is_active", "is_wizard"))
        [found] = repository.find(wanted, domain="EXAMPLE", username="alice")
        assert set(found.fields) - {"shoe_size"} == {"email"}
        assert set(found.flags) - {"is_wizard"} == {"is_active"}

    def test_a_change_writes_what_it_holds_and_leaves_the_rest(self, repository: UserRepository) -> None:
        """Fields, flags and groups that a change does not speak of stay as they are."""
        repository.apply([new("alice", link(), ("A", "B", "own"), email="old@x", is_staff=True)], now=NOW)
        change = changed(
            one(repository),
            fields={"email": "new@x"},
            flags={"is_superuser": True},
            groups_add=frozenset({"B", "C"}),
            groups_remove=frozenset({"A", "never-there"}),
        )
        assert repository.apply([change], now=LATER) == [change.key]
        found = one(repository)
        assert (found.fields["username"], found.fields["email"]) == ("alice", "new@x")
        assert found.flags == {"is_active": True, "is_staff": True, "is_superuser": True}
        assert found.groups == {"B", "C", "own"}
        assert found.link == link()
        assert link_of(found).last_sync == LATER

    def test_a_rename_keeps_the_account(self, repository: UserRepository) -> None:
        """A new link for a known key moves the same user to the new name."""
        repository.apply([new("alice", link())], now=NOW)
        before = one(repository)
        repository.apply([changed(before, link=link("alice.new"), fields={"username": "alice.new"})], now=LATER)
        assert repository.find(ALL, domain="EXAMPLE", username="alice") == []
        found = one(repository, "alice.new", guid=ALICE)
        assert (found.key, found.fields["username"]) == (before.key, "alice.new")

    def test_changes_are_written_in_their_order(self, repository: UserRepository) -> None:
        """A name set free by the first change is free for the second, in the same transaction."""
        repository.apply([new("alice", link())], now=NOW)
        old = one(repository)
        aside = changed(
            old, link=link("alice-old"), fields={"username": "alice-old"}, flags={"is_active": False}, answered=False
        )
        _, young = repository.apply([aside, new("alice", link("alice", BOB))], now=LATER)
        assert young != old.key
        assert one(repository).key == young
        assert one(repository, "alice-old").flags["is_active"] is False

    def test_a_link_remembers_that_the_sync_deactivated(self, repository: UserRepository) -> None:
        """Whether a sync or an administrator deactivated a user survives in the link."""
        repository.apply([new("alice", link())], now=NOW)
        assert link_of(one(repository)).deactivated is False
        change = changed(one(repository), link=link(deactivated=True), flags={"is_active": False})
        repository.apply([change], now=LATER)
        assert link_of(one(repository)).deactivated is True

    def test_a_link_made_by_hand_has_no_guid(self, repository: UserRepository) -> None:
        """Several links of a domain may lack a GUID until their first sync."""
        repository.apply([new("alice", Link("EXAMPLE", "alice")), new("bob", Link("EXAMPLE", "bob"))], now=NOW)
        assert link_of(one(repository)).guid is None

    def test_a_user_without_a_link_is_adopted(self, repository: UserRepository) -> None:
        """A local user gets a link, once: who comes second finds it there."""
        [key] = repository.apply([new("carol")], now=NOW)
        adopt = Change(key, link("carol"), flags={"is_staff": True})
        assert repository.apply([adopt], now=NOW) == [key]
        assert repository.apply([Change(key, link("dora", BOB), flags={"is_staff": False})], now=LATER) == [None]
        found = one(repository, "carol")
        assert (found.key, found.flags["is_staff"], link_of(found).last_sync) == (key, True, NOW)

    @pytest.mark.parametrize("changes", REFUSED)
    def test_what_the_store_refuses_leaves_nothing_behind(
        self, repository: UserRepository, changes: list[Change]
    ) -> None:
        """A refused change is a SyncError, and the changes before it are not written either."""
        repository.apply([new("bob", link("bob", BOB))], now=NOW)
        bob = one(repository, "bob")
        touched = changed(bob, fields={"email": "b@x"}, end_sessions=True)
        with pytest.raises(SyncError):
            repository.apply([touched, new("early", link("early", uuid.UUID(int=5)), ("Early",)), *changes], now=LATER)
        assert repository.named(ALL, "early") is None
        assert repository.named(ALL, "fresh") is None
        assert one(repository, "bob") == bob
        assert link_of(one(repository, "bob")).last_sync == NOW
        assert link_of(one(repository, "bob")).sessions == link_of(bob).sessions

    def test_linked_users_come_in_batches_by_domain(self, repository: UserRepository) -> None:
        """linked() returns every user of the domain once, no other domain's, and survives writes between batches."""
        people = [new(f"u{n}", link(f"u{n}", uuid.UUID(int=100 + n))) for n in range(7)]
        repository.apply([*people, new("twin", link("u1", BOB, "OTHER")), new("carol")], now=NOW)
        seen = []
        for page in repository.linked(ALL, "example", batch=3):
            assert len(page) <= 3
            seen += [user.fields["username"] for user in page]
            repository.apply([changed(user, fields={"email": "seen@x"}) for user in page], now=LATER)
        assert sorted(seen) == [f"u{n}" for n in range(7)]
        assert one(repository, "u6").fields["email"] == "seen@x"

    def test_bookmarks_are_kept_for_each_domain(self, repository: UserRepository) -> None:
        """Where a bulk sync stopped is kept for each domain, without case, and replaced by the next."""
        assert repository.bookmark("EXAMPLE") is None
        repository.bookmark("EXAMPLE", "usn:1")
        repository.bookmark("OTHER", "usn:7")
        repository.bookmark("EXAMPLE", "usn:2" + "x" * 2000)
        assert repository.bookmark("example") == "usn:2" + "x" * 2000
        assert repository.bookmark("OTHER") == "usn:7"

    def test_threads_make_each_user_once(self, repository: UserRepository) -> None:
        """Of eight workers that create the same person at once, one succeeds and the others get a SyncError."""
        outcomes = in_threads(8, lambda n: repository.apply([new(f"alice{n}", link())], now=NOW))
        assert len([outcome for outcome in outcomes if isinstance(outcome, list)]) == 1
        assert len([outcome for outcome in outcomes if isinstance(outcome, SyncError)]) == 7
        assert one(repository).link == link()
