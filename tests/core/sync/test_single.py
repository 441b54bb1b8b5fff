"""The sync of one user, against a directory in memory and a store in memory."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.core.sync.fakes import ALICE, DOMAIN_SID, GROUPS, NOW, FakeDirectory, guid, person, policy, sync
from wauth_core.directory.entries import AccountState, DirectoryUser
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable, SyncError
from wauth_core.identity import Identity, TransportFacts
from wauth_core.sync import Link, SyncStatus
from wauth_core.sync.plan import lapse
from wauth_core.testing import MemoryUserRepository


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


def test_first_and_second_sync(store: MemoryUserRepository) -> None:
    """The first sync makes the user with all rights at once; the second asks by GUID and writes nothing."""
    directory = FakeDirectory(person("Alice", 1, "Staff", givenName="Alice"))
    rules = policy(STAFF_GROUPS="Staff")
    first = sync(directory, store, rules)
    assert (first.status, first.ok, first.changed) == (SyncStatus.CREATED, True, True)
    user = store.users[first.key]
    assert user.fields == {"username": "alice", "first_name": "Alice"}
    assert user.flags == {"is_active": True, "is_staff": True}
    assert user.link is not None
    assert user.link.last_sync == NOW
    assert (store.writes, store.transactions) == (1, 1)

    second = sync(directory, store, rules)
    assert (second.status, second.key, second.changed) == (SyncStatus.UNCHANGED, first.key, False)
    assert (store.writes, store.transactions, store.touches) == (1, 1, 1)
    assert directory.searches == ["name alice", f"guid {guid(1)}"]


def test_a_dry_run_writes_nothing(store: MemoryUserRepository) -> None:
    """A dry run tells what would be done."""
    result = sync(FakeDirectory(person("alice")), store, dry_run=True)
    assert (result.status, result.dry_run, len(result.changes)) == (SyncStatus.CREATED, True, 1)
    assert (store.users, store.writes, store.touches) == ({}, 0, 0)


def test_nobody_of_that_name(store: MemoryUserRepository) -> None:
    """An unknown name makes no user."""
    result = sync(FakeDirectory(), store)
    assert (result.status, result.ok, result.key) == (SyncStatus.NOT_FOUND, False, None)
    assert store.users == {}


def test_a_deleted_account(store: MemoryUserRepository) -> None:
    """A user whose account is gone is deactivated, once; a second sync writes nothing more."""
    directory = FakeDirectory(person("alice"))
    key = sync(directory, store).key
    directory.people.clear()
    gone = sync(directory, store)
    assert (gone.status, gone.key, gone.ok) == (SyncStatus.NOT_FOUND, key, False)
    assert store.users[key].flags["is_active"] is False
    writes = store.writes
    assert sync(directory, store).changes == ()
    assert store.writes == writes


def test_a_failing_directory_changes_nothing(store: MemoryUserRepository) -> None:
    """An unavailable directory raises; known users keep all they have and nobody is made."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    rules = policy(STAFF_GROUPS="Staff")
    sync(directory, store, rules)
    before = dataclasses.replace(store.users[1])
    directory.fail = DirectoryUnavailable("no answer")
    with pytest.raises(DirectoryUnavailable):
        sync(directory, store, rules)
    with pytest.raises(DirectoryUnavailable):
        sync(directory, store, rules, name="bob")
    assert store.users == {1: before}


def test_a_gate_that_cannot_be_found_changes_nothing(store: MemoryUserRepository) -> None:
    """A DENY_GROUPS that does not resolve stops the sync before anything is asked or written."""
    directory = FakeDirectory(person("alice"))
    with pytest.raises(ConfigurationError):
        sync(directory, store, policy(DENY_GROUPS="Leavrs"))
    assert store.users == {}


