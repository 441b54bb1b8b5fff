"""When a sync is due, and when what is known is too old."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.sync.fakes import NOW
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.freshness import is_due, is_stale

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

DUE = [
    pytest.param(None, 10 * MINUTE, True, id="never synchronised"),
    pytest.param(9 * MINUTE, 10 * MINUTE, False, id="a minute to go"),
    pytest.param(10 * MINUTE, 10 * MINUTE, True, id="just now"),
    pytest.param(DAY, None, False, id="never by itself"),
    pytest.param(None, None, False, id="never by itself, never synchronised"),
    pytest.param(0 * MINUTE, 0 * MINUTE, True, id="on every request"),
    pytest.param(-0.5 * MINUTE, 10 * MINUTE, False, id="another server's clock is ahead"),
    pytest.param(-DAY, 10 * MINUTE, True, id="a time in the future is no time"),
]


@pytest.mark.parametrize(("age", "delta", "due"), DUE)
def test_is_due(age: timedelta | None, delta: timedelta | None, due: bool) -> None:
    """A sync is due when delta has passed."""
    assert is_due(None if age is None else NOW - age, delta, NOW) is due


STALE = [
    pytest.param(None, {}, True, id="never synchronised"),
    pytest.param(None, {"max_staleness": None}, True, id="never synchronised, never stale"),
    pytest.param(DAY, {}, False, id="a day"),
    pytest.param(DAY + MINUTE, {}, True, id="more than a day"),
    pytest.param(9 * DAY, {"max_staleness": None}, False, id="never stale"),
    pytest.param(-DAY, {}, True, id="a time in the future is no time"),
]


@pytest.mark.parametrize(("age", "options", "stale"), STALE)
def test_is_stale(age: timedelta | None, options: dict[str, Any], stale: bool) -> None:
    """What is known is too old to go by after WAUTH_MAX_STALENESS."""
    assert is_stale(None if age is None else NOW - age, SiteSettings.from_keywords(options), NOW) is stale
