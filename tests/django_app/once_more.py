"""Tests of this folder in a run of their own, on another database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run(*arguments: object, **environment: str) -> None:
    """Run pytest with *arguments* and *environment*, and assert that all passed."""
    ran = subprocess.run(
        # The outer run has the domain controller's addresses
        [sys.executable, "-m", "pytest", "-q", "-m", "not ad", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=HERE.parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
