"""Applications that run under the real wfastcgi."""

from __future__ import annotations

import json
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
