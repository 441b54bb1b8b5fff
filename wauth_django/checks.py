"""System checks: what is wrong in the settings, said at ``manage.py check`` and not in the middle of the night."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from wauth_core import secrets
from wauth_core.directory import filters
from wauth_core.exceptions import ConfigurationError, UnknownDomain, WauthError, explained_at
from wauth_core.setting_kinds import unknown_setting
from wauth_core.settings import LDAPSettings
from wauth_django import conf
from wauth_django.deployment import check_deployment
from wauth_django.model_checks import check_model
from wauth_django.unapplied import unapplied

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
REMOTE_USER = (
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
)
OURS = "wauth_django.middleware.WindowsAuthMiddleware"
SYNC = "wauth_django.middleware.UserSyncMiddleware"
SIMULATE = "wauth_django.middleware.SimulateWindowsAuthMiddleware"
BACKEND = "wauth_django.backends.WindowsAuthBackend"

Found = Iterator[CheckMessage]


def register_all() -> None:
    """Register every check; called when the app is ready."""
    for check in (check_settings, check_domains, check_middleware, check_production):
        register(_listed(check), Tags.security if check is check_production else "windows_auth")
    register(_listed(check_deployment), Tags.security, deploy=True)
    register(_listed_database(check_users), Tags.database)
    register(_listed_database(check_migrations), Tags.database)


def check_settings() -> Found:
    """Names that nobody knows, and values that cannot work."""
    given = conf.given()
    if not ignored():
        for name in sorted(given.keys() - conf.KNOWN):
            yield Warning(unknown_setting(name, conf.KNOWN, "the settings"), id="wauth.W001")
    try:
        conf.get_wauth()
    except WauthError as error:
        yield Error(str(error), id="wauth.E001")
        return
    sources = given.get("WAUTH_SOURCES")
    if sources is not None and OURS not in settings.MIDDLEWARE:
        yield Warning(
            "WAUTH_SOURCES is set, but nothing reads it.", hint=f"Add {OURS!r} to MIDDLEWARE.", id="wauth.W002"
        )
    if OURS in settings.MIDDLEWARE:
        from wauth_django.current_visit import sources as load

        try:
            load(asgi=False)
        except ConfigurationError as error:
            yield Error(f"WAUTH_SOURCES: {error}", id="wauth.E002")


def check_domains() -> Found:
    """Each domain's settings."""
    try:
        wauth = conf.get_wauth()
    except WauthError:
        return
    if not conf.configuration()[conf.DOMAINS]:
        if BACKEND in settings.AUTHENTICATION_BACKENDS:
            yield Warning(
                "WAUTH_DOMAINS is empty, so nobody can sign in by WindowsAuthBackend.",
                hint="List the domain's NetBIOS name with its SERVER, SEARCH_BASE, USERNAME and PASSWORD.",
                id="wauth.W003",
            )
        return
    for problem in wauth.domains.problems():
        if problem.setting:
            if not ignored():
                yield Warning(problem.message, id="wauth.W004")
        else:
            yield Error(problem.message, id="wauth.E003")
    for domain in wauth.domains:
        try:
            yield from _check_domain(domain, wauth.domains.written(domain)[0])
        except ConfigurationError:
            continue  # told above


def _check_domain(domain: str, found: LDAPSettings) -> Found:
    raw = vars(found)  # callables are not called here: they may fetch a secret
    yield from check_model(domain, found)
    try:
        filters.given(None if callable(raw["USER_QUERY_FILTER"]) else raw["USER_QUERY_FILTER"])
    except ConfigurationError as error:
        yield Error(f"Domain {domain}: USER_QUERY_FILTER: {error}", id="wauth.E011")
    for setting, value in raw.items():
        if problem := secrets.missing(value):
            yield Warning(f"Domain {domain}: {setting}: {problem}", id="wauth.W021")
    if raw["USE_SSL"] is False and raw["START_TLS"] is not True:
        yield Warning(
            f"Domain {domain}: USE_SSL is False, so passwords and people's data cross the network in the clear.",
            hint="Use LDAPS (USE_SSL) or START_TLS.",
            id="wauth.W005",
        )
    if raw["TLS_VERIFY"] is False:
        yield Warning(
            f"Domain {domain}: TLS_VERIFY is False, so anybody on the network can pose as the domain controller.",
            hint="Give the domain's CA certificate in CA_FILE.",
            id="wauth.W006",
        )
    if isinstance(raw["PASSWORD"], str) and raw["PASSWORD"] and _is_in_settings_file(raw["PASSWORD"]):
        yield Warning(
            f"Domain {domain}: the password is written in the settings file.",
            hint='Fetch it when it is needed: "PASSWORD": wauth_core.secrets.env("AD_PASSWORD").',
            id="wauth.W007",
        )


