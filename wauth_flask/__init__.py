"""Windows Authentication and Active Directory for Flask."""

from __future__ import annotations

from importlib.util import find_spec

if lacking := [name for name in ("flask", "cachelib") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f'wauth_flask needs {" and ".join(lacking)}: pip install "windowsauth[flask]"', name=lacking[0]
    )

from wauth_flask.cache_repository import CacheUserRepository as CacheUserRepository
from wauth_flask.decorators import domain_required as domain_required
from wauth_flask.decorators import group_required as group_required
from wauth_flask.decorators import ldap_sync_required as ldap_sync_required
from wauth_flask.decorators import login_not_required as login_not_required
from wauth_flask.decorators import login_required as login_required
from wauth_flask.extension import WindowsAuth as WindowsAuth
from wauth_flask.signals import ldap_user_sync as ldap_user_sync
from wauth_flask.signals import user_refused as user_refused
from wauth_flask.signals import user_signed_in as user_signed_in
from wauth_flask.visitor import windows_user as windows_user
