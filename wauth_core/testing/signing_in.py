"""`sign_in`: let a framework's test client make its requests as some Windows user, as if IIS had signed them in."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

# the attribute with which each kind of client extends every WSGI environ
_ENVIRONS = ("defaults", "environ_base", "extra_environ")


def sign_in(client: Any, user: str | None, *, header: str | None = None) -> None:
    r"""Make every further request of *client* come from *user*, ``DOMAIN\name``. None signs out again.

    *client* is Django's ``Client``, Flask's test client, WebTest's ``TestApp``, or a dict that is a WSGI
    environ: REMOTE_USER is set, as IIS and mod_wsgi do. Under ASGI there is no such variable: name the *header*
    that your `ProxyHeader` source trusts, and Starlette's ``TestClient`` (or any httpx client) sends it.

    Raises `TypeError` for another kind of client.
    """
    if header is not None:
        _write(_headers(client), {header: user})
        return
    environ = _environ(client)
    if environ is None:
        raise TypeError(
            f"{type(client).__name__} has no WSGI environ to set REMOTE_USER in. For an ASGI application pass "
            "header=…, the header that your ProxyHeader source trusts."
        )
    _write(environ, {"REMOTE_USER": user, "AUTH_TYPE": None if user is None else "Negotiate"})


def _environ(client: Any) -> MutableMapping[str, Any] | None:
    if isinstance(client, dict):
        return client
    for name in _ENVIRONS:
        found = getattr(client, name, None)
        if isinstance(found, MutableMapping):
            return found
    return None


def _headers(client: Any) -> MutableMapping[str, Any]:
    found = getattr(client, "headers", None)
    if not isinstance(found, MutableMapping):
        raise TypeError(f"{type(client).__name__} keeps no headers for all its requests.")
    return found


def _write(mapping: MutableMapping[str, Any], values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            mapping.pop(name, None)
        else:
            mapping[name] = value
