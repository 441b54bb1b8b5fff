"""Signing in and synchronising a Django user: the one place where the adapter asks the core.

Everything here blocks (SQL, LDAP); async code calls it through ``sync_to_async``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from wauth_core import Identity, SyncResult, SyncStatus
from wauth_core.exceptions import AmbiguousUser, InvalidIdentity, SyncError, UserNotFound
from wauth_core.web import sessions
from wauth_core.web.authority import BY_SETTINGS, YES, Authority, refresh
from wauth_core.web.visit import belongs, next_step
from wauth_django.conf import get_wauth
from wauth_django.current_visit import Visit, set_user, visit_of
from wauth_django.links import link_of, row_of, stored_user, user_linked_to
from wauth_django.models import LDAPUser
from wauth_django.orm import DjangoUserRepository
from wauth_django.session_owner import NOBODYS, owner_of
from wauth_django.signals import ldap_user_sync, user_refused, user_signed_in
from wauth_django.unapplied import explain

if TYPE_CHECKING:
    from wauth_core.identity import TransportFacts

logger = logging.getLogger("wauth.django")


def repository() -> DjangoUserRepository:
    """The users of this project, by its settings."""
    return DjangoUserRepository(use_cache=get_wauth().settings.use_cache)


def sign_in(request: HttpRequest | None, identity: Identity, facts: TransportFacts | None = None) -> Any | None:
    """The user of *identity*, synchronised and with the rights of this moment; None when it is refused.

    If the directory cannot be asked, a known user goes on with the last known rights, up to WAUTH_MAX_STALENESS.
    """
    visit, user = visit_of(request), user_linked_to(identity)
    row = row_of(user) if user is not None else None
    authority = refresh(get_wauth(), repository(), identity, row, facts=facts, begins=True)
    if isinstance(authority.error, SyncError):
        explain(authority.error)
    result = authority.result
    key = result.key if result is not None else row.key if row is not None else None
    visit.authority, visit.identity, visit.key = replace(authority, written=False), identity, key
    if not authority.allows:
        return refuse(request, identity, authority.reason, level=authority.log_level)
    if user is None or not _is_as_stored(user, authority):
        user = stored_user(key)
    return user or refuse(request, identity, "there is no user of that key any more")


def welcome(request: HttpRequest | None, user: Any, identity: Identity) -> None:
    """Send the project's signal that *user*, whom `sign_in` returned, has been let in."""
    authority = visit_of(request).authority
    result = authority.result if authority is not None else None
    user_signed_in.send(sender=type(user), request=request, user=user, identity=identity, result=result)


def refuse(request: HttpRequest | None, identity: Identity | None, reason: str, *, level: int = logging.WARNING) -> Any:
    """Log that *identity* was not let in, and why, and send the project's signal. Returns None."""
    logger.log(level, "%s was not signed in: %s", identity or "Somebody", reason)
    user_refused.send(sender=get_user_model(), request=request, identity=identity, reason=reason)
    return None


def end(request: HttpRequest) -> None:
    """End the session: from now on nobody is there."""
    auth.logout(request)
    set_user(request, AnonymousUser())


def bring_up(
    request: HttpRequest, user: Any, *, delta: timedelta | object = BY_SETTINGS, required: bool | None = None
) -> Authority:
    """Whether *user*, the request's, may go on; after a sync where one is due. The request has the user of now.

    The directory is tried once a request. A user who may not go on loses the session. *delta* and *required*: see
    `wauth_core.web.authority.refresh`.
    """
    link = link_of(user)
    if link is None:
        return YES
    visit = visit_of(request)
    authority = _asked(visit, user, link, delta, required)
    if authority.allows and authority.written and not _is_as_stored(user, authority):
        authority = visit.authority = _go_on_with(request, stored_user(user.pk, user), authority)
    if authority.ends:
        refuse(request, visit.identity, authority.reason, level=authority.log_level)
        end(request)
    return authority


