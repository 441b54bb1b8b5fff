"""A cache that fails counts as empty, and costs little."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from wauth_core.cache import LONGEST_PAUSE, SharedCache


class Slow:
    """A cache that takes seconds to say that it is down."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.takes = 5.0
        self.asked = 0
        self.down = True

    def get(self, key: str, /) -> Any:
        self.asked += 1
        if self.down:
            self.now += self.takes
            raise OSError("no answer")
        return "kept"

    set = add = delete = get  # type: ignore[assignment]


def test_one_that_is_down_is_asked_for_a_tenth_of_the_time(caplog: pytest.LogCaptureFixture) -> None:
    """Meanwhile it is empty at once. The log has one line when it begins, and one when it ends."""
    slow = Slow()
    cache = SharedCache(slow, lambda: slow.now)
    began = slow.now
    with caplog.at_level(logging.INFO, "wauth.cache"):
        while slow.now < began + 500:
            assert cache.get("key") is None
            slow.now += 0.1
        assert slow.asked * slow.takes <= 0.1 * (slow.now - began) + slow.takes
        slow.down = False
        slow.now += LONGEST_PAUSE
        assert [cache.get("key") for _ in range(3)] == ["kept"] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_one_that_fails_at_once_is_asked_again_at_once() -> None:
    """It costs nobody time, and may be back."""
    slow = Slow()
    slow.takes = 0.0
    cache = SharedCache(slow, lambda: slow.now)
    assert cache.get("key") is None
    slow.down = False
    assert cache.get("key") == "kept"


def test_while_one_caller_tries_nobody_else_waits() -> None:
    """A second thread is told that the cache is empty."""
    slow = Slow()
    cache = SharedCache(slow, lambda: slow.now)
    assert cache.get("key") is None
    slow.now += LONGEST_PAUSE
    inner: list[Any] = []
    ask = slow.get

    def get(key: str, /) -> Any:
        inner.append(cache.get("another"))  # what another thread would be told in the middle of this question
        return ask(key)

    slow.get = get  # type: ignore[method-assign]
    asked = slow.asked
    cache.get("key")
    assert (inner, slow.asked) == ([None], asked + 1)
