"""Settings and URLs of a Django site that is closed, and sends a strict policy."""

from __future__ import annotations

import importlib.util

from django.http import HttpResponse
from django.urls import path

from tests.e2e.policed_sites import form

SECRET_KEY = "k"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "wauth_django"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wauth_django.middleware.WindowsAuthMiddleware",
]
if importlib.util.find_spec("django.middleware.csp"):
    MIDDLEWARE.insert(0, "django.middleware.csp.ContentSecurityPolicyMiddleware")
SECURE_CSP = {"default-src": ["'self'"], "script-src": ["'self'"], "style-src": ["'self'"]}
AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend"]
WAUTH_DOMAINS: dict[str, object] = {}
WAUTH_SOURCES = [form()]
WAUTH_REQUIRE_LOGIN = True


def hello(request):
    """Never reached by anybody: there is no directory that knows them."""
    return HttpResponse("hello")


urlpatterns = [path("", hello)]
