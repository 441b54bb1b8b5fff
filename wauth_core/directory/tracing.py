"""Watching what goes to the directory: ``with trace() as operations: …``."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_watching: ContextVar[list[Operation] | None] = ContextVar("wauth_directory_trace", default=None)


@dataclass
class Operation:
    """One LDAP operation as it went over the wire. Holds no secret.

    *kind* is "connect", "bind" or "search"; *duration* is in seconds; *error* the text of what went wrong;
    *stack* the calling code's frames, outermost first, where the trace was asked for them.
    """

    domain: str
    kind: str
    base: str = ""
    scope: str = ""
    filter: str = ""
    attributes: tuple[str, ...] = ()
    entries: int = 0
    duration: float = 0.0
    stack: list[traceback.FrameSummary] = field(default_factory=list, repr=False)
    error: str | None = None
    server: str = ""


@contextmanager
def trace() -> Iterator[list[Operation]]:
    """Collect every operation of this thread (or task) while the block runs. Traces nest; the inner one collects."""
    operations: list[Operation] = []
    token = _watching.set(operations)
    try:
        yield operations
    finally:
        _watching.reset(token)


@contextmanager
def operation(domain: str, kind: str, **details: object) -> Iterator[Operation | None]:
    """Time one operation and note it, where someone watches; cheap where nobody does."""
    operations = _watching.get()
    if operations is None:
        yield None
        return
    noted = Operation(domain, kind, **details)  # type: ignore[arg-type]
    noted.stack = traceback.StackSummary.extract(
        traceback.walk_stack(None), limit=40, lookup_lines=False, capture_locals=False
    )
    noted.stack.reverse()
    operations.append(noted)
    started = time.perf_counter()
    try:
        yield noted
    except BaseException as error:
        noted.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        noted.duration = time.perf_counter() - started
