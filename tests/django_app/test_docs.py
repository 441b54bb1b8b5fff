"""What docs/howto/django.md says: the quick start word for word, its examples, and its tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "howto" / "django.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:<!-- (.*?) -->\n)?```python\n(.*?)```", GUIDE, re.DOTALL)


def block(mark):
    """The blocks of that mark, in order."""
    return [text for found, text in BLOCKS if found == mark]


def test_the_settings_examples_are_settings():
    """Each example of settings is Python, and names no setting that does not exist."""
    import wauth_wsgi as sources
    from wauth_django.conf import KNOWN

    namespace = {"BASE_DIR": Path("/srv/site")}
    for mark, text in BLOCKS:
        if mark == "" and "WAUTH_SOURCES" not in text:
            exec(text, namespace)
    assert {name for name in namespace if name.startswith("WAUTH_")} <= KNOWN
    assert all(hasattr(sources, name) for name in ("ProxyHeader", "IISToken", "Negotiate"))


def test_the_examples_run(db, shared_directory):
    """The code under "In your code" does what its comments say."""
    from django.contrib.auth import get_user_model

    from wauth_django import signals

    namespace = {"__name__": "docs.django"}
    kept = [(signal, list(signal.receivers)) for signal in (signals.ldap_user_sync, signals.user_refused)]
    try:
        for text in block("run"):
            exec(text, namespace)
    finally:
        for signal, receivers in kept:
            signal.receivers = receivers
            signal.sender_receivers_cache.clear()
    assert str(namespace["user"].ldap) == "EXAMPLE\\alice"
    assert namespace["user"].ldap.get_ldap_attr("title") == "Managing Director"
    assert namespace["manager"].user("alice").in_group("Web Users") is True
    assert "KIOSK" in {str(entry.name) for entry in namespace["reader"].entries}
    assert get_user_model().objects.count() == 1


@pytest.fixture
def project(tmp_path, directory):
    """``django-admin startproject mysite`` with the quick start's settings, and a directory to talk to."""
    _run([sys.executable, "-m", "django", "startproject", "mysite", str(tmp_path)], tmp_path)
    path = tmp_path / "mysite" / "settings.py"
    given = {"BASE_DIR": tmp_path}
    [snippet] = block("quick start: settings")
    exec(snippet, given)
    stock = {}
    exec(path.read_text().replace("__file__", repr(str(path))), stock)
    middleware = list(stock["MIDDLEWARE"])
    after = middleware.index(given["MIDDLEWARE"][0]) + 1
    middleware[after:after] = given["MIDDLEWARE"][1:]
    domain = {**given["WAUTH_DOMAINS"]["EXAMPLE"], **directory.settings()}
    lines = [
        path.read_text(),
        f"INSTALLED_APPS = {stock['INSTALLED_APPS'] + given['INSTALLED_APPS']!r}",
        f"MIDDLEWARE = {middleware!r}",
        f"AUTHENTICATION_BACKENDS = {given['AUTHENTICATION_BACKENDS']!r}",
        f"WAUTH_DOMAINS = {{'EXAMPLE': {domain!r}}}",
        "STATIC_URL, MEDIA_URL = '/static/', '/media/'",
        "STATIC_ROOT, MEDIA_ROOT = BASE_DIR / 'static', BASE_DIR / 'media'",
        "ALLOWED_HOSTS = ['*']",
    ]
    path.write_text("\n".join(lines))
    return tmp_path


SIGN_IN = """
import io, sys
from mysite.wsgi import application
from django.contrib.auth import get_user_model

def get(path, **more):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "x", "SERVER_PORT": "80",
               "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, **more}
    status = []
    body = b"".join(application(environ, lambda line, headers: status.append(line)))
    return status[0], body.decode()

print(get("/admin/", REMOTE_USER="EXAMPLE\\\\bob")[0])
print(get("/admin/", REMOTE_USER="EXAMPLE\\\\alice")[0])
print(get("/admin/", HTTP_REMOTE_USER="EXAMPLE\\\\bob")[0])
print(sorted(get_user_model().objects.values_list("username", "is_superuser")))
"""


def test_the_quick_start_word_for_word(project):
    """Every command of the guide runs, and then people are signed in by what the web server says."""
    steps = GUIDE.partition("## Quick start")[2].partition("## Which middleware?")[0]
    commands = re.findall(r"`py (manage\.py [^`]*)`", steps)
    assert [command.split()[1] for command in commands] == [
        "migrate",
        "createwebconfig",
        "checkldap",
        "check",
    ]
    said = {command: _run([sys.executable, *command.split()], project) for command in commands}
    _run([sys.executable, "manage.py", "migrate"], project)  # the project's other apps, as every project does
    assert (project / "web.config").is_file()
    assert (project / "static" / "web.config").is_file()
    assert (project / "media" / "web.config").is_file()
    assert "failed" not in said["manage.py checkldap"]
    assert "password is written in the settings file" in said["manage.py check"]
    (project / "sign_in.py").write_text(SIGN_IN)
    lines = _run([sys.executable, "sign_in.py"], project).splitlines()
    assert lines[-4:] == ["200 OK", "302 Found", "302 Found", "[('alice', False), ('bob', True)]"]


def _run(command, folder):
    """What the command prints; it must succeed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "WAUTH_"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