def test_a_store_that_refuses_leaves_nothing(store: MemoryUserRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constraint of the store undoes the whole sync, the row set aside included."""
    directory = FakeDirectory(person("alice", 1))
    sync(directory, store)
    directory.people = [person("alice", 2)]
    real = store._write

    def fails_on_the_second(change: Any, *rest: Any) -> Any:
        if change.key is None:
            raise SyncError("no")
        return real(change, *rest)

    monkeypatch.setattr(store, "_write", fails_on_the_second)
    with pytest.raises(SyncError):
        sync(directory, store)
    assert store.users[1].fields["username"] == "alice"
    assert store.users[1].flags["is_active"] is True


def test_a_renamed_person_signs_in_under_the_new_name(store: MemoryUserRepository) -> None:
    """Who comes under a new name is known by the GUID, and keeps the account."""
    directory = FakeDirectory(person("alice", 1))
    key = sync(directory, store).key
    directory.people = [person("alicia", 1)]
    result = sync(directory, store, name="alicia")
    assert (result.status, result.key) == (SyncStatus.UPDATED, key)
    assert store.users[key].fields["username"] == "alicia"


def test_a_renamed_person_under_the_old_name(store: MemoryUserRepository) -> None:
    """A ticket outlives a renaming: under the old name, while nobody else has it, the person goes on; the user is
    renamed at once, the link when the new name comes."""
    directory = FakeDirectory(person("alice", 1))
    key = sync(directory, store).key
    directory.people = [person("alicia", 1)]
    assert sync(directory, store, name="alice").key == key
    assert store.users[key].fields["username"] == "alicia"
    assert sync(directory, store, name="alice").status is SyncStatus.UNCHANGED
    assert store.users[key].link == Link("EXAMPLE", "alice", guid(1), f"{DOMAIN_SID}-2001")
    assert sync(directory, store, name="alicia").key == key
    assert store.users[key].link == Link("EXAMPLE", "alicia", guid(1), f"{DOMAIN_SID}-2001")
    assert sync(directory, store, name="alice").status is SyncStatus.NOT_FOUND


def test_a_reused_name_gets_a_fresh_account(store: MemoryUserRepository) -> None:
    """The new person under an old name gets an account of their own, and the old one is set aside."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    rules = policy(STAFF_GROUPS="Staff")
    old = sync(directory, store, rules).key
    directory.people = [person("alice", 2)]
    result = sync(directory, store, rules)
    assert result.status is SyncStatus.CREATED
    assert result.key != old
    assert store.users[result.key].flags["is_staff"] is False
    assert store.users[old].flags == {"is_active": False, "is_staff": False}
    assert store.users[old].fields["username"] == "alice~00000001"


def test_a_reused_name_whose_first_owner_lives_on(store: MemoryUserRepository) -> None:
    """Signed in as "alice" is who has that name today, though the linked person still exists under another name.
    That person finds the old account again."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    rules = policy(STAFF_GROUPS="Staff")
    old = sync(directory, store, rules).key
    directory.people = [person("alicia", 1, "Staff"), person("alice", 2)]
    new = sync(directory, store, rules)
    assert new.status is SyncStatus.CREATED
    assert new.key != old
    assert new.user.guid == guid(2)
    back = sync(directory, store, rules, name="alicia")
    assert (back.status, back.key) == (SyncStatus.UPDATED, old)
    assert store.users[old].fields["username"] == "alicia"
    assert store.users[old].flags == {"is_active": True, "is_staff": True}


def test_two_people_swap_their_names(store: MemoryUserRepository) -> None:
    """After a swap each keeps the own account, whoever comes first."""
    directory = FakeDirectory(person("alice", 1), person("bob", 2))
    alice, bob = sync(directory, store).key, sync(directory, store, name="bob").key
    directory.people = [person("bob", 1), person("alice", 2)]
    assert sync(directory, store, name="bob").key == alice
    assert sync(directory, store, name="alice").key == bob
    assert [store.users[key].fields["username"] for key in (alice, bob)] == ["bob", "alice"]
    assert all(user.flags["is_active"] for user in store.users.values())


def test_a_link_made_by_hand_is_completed(store: MemoryUserRepository) -> None:
    """A link without a GUID, as django-windowsauth left it, gets the GUID of who bears the name."""
    key = store.add("alice", link=Link("example", "Alice"))
    result = sync(FakeDirectory(person("alice", 1)), store)
    assert (result.status, result.key) == (SyncStatus.UPDATED, key)
    assert store.users[key].link == Link("example", "alice", guid(1), f"{DOMAIN_SID}-2001")


def test_twins_in_two_domains(store: MemoryUserRepository) -> None:
    """The same name in two domains is two people: the second is refused, or gets a name of its own by the format."""
    first = sync(FakeDirectory(person("alice", 1, "Staff")), store, policy(STAFF_GROUPS="Staff"))
    other = FakeDirectory(person("alice", 2))
    assert sync(other, store, policy("OTHER", STAFF_GROUPS="Staff")).status is SyncStatus.NAME_TAKEN
    assert store.users[first.key].flags["is_staff"] is True
    by_format = policy("OTHER", options={"username_format": "{username}@{domain}"})
    twin = sync(other, store, by_format)
    assert twin.status is SyncStatus.CREATED
    assert store.users[twin.key].fields["username"] == "alice@OTHER"


def test_a_local_account_is_not_taken_over(store: MemoryUserRepository) -> None:
    """A local administrator named like somebody in the directory stays who they are."""
    key = store.add("ALICE", flags={"is_superuser": True})
    result = sync(FakeDirectory(person("alice")), store)
    assert (result.status, result.key, result.ok) == (SyncStatus.NAME_TAKEN, None, False)
    assert store.users[key].link is None
    adopting = policy(options={"adopt_existing_users": True})
    adopted = sync(FakeDirectory(person("alice")), store, adopting)
    assert (adopted.status, adopted.key) == (SyncStatus.ADOPTED, key)


def test_busy(store: MemoryUserRepository) -> None:
    """While one worker syncs a user the others ask nothing: they have its answer, or none, which is for the visit."""
    directory = FakeDirectory(person("alice"))
    key = sync(directory, store, now=NOW).key
    with store.lock("EXAMPLE", "ALICE"):
        just_answered = sync(directory, store, now=NOW + MINUTE)
        at_it_still = sync(directory, store, now=NOW + HOUR)
    assert (just_answered.status, just_answered.key) == (SyncStatus.UNCHANGED, key)
    assert (at_it_still.status, at_it_still.key, at_it_still.ok) == (SyncStatus.BUSY, key, True)
    assert len(directory.searches) == 1


def test_the_first_requests_of_a_new_user_come_together(store: MemoryUserRepository) -> None:
    """Two first requests at once make one user, and both are let in."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(FakeDirectory):
        def person(self, **wanted: Any) -> DirectoryUser:
            entered.set()
            assert go_on.wait(10)
            return super().person(**wanted)

    directory = Slow(person("alice"))
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(sync(directory, store))) for _ in range(2)]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert sorted(result.status.value for result in results) == ["created", "unchanged"]
    assert len(store.users) == 1


