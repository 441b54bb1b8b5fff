"""axe-core, the engine that finds what keeps people with a screen reader or weak eyes out: fetched from PyPI once.

A Python package carries it; its own dependencies (a driver for browsers) are not needed and not installed.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browser import REQUIRED, Browser

PACKAGE = "axe-playwright-python==0.1.8"
SHA256 = "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"
KEPT = Path.home() / ".cache" / "windowsauth-tests" / "axe-0.1.8.min.js"


@functools.cache
def engine() -> str:
    """Its script; skips the test where it cannot be fetched."""
    if not KEPT.exists():
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "requirements.txt"
            wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, "-r", str(wanted)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode:
                (pytest.fail if REQUIRED else pytest.skip)(f"axe-core could not be fetched: {done.stderr[-300:]}")
            [wheel] = Path(folder).glob("*.whl")
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(wheel) as archive:
                KEPT.write_bytes(archive.read("axe_playwright_python/axe.min.js"))
    return KEPT.read_text("utf-8")


def violations(browser: Browser, context: str = "document") -> list[str]:
    """What it finds on the page (frames apart) by its rules for WCAG 2.2 AA and good practice: rule, and where."""
    browser.run(engine() + "; 0")
    found: list[dict[str, Any]] = browser.run(f"axe.run({context}, {{iframes: false}}).then(r => r.violations)")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}" for each in found for node in each["nodes"]
    ]
