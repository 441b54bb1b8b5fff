"""What is remembered of people, while controllers lag behind one another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.sync.fakes import ALICE, GROUPS, NOW, person
from wauth_core import SyncResult, SyncStatus, Wauth
from wauth_core.sync.knowledge import Heard, May

STAFF = GROUPS["Staff"]
WITHOUT = SyncResult(SyncStatus.UPDATED, ALICE, user=person("alice", 1))
WITH = SyncResult(SyncStatus.UPDATED, ALICE, user=person("alice", 1, "Staff"))
GONE = SyncResult(SyncStatus.NOT_FOUND, ALICE)


@pytest.mark.parametrize(
    ("said", "seconds", "in_staff"),
    [
        pytest.param([("dc1", WITH), ("dc1", WITHOUT)], 1, False, id="taken"),
        pytest.param([("dc1", WITH), ("dc1", WITHOUT), ("dc2", WITH)], 1, False, id="another one raises it"),
        pytest.param([("dc1", WITH), ("dc1", WITHOUT), ("dc1", WITH)], 1, True, id="the same one gives it back"),
        pytest.param([("dc1", WITH), ("dc1", WITHOUT), ("dc2", WITH)], 600, True, id="a delta later"),
        pytest.param([("dc1", WITH), ("dc2", WITHOUT)], 1, False, id="another one takes it"),
        pytest.param([("dc1", WITH), ("dc2", GONE)], 1, True, id="another one finds nobody"),
        pytest.param([("dc1", WITH), ("dc1", GONE), ("dc2", WITH)], 1, None, id="another one still finds them"),
        pytest.param([("dc1", WITH), ("dc1", GONE), ("dc2", WITH)], 600, True, id="and does so a delta later"),
    ],
)
def test_what_a_sync_has_read_lags_no_more_than_its_row(
    said: list[tuple[str, SyncResult]], seconds: int, in_staff: bool | None
) -> None:
    """A group check after a sync goes by the same rule as the row: a higher right of another controller waits."""
    now = NOW
    settings = {"SERVER": "dc.example.local", "SEARCH_BASE": "DC=example,DC=local"}
    with Wauth({"EXAMPLE": settings}, clock=lambda: now) as wauth:
        for controller, result in said:
            now += timedelta(seconds=seconds)
            wauth.people.remember(ALICE, result, Heard(now, controller, timedelta(minutes=10)))
        told = wauth.people.told_at_once(ALICE)
    assert told is not None
    assert (told.may is May.NO) if in_staff is None else ((STAFF in told.groups) is in_staff)
