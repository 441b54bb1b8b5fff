"""The examples run by themselves, as examples/README.md says, on a domain of one's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.demo.running import ROOT
from tests.ports import free_port


@pytest.mark.parametrize("site", ["flask", "django"])
def test_an_example_runs_by_itself(site, directory, tmp_path):
    """Copied somewhere, configured and started, it serves; nobody gets in without a web server in front."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    settings, port = directory.settings(), free_port()
    folder = tmp_path / "examples"
    command = [sys.executable, "-m", "django_intranet.wsgi"]
    if site == "flask":
        folder /= "flask_intranet"
        command = [sys.executable, "app.py"]
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        head = 'SECRET_KEY = "x"\nSQLALCHEMY_DATABASE_URI = "sqlite:///intranet.sqlite3"\n[WAUTH_DOMAINS.EXAMPLE]\n'
        (folder / "intranet.toml").write_text(head + "\n".join(lines), encoding="utf-8")
    environment = {
        **os.environ,
        **{f"AD_{name}": settings[name] for name in ("SERVER", "USERNAME", "PASSWORD", "SEARCH_BASE")},
        "DJANGO_SETTINGS_MODULE": "django_intranet.settings",
        "LISTEN": f"127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert _status(f"http://127.0.0.1:{port}/", process) == 401
        finally:
            process.terminate()


def _status(url, process):
    """The status of *url*, once the server is there."""
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(process.stderr.read())
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            time.sleep(0.05)  # it is starting
    return None
