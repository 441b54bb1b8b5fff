"""The pytest plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from wauth_core import Wauth

ROOT = Path(__file__).parents[3]


def test_the_fixture_is_a_directory_of_ones_own(windowsauth_directory):
    """It is filled with the example company, and ready for WAUTH_DOMAINS; people may be changed."""
    with Wauth({"EXAMPLE": windowsauth_directory.settings()}) as wauth:
        manager = wauth.manager("EXAMPLE")
        assert manager.user("alice").enabled
        windowsauth_directory.disable("alice")
        assert not manager.user("alice").enabled


def test_the_next_test_has_another_one(windowsauth_directory):
    """What another test changed is not seen."""
    with Wauth({"EXAMPLE": windowsauth_directory.settings()}) as wauth:
        assert wauth.manager("EXAMPLE").user("alice").enabled


def test_loading_it_imports_nothing_heavy():
    """Whoever does not use the fixture pays nothing, and needs no extra."""
    heavy = "['ldap3', 'cryptography', 'yaml', 'wauth_core.testing.embedded', 'django', 'flask']"
    code = f"import sys, wauth_core.testing.pytest_plugin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_a_project_may_bring_its_own_people(tmp_path):
    """Overriding windowsauth_people fills the directory with other people."""
    (tmp_path / "test_own.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def windowsauth_people():\n"
        "    return {'domain': 'ACME', 'users': {'zora': {'name': 'Zora Own'}}}\n"
        "def test_own(windowsauth_directory):\n"
        "    assert windowsauth_directory.dn('zora').startswith('CN=Zora Own')\n"
        "    assert windowsauth_directory.domain == 'ACME'\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "wauth_core.testing.pytest_plugin", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
