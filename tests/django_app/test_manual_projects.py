"""The manual's sections that need a project of their own: installing, IIS, models, toolbar, metrics, commands, changes.

In its snippets ``windows_auth.`` is ``wauth_django.``, and domain and account are Samba's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

pytestmark = pytest.mark.ad

ROOT = Path(__file__).parents[2]
QUICK_START = """
INSTALLED_APPS += [
    "wauth_django",
]
MIDDLEWARE += [
    'django.contrib.auth.middleware.RemoteUserMiddleware',
    'wauth_django.middleware.UserSyncMiddleware',
]
AUTHENTICATION_BACKENDS = [
    "wauth_django.backends.WindowsAuthBackend",
    "django.contrib.auth.backends.ModelBackend",
]
WAUTH_DOMAINS = {
    "EXAMPLE": {
        "SERVER": %(SERVER)r,
        "SEARCH_BASE": %(SEARCH_BASE)r,
        "USERNAME": %(USERNAME)r,
        "PASSWORD": %(PASSWORD)r,
        "CA_FILE": %(CA_FILE)r,  # the tests' own authority; a domain's is in the system's store
    }
}
STATIC_URL = '/static/'
STATIC_ROOT = BASE_DIR / "static"
MEDIA_URL = '/media/'
MEDIA_ROOT = BASE_DIR / "media"
LOGGING = {
    "version": 1,
    'handlers': {
        'console': {'class': 'logging.StreamHandler', 'level': 'WARNING'},
        'file': {
            'level': 'INFO',
            'class': 'logging.handlers.RotatingFileHandler',
            'maxBytes': 2 ** 20 * 100,
            'backupCount': 10,
            'filename': BASE_DIR / 'logs' / 'debug.log',
        },
        'ldap': {
            'level': 'INFO',
            'class': 'logging.handlers.RotatingFileHandler',
            'maxBytes': 2 ** 20 * 100,
            'backupCount': 10,
            'filename': BASE_DIR / 'logs' / 'ldap.log',
        },
        'mail_admins': {
            'level': 'ERROR',
            'class': 'django.utils.log.AdminEmailHandler',
            'include_html': True,
        },
    },
    'loggers': {
        'wauth': {'handlers': ['console', 'file', 'mail_admins'], 'level': 'INFO', 'propagate': False},
        'ldap3': {'handlers': ['console', 'ldap'], 'level': 'DEBUG', 'propagate': False},
    },
}
from ldap3.utils.log import set_library_log_detail_level, BASIC
set_library_log_detail_level(BASIC)
"""
SIGN_IN = """
from mysite.wsgi import application
from django.contrib.auth import get_user_model
from django.test import Client
from wauth_django.ldap import get_ldap_manager

for name in ("alice", "bob"):
    print(Client().get("/admin/", REMOTE_USER="EXAMPLE\\\\" + name).status_code)
print(sorted(get_user_model().objects.values_list("username", "is_superuser")))
get_ldap_manager("EXAMPLE").connection.search("", "(objectClass=*)", "BASE")
"""
METRICS = """
INSTALLED_APPS += ['wauth_django.ldap_metrics']
WAUTH_DOMAINS["EXAMPLE"]["COLLECT_METRICS"] = True
"""
MODELS = """
from typing import Iterable, Optional

from django.db import models
from ldap3 import Entry

from wauth_django.ldap import get_ldap_manager
from wauth_core.directory import LDAPManager

class Computer(models.Model):
    # as a const
    DOMAIN = "EXAMPLE"

    # as a field
    domain: str = models.CharField(max_length=128)
    name: str = models.CharField(max_length=128)

    # using a method
    def get_ldap_manager(self) -> LDAPManager:
        return get_ldap_manager(self.domain)

    def get_ldap_computer(self, attributes: Optional[Iterable[str]] = None) -> Entry:
        manager = self.get_ldap_manager()
        reader = manager.get_reader("computer", f"name: {self.name}", attributes)
        return reader.search()[0]
"""
TOOLBAR = """
INSTALLED_APPS += ["debug_toolbar"]
MIDDLEWARE.insert(0, "debug_toolbar.middleware.DebugToolbarMiddleware")
INTERNAL_IPS = ["127.0.0.1"]
ROOT_URLCONF = "mysite.toolbar_urls"
DEBUG_TOOLBAR_PANELS = [
    'wauth_django.panels.LDAPPanel',
]
"""
TOOLBAR_URLS = """
from debug_toolbar.toolbar import debug_toolbar_urls
from mysite.urls import urlpatterns

urlpatterns = urlpatterns + debug_toolbar_urls()
"""
LOOK = """
from mysite.wsgi import application
from django.test import Client

page = Client().get("/admin/", REMOTE_USER="EXAMPLE\\\\alice").content.decode()
print("LDAPPanel" in page, "operations in" in page)
"""


@pytest.fixture
def project(tmp_path, samba):
    """``django-admin startproject mysite``, with the settings of 1.1 and 1.2 below its own."""
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", str(tmp_path)], check=True)
    path = tmp_path / "mysite" / "settings.py"
    (tmp_path / "logs").mkdir()
    path.write_text(path.read_text() + QUICK_START % samba.settings() + "ALLOWED_HOSTS = ['testserver']\n")
    return tmp_path


def manage(project: Path, *command: str) -> str:
    """What ``manage.py`` says to a command that must succeed."""
    return run(project, "manage.py", *command)


def run(project: Path, *command: str) -> str:
    """What Python prints in the project; it must succeed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "WAUTH_"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, *command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_1_1_to_1_5_install_configure_log_publish(project):
    """Quick start, detailed set-up, logging, the checklist's settings, static files."""
    manage(project, "migrate", "windows_auth")
    manage(project, "migrate")
    manage(project, "createwebconfig", "-s", "-m", "-w")
    for folder in (project, project / "static", project / "media"):
        assert (folder / "web.config").is_file()
    assert "static files copied" in manage(project, "collectstatic", "--noinput")
    (project / "sign_in.py").write_text(SIGN_IN)
    lines = run(project, "sign_in.py").splitlines()
    assert lines[:3] == ["200", "302", "[('alice', True), ('bob', False)]"]
    assert "Synced EXAMPLE\\alice: created" in (project / "logs" / "debug.log").read_text()
    assert (project / "logs" / "ldap.log").is_file()
    assert "wauth.W018" in manage(project, "check", "--deploy")  # 15: SESSION_COOKIE_AGE


