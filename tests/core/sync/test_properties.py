"""Whatever happens in a directory, in whatever order: nobody becomes somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.sync.fakes import NOW, FakeDirectory, person, policy, sync
from wauth_core.directory.entries import AccountState
from wauth_core.sync import SyncStatus
from wauth_core.testing import MemoryUserRepository

NAMES = ("ann", "bob", "cay")
RULES = policy(STAFF_GROUPS="Staff", GROUP_MAP={"writers": "Editors"}, DENY_GROUPS="Leavers")

names = st.sampled_from(NAMES)
events = st.one_of(
    st.tuples(st.just("hire"), names),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("swap"), names, names),
    st.tuples(st.just("join"), names, st.sampled_from(["Staff", "Editors", "Leavers"])),
    st.tuples(st.just("disable"), names),
    st.tuples(st.just("sync"), names),
)


class World:
    """A directory of up to three names, people who come and go under them, and an application that syncs."""

    def __init__(self) -> None:
        self.store = MemoryUserRepository()
        self.people: dict[str, dict[str, Any]] = {}
        self.hired = self.seconds = 0

    def directory(self) -> FakeDirectory:
        return FakeDirectory(
            *(
                person(name, who["number"], *who["groups"], state=AccountState(disabled=who["disabled"]))
                for name, who in self.people.items()
            )
        )

    def hire(self, name: str) -> None:
        if name not in self.people:
            self.hired += 1
            self.people[name] = {"number": self.hired, "groups": set(), "disabled": False}

    def delete(self, name: str) -> None:
        self.people.pop(name, None)

    def swap(self, one: str, other: str) -> None:
        here, there = self.people.pop(one, None), self.people.pop(other, None)
        if here is not None:
            self.people[other] = here
        if there is not None and one != other:
            self.people[one] = there

    def join(self, name: str, group: str) -> None:
        if name in self.people:
            self.people[name]["groups"] ^= {group}

    def disable(self, name: str) -> None:
        if name in self.people:
            self.people[name]["disabled"] ^= True

    def later(self) -> Any:
        self.seconds += 1
        return NOW + timedelta(seconds=self.seconds)

    def sync(self, name: str) -> None:
        """Sync, and hold the result against what the directory says."""
        guids = {key: user.link.guid for key, user in self.store.users.items() if user.link}
        result = sync(self.directory(), self.store, RULES, name=name, now=self.later())
        for key, guid in guids.items():
            link = self.store.users[key].link
            assert link is not None
            assert link.guid == guid, "an account was handed to another person"
        who = self.people.get(name)
        if result.ok:
            assert who is not None or result.user.username in self.people
        if who is not None:
            usable = not who["disabled"] and "Leavers" not in who["groups"]
            assert result.ok is usable
            if usable:
                user = self.store.users[result.key]
                assert user.fields["username"] == name
                assert user.flags["is_active"] is True
                assert user.flags.get("is_staff", False) is ("Staff" in who["groups"])
                assert ("writers" in user.groups) is ("Editors" in who["groups"])
            elif result.key is not None:
                user = self.store.users[result.key]
                assert (user.flags["is_active"], user.flags.get("is_staff", False)) == (False, False)
                assert "writers" not in user.groups
        writes = self.store.writes
        again = sync(self.directory(), self.store, RULES, name=name, now=self.later())
        assert again.changes == ()
        assert self.store.writes == writes
        if result.ok:
            assert (again.status, again.key) == (SyncStatus.UNCHANGED, result.key)
        taken = [user.fields["username"] for user in self.store.users.values()]
        assert len(taken) == len(set(taken))


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=30))
def test_nobody_becomes_somebody_else(history: list[tuple[str, ...]]) -> None:
    """Hires, departures, reused and swapped names, promotions and syncs in any order: an account stays with its person,
    rights are those of the directory, and a second sync in a row writes nothing."""
    world = World()
    for event, *arguments in history:
        getattr(world, event)(*arguments)
    for name in NAMES:
        world.sync(name)