def facts(*groups: str, number: int = 1, complete: bool = True, at: datetime | None = NOW) -> TransportFacts:
    return TransportFacts(f"{DOMAIN_SID}-{2000 + number}", frozenset(GROUPS[g] for g in groups), at, complete)


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULES = policy(STAFF_GROUPS="Staff", DENY_GROUPS="Leavers", GROUP_MAP={"writers": "Editors"})


def test_a_young_ticket_of_a_known_person_costs_no_search(store: MemoryUserRepository) -> None:
    """Its groups are the directory's word of its time; fields stay as they are."""
    directory = FakeDirectory(person("alice", 1, givenName="Alice"))
    key = sync(directory, store, RULES, now=NOW - HOUR).key
    directory.searches.clear()
    result = sync(directory, store, RULES, facts=facts("Staff", "Editors"), now=NOW + 5 * MINUTE)
    user = store.users[key]
    assert (result.status, directory.searches) == (SyncStatus.UPDATED, [])
    assert (user.flags["is_staff"], user.groups, user.fields["first_name"]) == (True, {"writers"}, "Alice")
    assert user.link is not None
    assert user.link.last_sync == NOW, "the time of the ticket, not of the handshake"
    again = sync(directory, store, RULES, facts=facts("Staff", "Editors"), now=NOW + 6 * MINUTE)
    assert (again.status, directory.searches, store.writes) == (SyncStatus.UNCHANGED, [], 2)
    denied = sync(directory, store, RULES, facts=facts("Leavers", at=NOW + MINUTE), now=NOW + 7 * MINUTE)
    assert (denied.status, denied.ok, directory.searches) == (SyncStatus.REFUSED, False, [])
    assert store.users[key].flags == {"is_active": False, "is_staff": False}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(facts("Staff", at=NOW - HOUR), id="an-old-one"),
        pytest.param(facts("Staff", at=None), id="of-unknown-age"),
        pytest.param(facts("Staff", at=NOW + HOUR), id="from-the-future"),
    ],
)
def test_another_ticket_gives_nothing(store: MemoryUserRepository, given: TransportFacts) -> None:
    """The directory is asked, by one search, and what it says counts."""
    directory = FakeDirectory(person("alice"))
    key = sync(directory, store, RULES, now=NOW - 2 * HOUR).key
    directory.searches.clear()
    result = sync(directory, store, RULES, facts=given, now=NOW + MINUTE)
    assert (result.status, directory.searches) == (SyncStatus.UNCHANGED, [f"guid {guid(1)}"])
    assert store.users[key].flags["is_staff"] is False


