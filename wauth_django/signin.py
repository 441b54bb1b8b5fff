"""Signing in and synchronising a Django user: the one place where the adapter asks the core.

Everything here blocks (SQL, LDAP); async code calls it through ``sync_to_async``.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from wauth_core import Identity, Refreshed, SyncResult, SyncStatus, Verdict, WauthError
from wauth_core.exceptions import SyncError, UserNotFound
from wauth_django.conf import get_wauth
from wauth_django.models import LDAPUser
from wauth_django.repository import DjangoUserRepository
from wauth_django.signals import ldap_user_sync, user_refused, user_signed_in

if TYPE_CHECKING:
    from wauth_core.identity import TransportFacts

logger = logging.getLogger("wauth.django")

FAILURE = "_wauth_failure"  # attribute of a request: the error that kept somebody from signing in


def repository() -> DjangoUserRepository:
    """The users of this project, by its settings."""
    return DjangoUserRepository(use_cache=get_wauth().options.use_cache)


def user_of(key: Any) -> Any:
    """The user with that primary key, as the database holds it now; None when there is none."""
    return get_user_model()._default_manager.filter(pk=key).first()


def sign_in(request: HttpRequest | None, identity: Identity, facts: TransportFacts | None = None) -> Any | None:
    """The user of *identity*, synchronised and with the rights of this moment; None when it is refused.

    Where the directory cannot be asked, a known user goes on with the last known rights, up to WAUTH_MAX_STALENESS.
    """
    link = LDAPUser.objects.for_identity(identity).first()
    last_sync = link.last_sync if link else None
    refreshed = refresh(identity, last_sync, delta=timedelta(0), facts=facts)
    result = refreshed.result
    if refreshed.verdict in (Verdict.REFUSE, Verdict.FAIL):
        reason = result.reason or result.status.value if result else str(refreshed.error)
        return refuse(request, identity, reason, refreshed.error)
    key = result.key if result else (link.user_id if link else None)
    user = user_of(key)
    if user is None:
        return refuse(request, identity, "there is no user of that key any more", refreshed.error)
    if refreshed.verdict is Verdict.STRIP:
        strip(user)
    elif result is not None and request is not None:
        request._wauth_synced = user.pk  # type: ignore[attr-defined]
    user._wauth_identity = identity
    user._wauth_result = result
    return user


def strip(user: Any) -> None:
    """Take every privileged flag from *user* for this request: what is known is older than WAUTH_MAX_STALENESS."""
    flags = ["is_superuser", "is_staff"]
    with suppress(LDAPUser.DoesNotExist, WauthError):
        flags += [flag for flag in user.ldap.get_ldap_manager().settings.FLAG_MAP if flag != "is_active"]
    for flag in flags:
        if hasattr(user, flag):
            setattr(user, flag, False)


def welcome(request: HttpRequest | None, user: Any) -> None:
    """Tell the project that *user*, whom `sign_in` gave, has been let in."""
    user_signed_in.send(
        sender=type(user), request=request, user=user, identity=user._wauth_identity, result=user._wauth_result
    )


def refuse(request: HttpRequest | None, identity: Identity | None, reason: str, error: WauthError | None = None) -> Any:
    """Note in the log, and tell the project, that *identity* was not let in, and why. Gives None."""
    logger.warning("%s was not signed in: %s", identity or "Somebody", reason)
    if request is not None and error is not None:
        setattr(request, FAILURE, error)
    user_refused.send(sender=get_user_model(), request=request, identity=identity, reason=reason)
    return None


def refresh(
    identity: Identity,
    last_sync: datetime | None,
    *,
    delta: timedelta | object | None = ...,
    facts: TransportFacts | None = None,
    required: bool | None = None,
) -> Refreshed:
    """`Wauth.refresh` with this project's users."""
    options: dict[str, Any] = {} if delta is ... else {"delta": delta}
    return get_wauth().refresh(identity, repository(), last_sync=last_sync, facts=facts, required=required, **options)


def sync_link(link: LDAPUser) -> SyncResult:
    """`LDAPUser.sync`. The row and its user are as the sync left them."""
    result = get_wauth().sync(link.identity, repository())
    link.refresh_from_db()
    return result


def create_user(username: str) -> Any:
    """`LDAPUser.objects.create_user`."""
    wauth = get_wauth()
    identity = wauth.rules.parse(username)
    result = wauth.sync(identity, repository())
    if result.status is SyncStatus.NOT_FOUND:
        raise UserNotFound(str(identity), identity.domain)
    if not result.ok:
        raise SyncError(f"{identity} was not created: {result.reason or result.status.value}.")
    return user_of(result.key)


def after_sync(result: SyncResult) -> None:
    """The `Wauth`'s hook: the fresh mark in the cache, the account's state in the link, the signal."""
    if result.status is SyncStatus.BUSY or result.dry_run or result.key is None:
        return
    mark_fresh(result.key, timezone.now())
    state = state_of(result)
    LDAPUser.objects.filter(user_id=result.key).exclude(state=state).update(state=state)
    if not result.ok:
        return
    if ldap_user_sync.has_listeners():
        link = LDAPUser.objects.select_related("user").filter(user_id=result.key).first()
        if link is not None:
            ldap_user_sync.send(
                sender=link,
                ldap_user=SimpleLazyObject(link.get_ldap_user),
                group_reader=SimpleLazyObject(link.get_ldap_groups),
                result=result,
            )


def state_of(result: SyncResult) -> str:
    """The account's state in a few words, as the admin shows it."""
    if result.user is None:
        return result.status.value
    return ", ".join(result.user.state.reasons) or ("enabled" if result.ok else result.status.value)


# -- freshness in the cache (WAUTH_USE_CACHE)


def cache_key(key: Any) -> str:
    """Where the cache holds when a user was last synchronised."""
    return f"wauth:{key}"


def mark_fresh(key: Any, now: datetime) -> None:
    """Note in the cache that the user was synchronised; without WAUTH_USE_CACHE the row alone says so."""
    options = get_wauth().options
    if options.use_cache and options.resync_delta:
        cache.set(cache_key(key), now.timestamp(), options.resync_delta.total_seconds())