def _asked(visit: Visit, user: Any, link: LDAPUser, delta: Any, required: bool | None) -> Authority:
    """What the directory says of *user*: in this request already, or now."""
    authority = visit.authority if visit.key == user.pk else None
    if authority is not None:
        return authority.as_asked() if required else authority
    try:
        identity = link.identity
    except InvalidIdentity as error:
        return YES.refused(str(error))
    facts = visit.facts if visit.facts is not None and visit.facts.user_sid == link.sid else None
    authority = refresh(get_wauth(), repository(), identity, row_of(user), facts=facts, delta=delta, required=required)
    result = authority.result
    if result is not None or authority.error is not None:
        if authority.allows and result is not None and result.key != user.pk:
            authority = authority.refused("the name belongs to another person now")
        visit.authority, visit.identity, visit.key = authority, identity, user.pk
    return authority


def _is_as_stored(user: Any, authority: Authority) -> bool:
    """Whether *user* is what the store holds, so that it need not be read again."""
    result = authority.result
    if result is None or authority.error is not None:  # what lapsed beside another worker's sync is in no result
        return not authority.written
    if result.changed or result.key != user.pk or result.before is None:
        return False
    said = {**result.before.fields, **result.before.flags}
    return result.before.link == user.ldap.link and all(getattr(user, name) == said[name] for name in said)


def _go_on_with(request: HttpRequest, user: Any, authority: Authority) -> Authority:
    """Make *user*, who was read anew, the request's. A session of an older number ends; it begins anew for whom the
    request names."""
    path, owner = request.session.get(BACKEND_SESSION_KEY), owner_of(request)
    backend = load_backend(path) if path else None
    may_sign_in = getattr(backend, "user_can_authenticate", lambda user: user.is_active)
    if user is None or not may_sign_in(user):
        return authority.refused("the user is not active")
    user.backend = path
    set_user(request, user)
    if owner is not None and not belongs(owner, row_of(user)):
        outcome = visit_of(request).outcome
        if owner.by_password or outcome is None or not next_step(outcome, NOBODYS).begins:
            return authority.refused("the sessions of that person were ended")
        end(request)
        auth.login(request, user)
        set_user(request, user)
    return replace(authority, written=False)


# -- for models, admin and commands


def sync_link(link: LDAPUser) -> SyncResult:
    """`LDAPUser.sync`. The row and its user are as the sync left them."""
    if LDAPUser.objects.twins().filter(pk=link.pk).exists():
        raise SyncError(f"Another link of {link.domain} has the name {link.username!r} in another case: delete one.")
    result = get_wauth().sync(_meant(link), repository())
    link.refresh_from_db()
    return result


def _meant(link: LDAPUser) -> Identity:
    """Who *link* is of. One that was made by hand says so by USER_QUERY_FIELD (manual 1.14), if that is not the
    logon name. Raises `UserNotFound` or `AmbiguousUser`."""
    policy = get_wauth().directories.policy(link.domain)
    value = str(getattr(link.user, policy.query_field, None) or "")
    if link.guid is not None or not policy.has_own_key or not value:
        return link.identity
    found = list(link.get_ldap_manager().users({policy.query_attribute: value}))
    if not found:
        raise UserNotFound(value, link.domain)
    if len(found) > 1:
        raise AmbiguousUser(value, link.domain, tuple(user.dn for user in found))
    return policy.identity(policy.logon_name(found[0]))


def end_sessions(link: LDAPUser) -> None:
    """`LDAPUser.end_sessions`."""
    sessions.end_sessions(get_wauth(), repository(), link.identity, guid=link.guid)


def create_user(username: str) -> Any:
    """`LDAPUser.objects.create_user`."""
    wauth = get_wauth()
    identity = wauth.rules.parse(username)
    result = wauth.sync(identity, repository())
    if result.status is SyncStatus.NOT_FOUND:
        raise UserNotFound(str(identity), identity.domain)
    if not result.ok:
        raise SyncError(f"{identity} was not created: {result.reason or result.status.value}.")
    return stored_user(result.key)


def after_sync(result: SyncResult) -> None:
    """The `Wauth`'s hook: the account's state in the link, and the signal."""
    if result.status is SyncStatus.BUSY or result.dry_run or result.key is None:
        return
    if result.user is not None or not result.ok:  # a ticket says nothing of it
        state = state_of(result)
        LDAPUser.objects.filter(user_id=result.key).exclude(state=state).update(state=state)
    if result.ok and ldap_user_sync.has_listeners():
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
