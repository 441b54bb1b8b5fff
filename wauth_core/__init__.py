"""Windows identities and Active Directory for Python, with no web framework.

Words used throughout:

- an *identity* is who the front end says is signed in
- a *directory user* or *directory group* is what Active Directory holds
- a *user* is the application's own record
- a *manager* is one domain's door to the directory
- a *repository* is the application's door to its own users
- a *plan* compares, *apply* writes, *sync* does both

Names that end in ``_dn`` are strings, ``_sid`` strings ``S-1-…``, ``_guid`` are `uuid.UUID`, ``_attrs`` dicts of
decoded values.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from wauth_core.exceptions import ConfigurationError, InvalidIdentity, WauthError
from wauth_core.identity import Identity, Principal
from wauth_core.settings import ConfigurationWarning, LDAPSettings
from wauth_core.site_settings import SiteSettings

if TYPE_CHECKING:
    from wauth_core.directory import AuthReason, AuthResult, DirectoryGroup, DirectoryUser, LDAPManager
    from wauth_core.directory.aio import AsyncLDAPManager
    from wauth_core.service import Wauth
    from wauth_core.sync import BulkResult, SQLiteUserRepository, SyncResult, SyncStatus, UserRepository
    from wauth_core.user import WindowsUser

__all__ = [
    "AsyncLDAPManager",
    "AuthReason",
    "AuthResult",
    "BulkResult",
    "ConfigurationError",
    "ConfigurationWarning",
    "DirectoryGroup",
    "DirectoryUser",
    "Identity",
    "InvalidIdentity",
    "LDAPManager",
    "LDAPSettings",
    "Principal",
    "SQLiteUserRepository",
    "SiteSettings",
    "SyncResult",
    "SyncStatus",
    "UserRepository",
    "Wauth",
    "WauthError",
    "WindowsUser",
]

# What needs ldap3 is imported when it is first used: whoever wants an Identity, or pytest loading our plugin, does
# not wait for it.
_LATER = (
    "wauth_core.directory",
    "wauth_core.directory.aio",
    "wauth_core.sync",
    "wauth_core.service",
    "wauth_core.user",
)


def __getattr__(name: str) -> object:
    for home in _LATER if name in __all__ else ():
        module = import_module(home)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