def test_a_row_from_the_future_is_not_fresh(store: MemoryUserRepository) -> None:
    """It was written while a clock was ahead. A ticket is not spared the question for its sake."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    sync(directory, store, RULES, now=NOW + 72 * HOUR)
    directory.searches.clear()
    sync(directory, store, RULES, facts=facts("Staff", at=NOW), now=NOW + MINUTE)
    assert f"guid {guid(1)}" in directory.searches


def test_a_ticket_undoes_no_answer_that_is_newer(store: MemoryUserRepository) -> None:
    """Bob's morning ticket, after a sync has taken his rights and deactivated him: nothing comes back."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    key = sync(directory, store, RULES, now=NOW).key
    morning = facts("Staff", at=NOW + MINUTE)
    directory.people = [person("alice", 1, "Leavers")]
    assert not sync(directory, store, RULES, now=NOW + 2 * MINUTE).ok
    for later in (3 * MINUTE, 5 * MINUTE):
        assert not sync(directory, store, RULES, facts=morning, now=NOW + later).ok
        assert store.users[key].flags == {"is_active": False, "is_staff": False}
    young = facts("Staff", at=NOW + 6 * MINUTE)
    assert not sync(directory, store, RULES, facts=young, now=NOW + 7 * MINUTE).ok, "a ticket re-activates nobody"


def test_what_an_old_ticket_lacks_is_taken_in_an_outage(store: MemoryUserRepository) -> None:
    """It is newer than the row and too old to give anything; the directory does not answer."""
    directory = FakeDirectory(person("alice", 1, "Staff", "Editors"))
    key = sync(directory, store, RULES, now=NOW - 3 * HOUR).key
    directory.fail = DirectoryUnavailable("no answer")
    with pytest.raises(DirectoryUnavailable):
        sync(directory, store, RULES, facts=facts("Staff", at=NOW - HOUR), now=NOW)
    assert (store.users[key].flags["is_staff"], store.users[key].groups) == (True, set())
    with pytest.raises(DirectoryUnavailable):
        sync(directory, store, RULES, facts=facts("Editors", at=NOW - MINUTE * 30), now=NOW)
    assert (store.users[key].flags["is_staff"], store.users[key].groups) == (False, set())


def test_built_in_groups_that_a_ticket_leaves_out(store: MemoryUserRepository) -> None:
    """Who carries the SID of a member of BUILTIN\\Administrators is an administrator."""
    directory = FakeDirectory(person("alice"))
    directory.builtin = {GROUPS["Administrators"]: frozenset({GROUPS["Domain Admins"]})}
    rules = policy(STAFF_GROUPS="Administrators")
    sync(directory, store, rules, now=NOW - HOUR)
    for minute, groups, staff in ((1, ["Domain Admins"], True), (2, ["Staff"], False)):
        given = facts(*groups, complete=False, at=NOW + minute * MINUTE)
        assert sync(directory, store, rules, facts=given, now=NOW + 5 * MINUTE).flags == {"is_staff": staff}
    whole = facts("Domain Admins", at=NOW + 3 * MINUTE)
    assert sync(directory, store, rules, facts=whole, now=NOW + 5 * MINUTE).flags == {"is_staff": False}


