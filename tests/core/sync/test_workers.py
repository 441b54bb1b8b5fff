"""Workers that read and write one row at the same time, in whatever order; and controllers that lag behind one another.

Each worker is a real run (`sync_one`, `bulk.sync_all`, `lapse.take`) in a thread that goes on when it is told to: it
stops between its question and the answer, and before each write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.sync.fakes import ALICE, DOMAIN_SID, GROUPS, NOW, FakeDirectory, person, policy, sync
from wauth_core import SQLiteUserRepository
from wauth_core.directory.entries import AccountState, DirectoryUser
from wauth_core.exceptions import WauthError
from wauth_core.identity import TransportFacts
from wauth_core.sync import bulk, lapse
from wauth_core.sync.nesting import GroupGraph
from wauth_core.sync.single import sync_one
from wauth_core.sync.task import Task
from wauth_core.testing import MemoryUserRepository

RULES = policy(STAFF_GROUPS="Staff", DENY_GROUPS="Leavers", GROUP_MAP={"writers": "Editors"})
DELTA = timedelta(minutes=10)
State = frozenset[str]  # the groups that alice is in, and "disabled"

events = st.sampled_from(["Staff", "Editors", "Leavers", "disabled"])
works = st.sampled_from(["sync", "sync", "bulk", "ticket", "lapse"])
happenings = st.one_of(
    st.tuples(st.just("change"), events),
    st.tuples(st.just("logon"), st.just("")),
    st.tuples(st.just("begin"), works),
    *(st.tuples(st.just("go on"), st.just(worker)) for worker in (0, 1, 2)),
)


class Worker:
    """*work* in a thread of its own, which runs only during `step`. It calls ``pause`` where it may be overtaken."""

    def __init__(self, work: Callable[[Callable[[], None]], object]) -> None:
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.done = False
        self._work = work
        threading.Thread(target=self._run, daemon=True).start()
        self.step()

    def step(self) -> None:
        self._go.release()
        assert self._stopped.acquire(timeout=30)

    def _pause(self) -> None:
        self._stopped.release()
        assert self._go.acquire(timeout=30)

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._work(self._pause)
        except WauthError:
            pass  # where others write all the time
        finally:
            self.done = True
            self._stopped.release()


class Shared:
    """The store as one worker has it: others write before it does, and no claim keeps them away."""

    def __init__(self, store: Any, pause: Callable[[], None]) -> None:
        self._store, self._pause = store, pause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, changes: Any, *, now: datetime) -> Any:
        self._pause()
        return self._store.apply(changes, now=now)

    def touch(self, seen: Any, *, now: datetime) -> None:
        self._pause()
        self._store.touch(seen, now=now)

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Any:
        return nullcontext(True)


def alice(state: State) -> DirectoryUser:
    """Her entry."""
    return person("alice", 1, *sorted(state - {"disabled"}), state=AccountState(disabled="disabled" in state))


class Asked(FakeDirectory):
    """The directory as one worker asks it: between the question and the answer time goes on."""

    def __init__(self, world: World, pause: Callable[[], None]) -> None:
        super().__init__()
        self._world, self._pause = world, pause

    def person(self, **question: Any) -> DirectoryUser:
        self._pause()
        self.people = [alice(self._world.state)]
        return super().person(**question)

    def groups(self) -> GroupGraph:
        self._pause()
        return GroupGraph(())

    def all_people(self) -> list[DirectoryUser]:
        return [alice(self._world.state)]


class World:
    """Alice in the directory, through time, and the workers of an application that has her row."""

    def __init__(self, store: Any) -> None:
        self.store, self.now = store, NOW
        self.state: State = frozenset()
        self.history: list[tuple[datetime, State]] = [(NOW, self.state)]
        self.ticket: TransportFacts | None = None
        self.workers: list[Worker] = []
        sync(FakeDirectory(alice(self.state)), store, RULES, now=NOW)
        self.seen = self.row().link

    def row(self) -> Any:
        [found] = self.store.find(RULES.wanted, domain="EXAMPLE", username="alice")
        return found

    def happen(self, what: str, which: Any) -> None:
        self.now += timedelta(seconds=1)
        if what == "change":
            self.state ^= {which}
            self.history.append((self.now, self.state))
        elif what == "logon" and "disabled" not in self.state:
            sids = frozenset(GROUPS[group] for group in self.state)
            self.ticket = TransportFacts(f"{DOMAIN_SID}-2001", sids, self.now)
        elif what == "begin":
            self.workers.append(Worker(getattr(self, f"_{which}")))
        elif what == "go on" and self.workers:
            self.workers[which % len(self.workers)].step()
        self.workers = [worker for worker in self.workers if not worker.done]
        self.check()

    def finish(self) -> None:
        while self.workers:
            self.happen("go on", 0)

    def check(self) -> None:
        """A right in the row was given at some time since the answer that the row is by; no counter goes back."""
        row = self.row()
        link, since = row.link, row.link.last_sync
        assert since >= self.seen.last_sync
        assert link.sessions >= self.seen.sessions
        self.seen = link
        given_since = [state for at, state in self.history if at >= since]
        given_since.append(next(state for at, state in reversed(self.history) if at <= since))
        usable = [state for state in given_since if state.isdisjoint({"disabled", "Leavers"})]
        assert not row.flags["is_active"] or usable
        assert not row.flags["is_staff"] or any("Staff" in state for state in usable)
        assert "writers" not in row.groups or any("Editors" in state for state in usable)

    def _sync(self, pause: Callable[[], None], facts: TransportFacts | None = None) -> None:
        task = Task(ALICE, RULES, Asked(self, pause), Shared(self.store, pause), lambda: self.now, facts, DELTA)  # type: ignore[arg-type]
        sync_one(task)

    def _ticket(self, pause: Callable[[], None]) -> None:
        if self.ticket is not None:
            self._sync(pause, self.ticket)

    def _bulk(self, pause: Callable[[], None]) -> None:
        directory: Any = Asked(self, pause)
        directory.people = lambda *_: directory.all_people()
        bulk.sync_all(bulk.BulkTask(RULES, directory, Shared(self.store, pause), self.now))  # type: ignore[arg-type]

    def _lapse(self, pause: Callable[[], None]) -> None:
        lapse.take(RULES, Asked(self, pause), Shared(self.store, pause), ALICE, self.now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make", [MemoryUserRepository, lambda: SQLiteUserRepository(":memory:")], ids=["memory", "sqlite"]
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(happenings, min_size=10, max_size=40))
def test_whatever_the_order_of_writes_nothing_older_raises(make: Any, history: list[tuple[str, Any]]) -> None:
    """What a worker read before a right was taken never gives it back, by whichever way it came; and once all are done
    a sync of now makes the row what the directory says."""
    world = World(make())
    for happening in history:
        world.happen(*happening)
    world.finish()
    world.now += timedelta(hours=1)
    sync(FakeDirectory(alice(world.state)), world.store, RULES, now=world.now)
    world.check()
    row, usable = world.row(), world.state.isdisjoint({"disabled", "Leavers"})
    assert row.flags == {"is_active": usable, "is_staff": usable and "Staff" in world.state}
    assert ("writers" in row.groups) is (usable and "Editors" in world.state)
    assert row.link.lapsed is False
    if hasattr(world.store, "close"):
        world.store.close()


# -- two controllers, of which the second takes over what the first was told, within one delta


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("change"), events),
            st.tuples(st.just("replicate"), st.just("")),
            st.tuples(st.just("sync"), st.sampled_from(["dc1", "dc2"])),
            st.tuples(st.just("wait"), st.integers(1, 700)),
        ),
        max_size=30,
    )
)
def test_a_controller_that_lags_gives_nothing_back(history: list[tuple[str, Any]]) -> None:
    """A right that the row has lost comes back only if the domain has given it since then."""
    store, now = MemoryUserRepository(), NOW
    held: dict[str, State] = {"dc1": frozenset(), "dc2": frozenset()}
    given_at: list[tuple[datetime, State]] = [(NOW, frozenset())]
    told = NOW  # until when the second controller knows all
    lost: dict[str, datetime] = {}

    def rights() -> dict[str, bool]:
        [row] = store.find(RULES.wanted, domain="EXAMPLE", username="alice")
        return {
            "active": row.flags["is_active"],
            "Staff": row.flags["is_staff"],
            "Editors": "writers" in row.groups,
        }

    sync(FakeDirectory(alice(held["dc1"])), store, RULES, now=now)
    for what, which in [*history, ("replicate", ""), ("wait", 700), ("sync", "dc2"), ("wait", 700), ("sync", "dc1")]:
        now += timedelta(seconds=which if what == "wait" else 1)
        if what == "replicate" or now - told >= DELTA:
            held["dc2"], told = held["dc1"], now
        if what == "change":
            told = told if held["dc1"] != held["dc2"] else now
            held["dc1"] ^= {which}
            given_at.append((now, held["dc1"]))
        if what != "sync":
            continue
        directory, before = FakeDirectory(alice(held[which])), rights()
        directory.controller = which
        sync(directory, store, RULES, now=now)
        for right, has in rights().items():
            if before[right] and not has:
                lost[right] = now
            elif has and not before[right] and right in lost:
                since = [state for at, state in given_at if at >= lost[right]]
                since.append(next(state for at, state in reversed(given_at) if at <= lost[right]))
                good = [state for state in since if state.isdisjoint({"disabled", "Leavers"})]
                assert any(right in (*state, "active") for state in good), (right, which, now)
    usable = held["dc1"].isdisjoint({"disabled", "Leavers"})
    assert rights() == {"active": usable, **{right: usable and right in held["dc1"] for right in ("Staff", "Editors")}}
