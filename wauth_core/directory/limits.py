"""One deadline for all questions to directories that answer one request.

The time that a request waits for directories counts, all its steps together. The time that the application takes
between two steps does not count.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Any)


@dataclass
class _Request:
    """The time left to one request, in seconds. Its threads and tasks share it."""

    left: float


_until: ContextVar[float] = ContextVar("wauth_directory_until", default=float("inf"))
_request: ContextVar[_Request | None] = ContextVar("wauth_directory_request", default=None)


@contextmanager
def request(limit: timedelta | None) -> Iterator[None]:
    """All steps in the block share *limit*. A block within another one has no limit of its own."""
    if limit is None or _request.get() is not None:
        yield
        return
    token = _request.set(_Request(limit.total_seconds()))
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def within(limit: timedelta | None) -> Iterator[None]:
    """One step. All that is asked in the block ends by the earliest of three times: *limit* seconds from now, the end
    of the block around it, the end of the request's time.
    """
    began, outer, whole = time.monotonic(), _until.get(), _request.get()
    until = float("inf") if limit is None else began + limit.total_seconds()
    spends = whole if outer == float("inf") else None  # a step within a step counts once
    token = _until.set(min(until, outer, began + spends.left if spends is not None else outer))
    try:
        yield
    finally:
        _until.reset(token)
        if spends is not None:
            spends.left -= time.monotonic() - began


def deadline(seconds: float) -> float:
    """When an operation that may take *seconds* must end, on the monotonic clock."""
    return min(time.monotonic() + seconds, _until.get())


def remaining(seconds: float) -> float:
    """How many seconds an operation may take: *seconds*, or less if the deadline is near."""
    return max(0.0, deadline(seconds) - time.monotonic())


def in_time(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method of an object with *settings* of the site: all that it asks ends by WAUTH_REQUEST_DEADLINE."""

    @functools.wraps(method)
    def limited(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with within(self.settings.request_deadline):
            return method(self, *args, **kwargs)

    return limited
