"""Users and their links, as the core wants them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router

from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity, TransportFacts, fold_username
from wauth_core.sync.store import same_link
from wauth_core.user import WindowsUser
from wauth_core.web.authority import Row
from wauth_django.conf import get_wauth
from wauth_django.models import LDAPUser

__all__ = ["windows_user"]


def link_of(user: Any) -> LDAPUser | None:
    """The user's link: joined by our backends, else by the query that ``user.ldap`` makes once."""
    try:
        link: LDAPUser = user.ldap
    except (LDAPUser.DoesNotExist, AttributeError):
        return None
    return link


def is_loaded(user: Any) -> bool:
    """Whether `link_of` needs no query."""
    state = getattr(user, "_state", None)
    return state is None or "ldap" in state.fields_cache


def row_of(user: Any) -> Row:
    """The user as the core sees them. Whether somebody may be inactive here is the backend's to say."""
    link = link_of(user)
    return Row(user.pk, None, True) if link is None else Row(user.pk, link.link, not link.deactivated)


def windows_user(user: Any, facts: TransportFacts | None = None) -> WindowsUser:
    """The person in the directory behind *user*: nobody for a user without a link.

    *facts* of a ticket count if they are about that person. Raises `InvalidIdentity` for a link that names nobody.
    """
    link = link_of(user)
    if link is None:
        return WindowsUser()
    own = facts if facts is not None and facts.user_sid == link.sid else None
    return WindowsUser(link.identity, own, directory=get_wauth().people, sid=link.sid or None)


def stored_user(key: Any, like: Any = None) -> Any | None:
    """The user of that primary key with the link, as the database that is written to has them now.

    *like* is a user whose class is wanted.
    """
    return _joined(_writer(), like).filter(pk=key).first()


def user_linked_to(identity: Identity) -> Any | None:
    """The user of *identity* with the link, as the database that is written to has them now."""
    with suppress(WauthError):  # whoever cannot be told from others is refused at the sync
        identity = get_wauth().people.canonical(identity)
    key = {"ldap__domain": identity.domain, "ldap__username_key": fold_username(identity.username)}
    users = _joined(_writer()).filter(**key)
    return next((user for user in users if same_link(user.ldap.link, identity.domain, identity.username)), None)


def _joined(database: str, like: Any = None) -> Any:
    model = get_user_model() if like is None else like.__class__
    users = model._default_manager.using(database)
    linked: Any = LDAPUser._meta.get_field("user").related_model
    return users.select_related("ldap") if issubclass(model, linked) else users  # a test may swap the user model


def _writer() -> str:
    return router.db_for_write(LDAPUser)
