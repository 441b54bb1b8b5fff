"""The log of requests: one `LoggedOperation` for each, for tests that count round trips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from .filter_syntax import Filter, filter_text

_KEPT = 20_000
_SCOPES = {0: "BASE", 1: "LEVEL", 2: "SUBTREE"}


@dataclass(frozen=True)
class LoggedOperation:
    """One request and how it ended.

    *op* is ``bind``, ``search``, ``modify``, ``add``, ``delete``, ``modify_dn``, ``compare``, ``extended``, ``abandon``
    or ``unbind``. *base* is the DN (of a bind: the name), *result* the LDAP result code, *seconds* the time that the
    server took, *size* the bytes of its answer.
    """

    op: str
    base: str
    connection: int
    scope: str = ""
    parsed_filter: Filter | None = None
    attributes: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    result: int = 0
    entries: int = 0
    seconds: float = 0.0
    size: int = 0

    @property
    def filter(self) -> str:
        """The search filter as text."""
        return "" if self.parsed_filter is None else filter_text(self.parsed_filter)

    def __str__(self) -> str:
        """One line for people."""
        parts = [self.op, repr(self.base)]
        if self.op == "search":
            parts += [self.scope, self.filter, f"[{', '.join(self.attributes)}]", f"{self.entries} entries"]
        return " ".join([*parts, f"result {self.result}", f"{self.seconds * 1000:.2f} ms"])


def scope_name(scope: int) -> str:
    """``BASE``, ``LEVEL`` or ``SUBTREE``."""
    return _SCOPES.get(scope, str(scope))


class OperationLog(Sequence[LoggedOperation]):
    """The requests so far, oldest first. If there are very many, the oldest are dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: list[LoggedOperation] = []
        self._watchers: list[Callable[[LoggedOperation], object]] = []

    def watch(self, watcher: Callable[[LoggedOperation], object]) -> None:
        """Call *watcher* with every operation from now on, in the thread that served it."""
        self._watchers.append(watcher)

    def add(self, operation: LoggedOperation) -> None:
        """Add one."""
        with self._lock:
            self._items.append(operation)
            if len(self._items) > 2 * _KEPT:
                del self._items[:_KEPT]
        for watcher in self._watchers:
            watcher(operation)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._items.clear()

    def only(self, *ops: str) -> list[LoggedOperation]:
        """Those of these kinds: ``operations.only("search")``."""
        return [item for item in list(self._items) if item.op in ops]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[LoggedOperation]:
        return iter(list(self._items))

    @overload
    def __getitem__(self, index: int) -> LoggedOperation: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[LoggedOperation]: ...

    def __getitem__(self, index: int | slice) -> LoggedOperation | Sequence[LoggedOperation]:
        return self._items[index]
