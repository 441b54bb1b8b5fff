"""One deadline a request: all its steps share it, and what the application does between them costs nothing."""

from __future__ import annotations

import contextvars
from datetime import timedelta

import pytest

from wauth_core.directory import limits

LIMIT = timedelta(seconds=8)


class Clock:
    """The monotonic clock, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(limits.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def step(clock: Clock, takes: float) -> float:
    """Let a step take so many seconds; how many it could have taken."""
    with limits.within(LIMIT):
        left = limits.remaining(3600)
        clock.now += takes
    return left


def test_steps_of_a_request_share_its_deadline(clock: Clock) -> None:
    """Each has what those before it have left. Once all is spent, nothing is left for the others."""
    with limits.request(LIMIT):
        assert [step(clock, 3), step(clock, 4), step(clock, 4), step(clock, 0)] == [8, 5, 1, 0]
    assert step(clock, 3) == 8


def test_the_time_of_the_application_is_its_own(clock: Clock) -> None:
    """A view that works for a minute may ask as much as one that asks at once."""
    with limits.request(LIMIT):
        assert step(clock, 3) == 8
        clock.now += 60
        assert step(clock, 3) == 5


def test_a_step_within_a_step_counts_once(clock: Clock) -> None:
    """A sync asks for a person by steps of its own."""
    with limits.request(LIMIT):
        with limits.within(LIMIT):
            assert step(clock, 3) == 8
            assert step(clock, 1) == 5
        assert step(clock, 0) == 4


def test_a_request_within_a_request_has_no_time_of_its_own(clock: Clock) -> None:
    """A wrapper around an application, and two middlewares, are one request."""
    with limits.request(LIMIT):
        with limits.request(LIMIT):
            assert step(clock, 3) == 8
        assert step(clock, 0) == 5


def test_tasks_and_threads_of_a_request_share_it(clock: Clock) -> None:
    """They run in copies of its context."""
    with limits.request(LIMIT):
        contextvars.copy_context().run(step, clock, 3)
        assert step(clock, 0) == 5


def test_without_a_limit_nothing_is_counted(clock: Clock) -> None:
    """WAUTH_REQUEST_DEADLINE=None."""
    with limits.request(None), limits.within(None):
        clock.now += 100
        assert limits.remaining(3600) == 3600
