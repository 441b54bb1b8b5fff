"""The tutorials, as a newcomer follows them: files are written as printed, commands run, pages opened."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wauth_core.testing import EmbeddedDirectory

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"

DJANGO = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "intranet.settings"
import django; django.setup()
from django.test import Client
client = Client(HTTP_HOST="localhost")
secret = client.get("/secret/")
print(client.get("/").content.decode(), secret.status_code, client.get("/admin/").status_code)
assert secret.status_code == 200 or "is in none of" in secret.content.decode(), secret.content
"""
FLASK = """
from app import app
client = app.test_client()
print(client.get("/").text, client.get("/secret/").status_code)
"""
FASTAPI = """
from app import app
from starlette.testclient import TestClient
print(TestClient(app).get("/me").json(), TestClient(app).get("/secret").status_code)
"""


class Folder:
    """A newcomer's folder, with the directory's authority in it and its port in what they type."""

    def __init__(self, path: Path, tutorial: str, directory: EmbeddedDirectory | None) -> None:
        self.path = path
        text = (TUTORIALS / f"{tutorial}.md").read_text("utf-8")
        if directory is not None:
            settings = directory.settings()
            (path / "ca").mkdir()
            (path / "ca" / "ca.pem").write_bytes(Path(settings["CA_FILE"]).read_bytes())
            port = settings["SERVER"].rpartition(":")[2]
            text = text.replace("ldaps://127.0.0.1:10636", f"ldaps://127.0.0.1:{port}")
        self.files = re.findall(r"^```python\n# (\S+)\n(.*?)^```", text, re.S | re.M)
        self.toml = re.findall(r"^```toml\n(.*?)^```", text, re.S | re.M)
        self.commands = re.findall(r"^\$ (.*)$", text, re.M)

    def write(self, who: str = "bob") -> None:
        """Each Python block into the file that its first line names, with *who* for Bob."""
        for name, code in self.files:
            target = self.path / name
            before = target.read_text("utf-8") + "\n\n" if name.endswith("settings.py") else ""
            target.write_text(before + code.replace("\\\\bob", f"\\\\{who}"), "utf-8")

    def run(self, *command: str) -> str:
        """What the command prints; its failure fails the test."""
        environment = os.environ | {"PYTHONPATH": f"{ROOT}", "FLASK_DEBUG": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        done = subprocess.run(
            [sys.executable, *command], cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def folder(tmp_path, request):
    """The folder for the tutorial that the test names."""
    if request.param == "testing":  # it brings its own
        yield Folder(tmp_path, request.param, None)
        return
    with EmbeddedDirectory() as directory:
        yield Folder(tmp_path, request.param, directory)


@pytest.mark.parametrize("folder", ["django"], indirect=True)
@pytest.mark.parametrize(
    ("who", "said"), [("bob", "Bob Builder: no groups 200 200"), ("dora", "Dora Ledger: no groups 403 302")]
)
def test_django(folder, who, said):
    """Bob sees all, and Dora, whose name the tutorial writes for his, what is everybody's."""
    assert "django-admin startproject intranet ." in folder.commands
    folder.run("-m", "django", "startproject", "intranet", ".")
    folder.write(who)
    folder.run("manage.py", "migrate", "-v0")
    assert folder.run("-W", "ignore", "-c", DJANGO).strip() == f"Hello, {said}"


@pytest.mark.parametrize("folder", ["flask"], indirect=True)
@pytest.mark.parametrize(("who", "said"), [("bob", "Hello, Bob Builder 200"), ("dora", "Hello, Dora Ledger 403")])
def test_flask(folder, who, said):
    """Bob sees all, and Dora what is everybody's."""
    folder.write(who)
    assert folder.run("-c", FLASK).strip() == said


@pytest.mark.parametrize("folder", ["fastapi"], indirect=True)
@pytest.mark.parametrize(("who", "secret"), [("bob", 200), ("dora", 403)])
def test_fastapi(folder, who, secret):
    """Bob sees all, and Dora what is everybody's."""
    folder.write(who)
    said = folder.run("-c", FASTAPI)
    assert said.split() == ["{'name':", f"'EXAMPLE\\\\{who}',", "'mail':", f"'{who}@example.local'}}", str(secret)]


@pytest.mark.parametrize("folder", ["script"], indirect=True)
def test_script(folder):
    """Each command of the tutorial succeeds, and the script prints people."""
    folder.write()
    (folder.path / "wauth.toml").write_text(folder.toml[0], "utf-8")
    asked = [line for line in folder.commands if line.startswith("wauth ") and "directory" not in line]
    assert len(asked) == 5
    for line in asked:
        folder.run("-m", "wauth_core", *shlex.split(line)[1:])
    said = folder.run("who.py")
    assert "Bob Builder bob@example.local may sign in" in said
    assert "Domain Admins" in said
    assert "carol Head of Sales" in said


@pytest.mark.parametrize("folder", ["testing"], indirect=True)
def test_testing(folder):
    """The tutorial's own test passes in a pytest of its own."""
    folder.write()
    assert "1 passed" in folder.run("-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
