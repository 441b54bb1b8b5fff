"""Authentication backends: `WindowsAuthBackend` for who the web server says is there, `LDAPBackend` for passwords."""

from __future__ import annotations

import logging
import threading
from typing import Any

from cachetools import TTLCache, cached
from django.apps import apps
from django.contrib.auth.backends import BaseBackend, ModelBackend, RemoteUserBackend
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from wauth_core.identity import Identity, TransportFacts
from wauth_core.web import login
from wauth_core.web.outcomes import Rejected, SignedIn
from wauth_django import signin
from wauth_django.conf import get_wauth
from wauth_django.current_visit import hide_password, is_asgi, server_outcome, visit_of
from wauth_django.joined import loaded_user
from wauth_django.links import user_linked_to

__all__ = ["LDAPBackend", "WindowsAuthBackend"]

logger = logging.getLogger("wauth.django")


class _LinkedUsers(ModelBackend):
    """Loads a session's user together with the link, so that no request needs a query for it."""

    def get_user(self, user_id: Any) -> Any | None:
        """The user, if that may sign in."""
        user = loaded_user(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

    # The same in a thread, with all its SQL and LDAP.
    aget_user = BaseBackend.aget_user
    aauthenticate = BaseBackend.aauthenticate  # type: ignore[assignment]


class WindowsAuthBackend(_LinkedUsers, RemoteUserBackend):  # type: ignore[misc]
    """Signs in whom the web server authenticated, for Django's `RemoteUserMiddleware` or our `WindowsAuthMiddleware`.

    The user is found by the link to the directory, never by the bare name, and is synchronised before it is let in.
    Under ASGI a ``remote_user`` is refused: there it is a header that any client can send.
    """

    create_unknown_user = True

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        remote_user: str | None = None,
        windows_identity: Identity | None = None,
        facts: TransportFacts | None = None,
    ) -> Any | None:
        """The user, synchronised, or None. Raises nothing for what a client could have caused."""
        identity = windows_identity
        if identity is None:
            identity = self._identity_of(request, remote_user)
        if identity is None:
            return None
        known = user_linked_to(identity) is not None
        if not known and not self.create_unknown_user:
            return signin.refuse(request, identity, "the user is unknown here (create_unknown_user is False)")
        user = signin.sign_in(request, identity, facts)
        if user is None:
            return None
        user = self.configure_user(request, user, created=not known)
        if not self.user_can_authenticate(user):
            return signin.refuse(request, identity, "the user is not active")
        _remember_name(identity, user.get_username())
        signin.welcome(request, user, identity)
        return user

    def clean_username(self, username: str) -> str:
        """The Django user name behind REMOTE_USER, which Django's middleware compares with the session's user.

        A user name as it would be where nobody is linked yet; the empty text, which is nobody's name, for what cannot
        be parsed.
        """
        outcome = server_outcome(username)
        return str(_names()(outcome.identity)) if isinstance(outcome, SignedIn) else ""

    def _identity_of(self, request: HttpRequest | None, remote_user: str | None) -> Identity | None:
        if not remote_user:
            return None
        if is_asgi(request):
            named = visit_of(request).named  # by SimulateWindowsAuthMiddleware
            if named is None:
                logger.error("REMOTE_USER under ASGI is a client's header, and is refused. Use WindowsAuthMiddleware.")
                signin.refuse(request, None, "REMOTE_USER under ASGI is a client's header")
            return named
        outcome = server_outcome(remote_user)
        if isinstance(outcome, Rejected):
            signin.refuse(request, None, outcome.reason)
        return outcome.identity if isinstance(outcome, SignedIn) else None


class LDAPBackend(_LinkedUsers):
    r"""User name and password, checked by a bind to the directory; for the admin's login and for browsers elsewhere.

    The name may be ``alice`` (where one domain is configured), ``DOMAIN\alice`` or a UPN. AD's reason for a refusal is
    in the log; `wauth_django.forms.WindowsAuthenticationForm` shows the person a safe message. Nothing is stored of
    the password, and there is no password to reset here.
    """

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any | None:
        """The user, synchronised, or None."""
        if not username or not password:
            return None
        visit, peer = visit_of(request), None if request is None else request.META.get("REMOTE_ADDR")
        typed = login.check(get_wauth(), username, password, peer)
        hide_password(request, password)
        visit.retry_after = typed.retry_after
        if typed.identity is None:
            visit.message = typed.message
            return None if typed.unavailable else signin.refuse(request, None, typed.reason)
        user = signin.sign_in(request, typed.identity)
        if user is None or not self.user_can_authenticate(user):
            is_unknown = visit.authority is not None and visit.authority.is_unknown
            visit.message = login.UNAVAILABLE if is_unknown else login.NOT_HERE
            return None
        signin.welcome(request, user, typed.identity)
        return user


# -- the name of a linked user, for Django's RemoteUserMiddleware, which compares names on every request


def _names() -> Any:
    """The Django user name of an identity, remembered for ten minutes.

    A name that has changed since costs one more sign-in, no more: whose session it is, `UserSyncMiddleware` decides by
    the owner in the session.
    """
    config: Any = apps.get_app_config("windows_auth")
    return config.loaded(
        "names", lambda: cached(TTLCache(10_000, 600), key=Identity.name_key, lock=threading.Lock())(_name_of)
    )


def _name_of(identity: Identity) -> str:
    user = user_linked_to(identity)
    if user is not None:
        return str(user.get_username())
    by = get_wauth().settings.username_format  # a function of the DirectoryUser would have to ask: nobody has a name
    return identity.username if callable(by) else by.format(username=identity.username, domain=identity.domain)


def _remember_name(identity: Identity, username: str) -> None:
    names = _names()
    with names.cache_lock:
        names.cache[identity.name_key()] = username
