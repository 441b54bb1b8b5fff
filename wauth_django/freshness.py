"""Whether a signed-in user's last sync is fresh, and what to do when it is not.

The answer costs no SQL with WAUTH_USE_CACHE, and one query for the link without.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from django.contrib.auth import load_backend
from django.core.cache import cache
from django.http import HttpRequest

from wauth_core import InvalidIdentity, Verdict, WauthError
from wauth_core.settings import Options
from wauth_core.sync.freshness import is_due as core_is_due
from wauth_django import signin
from wauth_django.conf import get_wauth
from wauth_django.models import LDAPUser
from wauth_django.sessions import BACKEND_SESSION_KEY, Owner, is_windows_session, owner_of

logger = logging.getLogger("wauth.django")


@dataclass(frozen=True)
class Standing:
    """Where a user stands: *due* for a sync, with this *link*. *owner* is whose session it is, where that was not
    known and has been found out."""

    due: bool
    link: LDAPUser | None = None
    owner: Owner | None = None


@dataclass(frozen=True)
class Now:
    """How it ended: the *user* to go on with (None: the session ends), or the *error* to answer with."""

    user: Any | None = None
    error: WauthError | None = None


_FRESH = Standing(False)


def standing(request: HttpRequest, user: Any, owner: object) -> Standing:
    """Whether *user* must be synchronised now. *owner* is what the session says; None where it says nothing."""
    options = get_wauth().options
    delta = options.resync_delta
    if _spared(request, user, owner, options):
        return _FRESH
    if options.use_cache and delta and not is_due(cache.get(signin.cache_key(user.pk)), delta):
        return _FRESH
    return _judge(user, owner, next(iter(LDAPUser.objects.filter(user_id=user.pk)), None), options)


async def astanding(request: HttpRequest, user: Any, owner: object) -> Standing:
    """See `standing`; awaits the cache or the query."""
    options = get_wauth().options
    delta = options.resync_delta
    if _spared(request, user, owner, options):
        return _FRESH
    if options.use_cache and delta and not is_due(await cache.aget(signin.cache_key(user.pk)), delta):
        return _FRESH
    return _judge(user, owner, await LDAPUser.objects.filter(user_id=user.pk).afirst(), options)


def bring_up(
    request: HttpRequest,
    user: Any,
    standing: Standing,
    *,
    delta: timedelta | object | None = ...,
    required: bool | None = None,
) -> Now:
    """Synchronise *user*, and say how to go on. Blocks."""
    link = standing.link
    if link is None:  # the link was deleted: a session that the link vouched for has nobody behind it
        return Now(None if is_windows_session(request.session.get(BACKEND_SESSION_KEY)) else user)
    try:
        identity = link.identity
        refreshed = signin.refresh(identity, link.last_sync, delta=delta, required=required)
    except InvalidIdentity as error:
        logger.error("The link of the user %r names nobody: %s", user.get_username(), error)
        return Now(None)
    result = refreshed.result
    if refreshed.verdict is Verdict.FAIL and refreshed.error is not None:
        return Now(error=refreshed.error)
    if refreshed.verdict is Verdict.STRIP:
        signin.strip(user)
        return Now(user)
    gone = result is not None and result.key is not None and result.key != user.pk
    if refreshed.verdict is Verdict.REFUSE or gone:
        reason = "the name belongs to another person now" if gone else (result.reason if result else "")
        signin.refuse(request, identity, reason or str(refreshed.error))
        return Now(None)
    if refreshed.error is None:
        request._wauth_synced = user.pk  # type: ignore[attr-defined]
    return Now(_reloaded(request, user) if result is not None and result.changed else user)


def is_due(last_sync: datetime | float | None, delta: timedelta | None) -> bool:
    """Whether a sync is due *delta* after *last_sync*, which the cache holds in seconds."""
    if isinstance(last_sync, float):
        last_sync = datetime.fromtimestamp(last_sync, timezone.utc)
    return core_is_due(last_sync if isinstance(last_sync, datetime) else None, delta, datetime.now(timezone.utc))


def _spared(request: HttpRequest, user: Any, owner: object, options: Options) -> bool:
    """No sync at all: never wanted, just done in this very request, or (owner []) a local user with no link."""
    if options.resync_delta is None or getattr(request, "_wauth_synced", None) == user.pk:
        return True
    return owner == [] and options.use_cache


def _judge(user: Any, owner: object, link: LDAPUser | None, options: Options) -> Standing:
    delta = options.resync_delta
    if link is None:
        return Standing(bool(owner), owner=[])
    link.user = user
    user._state.fields_cache["ldap"] = link  # request.user.ldap costs nothing from here on
    try:
        found = owner_of(link.identity)
    except InvalidIdentity:
        found = []
    if options.use_cache and delta and link.last_sync and not is_due(link.last_sync, delta):
        signin.mark_fresh(user.pk, link.last_sync)
    return Standing(is_due(link.last_sync, delta), link, found)


def _reloaded(request: HttpRequest, user: Any) -> Any | None:
    """The user with the rights that were just written, by the session's own backend; None if it may no longer be."""
    path = request.session.get(BACKEND_SESSION_KEY)
    backend: Any = load_backend(path) if path else None
    fresh = backend.get_user(user.pk) if backend is not None else signin.user_of(user.pk)
    if fresh is not None:
        fresh.backend = path
    return fresh
