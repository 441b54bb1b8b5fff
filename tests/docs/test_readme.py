"""What the README prints runs as it is printed, from a folder of one's own, against the directory that it starts.

A test may set environment variables and the directory's port, and adds nothing to a snippet.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from wauth_core.testing import EmbeddedDirectory

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TEXT = README.read_text("utf-8")
BOB = "EXAMPLE\\\\bob"

DJANGO = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
call_command("check", fail_level="WARNING")
page = Client(HTTP_HOST="localhost").get("/admin/")
print(page.status_code, "<strong>Bob</strong>" in page.content.decode())
"""
FLASK = "from app import app; page = app.test_client().get('/'); print(page.status_code, page.text[:24])"
ASGI = """
from app import app
from starlette.testclient import TestClient
page = TestClient(app, client=("{peer}", 40000)).get("/me", headers={{"RemoteUser": "EXAMPLE\\\\bob"}})
print(page.status_code, page.text)
"""


class Folder:
    """A stranger's folder: the README's wauth.toml and the directory's authority are in it."""

    def __init__(self, path: Path, directory: EmbeddedDirectory) -> None:
        self.path = path
        self.environment = {
            **os.environ,
            "AD_PASSWORD": directory.bind_password,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self._port = str(directory.settings()["SERVER"]).rpartition(":")[2]
        (path / "ca").mkdir()
        (path / "ca" / "ca.pem").write_bytes(Path(directory.ca_file).read_bytes())
        [toml] = re.findall(r"^```toml\n(.*?)^```", TEXT, re.S | re.M)
        (path / "wauth.toml").write_text(self._here(toml), "utf-8")

    def write(self, name: str, said: tuple[str, str] = ("", "")) -> None:
        """Write the snippet *name* to its file, at the file's end; *said* is what the README says to exchange in it."""
        [code] = re.findall(rf"^<!-- file: {re.escape(name)} -->\n```python\n(.*?)^```", TEXT, re.S | re.M)
        assert said[0] in code
        with (self.path / name.partition(" ")[0]).open("a", encoding="utf-8") as file:
            file.write(self._here(code.replace(*said) if said[0] else code))

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with *command* in the folder."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.path,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def _here(self, text: str) -> str:
        assert "ldaps://127.0.0.1:10636" in text or "wauth.toml" in text
        return text.replace("127.0.0.1:10636", f"127.0.0.1:{self._port}")


@pytest.fixture(scope="module")
def directory(shared_directory):
    """What ``wauth directory`` starts."""
    return shared_directory


@pytest.fixture
def folder(directory, tmp_path):
    """A new folder."""
    return Folder(tmp_path, directory)


def test_the_script_prints_bob_and_his_groups(folder):
    """Ten lines against the directory."""
    folder.write("who.py")
    lines = folder.run("who.py").stdout.splitlines()
    assert lines[0] == "Bob Builder bob@example.local may sign in"
    assert {"  Domain Admins", "  Domain Users"} <= set(lines[1:])


@pytest.mark.parametrize("lost", ["wauth.toml", "AD_PASSWORD"])
def test_the_script_says_in_one_line_what_is_missing(folder, lost):
    """No traceback: the file's or the variable's name."""
    folder.write("who.py")
    (folder.path / lost).unlink(missing_ok=True)
    folder.environment.pop(lost, None)
    done = folder.run("who.py")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert lost in done.stderr


@pytest.mark.parametrize(("who", "said"), [("bob", "200 Welcome, Bob Builder"), ("dora", "403")])
def test_the_flask_snippet_greets_an_administrator_and_no_one_else(folder, who, said):
    """Bob may, as it is printed; with Dora's name in his place it is 403."""
    folder.write("app.py (Flask)", (BOB, f"EXAMPLE\\\\{who}"))
    done = folder.run("-c", FLASK, FLASK_DEBUG="1")
    assert done.stdout.startswith(said), done.stderr


def test_the_fastapi_snippet_answers_bob(folder):
    """By simulation, and by a proxy that is believed from its address alone."""
    folder.write("app.py (FastAPI)")
    done = folder.run("-c", ASGI.format(peer="10.9.9.9"))
    assert done.stdout == '200 {"name":"EXAMPLE\\\\bob","admin":true}\n', done.stderr


@pytest.mark.parametrize(("peer", "status"), [("10.0.0.5", "200"), ("10.0.0.6", "403")])
def test_the_proxy_that_the_readme_names_is_believed_from_its_address_alone(folder, peer, status):
    """The line under the snippet, in the place of the one in it."""
    [instead] = re.findall(r"^`(sources=\[ProxyHeader.*?\])`", TEXT, re.M)
    folder.write("app.py (FastAPI)", ('sources=[Simulate("EXAMPLE\\\\bob", debug=True)]', instead))
    app = folder.path / "app.py"
    app.write_text(app.read_text("utf-8").replace("import Simulate,", "import ProxyHeader,"), "utf-8")
    done = folder.run("-c", ASGI.format(peer=peer))
    assert done.stdout.startswith(status), done.stderr


def test_a_new_django_project_lets_bob_into_its_admin(folder):
    """startproject, the snippet, migrate; `check` has nothing to say, and Bob is a superuser at the first request."""
    for command in ("django-admin startproject intranet .", "python manage.py migrate"):
        assert re.search(rf"^{command}$", TEXT, re.M)
    folder.run("-m", "django", "startproject", "intranet", ".")
    folder.write("intranet/settings.py")
    assert folder.run("manage.py", "migrate", "-v0").stderr == ""
    done = folder.run("-c", DJANGO, DJANGO_SETTINGS_MODULE="intranet.settings")
    assert done.stdout.splitlines()[1:] == ["200 True"], done.stderr


def test_every_python_block_is_a_file_that_a_test_writes():
    """None stands there that nothing runs."""
    named = re.findall(r"^<!-- file: (.+) -->$", TEXT, re.M)
    assert len(named) == len(re.findall(r"^```python$", TEXT, re.M))
    assert set(named) == {"who.py", "intranet/settings.py", "app.py (Flask)", "app.py (FastAPI)"}


def test_every_install_line_installs_from_the_checkout():
    """Nothing is published yet: a line of README or docs names this folder, and extras that there are."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wrong = []
    lines = 0
    for page in (README, *(ROOT / "docs").rglob("*.md")):
        for asked in re.findall(r"pip install ([^`\n]+)", page.read_text("utf-8")):
            for name in re.findall(r"windowsauth\b\S*", asked):
                wrong.append(f"{page.relative_to(ROOT)}: {name}")
            for listed in re.findall(r"\.\[([\w,-]+)\]", asked):
                lines += 1
                wrong += [f"{page.relative_to(ROOT)}: {one}" for one in listed.split(",") if one not in extras]
    assert wrong == []
    assert lines > 20


def test_every_link_of_the_documentation_leads_somewhere():
    """Relative links of README and docs name files that exist, and pictures too."""
    root = README.parent
    pages = [README, root / "CHANGELOG.md", root / "SECURITY.md", *(root / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
