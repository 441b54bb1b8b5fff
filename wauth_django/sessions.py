"""Which Windows identity a session belongs to. It is written at login and compared on every request, with no query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, load_backend
from django.contrib.auth.backends import RemoteUserBackend
from django.http import HttpRequest

from wauth_core.exceptions import InvalidIdentity
from wauth_core.identity import Identity, fold_username

KEY = "_wauth_identity"
Owner = list[str]  # [domain, folded user name]; empty for a session of a local user


def owner_of(identity: Identity | None) -> Owner:
    """*identity* as a session keeps it."""
    return [identity.domain, fold_username(identity.username)] if identity else []


def identity_of(owner: object) -> Identity | None:
    """The identity that a session's *owner* value names; None for a local user, or for anything that is not ours."""
    if not isinstance(owner, list) or len(owner) != 2:
        return None
    try:
        return Identity(str(owner[0]), str(owner[1]))
    except InvalidIdentity:
        return None


def remember_identity(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    """Receiver of ``user_logged_in``: note whose session this is, by the sign-in or by the user's link."""
    session = getattr(request, "session", None)
    if session is None:
        return
    identity = getattr(user, "_wauth_identity", None)
    session[KEY] = owner_of(identity if identity is not None else linked_identity(user))


def linked_identity(user: Any) -> Identity | None:
    """The identity of *user*'s link, by a query; None where there is none."""
    from wauth_django.models import LDAPUser

    link = LDAPUser.objects.filter(user_id=user.pk).first()
    if link is None:
        return None
    link.user = user
    try:
        return link.identity
    except InvalidIdentity:
        return None


def is_windows_session(backend_path: str | None) -> bool:
    """Whether the session was opened by what the web server says (and so ends with it), not by a password."""
    return bool(backend_path) and _is_remote(str(backend_path))


@lru_cache(maxsize=64)
def _is_remote(backend_path: str) -> bool:
    try:
        return isinstance(load_backend(backend_path), RemoteUserBackend)
    except ImportError:
        return True  # a backend that is gone: the session cannot be vouched for


__all__ = ["BACKEND_SESSION_KEY", "KEY", "Owner", "identity_of", "is_windows_session", "linked_identity", "owner_of"]
