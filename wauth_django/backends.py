"""Authentication backends: `WindowsAuthBackend` for who the web server says is there, `LDAPBackend` for passwords."""

from __future__ import annotations

import logging
import threading
from typing import Any

from asgiref.sync import sync_to_async
from cachetools import TTLCache
from django.apps import apps
from django.contrib.auth.backends import ModelBackend, RemoteUserBackend
from django.http import HttpRequest

from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity, TransportFacts, fold_username
from wauth_core.web.outcomes import Rejected, SignedIn
from wauth_django import identify, signin
from wauth_django.conf import get_wauth
from wauth_django.models import LDAPUser

logger = logging.getLogger("wauth.django")

MESSAGE = "_wauth_message"  # attribute of a request: what a login form may tell the person


class WindowsAuthBackend(RemoteUserBackend):
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
        known = LDAPUser.objects.for_identity(identity).exists()
        if not known and not self.create_unknown_user:
            return signin.refuse(request, identity, "the user is unknown here (create_unknown_user is False)")
        user = signin.sign_in(request, identity, facts)
        if user is None:
            return None
        user = self.configure_user(request, user, created=not known)
        if not self.user_can_authenticate(user):
            return signin.refuse(request, identity, "the user is not active")
        remember_name(identity, user.get_username())
        signin.welcome(request, user)
        return user

    async def aauthenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        remote_user: str | None = None,
        windows_identity: Identity | None = None,
        facts: TransportFacts | None = None,
    ) -> Any | None:
        """See `authenticate`: the same, with SQL and LDAP in a thread."""
        return await sync_to_async(self.authenticate)(request, remote_user, windows_identity, facts)

    def clean_username(self, username: str) -> str:
        """The Django user name behind REMOTE_USER, which Django's middleware compares with the session's user.

        A user name as it would be where nobody is linked yet; the empty text, which is nobody's name, for what cannot
        be parsed.
        """
        outcome = identify.server_outcome(username)
        if not isinstance(outcome, SignedIn):
            return ""
        return known_name(outcome.identity)

    def _identity_of(self, request: HttpRequest | None, remote_user: str | None) -> Identity | None:
        if not remote_user:
            return None
        if identify.is_asgi(request) and not hasattr(request, identify.SIMULATED):
            logger.error("REMOTE_USER under ASGI is a client's header, and is refused. Use WindowsAuthMiddleware.")
            signin.refuse(request, None, "REMOTE_USER under ASGI is a client's header")
            return None
        outcome = identify.server_outcome(remote_user)
        if isinstance(outcome, SignedIn):
            return outcome.identity
        if isinstance(outcome, Rejected):
            signin.refuse(request, None, outcome.reason)
        return None


class LDAPBackend(ModelBackend):
    r"""User name and password, checked by a bind to the directory; for the admin's login and for browsers elsewhere.

    The name may be ``alice`` (where one domain is configured), ``DOMAIN\alice`` or a UPN. AD's reason for a refusal is
    in the log; `wauth_django.forms.WindowsAuthenticationForm` shows the person a safe message. Nothing is stored of
    the password, and there is no password to reset here.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any | None:
        """The user, synchronised, or None."""
        if not username or not password:
            return None
        try:
            result = get_wauth().authenticate(username, password)
        except WauthError as error:
            logger.warning("The password of %r could not be checked: %s", username, error)
            _tell(request, "The directory cannot be asked just now. Please try again later.")
            return None
        if not result.ok:
            logger.warning("The directory refused the password sign-in of %r: %s", username, result.reason.name)
            _tell(request, result.message)
            signin.refuse(request, None, result.reason.name)
            return None
        user = signin.sign_in(request, result.identity) if result.identity is not None else None
        if user is None or not self.user_can_authenticate(user):
            _tell(request, "You may not use this site.")
            return None
        signin.welcome(request, user)
        return user

    async def aauthenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any | None:
        """See `authenticate`: the same, in a thread."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


def _tell(request: HttpRequest | None, message: str) -> None:
    if request is not None:
        setattr(request, MESSAGE, message)


# -- the name of a linked user, for Django's RemoteUserMiddleware, which compares names on every request


def known_name(identity: Identity) -> str:
    """The Django user name of *identity*'s user, by one query that is remembered for a while."""
    names: Names = _names()
    if (name := names.get(identity)) is not None:
        return name
    link = LDAPUser.objects.for_identity(identity).select_related("user").first()
    if link is None:
        by = get_wauth().options.username_format  # a function of the DirectoryUser would have to ask: nobody has a name
        return identity.username if callable(by) else by.format(username=identity.username, domain=identity.domain)
    name = str(link.user.get_username())
    names.keep(identity, name)
    return name


def remember_name(identity: Identity, username: str) -> None:
    """Keep what a sign-in has just found out."""
    _names().keep(identity, username)


class Names:
    """User names by identity, for ten minutes. A name that has changed since costs one more sign-in, no more: whose
    session it is, `UserSyncMiddleware` decides by the identity in the session."""

    def __init__(self) -> None:
        self._cache: TTLCache[tuple[str, str], str] = TTLCache(maxsize=10_000, ttl=600)
        self._lock = threading.Lock()

    def get(self, identity: Identity) -> str | None:
        """The kept name, or None."""
        with self._lock:
            return self._cache.get(_key(identity))

    def keep(self, identity: Identity, username: str) -> None:
        """Keep *username*."""
        with self._lock:
            self._cache[_key(identity)] = username


def _key(identity: Identity) -> tuple[str, str]:
    return identity.domain, fold_username(identity.username)


def _names() -> Names:
    config: Any = apps.get_app_config("windows_auth")
    names: Names = config.loaded("names", Names)
    return names
