"""The application behind ``wauth serve`` in these tests."""

from __future__ import annotations

import json
from typing import Any

from wauth_core.web.sources import win32

# As in an application pool, whose account is not the visitor's; under Wine there is only one account
win32.Win32TokenReader.own_sid = lambda self: "S-1-5-82-1-2-3-4-5"  # type: ignore[method-assign]


def _who(carrier: Any, headers: list[str]) -> bytes:
    outcome = carrier["wauth.outcome"]
    return json.dumps(
        {
            "outcome": type(outcome).__name__,
            "identity": str(carrier["wauth.identity"]),
            "groups": sorted(outcome.facts.group_sids) if type(outcome).__name__ == "SignedIn" else [],
            "headers": headers,
        }
    ).encode()


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say who is there, and which headers came through."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [_who(environ, sorted(key for key in environ if "TOKEN" in key))]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """The same."""
    if scope["type"] == "http":
        headers = sorted(name.decode() for name, _ in scope["headers"] if b"token" in name)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": _who(scope, headers)})
