"""All tests of this folder once more, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.databases import postgres  # noqa: F401

HERE = Path(__file__).parent
ELSEWHERE = (
    "test_postgresql.py",
    "test_mariadb.py",
    "test_remote_user.py",
    "test_docs.py",
    "test_checks.py",
    "test_panel.py",
)


def test_the_same_on_postgresql(postgres):  # noqa: F811
    """What passes on SQLite passes on PostgreSQL; files that need no database, or one of their own, are left out."""
    database = f"{postgres.folder}:{postgres.user}"
    left_out = [f"--ignore={HERE / name}" for name in ELSEWHERE]
    ran = subprocess.run(
        # The outer run has the domain controller's addresses
        [sys.executable, "-m", "pytest", "-q", "-m", "not ad", "-p", "no:cacheprovider", *left_out, str(HERE)],
        cwd=HERE.parents[1],
        env={**os.environ, "WAUTH_TEST_POSTGRESQL": database},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
