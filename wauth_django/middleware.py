"""Middleware: who is there (`WindowsAuthMiddleware`), in step with the directory (`UserSyncMiddleware`), and a stand-in
for development (`SimulateWindowsAuthMiddleware`). All of them run natively in sync and in async stacks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from wauth_core.exceptions import WauthError
from wauth_core.web.outcomes import Anonymous, Headers, Outcome, Rejected, SignedIn
from wauth_core.web.pages import status_for
from wauth_django import freshness, identify, signin
from wauth_django.conf import get_wauth
from wauth_django.pages import page
from wauth_django.sessions import BACKEND_SESSION_KEY, KEY, is_windows_session, owner_of

logger = logging.getLogger("wauth.django")

IDENTIFIED = "_wauth_outcome"  # attribute of a request: what WindowsAuthMiddleware found


class _Middleware:
    """Calls `process` or `aprocess` before the view, and `finish` on what the view answered."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        if get_response is None:
            raise ValueError("get_response must be provided.")
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._acall(request)
        response = self.process(request)
        if response is None:
            response = self.get_response(request)
        return self.finish(request, response)

    async def _acall(self, request: HttpRequest) -> Any:
        response = await self.aprocess(request)
        if response is None:
            response = await self.get_response(request)
        return self.finish(request, response)

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        """Before the view: None to go on, or the answer instead of the view's."""
        raise NotImplementedError

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        """`process`, awaited."""
        raise NotImplementedError

    def finish(self, request: HttpRequest, response: Any) -> Any:
        """After the view: the answer, with what belongs on it."""
        return response


class WindowsAuthMiddleware(_Middleware):
    """Signs in whom WAUTH_SOURCES, or the WSGI/ASGI wrapper, say is there; Django's ``RemoteUserMiddleware`` made safe.

    It stands after ``AuthenticationMiddleware``. No header is ever read but by a configured source. A session that a
    Windows sign-in opened ends, and its key changes, when the request comes from somebody else, from another domain,
    or from nobody; a session that a password opened stays.
    """

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        _require_authentication_middleware(request)
        outcome = _remember(request, identify.outcome_of(request))
        user: Any = request.user
        if user.is_authenticated:
            owner, backend = request.session.get(KEY), request.session.get(BACKEND_SESSION_KEY)
            if _stays(outcome, owner, backend):
                return None
            if is_windows_session(backend):
                _end(request)
                user = request.user
        if isinstance(outcome, SignedIn):
            signed_in = auth.authenticate(request, windows_identity=outcome.identity, facts=outcome.facts)
            if signed_in is None:
                return _turned_away(request)
            auth.login(request, signed_in)
            set_user(request, signed_in)
            return None
        return _answer(request, outcome, user)

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        _require_authentication_middleware(request)
        blocking = identify.may_block(request)
        outcome = await sync_to_async(identify.outcome_of)(request) if blocking else identify.outcome_of(request)
        _remember(request, outcome)
        user: Any = await request.auser()
        if user.is_authenticated:
            owner, backend = await request.session.aget(KEY), await request.session.aget(BACKEND_SESSION_KEY)
            if _stays(outcome, owner, backend):
                return None
            if is_windows_session(backend):
                await _aend(request)
                user = request.user
        if isinstance(outcome, SignedIn):
            signed_in = await auth.aauthenticate(request, windows_identity=outcome.identity, facts=outcome.facts)
            if signed_in is None:
                return await sync_to_async(_turned_away)(request)
            await auth.alogin(request, signed_in)
            set_user(request, signed_in)
            return None
        return _answer(request, outcome, user)

    def finish(self, request: HttpRequest, response: Any) -> Any:
        outcome = getattr(request, IDENTIFIED, None)
        if isinstance(outcome, SignedIn):
            if outcome.headers and not _by_wrapper(request):
                add_headers(response, outcome.headers)
        elif response.status_code == 401 and "WWW-Authenticate" not in response.headers:
            add_headers(response, identify.challenge(request).headers)
        return response