def test_1_12_metrics_when_a_process_ends(project):
    """The table, and a row of each process."""
    add(project, METRICS)
    manage(project, "migrate", "ldap_metrics")
    manage(project, "migrate")
    (project / "sign_in.py").write_text(SIGN_IN)
    run(project, "sign_in.py")
    shown = manage(
        project,
        "shell",
        "-c",
        "from wauth_django.ldap_metrics.models import LDAPUsage\n"
        "print('row', *LDAPUsage.objects.values_list('domain', 'bind_operations'))",
    )
    assert "row ('EXAMPLE'," in shown


def add(project: Path, snippet: str) -> None:
    """Put *snippet* at the end of the settings."""
    path = project / "mysite" / "settings.py"
    path.write_text(path.read_text() + snippet)


def test_1_5_static_files(project):
    """The two folders, without -w: files go out by IIS's own module, and no Python runs there."""
    manage(project, "createwebconfig", "-s", "-m")
    manage(project, "collectstatic", "--noinput")
    for folder in ("static", "media"):
        config = ElementTree.parse(project / folder / "web.config")
        handlers = config.find(".//handlers")
        assert handlers is not None
        assert [each.tag for each in handlers] == ["clear", "add"]
        assert handlers[1].get("modules") == "StaticFileModule"
    assert ElementTree.parse(project / "web.config").find(".//windowsAuthentication") is None


def test_1_7_1_a_model_of_ones_own(project):
    """A model that is related to a computer in the directory."""
    (project / "inventory").mkdir()
    (project / "inventory" / "__init__.py").touch()
    (project / "inventory" / "models.py").write_text(MODELS)
    add(project, "INSTALLED_APPS += ['inventory']\n")
    manage(project, "makemigrations", "inventory")
    manage(project, "migrate")
    said = manage(
        project,
        "shell",
        "-c",
        "from inventory.models import Computer\n"
        "one = Computer.objects.create(domain='EXAMPLE', name='DC1')\n"
        "print('found', one.get_ldap_computer().entry_dn, one.get_ldap_computer(['name']).name)",
    )
    assert "found CN=DC1,OU=Domain Controllers,DC=example,DC=local DC1" in said


def test_1_11_the_toolbar(project):
    """Installed as its own guide says, with our panel: a page has it, with the request's operations counted."""
    add(project, TOOLBAR)
    (project / "mysite" / "toolbar_urls.py").write_text(TOOLBAR_URLS)
    manage(project, "migrate")
    (project / "look.py").write_text(LOOK)
    assert "True True" in run(project, "look.py")


def test_1_17_createwebconfig(project):
    """Each argument, in its long form; files that are there are overwritten only with -f."""
    arguments = ["--static", "--media", "--windowsauth", "--https", "--name", "My Site", "--logs", "C:/logs/site.log"]
    manage(project, "createwebconfig", *arguments)
    text = (project / "web.config").read_text("utf-8")
    config = ElementTree.fromstring(text)
    handlers = [each.get("name") for each in config.iter("add") if each.get("modules") == "FastCgiModule"]
    assert handlers == ["My Site"]
    assert "site.log" in text
    assert config.find(".//rewrite") is not None
    [windows] = config.iter("windowsAuthentication")
    [anonymous] = config.iter("anonymousAuthentication")
    assert (windows.get("enabled"), anonymous.get("enabled")) == ("true", "false")
    with pytest.raises(AssertionError, match="override"):
        manage(project, "createwebconfig", *arguments, "-n", "Another")
    assert (project / "web.config").read_text("utf-8") == text
    manage(project, "createwebconfig", "-s", "-m", "-w", "-n", "Another", "-l", "C:/logs/other.log", "-f")
    assert "Another" in (project / "web.config").read_text("utf-8")


def test_1_18_1_no_domains_and_no_tables(project):
    """1.3.1: a project without WAUTH_DOMAINS starts, as does one before its first migration."""
    manage(project, "check")  # with a domain that is preloaded, and no table
    add(project, "del WAUTH_DOMAINS\n")
    manage(project, "check")
    manage(project, "migrate")


def test_1_18_2_connections_are_closed_at_the_end(project):
    """1.3.0: a process that ends says goodbye on every connection that it opened."""
    add(project, METRICS)
    manage(project, "migrate")
    (project / "sign_in.py").write_text(SIGN_IN)
    run(project, "sign_in.py")
    said = manage(
        project,
        "shell",
        "-c",
        "from wauth_django.ldap_metrics.models import LDAPUsage\n"
        "rows = LDAPUsage.objects.filter(open_sockets__gt=0)\n"
        "print('rows', [(row.open_sockets - row.closed_sockets, row.unbind_operations > 0) for row in rows])",
    )
    assert "rows [(0, True)]" in said
