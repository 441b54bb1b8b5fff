"""One deadline for all questions to directories that answer one request."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Any)

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


def in_time(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let what a method of `wauth_core.Wauth` asks end by WAUTH_REQUEST_DEADLINE."""

    @functools.wraps(method)
    def limited(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with within(self.settings.request_deadline):
            return method(self, *args, **kwargs)

    return limited
