"""Small applications for ``wauth serve``, run in processes of their own."""

from __future__ import annotations

import json
from typing import Any


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say what arrived."""
    seen = {
        "scheme": environ["wsgi.url_scheme"],
        "proto": environ.get("HTTP_X_FORWARDED_PROTO"),
        "peer": environ["REMOTE_ADDR"],
        "header": len(environ.get("HTTP_AUTHORIZATION", "")),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Say what arrived."""
    if scope["type"] != "http":
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    seen = {
        "scheme": scope["scheme"],
        "proto": headers.get("x-forwarded-proto"),
        "peer": scope["client"][0],
        "header": len(headers.get("authorization", "")),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


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


text = "not an application"
