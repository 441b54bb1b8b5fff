"""Whether a domain's directory answers. While it does not, one caller at a time asks, and nobody else waits.

The threads of a process share what is known; the processes of a machine share it through a file. Other machines judge
for themselves: they may have another way to the same directory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any

from wauth_core.cache import SharedCache, cache_key
from wauth_core.exceptions import DirectoryOffline
from wauth_core.process import PerProcess

log = logging.getLogger("wauth.directory")

FIRST, LONGEST = 2.0, 30.0  # seconds until somebody asks again; doubled each time
LOOK = 1.0  # seconds between two looks at what other processes have found out
SLOW = 0.5  # seconds; a failure that took longer made somebody wait


class BreakerState(Enum):
    """Whether a directory answers.

    - SUSPECTED: the last question failed at once. That costs nobody time, so everybody still asks.
    - OFFLINE: the directory is silent. One caller at a time asks.
    """

    ONLINE = "online"
    SUSPECTED = "suspected"
    OFFLINE = "offline"


@dataclass
class _Known:
    """What one process knows. Times are on the breaker's clock."""

    lock: Any = field(default_factory=threading.Lock)
    state: BreakerState = BreakerState.ONLINE
    reason: str = ""
    since: float = 0.0
    wait: float = FIRST
    next_try: float = 0.0
    looked: float = float("-inf")
    spared: int = 0
    answered: float | None = None  # when the directory last did


@dataclass(frozen=True)
class Report:
    """The state for a person to read. *since* is in seconds before now, *next_try* in seconds from now."""

    state: BreakerState
    reason: str
    since: float
    next_try: float
    spared: int


class Breaker:
    """The state of the directory of *domain* behind *servers*. Threads may share it; it survives a fork.

    *max_staleness* is how long the last known rights hold; the log says so. *clock* is in seconds, and the same for
    all processes of the machine.
    """

    def __init__(
        self,
        domain: str,
        servers: Iterable[object],
        shared: SharedCache,
        clock: Callable[[], float] = time.monotonic,
        max_staleness: timedelta | None = None,
    ) -> None:
        self._domain = domain
        self._key = cache_key("directory", domain, *servers)
        self._shared = shared
        self._clock = clock
        self._max_staleness = max_staleness
        self._known = PerProcess(_Known)

    def admit(self) -> bool:
        """Let the caller ask. Returns True if the directory is silent and this caller alone may try.

        Raises `DirectoryOffline` at once if the directory is silent and it is another caller's turn.
        """
        known, now = self._known.here, self._clock()
        with known.lock:
            self._look(known, now)
            if known.state is not BreakerState.OFFLINE:
                return False
            if now >= known.next_try:
                if self._claim(now):
                    known.next_try = now + LONGEST  # a caller that never came back must not block the others
                    return True
                known.next_try = now + LOOK
            raise self._spared(known)

    def pass_by(self) -> None:
        """Raise `DirectoryOffline` if `admit` would. The caller does not ask yet, and takes no turn."""
        known, now = self._known.here, self._clock()
        with known.lock:
            self._look(known, now)
            if known.state is BreakerState.OFFLINE and now < known.next_try:
                raise self._spared(known)

    def _spared(self, known: _Known) -> DirectoryOffline:
        known.spared += 1
        return DirectoryOffline(
            f"The directory of the domain {self._domain} is offline, and is not asked now: {known.reason}"
        )

    @property
    def offline(self) -> bool:
        """Whether the directory is silent, as far as this process knows."""
        return self._known.here.state is BreakerState.OFFLINE

    def answered(self) -> None:
        """The directory answered somebody of this process."""
        known = self._known.here
        known.answered = self._clock()
        if known.state is BreakerState.ONLINE:
            return
        with known.lock:
            if known.state is BreakerState.OFFLINE:
                self._shared.set(self._key, [BreakerState.ONLINE.value, "", FIRST], 2 * LONGEST)
                self._shared.delete(f"{self._key}.try")
            self._back(known, self._clock())

    def failed(self, reason: str, took: float, *, tried: bool = False) -> None:
        """No server answered a caller of this process. *took* says how many seconds that lasted.

        *tried*: `admit` had chosen this caller.
        """
        known, now = self._known.here, self._clock()
        with known.lock:
            if tried:
                known.wait = min(LONGEST, known.wait * 2)
            elif known.state is BreakerState.OFFLINE:
                return  # it had asked before that was known
            elif took < SLOW:
                if known.state is BreakerState.ONLINE:
                    known.state, known.reason, known.since = BreakerState.SUSPECTED, reason, now
                return
            else:
                self._gone(known, reason, now)
                log.warning(
                    "The directory of the domain %s is offline: %s The last known rights count%s. One "
                    "caller asks again in %.0f s, later every %.0f s.",
                    self._domain,
                    reason,
                    self._left(now - known.answered if known.answered is not None else 0.0),
                    FIRST,
                    LONGEST,
                )
            known.reason, known.next_try = reason, now + known.wait
            self._shared.set(f"{self._key}.try", known.next_try, known.wait)
            self._shared.set(self._key, [BreakerState.OFFLINE.value, reason, known.wait], 2 * LONGEST)

    def report(self) -> Report:
        """What is known now."""
        known, now = self._known.here, self._clock()
        with known.lock:
            self._look(known, now)
            return Report(known.state, known.reason, now - known.since, max(0.0, known.next_try - now), known.spared)

    def _claim(self, now: float) -> bool:
        """Whether no sibling is trying, or has tried a moment ago."""
        name, until = f"{self._key}.try", now + LONGEST
        if self._shared.add(name, until, LONGEST) is not False:
            return True
        found = self._shared.get(name)
        if isinstance(found, int | float) and now < found <= until:
            return False
        return bool(self._shared.set(name, until, LONGEST))  # the clock of the file's entries was moved

    def _look(self, known: _Known, now: float) -> None:
        """Take over what a sibling has found out."""
        if 0 <= now - known.looked < LOOK:
            return
        is_new, known.looked = known.looked < 0, now
        found = self._shared.get(self._key)
        if not isinstance(found, list) or len(found) != 3:
            return
        state, reason, wait = found
        if state == BreakerState.OFFLINE.value:
            if known.state is not BreakerState.OFFLINE:
                self._gone(known, str(reason), now)
                known.next_try = now if is_new else known.next_try
            known.wait = min(LONGEST, max(FIRST, float(wait)))
        elif known.state is BreakerState.OFFLINE:
            self._back(known, now)

    def _left(self, seconds: float) -> str:
        """What the log says after so many seconds without an answer: how long the last known rights still hold."""
        if self._max_staleness is None:
            return ""
        left = max(timedelta(0), self._max_staleness - timedelta(seconds=round(seconds)))
        return f" ({left} of WAUTH_MAX_STALENESS left)"

    def _gone(self, known: _Known, reason: str, now: float) -> None:
        known.state, known.reason, known.since, known.spared = BreakerState.OFFLINE, reason, now, 0
        known.wait, known.next_try = FIRST, now + FIRST

    def _back(self, known: _Known, now: float) -> None:
        if known.state is BreakerState.OFFLINE:
            log.warning(
                "The directory of the domain %s answers again after %.0f s. %d questions were spared%s.",
                self._domain,
                now - known.since,
                known.spared,
                self._left(now - known.since),
            )
        known.state, known.reason, known.spared = BreakerState.ONLINE, "", 0
