"""Settings and the page of the Django site of `tests.chaos.sites`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path

from tests.chaos.sites import CACHE_PATIENCE, document, proxy, told

_site = told()
SECRET_KEY = "a key of the test"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = __name__
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "wauth_django"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wauth_django.middleware.WindowsAuthMiddleware",
    "wauth_django.middleware.UserSyncMiddleware",
]
AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"  # Django's own would need the database, too
DATABASES: dict[str, Any] = {"default": _site["database"]}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"unix:{_site['cache']}",
        "OPTIONS": {"connect_timeout": CACHE_PATIENCE, "timeout": CACHE_PATIENCE},
    }
}
WAUTH_SOURCES = [proxy()]
WAUTH_REQUIRE_LOGIN = True
globals().update(_site["settings"])


def index(request: HttpRequest) -> JsonResponse:
    """Who is there."""
    from wauth_django.conf import get_wauth

    user: Any = request.user
    name = str(get_wauth().identity(user.ldap.domain, user.ldap.username))
    return JsonResponse(document(get_wauth(), name, user.is_staff))


urlpatterns = [path("", index)]
