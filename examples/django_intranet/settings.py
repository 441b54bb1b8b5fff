"""Settings of the Django intranet. The domain and the database come from `configure`, or from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from wauth_core import secrets
from wauth_core.testing.demo import STATIC as DEMO_STATIC
from wauth_core.testing.demo import TEMPLATES as DEMO_TEMPLATES

HERE = Path(__file__).parent

SECRET_KEY = os.environ.get("SECRET_KEY", "for development only")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "debug_toolbar",
    "wauth_django",
    "wauth_django.ldap_metrics",
]

MIDDLEWARE = [
    "debug_toolbar.middleware.DebugToolbarMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wauth_django.middleware.WindowsAuthMiddleware",
    "wauth_django.middleware.UserSyncMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
DEBUG_TOOLBAR_PANELS = ["wauth_django.panels.LDAPPanel"]

AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
ROOT_URLCONF = "django_intranet.urls"
STATIC_URL = "/static/"
STATICFILES_DIRS = [DEMO_STATIC]
_PROCESSORS = (
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [DEMO_TEMPLATES],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": _PROCESSORS},
    }
]
DATABASES: dict[str, Any] = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "intranet.sqlite3"}}

WAUTH_REQUIRE_LOGIN = True
WAUTH_DOMAINS: dict[str, Any] = {
    "EXAMPLE": {
        "SERVER": os.environ.get("AD_SERVER", "dc1.example.local"),
        "USERNAME": os.environ.get("AD_USERNAME", "EXAMPLE\\svc_web"),
        "PASSWORD": secrets.env("AD_PASSWORD"),
        "SEARCH_BASE": os.environ.get("AD_SEARCH_BASE", "DC=example,DC=local"),
    }
}
