"""Windows Authentication and Active Directory for Flask."""

from __future__ import annotations

from importlib.util import find_spec

if lacking := [name for name in ("flask", "cachelib") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f'wauth_flask needs {" and ".join(lacking)}: pip install "windowsauth[flask]"', name=lacking[0]
    )

from wauth_flask.cache_repository import CacheUserRepository
from wauth_flask.decorators import (
    domain_required,
    group_required,
    ldap_sync_required,
    login_not_required,
    login_required,
)
from wauth_flask.extension import WindowsAuth
from wauth_flask.signals import ldap_user_sync, user_refused, user_signed_in
from wauth_flask.visitor import windows_user

__all__ = [
    "CacheUserRepository",
    "WindowsAuth",
    "domain_required",
    "group_required",
    "ldap_sync_required",
    "ldap_user_sync",
    "login_not_required",
    "login_required",
    "user_refused",
    "user_signed_in",
    "windows_user",
]
