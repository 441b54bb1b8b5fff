"""Our own tests once more, inside a real CPython for Windows under Wine."""

from __future__ import annotations

import fcntl
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.windows.wine import ROOT, Unavailable, WindowsPython

pytestmark = pytest.mark.wine

INSIDE = "tests/windows/inside"
# All of them but those that need hypothesis, whose native part there is for this system only
CORE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tests/core/iis").glob("test_*.py")
    if "hypothesis" not in path.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def windows() -> Iterator[WindowsPython]:
    """The Windows Python of this user, fetched once; one test run at a time uses it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = cache / "windowsauth-tests" / f"windows-python-{sys.version_info[0]}.{sys.version_info[1]}"
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = WindowsPython(state)
        with required():
            python.up()
        yield python


@contextmanager
def required() -> Iterator[None]:
    """Skip with the reason where there can be no Windows Python, unless there must be one."""
    try:
        yield
    except Unavailable as reason:
        if os.environ.get("WAUTH_REQUIRE_WINE") == "1":
            raise
        pytest.skip(f"no Windows Python under Wine: {reason}")


def passed(
    windows: WindowsPython,
    *tests: str,
    ini: str = "inside",
    locale: str = "C",
    seconds: float = 300,
    **environment: str,
) -> int:
    """Run *tests* inside; all must pass. Returns how many did."""
    options = ["-m", "pytest", "-c", "tests/windows/inside.ini", "--rootdir=.", "-q", *tests]
    with required():
        variables = windows.locale(locale)
    finished = windows.run(*options, environment={**variables, **environment}, timeout=300)
    summary = re.search(r"^(\d+) passed(?:, \d+ (?:skipped|deselected|warnings?))* in ", finished.output, re.MULTILINE)
    assert finished.code == 0, finished.output
    assert summary, finished.output
    return int(summary[1])


def test_it_is_windows(windows: WindowsPython) -> None:
    """The interpreter is Windows', with Windows' modules and paths."""
    finished = windows.run("-c", "import sys, os, msvcrt; print(sys.platform, os.name, os.getcwd()[:3], sys.version)")
    assert finished.code == 0, finished.output
    assert finished.output.startswith("win32 nt Z:\\ " + ".".join(map(str, sys.version_info[:2])))


def test_the_generators(windows: WindowsPython) -> None:
    """Everything that is generated and written, and both servers, by the tests that run here too."""
    assert passed(windows, *CORE) > 250


def test_tokens_serve_and_wfastcgi(windows: WindowsPython) -> None:
    """Tokens, ``wauth serve`` with tokens from outside, wfastcgi over a named pipe; code page 1252."""
    assert passed(windows, INSIDE, WAUTH_EXPECT_CODE_PAGE="1252") > 20


def test_another_code_page(windows: WindowsPython) -> None:
    """Paths and names inside and outside the ANSI code page, on a Russian machine."""
    wfastcgi = f"{INSIDE}/test_wfastcgi_pipe.py::test_names_in_the_machines_code_page"
    tests = (f"{INSIDE}/test_machine.py", wfastcgi, "tests/core/iis/test_commands.py")
    assert passed(windows, *tests, locale="ru_RU", WAUTH_EXPECT_CODE_PAGE="1251") > 20


def test_the_demo(windows: WindowsPython) -> None:
    """README's first command takes its tour on Windows: both sites, the directory, and the sign-ins."""
    finished = windows.run("-m", "wauth_core", "demo", "--check", timeout=300)
    assert finished.code == 0, finished.output