def check_middleware() -> Found:
    """Who stands where in MIDDLEWARE, and whether the backend is there."""
    chain = list(settings.MIDDLEWARE)
    signers = [name for name in (OURS, *REMOTE_USER) if name in chain]
    for name in (*signers, SYNC):
        if name in chain and (AUTHENTICATION not in chain or chain.index(AUTHENTICATION) > chain.index(name)):
            yield Error(f"{name!r} must stand after {AUTHENTICATION!r} in MIDDLEWARE.", id="wauth.E004")
    for name in signers:
        if SYNC in chain and chain.index(SYNC) < chain.index(name):
            yield Error(f"{SYNC!r} must stand after {name!r} in MIDDLEWARE.", id="wauth.E005")
        if SIMULATE in chain and chain.index(SIMULATE) > chain.index(name):
            yield Error(f"{SIMULATE!r} must stand before {name!r} in MIDDLEWARE.", id="wauth.E006")
    for path in settings.AUTHENTICATION_BACKENDS:
        if path.startswith(("wauth_django.", "windows_auth.")) and not _importable(path):
            yield Error(
                f"AUTHENTICATION_BACKENDS names {path!r}, which does not exist.",
                hint=f"The backends are {BACKEND!r} and {BACKEND.replace('WindowsAuth', 'LDAP')!r}.",
                id="wauth.E009",
            )
    backend = _backend_listed()
    if OURS in chain and not backend:
        yield Error(
            f"{OURS!r} signs nobody in without its backend.",
            hint=f"Add {BACKEND!r} to AUTHENTICATION_BACKENDS.",
            id="wauth.E007",
        )
    if backend and not signers:
        yield Warning(
            "WindowsAuthBackend is configured, but no middleware signs anybody in.",
            hint=f"Add {OURS!r} to MIDDLEWARE, after AuthenticationMiddleware.",
            id="wauth.W008",
        )
    if backend and signers and SYNC not in chain:
        yield Warning(
            "Users are synchronised at sign-in only; a disabled account keeps its session.",
            hint=f"Add {SYNC!r} to MIDDLEWARE, after {signers[0]!r}.",
            id="wauth.W009",
        )
    stock = [name for name in REMOTE_USER if name in chain]
    if stock and getattr(settings, "ASGI_APPLICATION", None):
        yield Error(
            f"Under ASGI {stock[0]!r} takes a client's own Remote-User header for the user.",
            hint=f"Use {OURS!r} instead, with WAUTH_SOURCES.",
            id="wauth.E008",
        )
    if backend and SYNC not in chain and stock:
        yield Warning(
            "Django's RemoteUserMiddleware compares user names only, so two domains' people of one name can share a "
            "session.",
            hint=f"Add {SYNC!r}, or use {OURS!r}.",
            id="wauth.W010",
        )


def check_production() -> Found:
    """What belongs to development only, and must be complete there."""
    if settings.DEBUG:
        if getattr(settings, "WAUTH_SIMULATE_USER", None) and SIMULATE not in settings.MIDDLEWARE:
            yield Warning(
                "WAUTH_SIMULATE_USER is set, but nothing reads it.",
                hint=f"Add {SIMULATE!r} to MIDDLEWARE, after AuthenticationMiddleware.",
                id="wauth.W019",
            )
        return
    if SIMULATE in settings.MIDDLEWARE:
        yield Warning(
            f"{SIMULATE!r} is for development; with DEBUG off it removes itself.",
            hint="Take it out of MIDDLEWARE in production.",
            id="wauth.W011",
        )
    if getattr(settings, "WAUTH_SIMULATE_USER", None):
        yield Warning("WAUTH_SIMULATE_USER is set in production; it is not used.", id="wauth.W012")


def check_users(databases: Sequence[str]) -> Found:
    """Users whose domain has no settings; asks the databases that the check was given."""
    from django.db.models import Count

    from wauth_django.models import LDAPUser

    if ignored():
        return
    try:
        wauth = conf.get_wauth()
        for alias in databases:
            rows = LDAPUser.objects.using(alias).values_list("domain").annotate(users=Count("pk")).order_by("domain")
            for domain, users in rows:
                if domain not in wauth.domains:
                    yield Warning(
                        f"{UnknownDomain(domain, tuple(wauth.domains))} It has {users} users.", id="wauth.W013"
                    )
    except (DatabaseError, WauthError):
        return  # the table does not exist yet, or the settings are told of elsewhere


def check_migrations(databases: Sequence[str]) -> Found:
    """Migrations that a sign-in needs. If they are being applied just now there is nothing to say."""
    if sys.argv[1:2] == ["migrate"] or DEFAULT_DB_ALIAS not in databases:
        return
    if problem := unapplied():
        yield Error(problem, id="wauth.E013")


def ignored() -> bool:
    """WAUTH_IGNORE_SETTING_WARNINGS."""
    return bool(getattr(settings, "WAUTH_IGNORE_SETTING_WARNINGS", False))


def _importable(path: str) -> bool:
    from django.utils.module_loading import import_string

    try:
        import_string(path)
    except ImportError:
        return False
    return True


def _backend_listed() -> bool:
    from django.utils.module_loading import import_string

    from wauth_django.backends import WindowsAuthBackend

    for path in settings.AUTHENTICATION_BACKENDS:
        try:
            found: Any = import_string(path)
        except ImportError:
            continue
        if isinstance(found, type) and issubclass(found, WindowsAuthBackend):
            return True
    return False


def _is_in_settings_file(password: str) -> bool:
    """Whether the settings module's own source holds *password* as a text."""
    path = getattr(sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", "")), "__file__", None)
    if not path:
        return False
    try:
        source = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    body = repr(password)[1:-1]
    return any(quote + body + quote in source for quote in "'\"")


def _listed(check: Callable[[], Iterable[CheckMessage]]) -> Any:
    def run(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
        return _explained(check())

    return run


def _listed_database(check: Callable[[Sequence[str]], Iterable[CheckMessage]]) -> Any:
    def run(
        app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
    ) -> list[CheckMessage]:
        return _explained(check(databases or ()))

    return run


def _explained(found: Iterable[CheckMessage]) -> list[CheckMessage]:
    """The messages; each hint ends with the address of the page that explains it."""
    messages = list(found)
    for message in messages:
        message.hint = f"{message.hint or ''} See {explained_at(str(message.id))}".lstrip()
    return messages
