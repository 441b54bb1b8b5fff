"""Wrappers between a Python server and an application behind HttpPlatformHandler, for WSGI and for ASGI.

- The outer part (`behind_wsgi`, `behind_asgi`) ends the process when IIS asks, and sets the scheme and the mount point.
- The inner part (`visitor_wsgi`, `visitor_asgi`) shows the visitor's address and hides the secret.

The reader of the sign-in token is between them: a token counts only from loopback and only with that secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from wauth_core.iis.platformhandler import EVENT_HEADER, Contract, address, last
from wauth_core.web.sources.token import PAIRING_HEADER

WSGI = Callable[..., Iterable[bytes]]
ASGI = Callable[..., Awaitable[None]]
FORWARDED = ("X-Forwarded-Proto", "X-Forwarded-For")


def behind_wsgi(application: WSGI, contract: Contract, stop: Callable[[], None]) -> WSGI:
    """Call *stop* when IIS asks; tell *application* the scheme that the visitor used, and where it is mounted."""

    def behind(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = _text(environ.get("PATH_INFO", ""))
        event, secret = environ.get(_key(EVENT_HEADER), ""), environ.get(_key(PAIRING_HEADER), "")
        if contract.asks_to_stop(
            environ.get("REQUEST_METHOD", ""), path, event, secret, environ.get("REMOTE_ADDR") or ""
        ):
            stop()
            start_response("202 Accepted", [("Content-Length", "0")])
            return [b""]
        for key in map(_key, FORWARDED):
            if key in environ:
                environ[key] = last(environ[key])
        if environ.get(_key("X-Forwarded-Proto")) in ("http", "https"):
            environ["wsgi.url_scheme"] = environ[_key("X-Forwarded-Proto")]
        rest = contract.below(path) if contract.path else None
        if rest is not None:
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = _wsgi(contract.path), _wsgi(rest)
        return application(environ, start_response)

    return behind


def visitor_wsgi(application: WSGI) -> WSGI:
    """Show *application* the address that IIS saw, and no secret of IIS's."""

    def visitor(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop(_key(PAIRING_HEADER), None)
        seen = address(environ.get(_key("X-Forwarded-For"), ""))
        if seen:
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = seen
            environ.pop("REMOTE_PORT", None)
        return application(environ, start_response)

    return visitor


def behind_asgi(application: ASGI, contract: Contract, stop: Callable[[], None]) -> ASGI:
    """Call *stop* when IIS asks; tell *application* the scheme that the visitor used, and where it is mounted."""

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return
        event, secret = _only(scope, EVENT_HEADER), _only(scope, PAIRING_HEADER)
        method, peer = scope.get("method", ""), (scope.get("client") or ("",))[0]
        if contract.asks_to_stop(method, scope["path"], event, secret, peer):
            stop()
            await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await application({**scope, **_forwarded(scope), **_mounted(scope["path"], contract)}, receive, send)

    return behind


def visitor_asgi(application: ASGI) -> ASGI:
    """Show *application* the address that IIS saw, and no secret of IIS's."""

    async def visitor(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            seen = address(_only(scope, "X-Forwarded-For"))
            hidden = _octets(PAIRING_HEADER)
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != hidden]}
            if seen:
                scope["client"] = (seen, 0)
        await application(scope, receive, send)

    return visitor


def _forwarded(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The scheme, and the headers with IIS's own values only. Under ASGI a header that was sent twice stays two
    headers.
    """
    kept: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in map(_octets, FORWARDED):
            kept[name] = last(value.decode("latin-1")).encode("latin-1")
    changed: dict[str, Any] = {"headers": [pair for pair in scope["headers"] if pair[0] not in kept] + [*kept.items()]}
    proto = kept.get(_octets("X-Forwarded-Proto"))
    if proto in (b"http", b"https"):
        plain, secure = ("ws", "wss") if scope["type"] == "websocket" else ("http", "https")
        changed["scheme"] = secure if proto == b"https" else plain
    return changed


def _mounted(path: str, contract: Contract) -> dict[str, str]:
    """ASGI's path holds the mount point too, spelled as in ``root_path``."""
    rest = contract.below(path) if contract.path else None
    return {} if rest is None else {"root_path": contract.path, "path": contract.path + rest}


def _only(scope: Mapping[str, Any], header: str) -> str:
    """The value of a header that came once; empty otherwise."""
    values = [value for name, value in scope["headers"] if name == _octets(header)]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _octets(header: str) -> bytes:
    return header.lower().encode()


def _key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def _text(wsgi: str) -> str:
    return wsgi.encode("latin-1").decode("utf-8", "surrogateescape")


def _wsgi(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
