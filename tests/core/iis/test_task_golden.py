"""Task definitions, as they were reviewed: one for each option."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from wauth_core.iis.tasks import TaskOptions
from wauth_core.iis.taskscheduler import build

GOLDEN = Path(__file__).with_name("golden_task")
ON_DEMAND = TaskOptions("clearsessions", r"D:\Sites\shop\.venv\Scripts\python.exe", "manage.py clearsessions")
HOURLY = replace(ON_DEMAND, interval=timedelta(hours=1), start=datetime(2026, 1, 31, 3, 0))
CASES = {
    "on-demand": ON_DEMAND,
    "hourly": HOURLY,
    "daily": replace(HOURLY, interval=timedelta(days=1)),
    "random-delay": replace(HOURLY, random_delay=timedelta(minutes=5)),
    "described-in-a-folder": replace(
        ON_DEMAND, name="nightly", folder=r"shop\night", description='Zoë\'s <"task"> & more, every night'
    ),
    "odd-paths": replace(
        ON_DEMAND,
        command=r"C:\Program Files\Zoë & co\python.exe",
        arguments=r'"D:\Sites\Магазин\manage.py" syncldap EXAMPLE',
        working_directory="D:\\Sites\\Магазин",
    ),
    "restarted-without-limit": replace(
        HOURLY, time_limit=timedelta(0), restart_count=3, restart_interval=timedelta(minutes=10), priority=4
    ),
    "network-service": replace(HOURLY, account="NETWORK SERVICE"),
    "managed-account": replace(HOURLY, account="EXAMPLE\\tasks$"),
    "user": replace(HOURLY, account="EXAMPLE\\alice"),
}


@pytest.mark.parametrize("name", CASES)
def test_golden_tasks(name: str) -> None:
    """The definition is exactly the one that was reviewed (WAUTH_WRITE_GOLDEN=1 renews)."""
    path, text = GOLDEN / f"{name}.txt", build(CASES[name]).decode("utf-16")
    if os.environ.get("WAUTH_WRITE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


def test_each_option_has_one() -> None:
    """No golden file without a case, and each option is tried with another value than its default."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)
    for field in fields(TaskOptions):
        assert len({getattr(options, field.name) for options in CASES.values()}) > 1, field.name
