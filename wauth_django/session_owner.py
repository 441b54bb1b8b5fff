"""Whose session it is. That is written at login, and compared on every request with the user and the link."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.backends import RemoteUserBackend
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from wauth_core.exceptions import InvalidIdentity
from wauth_core.identity import Identity
from wauth_core.web.outcomes import Handshake, SignedIn, Unchecked
from wauth_core.web.sessions import Owner
from wauth_core.web.visit import belongs
from wauth_django.current_visit import visit_of
from wauth_django.links import is_loaded, link_of, row_of, stored_user
from wauth_django.models import LDAPUser

KEY = "_wauth_owner"
NOBODYS = Owner(None)
"""The owner of a session that is no longer its user's. It goes with nobody, so it ends."""


def owner_of(request: HttpRequest) -> Owner | None:
    """Whose session it is; None for no session, and where the outcome leaves sessions untouched.

    In an async stack `aload` comes first: then this needs no I/O.
    """
    if _leaves_sessions(request):
        return None
    user, session = user_of(request), request.session
    if not user.is_authenticated or session.get(SESSION_KEY) != str(user.pk):
        return None  # nobody; or the user of this request alone, by no session: a token's, say
    owner = Owner.from_session(session.get(KEY))
    return owner if owner is not None and belongs(owner, row_of(user)) else NOBODYS


async def aload(request: HttpRequest) -> None:
    """Load the session, and its user with the link."""
    if _leaves_sessions(request):
        return
    await request.session.aget(KEY)
    if isinstance(request.user, SimpleLazyObject) and getattr(request, "_cached_user", None) is None:
        request._cached_user = await request.auser()  # type: ignore[attr-defined]
    user = user_of(request)
    if user.is_authenticated and not is_loaded(user):
        await sync_to_async(link_of)(user)


def user_of(request: HttpRequest) -> Any:
    """The request's user, loaded once, and the same for sync and async code.

    Whoever has changed ``request.user`` alone, as Django's ``alogin`` and ``alogout`` do (5.2), has changed it for
    ``auser()`` too.
    """
    user: Any = request.user
    if isinstance(user, SimpleLazyObject):
        if getattr(request, "_cached_user", None) is None:
            bool(user.is_authenticated)  # loads the user
        user = getattr(request, "_cached_user", user)
    request._cached_user = request._acached_user = user  # type: ignore[attr-defined]
    return user


def note_owner(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    """Receiver of ``user_logged_in``: note whose session this is, how it was begun, and whom a source named."""
    session: Any = getattr(request, "session", None)
    if session is None:
        return
    visit = visit_of(request)
    has_signed_in = visit.identity is not None and visit.key == user.pk
    row = link_of(user if has_signed_in else stored_user(user.pk, user))
    identity = visit.identity if has_signed_in else _identity_of(row)
    named = visit.named
    if is_by_source(session.get(BACKEND_SESSION_KEY)):
        typed = isinstance(visit.outcome, SignedIn) and visit.outcome.by_password
        by_password = typed and identity is not None and named is not None and named.same_name(identity)
    else:  # without ``user.backend`` the application has logged somebody in whom no backend has checked
        by_password = named is None or hasattr(user, "backend")
    link = row.link if row is not None else None
    session[KEY] = Owner.of(identity, user.pk, link, visit.outcome, by_password=by_password).to_session()


def is_by_source(backend_path: str | None) -> bool:
    """Whether a session of that backend was begun by what a source says (and so ends with it), not by a password."""
    return bool(backend_path) and _is_remote(str(backend_path))


@lru_cache(maxsize=64)
def _is_remote(backend_path: str) -> bool:
    try:
        return isinstance(load_backend(backend_path), RemoteUserBackend)
    except ImportError:
        return True  # a backend that is gone: the session cannot be vouched for


def _identity_of(link: LDAPUser | None) -> Identity | None:
    try:
        return link.identity if link is not None else None
    except InvalidIdentity:
        return None


def _leaves_sessions(request: HttpRequest) -> bool:
    return isinstance(visit_of(request).outcome, (Handshake, Unchecked))
