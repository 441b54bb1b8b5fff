"""Wrap any WSGI or ASGI application and know which Windows user is there."""

from __future__ import annotations

from wauth_core.web.sources import IISToken, ProxyHeader, ServerIdentity, SignedHeader, Simulate
from wauth_wsgi.asgi import WindowsAuthASGI
from wauth_wsgi.negotiate import Negotiate
from wauth_wsgi.wsgi import WindowsAuthWSGI

__all__ = [
    "IISToken",
    "Negotiate",
    "ProxyHeader",
    "ServerIdentity",
    "SignedHeader",
    "Simulate",
    "WindowsAuthASGI",
    "WindowsAuthWSGI",
]
