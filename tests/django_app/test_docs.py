"""What docs/howto/django.md says: the quick start word for word, its examples, and its tables."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import printed

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

    namespace = {"BASE_DIR": Path("/srv/site"), "INSTALLED_APPS": [], "MIDDLEWARE": []}  # as startproject has them
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
    """``django-admin startproject mysite`` with the quick start's settings at the end, as they are printed."""
    [snippet] = block("quick start: settings")
    printed.account(directory, "svc_web", password="<bind account password>")
    found = Project(tmp_path, printed.environment(directory))
    found.run("-m", "django", "startproject", "mysite", ".")
    with (tmp_path / "mysite" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(snippet)
    return found


class Project:
    """A folder in which commands run."""

    def __init__(self, path, environment):
        self.path = path
        self._environment = environment

    def run(self, *command):
        """What Python prints; it must succeed."""
        ran = subprocess.run(
            [sys.executable, *command],
            cwd=self.path,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr


SIGN_IN = """
import io, sys
from mysite.wsgi import application
from django.contrib.auth import get_user_model

def get(path, **more):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
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
    said = {command: project.run(*command.split()) for command in commands}
    assert (project.path / "web.config").is_file()
    assert (project.path / "static" / "web.config").is_file()
    assert (project.path / "media" / "web.config").is_file()
    assert "failed" not in said["manage.py checkldap"]
    assert "password is written in the settings file" in said["manage.py check"]
    (project.path / "sign_in.py").write_text(SIGN_IN)
    lines = project.run("sign_in.py").splitlines()
    assert lines[-4:] == ["200 OK", "302 Found", "302 Found", "[('alice', False), ('bob', True)]"]
