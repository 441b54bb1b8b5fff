"""The pool alone: who gets a connection when there are too few."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from wauth_core.directory.endpoints import Endpoint
from wauth_core.directory.pool import Pool
from wauth_core.exceptions import DirectoryUnavailable

PATIENCE = 5.0


class FakeConnection:
    """As much of a connection as the pool sees of it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.opened_at = self.used_at = time.monotonic()
        self.closed = False
        self.usage = None

    def is_idle(self) -> bool:
        return not self.closed

    def hang_up(self, *, polite: bool = False) -> None:
        self.closed = True


def pool_of(size: int) -> Pool:
    """A pool whose connections are made of nothing."""
    dialer: Any = SimpleNamespace(
        domain="EXAMPLE",
        settings=SimpleNamespace(CONNECT_TIMEOUT=1),
        service_connection=lambda endpoint, deadline: FakeConnection(endpoint),
    )
    return Pool(dialer, (Endpoint("dc1.example.local", 636, True),), size)


def wait_for_queue(pool: Pool, length: int) -> None:
    """Until so many threads wait."""
    deadline = time.monotonic() + PATIENCE
    while len(pool.state.queue) < length:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_threads_are_served_in_the_order_they_came() -> None:
    """One that gives its connection back and wants one again at once comes after those who waited."""
    pool, served = pool_of(1), []

    def want(name: str) -> None:
        with pool.connection(time.monotonic() + PATIENCE):
            served.append(name)

    threads = []
    with pool.connection(time.monotonic() + PATIENCE):
        for at, name in enumerate(("first", "second", "third"), 1):
            thread = threading.Thread(target=want, args=(name,))
            thread.start()
            threads.append(thread)
            wait_for_queue(pool, at)
    want("who had one")
    for thread in threads:
        thread.join(PATIENCE)
    assert served == ["first", "second", "third", "who had one"]
    assert pool.counts() == (0, 1)


def test_a_full_pool_is_an_error_in_time_and_leaves_no_trace() -> None:
    """Who waited in vain stands in nobody's way afterwards."""
    pool = pool_of(1)
    failed = []

    def want() -> None:
        try:
            with pool.connection(time.monotonic() + 0.05):
                pass
        except DirectoryUnavailable as error:
            failed.append(str(error))

    with pool.connection(time.monotonic() + PATIENCE):
        thread = threading.Thread(target=want)
        thread.start()
        thread.join(PATIENCE)
    assert "POOL_SIZE" in failed[0]
    with pool.connection(time.monotonic() + PATIENCE):
        assert pool.counts() == (1, 0)


def test_a_thread_never_waits_for_itself() -> None:
    """Asking while a connection is held (in the middle of a stream) opens one beyond the pool, which is not kept."""
    pool = pool_of(1)
    with (
        pool.connection(time.monotonic() + PATIENCE) as outer,
        pool.connection(time.monotonic() + PATIENCE) as inner,
    ):
        assert inner is not outer
    assert pool.counts() == (0, 1)


@pytest.mark.parametrize("fresh", [True, False])
def test_fresh_means_never_used(fresh: bool) -> None:
    """A retry gets a new connection and the idle ones are closed; else the idle one is used again."""
    pool = pool_of(2)
    with pool.connection(time.monotonic() + PATIENCE) as first:
        pass
    with pool.connection(time.monotonic() + PATIENCE, fresh=fresh) as second:
        assert (second is first) is not fresh
    assert first.closed is fresh
