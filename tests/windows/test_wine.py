"""What stands in `inside`, and the demo, in a CPython for Windows under Wine. The rest: ``python -m tests.windows``."""

from __future__ import annotations

import re
import sys

import pytest

from tests.windows.conftest import required
from tests.windows.wine import WindowsPython

pytestmark = pytest.mark.wine

INSIDE = "tests/windows/inside"


def passed(windows: WindowsPython, *tests: str, **environment: str) -> int:
    """Run *tests* inside; all must pass. Returns how many did."""
    finished = windows.pytest("-q", *tests, environment=environment)
    summary = re.search(r"^(\d+) passed(?:, \d+ (?:skipped|deselected|warnings?))* in ", finished.output, re.MULTILINE)
    assert finished.code == 0, finished.output
    assert summary, finished.output
    return int(summary[1])


def test_it_is_windows(windows: WindowsPython) -> None:
    """The interpreter is Windows', with Windows' modules and paths."""
    finished = windows.run("-c", "import sys, os, msvcrt; print(sys.platform, os.name, os.getcwd()[:3], sys.version)")
    assert finished.code == 0, finished.output
    assert finished.output.startswith("win32 nt Z:\\ " + ".".join(map(str, sys.version_info[:2])))


def test_tokens_serve_and_wfastcgi(windows: WindowsPython) -> None:
    """Tokens, ``wauth serve`` with tokens from outside, wfastcgi over a named pipe; code page 1252."""
    assert passed(windows, INSIDE, WAUTH_EXPECT_CODE_PAGE="1252") > 20


def test_another_code_page(windows: WindowsPython) -> None:
    """Paths and names inside and outside the ANSI code page, on a Russian machine."""
    wfastcgi = f"{INSIDE}/test_wfastcgi_pipe.py::test_names_in_the_machines_code_page"
    tests = (f"{INSIDE}/test_machine.py", wfastcgi, "tests/core/iis/test_commands.py")
    with required():
        russian = windows.locale("ru_RU")
    assert passed(windows, *tests, **russian, WAUTH_EXPECT_CODE_PAGE="1251") > 20


def test_the_demo(windows: WindowsPython) -> None:
    """README's first command takes its tour on Windows: both sites, the directory, and the sign-ins."""
    finished = windows.run("-m", "wauth_core", "demo", "--check", timeout=600)
    assert finished.code == 0, finished.output
