"""A directory that suddenly knows nobody is not believed: the bulk run's brake, for syncs on requests."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from wauth_core.exceptions import DirectoryUnavailable

logger = logging.getLogger("wauth.sync")

LATELY = 600.0  # seconds
FREE = 3  # people who may vanish lately, whatever their share
SHARE = 0.1  # of the known people who were asked about lately
REMEMBERED = 1000  # questions


class Brake:
    """Counts known people of *domain* who are found, and who are not. Threads may share it."""

    def __init__(self, domain: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._domain = domain
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: deque[tuple[float, bool]] = deque(maxlen=REMEMBERED)
        self._said = float("-inf")

    def found(self) -> None:
        """A known person was found."""
        with self._lock:
            self._heard.append((self._clock(), False))

    def vanished(self) -> None:
        """An active one was not. Raises `DirectoryUnavailable` where too many have vanished lately."""
        now = self._clock()
        with self._lock:
            while self._heard and self._heard[0][0] < now - LATELY:
                self._heard.popleft()
            gone, total = sum(gone for _, gone in self._heard), len(self._heard)
            if gone < FREE or gone + 1 <= SHARE * (total + 1):
                self._heard.append((now, True))
                return
            text = (
                f"The directory of the domain {self._domain} no longer finds {gone} of the {total} known people who "
                f"came within {LATELY / 60:.0f} minutes. Nobody more is deactivated until that share is below "
                f"{SHARE:.0%}. Check SEARCH_BASE, USER_QUERY_FILTER and the service account's rights. If these people "
                f"have really gone, run a bulk sync."
            )
            if now - self._said > LATELY:
                self._said = now
                logger.error("%s", text)
        raise DirectoryUnavailable(text)
