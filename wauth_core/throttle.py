"""How often a password may be tried: counted by name and by peer, before a directory is asked.

See https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html, "Protect Against Automated Attacks".
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from wauth_core.cache import Cache, SharedCache, cache_key

WINDOW = 300  # seconds in which attempts are counted
NAME_LIMIT = 4  # wrong attempts by one name in a window: fewer than lock an account in the usual policies (5 and 10)
PEER_LIMIT = 100  # wrong attempts from one address in a window: an office may share one
REMEMBERED = 30.0  # seconds that a refused pair of name and password is refused without asking
MANY = 20_000  # counters and pairs kept in memory


class MemoryCache:
    """A `wauth_core.cache.Cache` of this process alone; the oldest values go first if there are too many."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Any, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, /) -> Any:
        with self._lock:
            return self._live(key)

    def set(self, key: str, value: Any, timeout: int, /) -> None:
        with self._lock:
            self._keep(key, value, timeout)

    def add(self, key: str, value: Any, timeout: int, /) -> bool:
        with self._lock:
            if self._live(key) is not None:
                return False
            self._keep(key, value, timeout)
            return True

    def delete(self, key: str, /) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def _keep(self, key: str, value: Any, timeout: int) -> None:
        self._kept[key] = value, self._clock() + timeout
        while len(self._kept) > MANY:
            self._kept.popitem(last=False)

    def _live(self, key: str) -> Any:
        value, until = self._kept.get(key, (None, 0.0))
        return value if until > self._clock() else None


class Throttle:
    """Counts attempts in this process, and in *cache*, which workers share. One that fails or forgets counts nothing.

    A name has `NAME_LIMIT` slots, and each attempt takes one for `WINDOW` seconds: `add` is one step in every cache, so
    no two workers take the same. The failures of an address are a number, and may be a few too low.
    """

    def __init__(self, cache: Cache | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._caches = (SharedCache(cache), SharedCache(MemoryCache(clock)))

    def admit(self, name: str) -> tuple[int, list[str]]:
        """Count an attempt. 0 and its slots; or, if there is none left, the seconds until there is one."""
        slots = [cache_key("tries", name, number) for number in range(NAME_LIMIT)]
        now = int(self._clock())
        taken: list[str] = []
        for cache in self._caches:
            free = next((slot for slot in slots if cache.add(slot, now + WINDOW, WINDOW) is not False), None)
            if free is None:
                return max(1, min(cache.get(slot) or now for slot in slots) - now), taken
            taken.append(free)
        return 0, taken

    def take_back(self, taken: list[str]) -> None:
        """Do not count the attempt after all: *taken* is what `admit` gave."""
        for cache, slot in zip(self._caches, taken, strict=True):
            cache.delete(slot)

    def forget(self, name: str) -> None:
        """Count no attempt of *name*: the password was right."""
        for number in range(NAME_LIMIT):
            self.take_back([cache_key("tries", name, number)] * len(self._caches))

    def wait_of_peer(self, peer: str | None) -> int:
        """The seconds until *peer* may try again; 0 if it may."""
        count, until = self._failures(peer)
        return until - int(self._clock()) if count >= PEER_LIMIT else 0

    def count_failure(self, peer: str | None) -> None:
        """Count a wrong password from *peer*."""
        if peer is not None:
            count, until = self._failures(peer)
            for cache in self._caches:
                cache.set(cache_key("failures", peer), [count + 1, until], max(1, until - int(self._clock())))

    def _failures(self, peer: str | None) -> tuple[int, int]:
        now = int(self._clock())
        found = [cache.get(cache_key("failures", peer)) for cache in self._caches if peer is not None]
        count, until = max((each for each in found if each), default=(0, now + WINDOW))
        return (count, until) if until > now else (0, now + WINDOW)


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
