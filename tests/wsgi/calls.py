"""Calling a wrapped application as a server does, over WSGI and over ASGI, with one kind of answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from wauth_wsgi import WindowsAuthASGI, WindowsAuthWSGI


@dataclass
class Reply:
    """A response; *seen* is the environ or scope that the application saw, None where it was not called."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    seen: dict | None

    def all(self, name):
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def identity(self):
        """Who the application saw, as text."""
        identity = None if self.seen is None else self.seen["wauth.identity"]
        return None if identity is None else str(identity)


def over_wsgi(sources, *, headers=(), peer="192.0.2.1", status=200, app_headers=(), method="GET", **arguments):
    """One request through `WindowsAuthWSGI`. Headers become an environ as gunicorn makes it: twice is joined."""
    extra = arguments.pop("environ", {})
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        start_response(f"{status} Any", [("Content-Type", "text/plain"), *app_headers])
        return [b"" if method == "HEAD" else b"application"]

    wrapped = WindowsAuthWSGI(app, sources=sources, **arguments)
    environ = {"REMOTE_ADDR": peer, "REQUEST_METHOD": method, "QUERY_STRING": "", "SERVER_SOFTWARE": "gunicorn/27.0.1"}
    setup_testing_defaults(environ)
    for name, value in headers:
        if "_" in name:
            continue
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ.update(extra)
    return _wsgi_reply(wrapped, environ, seen)


def _wsgi_reply(wrapped, environ, seen):
    started = []

    def start_response(status, headers, exc_info=None):
        started.append((int(status[:3]), headers))
        return lambda data: None

    answer = validator(wrapped)(environ, start_response)
    body = b"".join(answer)
    answer.close()
    return Reply(*started[0], body, seen[0] if seen else None)


def over_asgi(sources, *, headers=(), peer="192.0.2.1", status=200, app_headers=(), method="GET", **arguments):
    """One request through `WindowsAuthASGI`. Headers arrive exactly as they were sent."""
    extra = arguments.pop("scope", {})
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)
        encoded = [(name.encode(), value.encode()) for name, value in app_headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": b"application"})

    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": (peer, 50000) if peer else None,
        **extra,
    }
    sent = asyncio.run(exchange(WindowsAuthASGI(app, sources=sources, **arguments), scope))
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    start = sent[0]
    found = [(name.decode(), value.decode("latin-1")) for name, value in start.get("headers", ())]
    return Reply(start.get("status", 0), found, body, seen[0] if seen else None)


async def exchange(app, scope, messages=({"type": "http.request", "body": b"", "more_body": False},)):
    """Everything that *app* sends."""
    incoming, sent = iter(messages), []

    async def receive():
        return next(incoming)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent
