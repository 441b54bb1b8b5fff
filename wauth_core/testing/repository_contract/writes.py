"""Which write may be written: what is newer wins, and what was read must still stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from wauth_core.sync.repository import Change, Key, UserRepository, UserSnapshot
from wauth_core.testing.repository_contract.samples import (
    ALL,
    BOB,
    LATER,
    NOW,
    changed,
    in_threads,
    link,
    link_of,
    new,
    one,
)

EARLIER = NOW - timedelta(microseconds=1)
RAISES = [
    pytest.param({"flags": {"is_superuser": True}}, id="flag"),
    pytest.param({"groups_add": frozenset({"Admins"})}, id="group"),
    pytest.param({"flags": {"is_staff": False, "is_superuser": True}}, id="takes-and-gives"),
]


def synced(repository: UserRepository) -> UserSnapshot:
    """Alice, staff and an editor, by an answer of NOW."""
    repository.apply([new("alice", link(), ("Editors",), is_staff=True)], now=NOW)
    return one(repository)


def last_sync(repository: UserRepository) -> datetime | None:
    """When alice was last synchronised."""
    return link_of(one(repository)).last_sync


class Writes:
    """`apply` and `touch` are compare-and-set."""

    @pytest.mark.parametrize("more", RAISES)
    def test_an_older_answer_is_passed_over(self, repository: UserRepository, more: dict[str, object]) -> None:
        """A bulk run that was reading while a single sync took a right does not give it back."""
        alice = synced(repository)
        assert repository.apply([changed(alice, end_sessions=True, **more)], now=EARLIER) == [None]
        assert one(repository) == alice
        assert last_sync(repository) == NOW
        assert link_of(one(repository)).sessions == link_of(alice).sessions

    @pytest.mark.parametrize("more", RAISES)
    def test_an_answer_of_the_same_time_does_not_raise(
        self, repository: UserRepository, more: dict[str, object]
    ) -> None:
        """At equal times the harsher stands."""
        alice = synced(repository)
        assert repository.apply([changed(alice, **more)], now=NOW) == [None]
        assert one(repository) == alice

    def test_an_answer_of_the_same_time_may_lower(self, repository: UserRepository) -> None:
        """Flags and groups are taken; a second such change, which finds nothing to change, is written as well."""
        change = changed(synced(repository), flags={"is_staff": False}, groups_remove=frozenset({"Editors"}))
        for _ in range(2):
            assert repository.apply([change], now=NOW) == [change.key]
        found = one(repository)
        assert (found.flags["is_staff"], found.groups) == (False, frozenset())

    def test_a_newer_answer_may_do_both(self, repository: UserRepository) -> None:
        """By a microsecond, too."""
        change = changed(synced(repository), flags={"is_superuser": True})
        moment = NOW + timedelta(microseconds=1)
        assert repository.apply([change], now=moment) == [change.key]
        assert one(repository).flags["is_superuser"] is True
        assert last_sync(repository) == moment

    def test_what_was_read_must_still_stand(self, repository: UserRepository) -> None:
        """A change made from a row that was synchronised since is passed over; those beside it are written."""
        alice = synced(repository)
        repository.apply([new("bob", link("bob", BOB))], now=NOW)
        bob = one(repository, "bob")
        repository.touch({alice.key: NOW}, now=LATER)
        late = changed(
            alice,
            link=link("alice.new"),
            fields={"email": "late@x"},
            flags={"is_active": False},
            groups_add=frozenset({"Late"}),
            groups_remove=frozenset({"Editors"}),
            end_sessions=True,
        )
        after = LATER + timedelta(hours=1)
        assert repository.apply([late, changed(bob, fields={"email": "b@x"})], now=after) == [None, bob.key]
        assert one(repository) == alice
        assert link_of(one(repository)).sessions == link_of(alice).sessions
        assert one(repository, "bob").fields["email"] == "b@x"
        assert repository.apply([replace(late, answered=False)], now=after) == [None]

    def test_whose_link_is_gone_is_passed_over(self, repository: UserRepository) -> None:
        """A change that saw a link is not written to a user who is not there."""
        assert repository.apply([Change(987654321, fields={"email": "x"}, seen=link())], now=LATER) == [None]

    def test_a_time_that_lies_ahead_orders_nothing(self, repository: UserRepository) -> None:
        """A clock was three days ahead, and is right again: no row stays as it is for three days."""
        ahead, after = datetime.now(timezone.utc) + timedelta(days=3), datetime.now(timezone.utc)
        repository.apply([new("alice", link(), ("Editors",), is_staff=True)], now=ahead)
        alice = one(repository)
        assert repository.apply([changed(alice, flags={"is_staff": False})], now=after) == [alice.key]
        assert one(repository).flags["is_staff"] is False
        assert last_sync(repository) == after
        repository.apply([changed(one(repository), flags={"is_staff": True})], now=ahead)
        repository.touch({alice.key: ahead}, now=after)
        assert last_sync(repository) == after

    def test_a_lapse_is_written_once_and_moves_no_time(self, repository: UserRepository) -> None:
        """Who holds no answer never writes last_sync; the second worker that wants to lapse the row comes too late."""
        alice = synced(repository)
        lapse = changed(alice, link=replace(link_of(alice), lapsed=True), flags={"is_staff": False}, answered=False)
        assert repository.apply([lapse], now=LATER) == [alice.key]
        found = one(repository)
        assert (link_of(found).lapsed, found.flags["is_staff"], link_of(found).last_sync) == (True, False, NOW)
        assert repository.apply([lapse], now=LATER) == [None]
        back = changed(found, link=replace(link_of(found), lapsed=False), flags={"is_staff": True})
        assert repository.apply([back], now=LATER) == [alice.key]
        found = one(repository)
        assert (link_of(found).lapsed, found.flags["is_staff"], link_of(found).last_sync) == (False, True, LATER)

    def test_a_link_that_no_answer_made_has_no_time(self, repository: UserRepository) -> None:
        """Then any answer is newer."""
        repository.apply([replace(new("alice", link()), answered=False)], now=NOW)
        assert last_sync(repository) is None
        change = changed(one(repository), flags={"is_staff": True})
        assert repository.apply([change], now=EARLIER) == [change.key]
        assert last_sync(repository) == EARLIER

    def test_a_touched_user_was_checked_and_is_otherwise_the_same(self, repository: UserRepository) -> None:
        """touch() moves last_sync alone, for the users named alone."""
        repository.apply([new("alice", link(), ("A",)), new("bob", link("bob", BOB))], now=NOW)
        before = one(repository)
        repository.touch({before.key: NOW}, now=LATER)
        assert one(repository) == before
        assert link_of(one(repository)).sessions == link_of(before).sessions
        assert last_sync(repository) == LATER
        assert link_of(one(repository, "bob")).last_sync == NOW
        repository.touch({}, now=LATER)

    @pytest.mark.parametrize(
        ("seen", "now", "expected"),
        [
            pytest.param(NOW, LATER, LATER, id="newer"),
            pytest.param(NOW, EARLIER, NOW, id="never-back"),
            pytest.param(EARLIER, LATER, NOW, id="synchronised-since"),
            pytest.param(None, LATER, NOW, id="synchronised-for-the-first-time-since"),
        ],
    )
    def test_touch_is_compare_and_set(
        self, repository: UserRepository, seen: datetime | None, now: datetime, expected: datetime
    ) -> None:
        """Nothing that was read before a newer write makes it look older, or newer than it is."""
        repository.touch({synced(repository).key: seen}, now=now)
        assert last_sync(repository) == expected

    def test_many_are_touched_at_once(self, repository: UserRepository) -> None:
        """Each by what was seen of it, linked by hand or synchronised before."""
        fresh = [new(f"u{n}", link(f"u{n}", None), is_staff=bool(n % 2)) for n in range(450)]
        keys = repository.apply([replace(change, answered=n % 3 > 0) for n, change in enumerate(fresh)], now=NOW)
        seen: dict[Key, datetime | None] = {key: NOW if n % 3 else None for n, key in enumerate(keys) if n != 7}
        repository.touch(seen, now=LATER)
        times = {user.key: link_of(user).last_sync for page in repository.linked(ALL, "EXAMPLE") for user in page}
        assert times == {key: NOW if n == 7 else LATER for n, key in enumerate(keys)}

    def test_of_workers_that_saw_the_same_one_writes(self, repository: UserRepository) -> None:
        """Eight answers to the same row: one is written whole, the others are passed over."""
        alice = synced(repository)

        def write(n: int) -> list[Key | None]:
            change = changed(alice, fields={"email": f"{n}@x"}, groups_add=frozenset({f"G{n}"}))
            return repository.apply([change], now=LATER + timedelta(seconds=n))

        results = in_threads(8, write)
        assert sorted(map(repr, results)) == sorted(map(repr, [[alice.key], *[[None]] * 7]))
        found, moment = one(repository), last_sync(repository)
        assert moment is not None
        n = (moment - LATER).seconds
        assert found.fields["email"] == f"{n}@x"
        assert found.groups == {"Editors", f"G{n}"}

    def test_the_number_of_sessions_starts_at_random_and_only_grows(self, repository: UserRepository) -> None:
        """No older session fits a new link, and what a caller holds of the number is never written."""
        repository.apply([new("alice", link(sessions=5)), new("bob", link("bob", BOB, sessions=5))], now=NOW)
        alice, bob = one(repository), one(repository, "bob")
        first = link_of(alice).sessions
        assert len({first, link_of(bob).sessions, 5}) == 3
        repository.apply([changed(alice, link=link("alice", sessions=5), fields={"email": "a@x"})], now=LATER)
        assert link_of(one(repository)).sessions == first
        repository.apply([changed(one(repository), end_sessions=True, answered=False)], now=LATER)
        assert link_of(one(repository)).sessions == first + 1
        assert link_of(one(repository)) == link_of(alice)

    def test_each_worker_that_ends_sessions_counts(self, repository: UserRepository) -> None:
        """The number is counted where it is kept: no two workers end the same one only."""
        alice = synced(repository)
        ending = changed(alice, end_sessions=True, answered=False)
        results = in_threads(8, lambda _: repository.apply([ending], now=LATER))
        assert results == [[alice.key]] * 8
        assert link_of(one(repository)).sessions == link_of(alice).sessions + 8
        assert last_sync(repository) == NOW