# -- controllers that lag behind one another

DC1, DC2 = "ldaps://dc1:636", "ldaps://dc2:636"


def test_a_right_that_one_controller_took_another_does_not_give_back_at_once(store: MemoryUserRepository) -> None:
    """For one delta; then it may."""
    directory = FakeDirectory(person("alice", 1, "Staff", "Editors"))
    directory.controller = DC1
    key = sync(directory, store, RULES, now=NOW).key
    directory.people = [person("alice", 1)]
    sync(directory, store, RULES, now=NOW + MINUTE)
    assert store.users[key].flags["is_staff"] is False
    directory.people, directory.controller = [person("alice", 1, "Staff", "Editors", givenName="Al")], DC2
    held = sync(directory, store, RULES, now=NOW + 2 * MINUTE)
    user = store.users[key]
    assert held.ok
    assert (user.flags["is_staff"], user.groups, user.fields["first_name"]) == (False, set(), "Al")
    directory.controller = DC1
    assert sync(directory, store, RULES, now=NOW + 3 * MINUTE).ok
    assert store.users[key].flags["is_staff"] is True, "the one that took it gives it back when it says so"


def test_a_deactivation_is_not_undone_by_another_controller_at_once(store: MemoryUserRepository) -> None:
    """The account was disabled on the first; the second has not heard."""
    directory = FakeDirectory(person("alice", state=AccountState(disabled=True)))
    directory.people = [person("alice")]
    directory.controller = DC1
    key = sync(directory, store, now=NOW).key
    directory.people = [person("alice", state=AccountState(disabled=True))]
    assert not sync(directory, store, now=NOW + MINUTE).ok
    directory.people, directory.controller = [person("alice")], DC2
    assert not sync(directory, store, now=NOW + 2 * MINUTE).ok
    assert store.users[key].flags["is_active"] is False
    assert sync(directory, store, now=NOW + 12 * MINUTE).ok
    assert store.users[key].flags["is_active"] is True


def test_not_found_by_a_controller_that_lags_is_no_answer(store: MemoryUserRepository) -> None:
    """A person who was hired a minute ago is known to the first controller alone."""
    directory = FakeDirectory(person("alice"))
    directory.controller = DC1
    key = sync(directory, store, now=NOW).key
    directory.people, directory.controller = [], DC2
    with pytest.raises(DirectoryUnavailable, match="lag"):
        sync(directory, store, now=NOW + MINUTE)
    assert store.users[key].flags["is_active"] is True
    assert sync(directory, store, now=NOW + 11 * MINUTE).status is SyncStatus.NOT_FOUND
    assert store.users[key].flags["is_active"] is False


# -- sessions end


def number(store: MemoryUserRepository, key: Any) -> int:
    link = store.users[key].link
    assert link is not None
    return link.sessions


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        pytest.param({"pwdLastSet": NOW}, {"pwdLastSet": NOW + HOUR}, True, id="a-new-password"),
        pytest.param({"pwdLastSet": NOW}, {"pwdLastSet": None}, True, id="it-must-be-changed"),
        pytest.param({"pwdLastSet": None}, {"pwdLastSet": NOW}, True, id="it-was-changed"),
        pytest.param({"pwdLastSet": NOW}, {"pwdLastSet": NOW}, False, id="the-same"),
        pytest.param({}, {"pwdLastSet": NOW}, False, id="read-for-the-first-time"),
        pytest.param({"pwdLastSet": NOW}, {}, False, id="not-to-be-read-any-more"),
    ],
)
def test_sessions_end_with_the_password(store: MemoryUserRepository, before: Any, after: Any, ends: bool) -> None:
    """One number a person: whoever holds another one is out."""
    directory = FakeDirectory(person("alice", 1, **before))
    key = sync(directory, store).key
    was = number(store, key)
    directory.people = [person("alice", 1, **after)]
    assert sync(directory, store).ok
    assert (number(store, key) != was) is ends
    now = number(store, key)
    assert sync(directory, store).ok
    assert number(store, key) == now, "once"


