"""Settings of the Django intranet. The domain and the database come from `configure`, or from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from wauth_core import secrets
from wauth_core.testing.demo import TEMPLATES as DEMO_TEMPLATES

HERE = Path(__file__).parent

SECRET_KEY = os.environ.get("SECRET_KEY", "for development only")
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "wauth_django",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wauth_django.middleware.WindowsAuthMiddleware",
    "wauth_django.middleware.UserSyncMiddleware",
]

AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend"]
ROOT_URLCONF = "django_intranet.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [DEMO_TEMPLATES], "APP_DIRS": True}]
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
