"""A bounded pool of bound connections.

A connection belongs to one thread at a time. After a fork the child starts with an empty pool. Parent and child never
use the same socket.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ldap3.core.usage import ConnectionUsage

from wauth_core.directory import jobs, usage
from wauth_core.directory.breaker import Breaker
from wauth_core.directory.connection import Connection, Lost
from wauth_core.directory.dialer import Dialer
from wauth_core.directory.discovery import Discovered
from wauth_core.directory.endpoints import Endpoint
from wauth_core.directory.rotation import OutOfTime, Rotation
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable, OperationFailed
from wauth_core.process import PerProcess

log = logging.getLogger("wauth.directory")

CHECK_AFTER_IDLE = 30.0  # seconds; after such a rest a connection must answer a small question first
CHECK_TIMEOUT = 2.0  # seconds that this question may take
MAX_AGE = 600.0  # seconds; then a connection is replaced, so that a preferred server that is back is used again


@dataclass
class _State:
    """What belongs to one process."""

    lock: Any = field(default_factory=threading.RLock)  # re-entrant: an abandoned generator may return one at any time
    queue: deque[threading.Condition] = field(default_factory=deque)  # those who wait; first come, first served
    idle: list[Connection] = field(default_factory=list)
    busy: set[Connection] = field(default_factory=set)
    opening: int = 0
    extra: set[Connection] = field(default_factory=set)  # beyond the pool: connections that belong to a thread
    local: threading.local = field(default_factory=threading.local)
    usage: Any = field(default_factory=ConnectionUsage)


class Pool:
    """Connections of one domain. *size* limits those that look-ups share.

    With a *breaker* nobody waits for a directory that is known to be silent.
    """

    def __init__(
        self,
        dialer: Dialer,
        servers: tuple[Endpoint, ...] | Discovered,
        size: int,
        breaker: Breaker | None = None,
    ) -> None:
        self.dialer = dialer
        self.rotation = Rotation(dialer, servers)
        dialer.discard = lambda connection: _retire(self.state, [connection])
        self.size = size
        self.breaker = breaker
        self._states = PerProcess(_State, _forget)

    @property
    def state(self) -> _State:
        """This process's part. A forked child gets its own, and forgets the parent's."""
        return self._states.here

    @contextmanager
    def connection(self, deadline: float, *, fresh: bool = False) -> Iterator[Connection]:
        """A connection for the block. If the block raises `Lost`, or an error that is no answer, the connection is
        closed.

        *fresh*: one that was not used before. Raises `DirectoryUnavailable` and what binding raises.
        """
        job = jobs.current.get()
        if job is not None and job.given_up:
            raise jobs.GivenUp(f"A question to the domain {self.dialer.domain} was given up.")
        state = self.state
        holder = job if job is not None else state.local
        with self._asking(state, holder) as tries, self._taken(state, deadline, fresh, holder, tries) as connection:
            yield connection

    @contextmanager
    def _taken(self, state: _State, deadline: float, fresh: bool, holder: Any, tries: bool) -> Iterator[Connection]:
        job = holder if isinstance(holder, jobs.Job) else None
        connection, extra = self._take(state, deadline, fresh, tries)
        holder.held = getattr(holder, "held", 0) + 1
        holder.asked = str(connection.endpoint)
        keep = False
        try:
            if job is not None:
                job.take(connection)
            yield connection
            keep = True
        except Lost as error:
            if job is None or not job.given_up:
                self._lost(state, connection, error)
            raise
        except (GeneratorExit, OperationFailed):
            keep = True  # a page's reader stopped reading, or the answer was no: the connection is between two answers
            raise
        finally:
            holder.held = max(0, getattr(holder, "held", 0) - 1)  # a generator may end in a different thread
            if job is not None:
                job.give_back(connection)
            self._give_back(state, connection, keep=keep and not extra)

    @contextmanager
    def _asking(self, state: _State, holder: Any = None) -> Iterator[bool]:
        """Ask only if the breaker allows it, and report the result to it. Raises `DirectoryOffline`."""
        asks_already = getattr(holder, "held", 0) != 0
        if self.breaker is None or asks_already:
            yield False
            return
        tries = self.breaker.admit()
        started = time.monotonic()
        try:
            yield tries
        except (DirectoryUnavailable, Lost) as error:
            if tries or (self.rotation.all_fail() and not isinstance(error, OutOfTime)):
                self.breaker.failed(f"{str(error).rstrip('.')}.", time.monotonic() - started, tried=tries)
                self.wake()
            raise
        except ConfigurationError as error:
            if tries:
                self.breaker.failed(str(error), 0.0, tried=True)
            raise
        except (Exception, GeneratorExit):  # the answer was no, or enough of it was read
            self.breaker.answered()
            raise
        self.breaker.answered()

    def wake(self) -> None:
        """Wake those who wait for a connection, so that they see whether to go on waiting."""
        state = self.state
        with state.lock:
            for turn in state.queue:
                turn.notify()

    def asked(self) -> str:
        """The server that this thread asked last; empty before the first."""
        job = jobs.current.get()
        return job.asked if job is not None else str(getattr(self.state.local, "asked", ""))

    def dedicated(self, deadline: float) -> Connection:
        """A connection outside the pool, with ldap3's own options. The caller owns it; see `release`."""
        state = self.state
        with self._asking(state):
            connection = self.rotation.open(
                deadline, lambda *where: self.dialer.service_connection(*where, for_users=True)
            )
        with state.lock:
            state.extra.add(connection)
        return connection

    @contextmanager
    def unbound(self, deadline: float) -> Iterator[Connection]:
        """An open connection for the block, not bound. Raises `DirectoryUnavailable`."""
        state = self.state
        with self._asking(state):
            connection = self.rotation.open(deadline, self.dialer.open)
            try:
                yield connection
            except Lost as error:
                self._lost(state, connection, error)
                raise DirectoryUnavailable(f"Domain {self.dialer.domain}: {error}.") from None
            finally:
                _retire(state, [connection])

    def release(self, connection: Connection) -> None:
        """Close a connection that `dedicated` returned."""
        state = self.state
        with state.lock:
            if connection not in state.extra:
                return
            state.extra.discard(connection)
        _retire(state, [connection])

    def close(self) -> None:
        """Close idle connections now, and the others when they are returned. The pool opens again when it is used."""
        state = self.state
        with state.lock:
            leaving = [*state.idle, *state.extra]
            state.idle.clear()
            state.extra.clear()
            for connection in state.busy:
                connection.opened_at = float("-inf")
        _retire(state, leaving)

    def usage(self) -> Any:
        """The sum of ldap3's metrics over all connections so far."""
        state = self.state
        total = ConnectionUsage()
        with state.lock:
            usage.add(total, state.usage)
            for connection in (*state.idle, *state.busy, *state.extra):
                if connection.usage:
                    usage.add(total, connection.usage)
        return total

    def counts(self) -> tuple[int, int]:
        """How many pooled connections are busy (or being opened), and how many idle."""
        state = self.state
        with state.lock:
            return len(state.busy) + state.opening, len(state.idle)

    # -- taking and giving back ----------------------------------------------------------------------------------------

    def _take(self, state: _State, deadline: float, fresh: bool, tries: bool) -> tuple[Connection, bool]:
        while True:
            connection, may_open = self._claim(state, deadline, fresh, tries)
            if connection is not None:
                if self._healthy(state, connection, deadline):
                    return connection, False
                self._give_back(state, connection, keep=False)
                continue
            if not may_open:  # this thread holds one and the pool is full: it would wait for itself
                return self.rotation.open(deadline), True
            try:
                connection = self.rotation.open(deadline)
            except BaseException:
                with state.lock:
                    state.opening -= 1
                    _call_next(state)
                raise
            with state.lock:
                state.opening -= 1
                state.busy.add(connection)
            return connection, False

    def _claim(self, state: _State, deadline: float, fresh: bool, tries: bool) -> tuple[Connection | None, bool]:
        """An idle connection, or the right to open one: (None, True). (None, False): an extra one is needed.

        Threads are served in the order in which they came. Otherwise a thread that returns a connection and takes it
        again at once would always be quicker than a waiting thread, which must first wake up.
        """
        stale: list[Connection] = []
        turn = threading.Condition(state.lock)
        try:
            with state.lock:
                state.queue.append(turn)
                try:
                    while True:
                        now = time.monotonic()
                        holds_one = bool(getattr(jobs.current.get() or state.local, "held", 0))
                        if fresh:
                            stale += state.idle
                            state.idle.clear()
                            fresh = False
                        while state.idle and (holds_one or state.queue[0] is turn):
                            connection = state.idle.pop()  # the last used one: the others may grow old and be closed
                            if now - connection.opened_at > MAX_AGE:
                                stale.append(connection)
                                continue
                            state.busy.add(connection)
                            return connection, False
                        if state.queue[0] is turn and len(state.busy) + state.opening < self.size:
                            state.opening += 1
                            return None, True
                        if holds_one:
                            return None, False
                        in_time = turn.wait(deadline - now)
                        if self.breaker is not None and self.breaker.offline and not tries:
                            self.breaker.admit()
                        if not in_time:
                            raise DirectoryUnavailable(
                                f"All {self.size} connections to the domain {self.dialer.domain} stayed busy. "
                                f"The directory is slow, or POOL_SIZE is too small."
                            )
                finally:
                    state.queue.remove(turn)
                    _call_next(state)
        finally:
            _retire(state, stale)

    def _give_back(self, state: _State, connection: Connection, *, keep: bool) -> None:
        with state.lock:
            keep = keep and connection in state.busy and connection.opened_at > float("-inf") and not connection.closed
            state.busy.discard(connection)
            if keep:
                connection.used_at = time.monotonic()
                state.idle.append(connection)
            _call_next(state)
        if not keep:
            _retire(state, [connection], polite=False)

    def _healthy(self, state: _State, connection: Connection, deadline: float) -> bool:
        """Whether an idle connection can be used. After a long rest it must answer first."""
        if not connection.is_idle():
            return False
        if time.monotonic() - connection.used_at < CHECK_AFTER_IDLE:
            return True
        try:
            connection.ask(min(deadline, time.monotonic() + CHECK_TIMEOUT), "", "base", "(objectClass=*)", ("1.1",))
        except Lost as error:
            self._lost(state, connection, error)
            return False
        return True

    def _lost(self, state: _State, connection: Connection, error: Lost) -> None:
        """A connection broke. A silent server's idle connections are closed, and it is skipped for a while."""
        log.info("Domain %s: %s", self.dialer.domain, error)
        if error.skip:
            self.rotation.skip(connection.endpoint)
        with state.lock:
            gone = [other for other in state.idle if other.endpoint == connection.endpoint]
            state.idle = [other for other in state.idle if other.endpoint != connection.endpoint]
        _retire(state, gone, polite=False)


def _call_next(state: _State) -> None:
    """Wake the thread that has waited longest: it may be its turn. The caller holds the lock."""
    if state.queue:
        state.queue[0].notify()


def _retire(state: _State, connections: list[Connection], *, polite: bool = True) -> None:
    """Close connections that nobody holds any longer, and keep their metrics."""
    for connection in connections:
        connection.hang_up(polite=polite)
        if connection.usage:
            with state.lock:
                usage.add(state.usage, connection.usage)


def _forget(inherited: _State) -> None:
    """Close the parent's descriptors in the child. Nothing is sent."""
    for connection in (*inherited.idle, *inherited.busy, *inherited.extra):
        connection.hang_up()
