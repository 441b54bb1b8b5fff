"""The ways in which a Windows sign-in reaches a Python application, by the standard library alone. Each class states
its risk. `wauth_wsgi.Negotiate` is one more, which needs Kerberos."""

from __future__ import annotations

from wauth_core.web.sources.header import HeaderSource as HeaderSource
from wauth_core.web.sources.header import NotBelieved as NotBelieved
from wauth_core.web.sources.iis_token import IISToken as IISToken
from wauth_core.web.sources.proxy import ProxyHeader as ProxyHeader
from wauth_core.web.sources.proxy import SignedHeader as SignedHeader
from wauth_core.web.sources.server import ServerIdentity as ServerIdentity
from wauth_core.web.sources.simulate import Simulate as Simulate
