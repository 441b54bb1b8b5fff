"""Making managers for tests."""

from __future__ import annotations

from typing import Any

from tests.ad.samba import DomainController
from tests.ad.slapd import OpenLDAP
from wauth_core.directory import LDAPManager
from wauth_core.settings import LDAPSettings


def managed(server: DomainController | OpenLDAP, **overrides: Any) -> LDAPManager:
    """A manager of *server*'s domain, with some settings changed."""
    domain = server.netbios if isinstance(server, DomainController) else "UNIX"
    return LDAPManager(LDAPSettings(**server.settings(**overrides)), domain)
