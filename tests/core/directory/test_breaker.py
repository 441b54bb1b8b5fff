"""A directory that is silent: one caller asks, nobody else waits, and all of a machine's processes know."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cachelib import SimpleCache

from wauth_core import Identity, Wauth, WindowsUser
from wauth_core.cache import FileCache, SharedCache
from wauth_core.directory import LDAPManager, trace
from wauth_core.directory.breaker import FIRST, LONGEST, LOOK, Breaker, BreakerState
from wauth_core.exceptions import DirectoryOffline, DirectoryUnavailable
from wauth_core.settings import LDAPSettings
from wauth_core.sync.knowledge import May
from wauth_core.sync.repository import Wanted
from wauth_core.testing import EmbeddedDirectory, MemoryUserRepository
from wauth_core.web.authority import Row, refresh

SILENT = "dc1 did not answer in time."


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Dict:
    """A cache whose entries last as the clock says."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, /) -> Any:
        value, until = self.kept.get(key, (None, 0.0))
        return value if until > self.clock() else None

    def set(self, key: str, value: Any, timeout: int, /) -> None:
        self.kept[key] = value, self.clock() + timeout

    def add(self, key: str, value: Any, timeout: int, /) -> bool:
        if self.get(key) is not None:
            return False
        self.set(key, value, timeout)
        return True

    def delete(self, key: str, /) -> None:
        self.kept.pop(key, None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def siblings(clock: Clock) -> list[Breaker]:
    """Two processes of one machine."""
    shared = SharedCache(Dict(clock))
    return [Breaker("EXAMPLE", ("dc1",), shared, clock, timedelta(minutes=10)) for _ in range(2)]


def refused(breaker: Breaker) -> bool:
    """Whether a caller is told at once that nobody answers."""
    try:
        breaker.admit()
    except DirectoryOffline:
        return True
    return False


def test_a_silence_counts_at_once_and_one_caller_tries(siblings: list[Breaker], clock: Clock) -> None:
    """Nobody asks for two seconds; then one of all callers does, and the pause doubles up to 30 seconds."""
    one, other = siblings
    assert not one.admit()
    one.failed(SILENT, 10.0)
    pauses = []
    for _ in range(6):
        began = clock.now
        while refused(one) and refused(other):
            clock.now += 0.5
        pauses.append(clock.now - began)
        assert refused(one)
        assert refused(other)
        asker = one if one._known.here.next_try - clock.now == LONGEST else other
        asker.failed(SILENT, 10.0, tried=True)
    assert pauses[0] == FIRST
    assert all(now <= then <= LONGEST + LOOK for now, then in itertools.pairwise(pauses))
    assert pauses[-1] >= LONGEST


def test_an_answer_ends_it_for_all(siblings: list[Breaker], clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The sibling takes it over within a second. Each change is one line, with what it spared, and how long it might
    have lasted."""
    one, other = siblings
    one.answered()
    clock.now += 60
    with caplog.at_level(logging.WARNING, "wauth.directory"):
        one.failed(SILENT, 10.0)
        assert [refused(one) for _ in range(3)] == [True] * 3
        assert refused(other) or other._known.here.next_try > clock.now
        clock.now += FIRST
        assert one.admit()
        one.answered()
        assert not one.admit()
        clock.now += LOOK
        assert not other.admit()
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "is offline" in line] == [lines[0]]
    assert "(0:09:00 of WAUTH_MAX_STALENESS left)" in lines[0]
    assert "3 questions were spared (0:09:58 of WAUTH_MAX_STALENESS left)" in lines[1]


def test_a_failure_that_costs_no_time_makes_nobody_wait(siblings: list[Breaker]) -> None:
    """A controller that refuses connections is asked again: the next one may be served."""
    breaker = siblings[0]
    breaker.failed("dc1 cannot be reached: Connection refused.", 0.01)
    assert breaker.report().state is BreakerState.SUSPECTED
    assert not breaker.admit()
    breaker.answered()
    assert breaker.report().state is BreakerState.ONLINE


def test_one_who_never_comes_back_is_replaced(siblings: list[Breaker], clock: Clock) -> None:
    """The caller that tries may be killed: its turn ends after 30 seconds, whatever the clock of the file says."""
    one, other = siblings
    one.failed(SILENT, 10.0)
    clock.now += FIRST
    assert one.admit()
    clock.now += LONGEST + LOOK
    assert other.admit()


def test_a_turn_from_the_future_counts_for_nothing(tmp_path: Path) -> None:
    """What was written under a clock three days ahead holds nobody up."""
    clock, file = Clock(), FileCache(tmp_path / "cache.sqlite3")
    breaker = Breaker("EXAMPLE", ("dc1",), SharedCache(file), clock)
    breaker.failed(SILENT, 10.0)
    file.set(f"{breaker._key}.try", clock.now + 3 * 86400, 3 * 86400)
    clock.now += FIRST
    assert breaker.admit()


def test_those_who_asked_before_lengthen_no_pause(siblings: list[Breaker], clock: Clock) -> None:
    """Ten threads that time out together are one silence."""
    for _ in range(10):
        siblings[0].failed(SILENT, 10.0)
    assert siblings[0].report().next_try == FIRST


# -- a whole manager, with a directory that is there and says nothing


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    with EmbeddedDirectory({"users": {"alice": {"name": "Alice"}}}) as running:
        yield running


@pytest.fixture
def manager(directory: EmbeddedDirectory, clock: Clock) -> Iterator[LDAPManager]:
    """One with a breaker whose clock stands still. Its directory was asked once."""
    given = directory.settings(CONNECT_TIMEOUT=1, OPERATION_TIMEOUT=1)
    with LDAPManager(LDAPSettings(**given), "EXAMPLE", shared=SharedCache()) as made:
        made._pool.breaker = Breaker("EXAMPLE", (directory.url,), SharedCache(), clock)
        assert made.user("alice")
        yield made


def test_a_single_silent_server_is_asked_once(manager: LDAPManager, directory: EmbeddedDirectory, clock: Clock) -> None:
    """After its first time-out a hundred look-ups and a sign-in send nothing. The one who tries finds it back."""
    with directory.faults.hang():
        with pytest.raises(DirectoryUnavailable):
            manager.user("alice")
        with trace() as operations:
            for _ in range(100):
                with pytest.raises(DirectoryOffline):
                    manager.user("alice")
            assert not manager.authenticate("alice", "Wrong-Horse-1")
            with pytest.raises(DirectoryOffline):
                manager.connection.search("", "(objectClass=*)")
        assert operations == []
    clock.now += FIRST
    assert manager.user("alice").username == "alice"
    assert manager._pool.breaker is not None
    assert manager._pool.breaker.report().state is BreakerState.ONLINE


def test_those_in_the_queue_are_told_at_once(directory: EmbeddedDirectory, clock: Clock) -> None:
    """They wait for a connection when the silence is found out, and would find it out again, one after the other."""
    given = directory.settings(CONNECT_TIMEOUT=1, OPERATION_TIMEOUT=60, POOL_SIZE=1)
    raised: list[BaseException] = []
    with LDAPManager(LDAPSettings(**given), "EXAMPLE", shared=SharedCache()) as manager:
        pool = manager._pool
        breaker = pool.breaker = Breaker("EXAMPLE", (directory.url,), SharedCache(), clock)
        assert manager.user("alice")

        def ask() -> None:
            try:
                manager.user("alice")
            except DirectoryUnavailable as error:
                raised.append(error)

        with pool.connection(time.monotonic() + 5):
            waiting = [threading.Thread(target=ask) for _ in range(3)]
            for thread in waiting:
                thread.start()
            while len(pool.state.queue) < 3:
                time.sleep(0.001)
            breaker.failed(SILENT, 10.0)
            pool.wake()
            for thread in waiting:
                thread.join(10)
            assert len(raised) == 3
    assert {type(error) for error in raised} == {DirectoryOffline}


def test_doctor_shows_the_state(manager: LDAPManager, directory: EmbeddedDirectory, clock: Clock) -> None:
    """It says since when and what it spared; and a doctor's own sign-in ends it."""
    with directory.faults.hang():
        with pytest.raises(DirectoryUnavailable):
            manager.user("alice")
        with pytest.raises(DirectoryOffline):
            manager.user("alice")
    [state] = [check for check in manager.doctor() if check.name == "state"]
    assert state.detail.startswith("offline for 0 s; 1 questions were spared.")
    [state] = [check for check in manager.doctor() if check.name == "state"]
    assert state.detail == "online"


def test_a_site_goes_on_by_what_it_knows(directory: EmbeddedDirectory) -> None:
    """A hundred due requests of somebody known are a YES each, a stranger is nobody's guess, and nothing is asked."""
    repository = MemoryUserRepository()
    given = directory.settings(CONNECT_TIMEOUT=1, OPERATION_TIMEOUT=1)
    alice, stranger = Identity("EXAMPLE", "alice"), Identity("EXAMPLE", "nobody-knows")
    with Wauth({"EXAMPLE": given}, resync_delta=0) as wauth:
        wauth.manager("EXAMPLE")._pool.breaker = Breaker("EXAMPLE", (directory.url,), SharedCache(), Clock())
        assert refresh(wauth, repository, alice, None).may is May.YES
        [snapshot] = repository.find(Wanted((), ()), domain="EXAMPLE", username="alice")
        row = Row(snapshot.key, snapshot.link)
        with directory.faults.hang():
            assert refresh(wauth, repository, alice, row).may is May.YES
            with trace() as operations:
                for _ in range(100):
                    assert refresh(wauth, repository, alice, row).may is May.YES
                refused = refresh(wauth, repository, stranger, None)
                assert (refused.status, refused.log_level) == (503, logging.DEBUG)  # the log had one line for all
            assert operations == []


def test_a_new_process_goes_on_by_the_applications_cache(directory: EmbeddedDirectory) -> None:
    """It has never heard anything, but another one has: who alice is, and what the groups' names mean."""
    given = {"EXAMPLE": directory.settings(CONNECT_TIMEOUT=1, OPERATION_TIMEOUT=1)}
    alice, cache = Identity("EXAMPLE", "alice"), SimpleCache()

    def groups(wauth: Wauth) -> list[bool]:
        user = WindowsUser(alice, directory=wauth.people)
        return [user.in_group(name) for name in ("Domain Users", "Domain Admins")]

    with Wauth(given, resync_delta=0, cache=cache) as wauth:
        assert groups(wauth) == [True, False]
    with Wauth(given, resync_delta=0, cache=cache) as wauth, directory.faults.hang():
        assert groups(wauth) == [True, False]
    with Wauth(given, resync_delta=0) as wauth, directory.faults.hang(), pytest.raises(DirectoryUnavailable):
        groups(wauth)


def test_a_request_has_one_deadline(directory: EmbeddedDirectory) -> None:
    """It counts where OPERATION_TIMEOUT would allow more, and for all questions of a sync together."""
    given = directory.settings(OPERATION_TIMEOUT=3600, CONNECT_TIMEOUT=3600)
    with Wauth({"EXAMPLE": given}, request_deadline=1) as wauth, directory.faults.hang():
        with pytest.raises(DirectoryUnavailable):
            wauth.directories.user(Identity("EXAMPLE", "alice"))
        assert not wauth.authenticate("alice", "Wrong-Horse-1")
