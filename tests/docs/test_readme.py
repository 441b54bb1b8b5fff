"""The README's examples run as they are printed, against the embedded directory standing where theirs does."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wsgi.calls import exchange
from wauth_core import Wauth
from wauth_core.testing import EmbeddedDirectory

README = Path(__file__).parents[2] / "README.md"

DJANGO_BASE = """
import os
from wauth_core import secrets
SECRET_KEY = "of this test alone"
ROOT_URLCONF = "site_settings"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
"""
DJANGO_SITE = """
WAUTH_DOMAINS["EXAMPLE"].update({name: os.environ[f"TEST_{name}"] for name in ("SERVER", "CA_FILE", "USERNAME")})

def index(request):
    from django.http import HttpResponse
    user = request.user
    return HttpResponse(f"{user.username} {user.is_superuser}" if user.is_authenticated else "anonymous")

from django.urls import path
urlpatterns = [path("", index)]
"""
DJANGO_RUN = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
import io
call_command("check", fail_level="WARNING", stdout=io.StringIO())
for said in ({"REMOTE_USER": "EXAMPLE\\\\Alice"}, {"REMOTE_USER": "EXAMPLE\\\\dora"}, {"HTTP_REMOTE_USER": "alice"}):
    print(Client().get("/", **said).content.decode())
"""


def block(name: str) -> str:
    """The code under ``<!-- run: name -->``."""
    [code] = re.findall(rf"<!-- run: {name} -->\n```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return code


@pytest.fixture(scope="module")
def directory():
    """The example company, where Alice Liddell becomes a domain administrator, and Dora does not."""
    with EmbeddedDirectory() as running:
        running.add_member("Domain Admins", "alice")
        yield running


@pytest.fixture
def here(directory, monkeypatch, tmp_path):
    """A folder with the README's wauth.toml, and settings that lead to the embedded directory instead of dc1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AD_PASSWORD", directory.bind_password)
    monkeypatch.setenv("SECRET_KEY", "of this test alone")
    [toml] = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    Path("wauth.toml").write_text(toml, encoding="utf-8")
    settings = directory.settings()
    standing = {"USERNAME": settings["USERNAME"], "SERVER": settings["SERVER"], "CA_FILE": settings["CA_FILE"]}
    original = Wauth.__init__
    made = []

    def redirected(self, domains=None, **options):
        assert {entry["SERVER"] for entry in domains.values()} == {"dc1.example.local"}
        made.append(self)
        original(self, {name: {**entry, **standing} for name, entry in domains.items()}, **options)

    monkeypatch.setattr(Wauth, "__init__", redirected)
    yield tmp_path
    for wauth in made:
        wauth.close()


def test_the_script_prints_alice_and_her_groups(here):
    """Ten lines against the directory."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("script"), "README", "exec"), {})
    lines = printed.getvalue().splitlines()
    assert lines[0] == "Alice Liddell alice@example.local may sign in"
    assert {"  Domain Admins", "  Domain Users"} <= set(lines[1:])


def test_the_flask_example_greets_an_administrator_and_no_one_else(here, directory):
    """REMOTE_USER from the server signs in; the group decides."""
    names: dict = {"__name__": "readme_flask"}
    exec(compile(block("flask"), "README", "exec"), names)
    client = names["app"].test_client()
    welcome = client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\Alice"})
    assert (welcome.status_code, welcome.text) == (200, "Welcome, Alice Liddell")
    assert names["app"].test_client().get("/").status_code == 401
    assert names["app"].test_client().get("/", environ_base={"REMOTE_USER": "EXAMPLE\\dora"}).status_code == 403


def test_the_asgi_example_believes_its_proxy_alone(here):
    """The same header from another peer is refused."""
    names: dict = {"__name__": "readme_asgi"}
    exec(compile(block("asgi"), "README", "exec"), names)

    def get(peer):
        headers = [(b"remoteuser", b"EXAMPLE\\alice")]
        scope = {"type": "http", "method": "GET", "path": "/me", "query_string": b"", "headers": headers}
        start, *rest = asyncio.run(exchange(names["app"], {**scope, "client": (peer, 40000)}))
        return start["status"], b"".join(message["body"] for message in rest)

    status, body = get("10.0.0.5")
    assert (status, json.loads(body)) == (200, {"name": "EXAMPLE\\alice", "admin": True})
    assert get("10.0.0.6")[0] == 403


def test_the_django_settings_make_an_administrator_of_alice(here, directory):
    """In a project of its own: nothing for `check` to say, and the first request carries the rights."""
    (here / "site_settings.py").write_text(DJANGO_BASE + block("django") + DJANGO_SITE, encoding="utf-8")
    settings = directory.settings()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(README.parent), str(here)]),
        "DJANGO_SETTINGS_MODULE": "site_settings",
        **{f"TEST_{name}": settings[name] for name in ("SERVER", "CA_FILE", "USERNAME")},
    }
    done = subprocess.run(
        [sys.executable, "-c", DJANGO_RUN], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["alice True", "dora False", "anonymous"], done.stderr


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
