"""What our stack adds to a signed-in request of a trivial view, over Django's own remote-user stack.

``python -m benchmarks.django_request [REQUESTS]``: the stacks answer in turns, in one process, on one database; the
medians are compared. Django's: sessions, AuthenticationMiddleware, RemoteUserMiddleware with RemoteUserBackend. Ours:
WindowsAuthBackend and UserSyncMiddleware beside that (the manual's), and WindowsAuthMiddleware instead. The sync is
fresh, with and without WAUTH_USE_CACHE. Exits with 1 where a stack of ours adds more than 8 %.
"""

from __future__ import annotations

import gc
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
LIMIT = 0.08
ROUND = 100  # requests of one stack before it is the next one's turn

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
STOCK = "django.contrib.auth.middleware.RemoteUserMiddleware"
OURS = "wauth_django.middleware.WindowsAuthMiddleware"
SYNC = "wauth_django.middleware.UserSyncMiddleware"
PLAIN_BACKEND, OUR_BACKEND = (
    "django.contrib.auth.backends.RemoteUserBackend",
    "wauth_django.backends.WindowsAuthBackend",
)

STACKS: dict[str, dict[str, Any]] = {
    "Django's own": {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK], "AUTHENTICATION_BACKENDS": [PLAIN_BACKEND]},
    "Django's own again (noise)": {
        "MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK],
        "AUTHENTICATION_BACKENDS": [PLAIN_BACKEND],
    },
    "the manual's, cache": {
        "MIDDLEWARE": [SESSIONS, AUTHENTICATION, STOCK, SYNC],
        "AUTHENTICATION_BACKENDS": [OUR_BACKEND],
        "WAUTH_USE_CACHE": True,
    },
    "ours, cache": {
        "MIDDLEWARE": [SESSIONS, AUTHENTICATION, OURS, SYNC],
        "AUTHENTICATION_BACKENDS": [OUR_BACKEND],
        "WAUTH_USE_CACHE": True,
    },
    "ours, database": {
        "MIDDLEWARE": [SESSIONS, AUTHENTICATION, OURS, SYNC],
        "AUTHENTICATION_BACKENDS": [OUR_BACKEND],
        "WAUTH_USE_CACHE": False,
    },
}


def view(request: HttpRequest) -> HttpResponse:
    """Trivial, but it looks at the user."""
    return HttpResponse(request.user.get_username())


urlpatterns: list[Any] = []


def main() -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp())
    settings.configure(
        SECRET_KEY="benchmark",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "wauth_django",
        ],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3", "CONN_MAX_AGE": None}
        },
        LOGGING_CONFIG=None,
    )
    django.setup()
    from django.core.management import call_command
    from django.urls import path

    from wauth_core.testing import EmbeddedDirectory

    urlpatterns.append(path("", view))
    call_command("migrate", verbosity=0)
    with EmbeddedDirectory() as directory:
        times = _measure({"EXAMPLE": directory.settings()})
    base = statistics.median(times["Django's own"])
    added = {}
    for name, taken in times.items():
        median = statistics.median(taken)
        added[name] = median / base - 1
        print(f"{name:<28} {median * 1e6:8.1f} us  {(median / base - 1) * 100:+6.1f} %")
    raise SystemExit(any(share > LIMIT for share in added.values()))


def _measure(domains: dict[str, Any]) -> dict[str, list[float]]:
    browsers = {name: _browser(name, {**stack, "WAUTH_DOMAINS": domains}) for name, stack in STACKS.items()}
    times: dict[str, list[float]] = {name: [] for name in STACKS}
    gc.freeze()  # what setting up has left is no request's garbage
    for _ in range(max(1, REQUESTS // ROUND)):
        for name, (override, get) in browsers.items():
            override.enable()
            get()  # what the settings' change has dropped is made anew, outside the measured time
            for _ in range(ROUND):
                started = time.perf_counter()
                get()
                times[name].append(time.perf_counter() - started)
            override.disable()
    return times


def _browser(name: str, options: dict[str, Any]) -> tuple[Any, Callable[[], None]]:
    """A signed-in visitor of a stack: the settings to switch on, and a function that makes one request."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    override = override_settings(**options)
    override.enable()
    handler, cookie = WSGIHandler(), ""
    remote_user = "plain" if name.startswith("Django") else "EXAMPLE\\alice"

    def get() -> None:
        nonlocal cookie
        headers: list[tuple[str, str]] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_USER": remote_user,
            "HTTP_COOKIE": cookie,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        response = handler(environ, lambda status, found, exc_info=None: headers.extend(found))  # type: ignore[arg-type, return-value]
        assert b"".join(response) == remote_user.rpartition("\\")[2].encode()
        response.close()
        for key, value in headers:
            if key == "Set-Cookie":
                cookie = value.partition(";")[0]

    get()
    get()
    override.disable()
    return override, get


if __name__ == "__main__":
    main()
