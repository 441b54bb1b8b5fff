"""`LDAPSettings`, under the name that django-windowsauth's sites import it by. It needs no Django to be set up."""

from __future__ import annotations

from wauth_core.domain_settings import DEFAULT_DOMAIN
from wauth_core.settings import LDAPSettings

__all__ = ["DEFAULT_DOMAIN", "LDAPSettings"]
