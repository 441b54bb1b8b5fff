"""Faults on demand: slow answers, no answers, half answers, refusals, an outage.

Each method returns a `Fault`. It acts until its ``stop()``, the end of a ``with``, or ``clear()``::

    with directory.faults.delay(2.0, operation="search"):
        …
    directory.faults.reset(operation="search", times=1)     # only the next search
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

OPERATIONS = ("bind", "search", "modify", "add", "delete", "modify_dn", "compare", "extended")


class Fault:
    """One active fault. *times* counts down; with None it acts until it is stopped."""

    def __init__(self, kind: str, number: float, operation: str | None, times: int | None, owner: Faults) -> None:
        self.kind = kind
        self.number = number
        self.operation = operation
        self.times = times
        self._owner = owner

    def stop(self) -> None:
        """Stop acting."""
        self._owner.stop(self)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Faults:
    """The faults of one directory."""

    def __init__(self, on_outage: Callable[[], None], on_return: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._active: list[Fault] = []
        self._on_outage = on_outage
        self._on_return = on_return
        self._released = threading.Event()
        self.waiting = 0
        """How many requests are held up now."""

    def delay(self, seconds: float, *, operation: str | None = None, times: int | None = None) -> Fault:
        """Answer after a delay."""
        return self._start("delay", seconds, operation, times)

    def drop(self, *, operation: str | None = None, times: int | None = None) -> Fault:
        """Close the connection instead of answering."""
        return self._start("drop", 0, operation, times)

    def hang(self, *, operation: str | None = None, times: int | None = None) -> Fault:
        """Never answer, and keep the connection: a black hole, until the fault ends."""
        return self._start("hang", 0, operation, times)

    def reset(self, *, operation: str | None = None, times: int | None = None) -> Fault:
        """Send half of the answer, then reset the connection (RST)."""
        return self._start("reset", 0, operation, times)

    def refuse_binds(self, result: int = 51, *, times: int | None = None) -> Fault:
        """Answer binds with this result code: 51 busy, 52 unavailable, 53 unwilling, 49 invalid credentials."""
        return self._start("refuse_binds", result, "bind", times)

    def refuse(self, result: int, *, operation: str | None = None, times: int | None = None) -> Fault:
        """Answer with this result code instead of doing anything."""
        return self._start("refuse", result, operation, times)

    def signing_required(self) -> Fault:
        """Refuse simple binds without TLS (result 8), as a domain controller with LDAP signing enforced."""
        return self._start("signing_required", 0, "bind", None)

    def size_limit(self, entries: int) -> Fault:
        """End searches with sizeLimitExceeded after this number of entries."""
        return self._start("size_limit", entries, "search", None)

    def outage(self) -> Fault:
        """Refuse new connections and reset all open ones, until the fault ends."""
        fault = self._start("outage", 0, None, None)
        self._on_outage()
        return fault

    def clear(self) -> None:
        """End all faults."""
        for fault in list(self._active):
            self.stop(fault)
        with self._lock:
            released, self._released = self._released, threading.Event()
        released.set()

    def stop(self, fault: Fault) -> None:
        """End this fault; nothing happens if it has ended."""
        with self._lock:
            was_active = fault in self._active
            if was_active:
                self._active.remove(fault)
            released, self._released = self._released, threading.Event()
        released.set()
        if was_active and fault.kind == "outage" and not self.active("outage"):
            self._on_return()

    def active(self, kind: str) -> bool:
        """Whether a fault of this kind acts."""
        return any(fault.kind == kind for fault in self._active)

    def take(self, kind: str, operation: str) -> Fault | None:
        """The fault that acts on this operation now. This counts as one of its times."""
        if not self._active:
            return None
        with self._lock:
            for fault in self._active:
                if fault.kind == kind and fault.operation in (None, operation):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._active.remove(fault)
                    return fault
        return None

    def wait(self, seconds: float | None) -> None:
        """Wait so many seconds, or with None until a fault ends."""
        with self._lock:
            self.waiting += 1
            released = self._released
        released.wait(seconds)
        with self._lock:
            self.waiting -= 1

    def _start(self, kind: str, number: float, operation: str | None, times: int | None) -> Fault:
        if operation is not None and operation not in OPERATIONS:
            raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, not {operation!r}")
        fault = Fault(kind, number, operation, times, self)
        with self._lock:
            self._active.append(fault)
        return fault
