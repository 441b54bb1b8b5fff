"""Applications that run under the real wfastcgi."""

from __future__ import annotations

import json
import os
from typing import Any

import wauth_wsgi


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say what wfastcgi hands over."""
    if environ["PATH_INFO"] == "/fails":
        raise RuntimeError("the application fails")
    body = environ["wsgi.input"].read()
    seen = {key: value for key, value in environ.items() if isinstance(value, str)}
    seen["length"] = len(body)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def who(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say who is there, as the wrapper found out."""
    identity = environ["wauth.identity"]
    outcome = type(environ["wauth.outcome"]).__name__
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"identity": identity and str(identity), "outcome": outcome}).encode()]


wrapped = wauth_wsgi.WindowsAuthWSGI(who)
wrapped_ansi = wauth_wsgi.WindowsAuthWSGI(who, sources=[wauth_wsgi.ServerIdentity(code_page="cp1252")])


def django_application() -> Any:
    """A Django site of one view, wrapped."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    def view(request: HttpRequest) -> JsonResponse:
        identity = request.environ["wauth.identity"]
        return JsonResponse({"identity": identity and str(identity), "path": request.path})

    settings.configure(
        SECRET_KEY="tests",
        ROOT_URLCONF=(path("", view), path("straße/", view)),
        ALLOWED_HOSTS=["shop.example.com"],
        MIDDLEWARE=[],
    )
    django.setup()
    return wauth_wsgi.WindowsAuthWSGI(get_wsgi_application())


def flask_application() -> Any:
    """A Flask site of one view, wrapped."""
    import flask

    app = flask.Flask(__name__)

    @app.get("/")
    @app.get("/straße/")
    def view() -> Any:
        identity = flask.request.environ["wauth.identity"]
        return {"identity": identity and str(identity), "path": flask.request.path}

    app.wsgi_app = wauth_wsgi.WindowsAuthWSGI(app.wsgi_app)  # type: ignore[assignment]
    return app


def manual_site() -> Any:
    """A Django project as the manual's quick start has it: Django's own RemoteUserMiddleware, then ours."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    def view(request: HttpRequest) -> JsonResponse:
        user = request.user
        email = getattr(user, "email", "")
        return JsonResponse({"user": user.get_username(), "superuser": user.is_superuser, "email": email})

    settings.configure(
        SECRET_KEY="tests",
        ROOT_URLCONF=(path("", view),),
        ALLOWED_HOSTS=["shop.example.com"],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["E2E_DATABASE"]}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "wauth_django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.auth.middleware.RemoteUserMiddleware",
            "wauth_django.middleware.UserSyncMiddleware",
        ],
        AUTHENTICATION_BACKENDS=[
            "wauth_django.backends.WindowsAuthBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        WAUTH_DOMAINS={"EXAMPLE": json.loads(os.environ["E2E_LDAP"])},
    )
    django.setup()
    call_command("migrate", verbosity=0)
    return get_wsgi_application()


def flask_site() -> Any:
    """A Flask application with the extension."""
    import flask

    import wauth_flask

    app = flask.Flask(__name__)
    app.config.update(SECRET_KEY="tests", WAUTH_DOMAINS={"EXAMPLE": json.loads(os.environ["E2E_LDAP"])})
    wauth_flask.WindowsAuth(app)

    @app.get("/")
    def view() -> Any:
        user = wauth_flask.windows_user
        return {"user": user.identity.username if user.is_authenticated else "", "superuser": user.is_superuser}

    return app
