"""The ways in which a Windows sign-in reaches a Python application. Each class states its risk."""

from __future__ import annotations

from wauth_wsgi.sources.iis import IISToken as IISToken
from wauth_wsgi.sources.negotiate import Negotiate as Negotiate
from wauth_wsgi.sources.proxy import ProxyHeader as ProxyHeader
from wauth_wsgi.sources.server import ServerIdentity as ServerIdentity
from wauth_wsgi.sources.simulate import Simulate as Simulate