class UserSyncMiddleware(_Middleware):
    """Synchronises a signed-in user whose last sync is older than WAUTH_RESYNC_DELTA (manual 1.13).

    It stands after the middleware that signs people in. The request that brings a change already sees it. A user whom
    the directory no longer lets in loses the session here.
    """

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        if (failed := _failed_sign_in(request)) is not None:
            return failed
        user: Any = request.user
        if not user.is_authenticated:
            return None
        session = request.session
        if _someone_else(request, session.get(KEY), session.get(BACKEND_SESSION_KEY)):
            self._sign_in_again(request)
            user = request.user
            if not user.is_authenticated:
                return _failed_sign_in(request)
        owner = session.get(KEY)
        standing = freshness.standing(request, user, owner)
        if owner is None and standing.owner is not None:
            session[KEY] = standing.owner
        return self._bring_up(request, user, standing) if standing.due else None

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        if (failed := _failed_sign_in(request)) is not None:
            return failed
        user = await _auser(request)
        if not user.is_authenticated:
            return None
        session = request.session
        if _someone_else(request, await session.aget(KEY), await session.aget(BACKEND_SESSION_KEY)):
            await sync_to_async(self._sign_in_again)(request)
            user = await request.auser()
            if not user.is_authenticated:
                return _failed_sign_in(request)
        owner = await session.aget(KEY)
        standing = await freshness.astanding(request, user, owner)
        if owner is None and standing.owner is not None:
            await session.aset(KEY, standing.owner)
        return await sync_to_async(self._bring_up)(request, user, standing) if standing.due else None

    def _bring_up(self, request: HttpRequest, user: Any, standing: freshness.Standing) -> HttpResponseBase | None:
        now = freshness.bring_up(request, user, standing)
        if now.error is not None:
            return error_response(request, now.error)
        if now.user is None:
            _end(request)
            return _turned_away(request)
        elif now.user is not user:
            set_user(request, now.user)
        return None

    def _sign_in_again(self, request: HttpRequest) -> None:
        """The session is another person's than the one REMOTE_USER names, which Django's middleware cannot see."""
        _end(request)
        user = auth.authenticate(request, remote_user=request.META["REMOTE_USER"])
        if user is not None:
            auth.login(request, user)
            set_user(request, user)


class SimulateWindowsAuthMiddleware(_Middleware):
    """Makes every request come from WAUTH_SIMULATE_USER. It stands before the middleware that signs people in.

    Risk: this is no authentication at all. It removes itself unless DEBUG is on, and a system check says so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if not settings.DEBUG or not get_wauth().options.simulate_user:
            raise MiddlewareNotUsed("SimulateWindowsAuthMiddleware needs DEBUG and WAUTH_SIMULATE_USER.")

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        wauth = get_wauth()
        raw = wauth.options.simulate_user
        if settings.DEBUG and raw:
            setattr(request, identify.SIMULATED, wauth.rules.parse(raw))
            request.META["REMOTE_USER"] = raw
            if self.is_async:
                request.META["HTTP_REMOTE_USER"] = raw  # where Django's own middleware looks in async stacks
        return None

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        return self.process(request)


def error_response(request: HttpRequest, error: WauthError) -> HttpResponseBase:
    """What WAUTH_ERROR_RESPONSE makes of *error*; raises it where nothing is configured."""
    configured = get_wauth().options.error_response
    if isinstance(configured, int) and not isinstance(configured, bool):
        return HttpResponse("Authorization Failed.", status=configured)
    if callable(configured):
        response: HttpResponseBase = configured(request, error)
        return response
    raise error


def set_user(request: HttpRequest, user: Any) -> None:
    """Make *user* the request's user, for sync and async code alike."""
    request.user = request._cached_user = request._acached_user = user  # type: ignore[attr-defined]


def _end(request: HttpRequest) -> None:
    auth.logout(request)
    set_user(request, AnonymousUser())


async def _aend(request: HttpRequest) -> None:
    await auth.alogout(request)
    set_user(request, AnonymousUser())