def test_sessions_end_with_the_account(store: MemoryUserRepository) -> None:
    """Disabled, refused, deleted, and when the name passes to somebody else."""
    directory = FakeDirectory(person("alice", 1))
    key = sync(directory, store, RULES).key
    seen = [number(store, key)]
    for people in (
        [person("alice", 1, state=AccountState(disabled=True))],
        [person("alice", 1)],
        [person("alice", 1, "Leavers")],
        [person("alice", 1)],
        [],
        [person("alice", 1)],
        [person("alice", 2)],
    ):
        directory.people = people
        sync(directory, store, RULES)
        seen.append(number(store, key))
    assert [after - before for before, after in itertools.pairwise(seen)] == [1, 0, 1, 0, 1, 0, 1]


# -- what cannot be asked for too long


def test_rights_lapse_and_come_back(store: MemoryUserRepository) -> None:
    """Flags and groups that the settings own are taken, once; what was given by hand, and the activity, stay."""
    directory = FakeDirectory(person("alice", 1, "Staff", "Editors"))
    key = sync(directory, store, RULES).key
    store.users[key].flags["is_superuser"] = True
    store.users[key].groups.add("chess club")
    [mine] = store.find(RULES.wanted, domain="EXAMPLE", username="alice")
    change = lapse(RULES, mine)
    assert store.apply([change], now=NOW + HOUR) == [key]
    user = store.users[key]
    assert (user.flags, user.groups) == ({"is_active": True, "is_staff": False, "is_superuser": True}, {"chess club"})
    assert user.link is not None
    assert mine.link is not None
    assert (user.link.lapsed, user.link.last_sync, user.link.sessions) == (
        True,
        mine.link.last_sync,
        mine.link.sessions,
    )
    assert store.apply([change], now=NOW + HOUR) == [None], "once"
    assert sync(directory, store, RULES, now=NOW + 2 * HOUR).status is SyncStatus.UPDATED
    user = store.users[key]
    assert (user.flags["is_staff"], user.groups, user.link.lapsed) == (True, {"chess club", "writers"}, False)


def test_a_lapse_that_comes_late_takes_nothing(store: MemoryUserRepository) -> None:
    """Another worker had an answer meanwhile."""
    directory = FakeDirectory(person("alice", 1, "Staff"))
    key = sync(directory, store, RULES).key
    [mine] = store.find(RULES.wanted, domain="EXAMPLE", username="alice")
    late = lapse(RULES, mine)
    sync(directory, store, RULES)
    assert store.apply([late], now=NOW + HOUR) == [None]
    assert store.users[key].flags["is_staff"] is True


def test_the_ticket_of_another_person(store: MemoryUserRepository) -> None:
    """A sign-in whose SID is not the SID of who bears the name is refused, and nothing is written."""
    result = sync(FakeDirectory(person("alice", 1)), store, facts=facts("Staff", number=9))
    assert (result.status, result.ok) == (SyncStatus.REFUSED, False)
    assert store.users == {}


def test_hooks(store: MemoryUserRepository) -> None:
    """A hook before the sync may refuse, with its reason; the hook after gets the result of what is written."""
    seen: list[Any] = []
    directory = FakeDirectory(person("alice", 1, department="Sales"))

    def before(identity: Identity, user: DirectoryUser) -> str | None:
        assert identity == ALICE
        return "Sales do not come in" if user.attributes.get("department") == "Sales" else None

    def after(result: Any) -> None:
        seen.append((result.status, len(store.users)))

    refused = sync(directory, store, before=before, after=after)
    assert (refused.status, refused.reason) == (SyncStatus.REFUSED, "Sales do not come in")
    directory.people = [person("alice", 1, department="Support")]
    assert sync(directory, store, before=before, after=after, dry_run=True).ok
    assert sync(directory, store, before=before, after=after).ok
    assert seen == [(SyncStatus.REFUSED, 0), (SyncStatus.CREATED, 1)]


def test_a_disabled_new_person_makes_no_user(store: MemoryUserRepository) -> None:
    """Nobody is made for an account that may not be used."""
    result = sync(FakeDirectory(person("alice", state=AccountState(disabled=True))), store)
    assert (result.status, result.reason) == (SyncStatus.DISABLED, "the account is disabled in the directory")
    assert store.users == {}
