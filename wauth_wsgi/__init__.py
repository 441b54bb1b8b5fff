"""Wrap any WSGI or ASGI application and know which Windows user is there."""

from __future__ import annotations

from wauth_core.web.sources import IISToken as IISToken
from wauth_core.web.sources import ProxyHeader as ProxyHeader
from wauth_core.web.sources import ServerIdentity as ServerIdentity
from wauth_core.web.sources import SignedHeader as SignedHeader
from wauth_core.web.sources import Simulate as Simulate
from wauth_wsgi.asgi import WindowsAuthASGI as WindowsAuthASGI
from wauth_wsgi.negotiate import Negotiate as Negotiate
from wauth_wsgi.wsgi import WindowsAuthWSGI as WindowsAuthWSGI
