"""How often a password may be tried: counted by name and by peer, before a directory is asked.

See https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html, "Protect Against Automated Attacks".
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from wauth_core.cache import Cache

logger = logging.getLogger("wauth.service")

WINDOW = 300  # seconds in which attempts are counted
NAME_LIMIT = 4  # wrong attempts by one name in a window: fewer than lock an account in the usual policies (5 and 10)
PEER_LIMIT = 100  # failed attempts from one address in a window: an office may share one
REMEMBERED = 30.0  # seconds that a refused pair of name and password is refused without asking
MANY = 20_000  # counters and pairs kept in memory


class Counters(Protocol):
    """Where attempts are counted. Any cache that workers share will do: Django's, one of cachelib's, Redis."""

    def add(self, key: str, value: int, seconds: int) -> bool:
        """Set *key*, for so many seconds, unless it is there. Whether it was set."""

    def incr(self, key: str, delta: int) -> int | None:
        """Add *delta* to *key* and return the sum; None if it is not there."""

    def get(self, key: str) -> int | None:
        """The value of *key*, or None."""

    def delete(self, key: str) -> None:
        """Forget *key*."""


class MemoryCounters:
    """Counters of this process alone; the oldest go first if there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, key: str, value: int, seconds: int) -> bool:
        with self._lock:
            if self._live(key) is not None:
                return False
            self._kept[key] = value, self._clock() + seconds
            while len(self._kept) > MANY:
                self._kept.popitem(last=False)
            return True

    def incr(self, key: str, delta: int) -> int | None:
        with self._lock:
            if (found := self._live(key)) is None:
                return None
            self._kept[key] = found[0] + delta, found[1]
            return found[0] + delta

    def get(self, key: str) -> int | None:
        with self._lock:
            found = self._live(key)
            return None if found is None else found[0]

    def delete(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def _live(self, key: str) -> tuple[int, float] | None:
        found = self._kept.get(key)
        if found is not None and found[1] <= self._clock():
            del self._kept[key]
            return None
        return found


class CacheCounters:
    """Attempts counted in a cache that processes share: Django's, or one of cachelib's. Only some count in one step."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._count: Callable[[str, int], Any] = getattr(cache, "incr", None) or getattr(cache, "inc")  # noqa: B009

    def add(self, key: str, value: int, seconds: int) -> bool:
        return bool(self._cache.add(key, value, seconds))

    def incr(self, key: str, delta: int) -> int | None:
        try:
            return None if self._cache.get(key) is None else self._count(key, delta)
        except ValueError:  # Django's, where it is gone meanwhile
            return None

    def get(self, key: str) -> int | None:
        found: int | None = self._cache.get(key)
        return found

    def delete(self, key: str) -> None:
        self._cache.delete(key)


class Throttle:
    """Counts attempts in *counters*; if those fail, in this process's memory: a cache that is down locks nobody out."""

    def __init__(self, counters: Counters | None = None, clock: Callable[[], float] = time.time) -> None:
        self._memory = MemoryCounters()
        self._counters: Counters = self._memory if counters is None else counters
        self._clock = clock

    def admit(self, key: str, limit: int) -> int:
        """Count an attempt. 0 if it is one of *limit* in its window, else the seconds until the next one."""
        try:
            return self._admit(self._counters, key, limit)
        except Exception as error:
            logger.warning("Password attempts are counted in this process alone, as the cache fails: %r", error)
            return self._admit(self._memory, key, limit)

    def _admit(self, counters: Counters, key: str, limit: int) -> int:
        key = _short(key)
        now = int(self._clock())
        if counters.add(key, 1, WINDOW):
            counters.add(f"{key}.until", now + WINDOW, WINDOW)
            return 0
        count = counters.incr(key, 1)
        if count is None or count <= limit:
            return 0
        return max(1, (counters.get(f"{key}.until") or now + WINDOW) - now)

    def forgive(self, key: str) -> None:
        """Take one attempt back: it told nothing wrong, or it was right."""
        for counters in {id(each): each for each in (self._counters, self._memory)}.values():
            with contextlib.suppress(Exception):
                counters.incr(_short(key), -1)

    def forget(self, key: str) -> None:
        """Forget all attempts: the password was right."""
        for counters in {id(each): each for each in (self._counters, self._memory)}.values():
            with contextlib.suppress(Exception):
                counters.delete(_short(key))
                counters.delete(f"{_short(key)}.until")


class Turns:
    """One attempt at a time for a name, and the refused passwords of the last moments, by their HMAC.

    So one wrong password that comes ten times at once is tried once. The key is this process's own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._waiting: dict[str, tuple[threading.Lock, int]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def take(self, name: str, timeout: float) -> Iterator[bool]:
        """Wait for one's turn, at most *timeout* seconds; whether it came."""
        with self._lock:
            lock, users = self._waiting.get(name, (threading.Lock(), 0))
            self._waiting[name] = lock, users + 1
        mine = lock.acquire(timeout=timeout)
        try:
            yield mine
        finally:
            if mine:
                lock.release()
            with self._lock:
                lock, users = self._waiting[name]
                if users == 1:
                    del self._waiting[name]
                else:
                    self._waiting[name] = lock, users - 1

    def was_refused(self, typed: str) -> bool:
        """Whether just this was refused a moment ago."""
        with self._lock:
            return self._refused.get(self._mark(typed), 0.0) > self._clock()

    def remember(self, typed: str) -> None:
        """Keep that this was refused."""
        with self._lock:
            self._refused[self._mark(typed)] = self._clock() + REMEMBERED
            while len(self._refused) > MANY:
                self._refused.popitem(last=False)

    def _mark(self, typed: str) -> bytes:
        return hmac.digest(self._key, typed.encode("utf-8", "surrogatepass"), "sha256")


def _short(key: str) -> str:
    """A name may be long and odd; the keys of caches may not (memcached: 250 letters, none of them a blank)."""
    return f"wauth.tries.{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
