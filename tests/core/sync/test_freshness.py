"""When a sync is due, and what follows when it cannot be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.sync.fakes import ALICE, NOW
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.settings import Options
from wauth_core.sync.freshness import Verdict, is_due, refresh
from wauth_core.sync.result import SyncResult, SyncStatus

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

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


def fails() -> SyncResult:
    raise DirectoryUnavailable("no answer")


def ends(status: SyncStatus, key: int | None = 1) -> Any:
    return lambda: SyncResult(status, ALICE, key)


VERDICTS = [
    pytest.param(ends(SyncStatus.UNCHANGED), HOUR, {}, False, Verdict.CONTINUE, id="in step"),
    pytest.param(ends(SyncStatus.CREATED), None, {}, True, Verdict.CONTINUE, id="new"),
    pytest.param(ends(SyncStatus.DISABLED), HOUR, {}, False, Verdict.REFUSE, id="disabled"),
    pytest.param(ends(SyncStatus.NOT_FOUND), HOUR, {}, False, Verdict.REFUSE, id="gone"),
    pytest.param(ends(SyncStatus.NAME_TAKEN, None), None, {}, False, Verdict.REFUSE, id="name taken"),
    pytest.param(ends(SyncStatus.BUSY), HOUR, {}, False, Verdict.CONTINUE, id="another worker is at it"),
    pytest.param(ends(SyncStatus.BUSY, None), None, {}, False, Verdict.REFUSE, id="another worker makes the user"),
    pytest.param(fails, HOUR, {}, False, Verdict.CONTINUE, id="down for an hour"),
    pytest.param(fails, 2 * DAY, {}, False, Verdict.STRIP, id="down for two days"),
    pytest.param(fails, 2 * DAY, {"when_stale": "refuse"}, False, Verdict.REFUSE, id="down, refuse"),
    pytest.param(fails, 2 * DAY, {"max_staleness": None}, False, Verdict.CONTINUE, id="down, never stale"),
    pytest.param(fails, None, {}, False, Verdict.REFUSE, id="down, never known"),
    pytest.param(fails, None, {"max_staleness": None}, False, Verdict.REFUSE, id="down, never known, never stale"),
    pytest.param(fails, HOUR, {}, True, Verdict.FAIL, id="down, sync required"),
    pytest.param(fails, -DAY, {}, False, Verdict.STRIP, id="a last sync in the future is not believed"),
]


@pytest.mark.parametrize(("sync", "age", "options", "required", "verdict"), VERDICTS)
def test_verdicts(sync: Any, age: timedelta | None, options: dict[str, Any], required: bool, verdict: Verdict) -> None:
    """What an adapter shall do, for each way a due sync may end."""
    last_sync = None if age is None else NOW - age
    made = Options.from_keywords(options)
    answer = refresh(sync, made, last_sync=last_sync, delta=10 * MINUTE, now=NOW, required=required)
    assert (answer.verdict, answer.due) == (verdict, True)
    assert (answer.error is not None) is (sync is fails)


def test_nothing_is_done_before_it_is_due() -> None:
    """A user who was synchronised lately costs nothing."""

    def never() -> SyncResult:
        raise AssertionError("asked")

    answer = refresh(never, Options(), last_sync=NOW - MINUTE, delta=10 * MINUTE, now=NOW, required=True)
    assert (answer.verdict, answer.due, answer.stale) == (Verdict.CONTINUE, False, False)
