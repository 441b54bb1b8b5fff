"""Small applications for ``wauth serve``, run in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ANSWER_SIZE = 4 * 2**20  # more than sockets keep


def _gate() -> tuple[Path, Path]:
    """The file that says that work has begun, and the one that lets it end."""
    folder = Path(os.environ["SAMPLE_GATE"])
    return folder / "begun", folder / "open"


def _raise_signal() -> None:
    """What the process gets from IIS: Ctrl-Break on Windows."""
    signal.raise_signal(getattr(signal, "SIGBREAK", signal.SIGTERM))


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Say what arrived; at ``/work``, work until the gate is open; at ``/signal``, get a signal."""
    if environ.get("PATH_INFO") == "/signal":
        _raise_signal()
    if environ.get("PATH_INFO") == "/work":
        begun, gate = _gate()
        begun.touch()
        while not gate.exists():
            time.sleep(0.02)
        start_response("200 OK", [("Content-Length", str(ANSWER_SIZE))])
        return [b"x" * ANSWER_SIZE]
    seen = {
        "scheme": environ["wsgi.url_scheme"],
        "proto": environ.get("HTTP_X_FORWARDED_PROTO"),
        "peer": environ["REMOTE_ADDR"],
        "header": len(environ.get("HTTP_AUTHORIZATION", "")),
        "root": environ.get("SCRIPT_NAME", ""),
        "path": environ.get("PATH_INFO", "").encode("latin-1").decode(),
        "internal": sorted(key for key in environ if "ASPNETCORE" in key),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The same."""
    if scope["type"] != "http":
        return
    root = scope.get("root_path", "")
    if scope["path"] == "/signal":
        _raise_signal()
    if scope["path"].removeprefix(root) == "/work":
        begun, gate = _gate()
        begun.touch()
        while not gate.exists():
            await asyncio.sleep(0.02)
        return await _answer(send, b"x" * ANSWER_SIZE)
    headers: Mapping[str, str] = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    seen = {
        "scheme": scope["scheme"],
        "proto": headers.get("x-forwarded-proto"),
        "peer": scope["client"][0],
        "header": len(headers.get("authorization", "")),
        "root": root,
        "path": scope["path"].removeprefix(root),
        "internal": sorted(name for name in headers if "aspnetcore" in name),
    }
    await _answer(send, json.dumps(seen).encode())


async def _answer(send: Any, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


class Asgi:
    """An ASGI application as an object."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asgi(scope, receive, send)


class Holder:
    """An application further down."""

    app = staticmethod(wsgi)


def create() -> Any:
    """A factory."""
    return wsgi


def django() -> Any:
    """A Django site with a page, a redirect and a static file's URL."""
    import django as package
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, HttpResponse, JsonResponse
    from django.shortcuts import redirect
    from django.templatetags.static import static
    from django.urls import path, reverse

    def page(request: HttpRequest) -> HttpResponse:
        found = {"page": reverse("page"), "static": static("site.css"), "secure": request.is_secure()}
        return JsonResponse({**found, "url": request.build_absolute_uri()})

    def elsewhere(request: HttpRequest) -> HttpResponse:
        return redirect("page")

    urls = (path("page/", page, name="page"), path("elsewhere/", elsewhere))
    settings.configure(ROOT_URLCONF=urls, STATIC_URL="static/", ALLOWED_HOSTS=["*"], SECRET_KEY="-" * 50)
    package.setup()
    return get_wsgi_application()


def flask() -> Any:
    """The same with Flask."""
    from flask import Flask, jsonify, redirect, request, url_for

    app = Flask(__name__)

    @app.get("/page/")
    def page() -> Any:
        found = {"page": url_for("page"), "static": url_for("static", filename="site.css"), "secure": request.is_secure}
        return jsonify({**found, "url": request.url})

    @app.get("/elsewhere/")
    def elsewhere() -> Any:
        return redirect(url_for("page"))

    return app


def starlette() -> Any:
    """The same with Starlette, which FastAPI is made of."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, RedirectResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    async def page(request: Request) -> JSONResponse:
        static = request.url_for("static", path="site.css").path
        found = {"page": request.url_for("page").path, "static": static, "secure": request.url.scheme == "https"}
        return JSONResponse({**found, "url": str(request.url)})

    async def elsewhere(request: Request) -> RedirectResponse:
        return RedirectResponse(request.url_for("page").path, 302)

    files = Mount("/static", StaticFiles(directory=os.path.dirname(__file__)), name="static")
    return Starlette(routes=[Route("/page/", page, name="page"), Route("/elsewhere/", elsewhere), files])


text = "not an application"
