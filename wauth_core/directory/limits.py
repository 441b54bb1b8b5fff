"""One deadline for all questions to directories that answer one request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

_until: ContextVar[float] = ContextVar("wauth_directory_until", default=float("inf"))


@contextmanager
def within(limit: timedelta | None) -> Iterator[None]:
    """All that is asked in the block ends by *limit* from now, or by that of a block around it."""
    until = float("inf") if limit is None else time.monotonic() + limit.total_seconds()
    token = _until.set(min(until, _until.get()))
    try:
        yield
    finally:
        _until.reset(token)


def deadline(seconds: float) -> float:
    """When an operation that may take *seconds* has to end, on the monotonic clock."""
    return min(time.monotonic() + seconds, _until.get())
