"""The demo as its command runs it, in a process of its own: it sets Django up for good."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "wauth_core.testing.demo"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command's whole life."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def demo() -> Iterator[str]:
    """The running demo's address; at the end it is asked to stop, and must say that it did."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--no-browser"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found is not None, line + process.stdout.read()
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "nothing of it is left" in rest
