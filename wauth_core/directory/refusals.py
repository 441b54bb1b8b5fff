"""Do not lock our own service account: a refused password is not tried again before that is safe.

The processes of a machine share the refusals through a file, those of an application through its cache too. No password
is kept: a salted PBKDF2 hash shows whether it is still the same.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from wauth_core.cache import SharedCache, cache_key
from wauth_core.directory import diagnosis
from wauth_core.directory.connection import Secret
from wauth_core.exceptions import BindError, DirectoryUnavailable
from wauth_core.process import PerProcess

WINDOW = 1800.0  # seconds; AD's default for lockOutObservationWindow is 10 minutes, its recommendation up to 30
LONGEST_WINDOW = 86_400.0
MARGIN = 60.0  # seconds by which a controller's clock may be behind
STATES = {"775": 300.0} | dict.fromkeys(("525", "530", "531", "532", "533", "701", "773"), 60.0)
"""Seconds to wait by AD's sub-code, if not the password is wrong but the account's state."""
TURN = 10.0  # seconds that one process may be signing in while others wait
ROUNDS = 100_000

Answer = tuple[int, str]


class Refusals:
    """The refused passwords of one *account*. *where* distinguishes accounts of the same name. Threads may share it."""

    def __init__(
        self, account: str, where: object, stores: tuple[SharedCache, ...] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._account = account
        self._key = cache_key("refused", where, account)
        self._stores = stores
        self._clock = clock
        self._lock = PerProcess(threading.Lock)
        self._proved: Secret | None = None
        self._marked: tuple[Secret, str] | None = None
        self._mine: object = None
        self._window = 0.0

    def bind(self, password: Secret, deadline: float, bind: Callable[[], Answer]) -> Answer:
        """Call *bind*, which tries *password*, unless that was refused recently. Return result code and message.

        A password that has never worked is tried by one caller at a time. The others wait for the result. Raises
        `BindError` if it is not tried, `DirectoryUnavailable` at *deadline*, and what *bind* raises.
        """
        proved = self._proved
        if proved is not None and proved.octets == password.octets:
            return self._bind(password, bind)
        with self._turn(deadline):
            return self._bind(password, bind)

    def learn(self, window: timedelta) -> None:
        """The domain's lockOutObservationWindow; zero if it cannot be read."""
        seconds = min(LONGEST_WINDOW, window.total_seconds())
        if seconds > 0 and seconds != self._window:
            self._window = seconds
            for store in self._stores:
                store.set(f"{self._key}.window", seconds, 30 * 86_400)

    def forget(self) -> None:
        """Allow one more try of the same password: a person asks, who may have repaired the account."""
        self._mine = None
        for store in self._stores:
            store.delete(self._key)

    def _bind(self, password: Secret, bind: Callable[[], Answer]) -> Answer:
        self._check(password)
        code, message = bind()
        if code == diagnosis.SUCCESS:
            self._proved = password
        elif code == diagnosis.INVALID_CREDENTIALS:
            reason = diagnosis.sub_code(message)
            pause = self._pause(reason)
            self._proved, self._mine = None, [self._mark(password), self._clock() + pause, reason]
            for store in self._stores:
                store.set(self._key, self._mine, pause)
        return code, message

    def _check(self, password: Secret) -> None:
        now = self._clock()
        for found in (self._mine, *(store.get(self._key) for store in self._stores)):
            if not isinstance(found, list) or len(found) != 3:
                continue
            mark, until, reason = found
            if not now < until <= now + self._pause(reason) or mark != self._mark(password):
                continue  # another password, or a clock was changed
            at = time.strftime("%H:%M:%S", time.localtime(until))
            raise BindError(
                f"The service account {self._account!r} was refused: {diagnosis.service_advice(reason)}. The same "
                f"password is not tried again before {at}, so that the account is not locked. A new PASSWORD is tried "
                f"at once; `wauth doctor` tries the old one, too.",
                code=reason,
            )

    def _pause(self, reason: str | None) -> float:
        if reason in STATES:
            return STATES[reason]
        for store in self._stores:
            if not self._window and isinstance(found := store.get(f"{self._key}.window"), int | float):
                self._window = float(found)
        return (self._window or WINDOW) + MARGIN

    def _mark(self, password: Secret) -> str:
        marked = self._marked
        if marked is None or marked[0].octets != password.octets:
            made = hashlib.pbkdf2_hmac("sha256", password.octets, self._key.encode(), ROUNDS).hex()
            marked = self._marked = password, made
        return marked[1]

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        lock = self._lock.here
        if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._too_late()
        taken: list[SharedCache] = []
        try:
            for store in self._stores:
                while not self._take(store):
                    if time.monotonic() > deadline:
                        raise self._too_late()
                    time.sleep(0.02)
                taken.append(store)
            yield
        finally:
            for store in taken:
                store.delete(f"{self._key}.turn")
            lock.release()

    def _take(self, store: SharedCache) -> bool:
        name, now = f"{self._key}.turn", self._clock()
        if store.add(name, now + TURN, TURN) is not False:
            return True
        found = store.get(name)
        if isinstance(found, int | float) and now < found <= now + TURN:
            return False
        store.delete(name)  # it has ended, or a clock was changed
        return store.add(name, now + TURN, TURN) is not False

    def _too_late(self) -> DirectoryUnavailable:
        return DirectoryUnavailable(f"Others are signing in as the service account {self._account!r} for too long.")
