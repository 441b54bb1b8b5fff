"""A `Request`, made of a WSGI environ or an ASGI scope. It is read only when a source asks: most look at one key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from wauth_core.web.outcomes import Headers

_NO_SERVER: Mapping[str, str] = {}
# They drop a header with an underscore in its name (measured; tests/e2e/servers.py runs them). Others let it replace
# the one with a hyphen (granian, cheroot), or join the two (wsgiref, uvicorn's WSGI mode, hypercorn's, a2wsgi, IIS).
DROP_TWINS = ("waitress", "gunicorn/", "Werkzeug/", "gevent/", "Apache")
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}  # PEP 3333: without HTTP_


@dataclass(frozen=True)
class Request:
    """The plain facts of a request that a source may look at, whatever the front end.

    - *server* holds what the server itself says: WSGI's ``REMOTE_USER`` and ``AUTH_TYPE``. It is empty under ASGI.
    - *headers* are the client's and the proxy's headers, as (lower-case name, value), in the order they came.
    - *peer* is the address of the socket's other end.
    - *raw* is the environ or scope, for a source that must change it.

    `wauth_core.web.request` makes one from a WSGI environ or an ASGI scope.
    """

    server: Mapping[str, str]
    headers: Headers = field(repr=False)
    peer: str | None
    method: str = "GET"
    path: str = "/"
    secure: bool = False
    may_fold: bool = False  # whether a client's X_Name may stand where X-Name is looked for
    raw: Any = field(default=None, repr=False, compare=False)

    def header_values(self, name: str) -> list[str]:
        """Every value of the header *name* (any case), in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]

    def remove_header(self, name: str) -> None:
        """Hide the header *name* from the application, by changing *raw*."""


def from_environ(environ: MutableMapping[str, Any]) -> Request:
    """A WSGI request. Header names come in the environ's spelling, so a client's ``X_Remote_User`` may stand where
    ``X-Remote-User`` is looked for; whether it does, is the server's choice."""
    return EnvironRequest(environ)


def from_scope(scope: MutableMapping[str, Any]) -> Request:
    """An ASGI request (``http`` or ``websocket``). Header names are exact, and a header sent twice is there twice."""
    return ScopeRequest(scope)


class ServerVariables(Mapping[str, str]):
    """An environ without what is a client's header: no key that starts with ``HTTP_``, text only."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, key: str) -> str:
        value = self._environ[key]
        if key.startswith("HTTP_") or not isinstance(value, str):
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return (key for key, value in self._environ.items() if not key.startswith("HTTP_") and isinstance(value, str))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class EnvironRequest(Request):
    """A request that reads a WSGI environ when it is asked."""

    def __init__(self, environ: MutableMapping[str, Any]) -> None:
        self.__dict__["raw"] = environ

    @property
    def server(self) -> Mapping[str, str]:
        return ServerVariables(self.raw)

    @property
    def headers(self) -> Headers:
        return tuple(
            (key[5:].replace("_", "-").lower(), value)
            for key, value in self.raw.items()
            if isinstance(key, str) and key.startswith("HTTP_") and isinstance(value, str)
        )

    @property
    def peer(self) -> str | None:
        return self.raw.get("REMOTE_ADDR") or None

    @property
    def method(self) -> str:
        return str(self.raw.get("REQUEST_METHOD", "GET"))

    @property
    def path(self) -> str:
        return str(self.raw.get("SCRIPT_NAME", "")) + str(self.raw.get("PATH_INFO", ""))

    @property
    def secure(self) -> bool:
        return bool(self.raw.get("wsgi.url_scheme") == "https")

    @property
    def may_fold(self) -> bool:
        return not str(self.raw.get("SERVER_SOFTWARE", "")).startswith(DROP_TWINS)

    def header_values(self, name: str) -> list[str]:
        value = self.raw.get(_environ_key(name))
        return [value] if isinstance(value, str) else []

    def remove_header(self, name: str) -> None:
        self.raw.pop(_environ_key(name), None)


class ScopeRequest(Request):
    """A request that reads an ASGI scope when it is asked."""

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self.__dict__["raw"] = scope

    @property
    def server(self) -> Mapping[str, str]:
        return _NO_SERVER

    @property
    def headers(self) -> Headers:
        return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self._pairs())

    @property
    def peer(self) -> str | None:
        client = self.raw.get("client")
        return (client[0] or None) if client else None

    @property
    def method(self) -> str:
        return str(self.raw.get("method", "GET"))

    @property
    def path(self) -> str:
        return str(self.raw.get("path", "/"))

    @property
    def secure(self) -> bool:
        return self.raw.get("scheme") in ("https", "wss")

    @property
    def may_fold(self) -> bool:
        return False

    def header_values(self, name: str) -> list[str]:
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for key, value in self._pairs() if key.lower() == wanted]

    def remove_header(self, name: str) -> None:
        wanted = name.lower().encode("latin-1")
        self.raw["headers"] = [(key, value) for key, value in self._pairs() if key.lower() != wanted]

    def _pairs(self) -> list[tuple[bytes, bytes]]:
        return list(self.raw.get("headers", ()))


def _environ_key(name: str) -> str:
    return _PLAIN.get(name.lower()) or "HTTP_" + name.upper().replace("-", "_")
