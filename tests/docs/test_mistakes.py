"""A newcomer's mistakes: each ends in one line that names what is wrong and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DNS = (
    "from wauth_core import Wauth; Wauth({'X': {'SERVER': 'dns:x.lan', 'SEARCH_BASE': 'DC=x'}}).manager('X').user('a')"
)


def last_line(code: str, folder: Path) -> str:
    """What Python says last when it fails on *code*, without the address of the page that explains it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    return [line for line in done.stderr.splitlines() if not line.startswith("See https://")][-1]


@pytest.mark.parametrize(
    ("lacking", "code", "extra"),
    [
        ("asgiref", "import wauth_wsgi as w; w.WindowsAuthASGI(None, sources=[w.Simulate('a', debug=True)])", "wsgi"),
        ("flask", "import wauth_flask", "flask"),
        ("cachelib", "import wauth_flask", "flask"),
        ("click", "from wauth_core.cli import main; main()", "cli"),
        (
            "dns",
            DNS,
            "discovery",
        ),
    ],
)
def test_a_missing_extra_is_named(lacking, code, extra, tmp_path):
    """By the line that a traceback ends with, where the program was not stopped without one."""
    said = last_line(f"import sys; sys.modules[{lacking!r}] = None; {code}", tmp_path)
    assert lacking in said
    assert f'pip install "windowsauth[{extra}]"' in said
