"""Make the database of a site on django-windowsauth 1.4.0, by that package itself, as SQL text on stdout.

Run it by hand, with a Python of that time and with a directory to sign in to (any LDAPS server that
`wauth directory` starts will do); its output is committed as ``legacy.sql``::

    python3.8 -m venv old && old/bin/pip install django-windowsauth==1.4.0 Django==3.2.25
    wauth directory --tls-port 10636 &
    old/bin/python tests/django_app/upgrade/make_legacy_database.py ldaps://127.0.0.1:10636 > legacy.sql
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile

SERVER = sys.argv[1]
DATABASE = os.path.join(tempfile.mkdtemp(), "legacy.sqlite3")

from django.conf import settings  # noqa: E402

settings.configure(
    SECRET_KEY="legacy",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "windows_auth",
        "windows_auth.ldap_metrics",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.RemoteUserMiddleware",
        "windows_auth.middleware.UserSyncMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["windows_auth.backends.WindowsAuthBackend"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    WAUTH_PRELOAD_DOMAINS=False,
    WAUTH_DOMAINS={
        "EXAMPLE": {
            "SERVER": SERVER,
            "SEARCH_BASE": "DC=example,DC=local",
            "USERNAME": "EXAMPLE\\svc_wauth",
            "PASSWORD": "Passw0rd!x",
            "COLLECT_METRICS": True,
            "ACTIVE_GROUPS": "Domain Users",
            "GROUP_MAP": {"Editors": "Web Editors"},
        }
    },
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from windows_auth.ldap_metrics.utils import collect_metrics  # noqa: E402
from windows_auth.models import LDAPUser  # noqa: E402

ODD = ("User00002", "user00002", "alice@example.local", "dave ", "no such person", "petra")

urlpatterns = [path("", lambda request: HttpResponse(request.user.get_username()))]


def main() -> None:
    """Sign three people in, and leave what a long life leaves behind."""
    call_command("migrate", verbosity=0)
    for name in ("Alice", "bob", "hana"):
        for _ in range(2):  # the second request sees the rights
            Client().get("/", REMOTE_USER="EXAMPLE\\" + name)
    User.objects.create_superuser("root", password="not of the directory")
    LDAPUser.objects.create(user=User.objects.create_user("carol"), domain="EXAMPLE")  # by hand, never synchronised
    LDAPUser.objects.create(user=User.objects.create_user("Carol"), domain="EXAMPLE")  # a twin by case
    LDAPUser.objects.create(user=User.objects.create_user("gone"), domain="OldDomain")
    for name in ODD:  # what a long life, and people with a shell, leave behind
        domain = "example" if name == "petra" else "EXAMPLE"
        LDAPUser.objects.create(user=User.objects.create_user(name), domain=domain)
    collect_metrics()
    connection = sqlite3.connect(DATABASE)
    sys.stdout.write("\n".join(connection.iterdump()) + "\n")


main()