async def _auser(request: HttpRequest) -> Any:
    """The request's user. In async stacks Django's ``alogin`` changes ``request.user`` alone (5.2): whom another
    middleware has just signed in would be nobody to ``auser()`` until the next request."""
    user = await request.auser()
    assigned: Any = request.user
    if not user.is_authenticated and not isinstance(assigned, SimpleLazyObject) and assigned.is_authenticated:
        set_user(request, assigned)
        return assigned
    return user


def _require_authentication_middleware(request: HttpRequest) -> None:
    if not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "WindowsAuthMiddleware needs 'django.contrib.auth.middleware.AuthenticationMiddleware' before it in "
            "MIDDLEWARE."
        )


def _remember(request: HttpRequest, outcome: Outcome) -> Outcome:
    setattr(request, IDENTIFIED, outcome)
    if isinstance(outcome, Rejected):
        signin.refuse(request, None, outcome.reason)
    return outcome


def _stays(outcome: Outcome, owner: object, backend: str | None) -> bool:
    """Whether the session may go on: it is this very person's, or a password opened it and nobody else is there."""
    if isinstance(outcome, SignedIn):
        return owner == owner_of(outcome.identity)
    return isinstance(outcome, Anonymous) and not is_windows_session(backend)


def _answer(request: HttpRequest, outcome: Outcome, user: Any) -> HttpResponseBase | None:
    """The response to a handshake's step, or where WAUTH_REQUIRE_LOGIN wants somebody to be there."""
    required = get_wauth().options.require_login and not user.is_authenticated
    if isinstance(outcome, Rejected):
        if not outcome.headers and not required:
            return None
        return _refusal(request, outcome.status, outcome.headers)
    return _refusal(request, 401, ()) if required else None


def _refusal(request: HttpRequest, status: int, headers: Headers) -> HttpResponseBase:
    response = page(request, status, identify.challenge(request).page if status == 401 else None)
    _put(response, headers)
    return response


def _turned_away(request: HttpRequest) -> HttpResponseBase | None:
    """The answer, under WAUTH_REQUIRE_LOGIN, to somebody who was named but may not sign in."""
    if not get_wauth().options.require_login:
        return None
    return _failed_sign_in(request) or page(request, status_for(getattr(request, signin.FAILURE, None)))


def _put(response: Any, headers: tuple[tuple[str, str], ...]) -> None:
    """Django keeps one header of a name; two challenges stand in one, by commas (RFC 9110 11.6.1)."""
    for name, value in headers:
        response.headers[name] = f"{response.headers[name]}, {value}" if name in response.headers else value


def add_headers(response: Any, headers: Headers) -> None:
    """Put a source's headers on *response*. Django keeps one value for a name, but any number of cookies; several
    challenges are one header with commas (RFC 9110 11.6.1)."""
    for name, value in headers:
        if name.lower() == "set-cookie":
            response.cookies.update(SimpleCookie(value))
        elif name.lower() == "www-authenticate" and name in response.headers:
            response.headers[name] += f", {value}"
        else:
            response.headers[name] = value


def _by_wrapper(request: HttpRequest) -> bool:
    """Whether the wrapper found out who is there; it then adds the headers itself."""
    carrier: Any = request.scope if isinstance(request, ASGIRequest) else request.META
    return identify.OUTCOME in carrier


def _someone_else(request: HttpRequest, owner: object, backend: str | None) -> bool:
    """Whether Django's ``RemoteUserMiddleware`` kept the session of somebody else, whose user name is the same."""
    remote_user = request.META.get("REMOTE_USER")
    if not remote_user or hasattr(request, IDENTIFIED) or identify.is_asgi(request) or not is_windows_session(backend):
        return False
    if not isinstance(owner, list):
        return False  # a session from before; `freshness.standing` finds its owner out
    outcome = identify.server_outcome(remote_user)
    return not isinstance(outcome, SignedIn) or owner != owner_of(outcome.identity)


def _failed_sign_in(request: HttpRequest) -> HttpResponseBase | None:
    """WAUTH_REQUIRE_RESYNC holds for the sync of a sign-in too."""
    error = getattr(request, signin.FAILURE, None)
    if error is not None and get_wauth().options.require_resync:
        return error_response(request, error)
    return None
