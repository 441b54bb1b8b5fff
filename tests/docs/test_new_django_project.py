"""The Django quick start on a project that startproject has made, and what is said where a step is left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
ENVIRONMENT.pop("DJANGO_SETTINGS_MODULE", None)
GET = """
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "intranet.settings"
import django; django.setup()
from django.test import Client
print(Client(HTTP_HOST="localhost").get("/admin/").status_code)
"""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with *command* in *folder*."""
    environment = {**ENVIRONMENT, "AD_PASSWORD": "Passw0rd!x"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def directory(shared_directory):
    """What ``wauth directory`` starts."""
    return shared_directory


@pytest.fixture
def project(tmp_path, directory):
    """A new project with the README's settings."""
    assert run(tmp_path, "-m", "django", "startproject", "intranet", ".").returncode == 0
    [code] = re.findall(r"<!-- file: intranet/settings.py -->\n```python\n(.*?)^```", README, re.S | re.M)
    port = str(directory.settings()["SERVER"]).rpartition(":")[2]
    with (tmp_path / "intranet" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(code.replace("127.0.0.1:10636", f"127.0.0.1:{port}"))
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "ca.pem").write_bytes(Path(directory.ca_file).read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("before", "lacking"),
    [
        pytest.param((), "auth, contenttypes, sessions, windows_auth", id="no-migration"),
        pytest.param(("windows_auth",), "auth, contenttypes, sessions", id="ours-alone"),
    ],
)
def test_missing_migrations_are_one_line(project, before, lacking):
    """At sign-in, by `check`, and by `checkldap`; and `migrate` itself, which applies them, has nothing to say."""
    if before:
        assert run(project, "manage.py", "migrate", "-v0", *before).stderr == ""
    said = f"The database lacks migrations of {lacking}. Run: python manage.py migrate"
    at_sign_in = run(project, "-W", "ignore", "-c", GET).stderr.splitlines()[-1]
    assert at_sign_in == f"django.core.exceptions.ImproperlyConfigured: {said}"
    assert f"(wauth.E013) {said}" in run(project, "manage.py", "check", "--database", "default").stderr
    checked = run(project, "manage.py", "checkldap")
    assert (checked.returncode, checked.stderr.splitlines()[-1]) == (1, f"CommandError: {said}")
    assert run(project, "manage.py", "migrate", "-v0").stderr == ""
    assert run(project, "-W", "ignore", "-c", GET).stdout == "200\n"
    assert run(project, "manage.py", "checkldap").returncode == 0


def test_createwebconfig_as_the_manual_prints_it_says_which_settings_to_add(project):
    """-s -m -w on a new project: the lines are there to be copied, and then it works."""
    said = run(project, "manage.py", "createwebconfig", "-s", "-m", "-w")
    head, _, lines = said.stderr.partition("\n\n")
    assert head == "CommandError: Add this to the settings first:"
    assert lines.splitlines() == [
        'STATIC_ROOT = BASE_DIR / "static"',
        'MEDIA_URL = "/media/"',
        'MEDIA_ROOT = BASE_DIR / "media"',
    ]
    with (project / "intranet" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(lines)
    done = run(project, "manage.py", "createwebconfig", "-s", "-m", "-w")
    assert done.returncode == 0, done.stderr
    assert (project / "web.config").exists()
