"""Middleware: who is there (`WindowsAuthMiddleware`), in step with the directory (`UserSyncMiddleware`), and a stand-in
for development (`SimulateWindowsAuthMiddleware`). All of them run natively in sync and in async stacks: what there is
to do is found out first, without I/O, and done by the same code in both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import auth
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from wauth_core.directory import limits
from wauth_core.sync.freshness import is_due
from wauth_core.web import pages
from wauth_core.web.asking import owed
from wauth_core.web.outcomes import Handshake, Rejected, SignedIn, Unchecked
from wauth_core.web.sessions import Owner
from wauth_core.web.visit import Step, next_step
from wauth_django import signin
from wauth_django.conf import get_wauth
from wauth_django.current_visit import (
    add_headers,
    challenge,
    find_outcome,
    is_asgi,
    may_block,
    server_outcome,
    set_user,
    sources,
    visit_of,
)
from wauth_django.links import row_of
from wauth_django.responses import answer, is_open, page, unavailable
from wauth_django.session_owner import NOBODYS, aload, owner_of, user_of
from wauth_django.unapplied import explain

logger = logging.getLogger("wauth.django")

__all__ = ["SimulateWindowsAuthMiddleware", "UserSyncMiddleware", "WindowsAuthMiddleware"]


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
        with limits.request(get_wauth().settings.request_deadline):
            try:
                response = self.process(request)
            except DatabaseError as error:
                response = _database_failed(request, error)
            if response is None:
                response = self.get_response(request)
        return self.finish(request, response)

    async def _acall(self, request: HttpRequest) -> Any:
        with limits.request(get_wauth().settings.request_deadline):
            try:
                response = await self.aprocess(request)
            except DatabaseError as error:
                response = await sync_to_async(_database_failed)(request, error)
            if response is None:
                response = await self.get_response(request)
        return self.finish(request, response)

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        """Before the view: None to go on, or the answer instead of the view's."""
        return self.do(request) if self.is_to_do(request) else None

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        """`process`, awaited."""
        await aload(request)
        return await sync_to_async(self.do)(request) if self.is_to_do(request) else None

    def is_to_do(self, request: HttpRequest) -> bool:
        """Whether there is anything to do before the view: without I/O, once session and user are loaded."""
        raise NotImplementedError

    def do(self, request: HttpRequest) -> HttpResponseBase | None:
        """Do it, and answer as `process`."""
        raise NotImplementedError

    def finish(self, request: HttpRequest, response: Any) -> Any:
        """After the view: the answer, with what belongs on it; 429 where a password was not tried after too many."""
        visit = visit_of(request)
        if visit.failed and visit.retry_after:
            response.status_code = 429
            response.headers["Retry-After"] = str(visit.retry_after)
        return response


def _database_failed(request: HttpRequest, error: DatabaseError) -> HttpResponseBase:
    """503 while the database is away. Raises `ImproperlyConfigured` if migrations are missing, and any other error;
    with WAUTH_REQUIRE_RESYNC every one."""
    explain(error)
    if get_wauth().settings.require_resync or not isinstance(error, (OperationalError, InterfaceError)):
        raise error
    logger.error("A request for %s could not be answered, since the database fails: %s", request.path, error)
    return unavailable(request)


class WindowsAuthMiddleware(_Middleware):
    """Signs in whom WAUTH_SOURCES, or the WSGI/ASGI wrapper, say is there; Django's ``RemoteUserMiddleware`` made safe.

    It stands after ``AuthenticationMiddleware``. No header is ever read but by a configured source. What becomes of
    the session, `wauth_core.web.visit.next_step` says.
    """

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        _find(request)
        return super().process(request)

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        if may_block(request):
            await sync_to_async(_find)(request)
        else:
            _find(request)
        return await super().aprocess(request)

    def is_to_do(self, request: HttpRequest) -> bool:
        owner = owner_of(request)
        is_closed = owner is None and get_wauth().settings.require_login
        return is_closed or next_step(find_outcome(request), owner) is not Step.GO_ON

    def do(self, request: HttpRequest) -> HttpResponseBase | None:
        outcome = find_outcome(request)
        if isinstance(outcome, Rejected | Handshake) and outcome.reason:
            signin.refuse(request, None, outcome.reason)
        if isinstance(outcome, Handshake | Unchecked):
            return _refusal(request, outcome.status, outcome.headers)
        step = next_step(outcome, owner_of(request))
        if isinstance(outcome, SignedIn):
            _take(request, step, windows_identity=outcome.identity, facts=outcome.own_facts)
            if (answered := answer(request, visit_of(request).authority)) is not None:
                return answered
        elif step.ends:
            signin.end(request)
        if not get_wauth().settings.require_login or request.user.is_authenticated or is_open(request):
            return None
        named = isinstance(outcome, SignedIn | Rejected)
        return _refusal(request, outcome.status if isinstance(outcome, Rejected) else 403 if named else 401)

    def finish(self, request: HttpRequest, response: Any) -> Any:
        visit, asks = visit_of(request), response.status_code == 401 and "WWW-Authenticate" not in response.headers
        found = None if visit.is_wrapped else visit.outcome  # a wrapper adds what it has found itself
        add_headers(response, owed(found, asks, lambda: challenge(request)))
        return super().finish(request, response)


class UserSyncMiddleware(_Middleware):
    """Synchronises a signed-in user whose last sync is older than WAUTH_RESYNC_DELTA (manual 1.13).

    It stands after the middleware that signs people in. The request that brings a change already sees it. A session
    that is no longer its user's, and one of whom the directory no longer lets in, ends here.
    """

    def is_to_do(self, request: HttpRequest) -> bool:
        authority = visit_of(request).authority
        if authority is not None and not authority.allows:
            return True
        user, owner = user_of(request), owner_of(request)
        if not user.is_authenticated:
            return False
        if _step_by_server(request, owner) is not Step.GO_ON:
            return True
        wauth, row = get_wauth(), row_of(user)
        return row.link is not None and (
            not row.active or is_due(row.link.last_sync, wauth.settings.resync_delta, wauth.now())
        )

    def do(self, request: HttpRequest) -> HttpResponseBase | None:
        _take(request, _step_by_server(request, owner_of(request)), remote_user=request.META.get("REMOTE_USER"))
        authority = visit_of(request).authority
        if request.user.is_authenticated:
            authority = signin.bring_up(request, request.user)
        return answer(request, authority)


class SimulateWindowsAuthMiddleware(_Middleware):
    """Makes every request come from WAUTH_SIMULATE_USER. It stands before the middleware that signs people in.

    Risk: this is no authentication at all. It removes itself unless DEBUG is on, and a system check says so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if not settings.DEBUG or not get_wauth().settings.simulate_user:
            raise MiddlewareNotUsed("SimulateWindowsAuthMiddleware needs DEBUG and WAUTH_SIMULATE_USER.")

    def process(self, request: HttpRequest) -> HttpResponseBase | None:
        wauth = get_wauth()
        raw = wauth.settings.simulate_user
        if settings.DEBUG and raw:
            visit_of(request).outcome = SignedIn(wauth.rules.parse(raw), type(self).__name__)
            request.META["REMOTE_USER"] = raw
            if self.is_async:
                request.META["HTTP_REMOTE_USER"] = raw  # where Django's own middleware looks in async stacks
        return None

    async def aprocess(self, request: HttpRequest) -> HttpResponseBase | None:
        return self.process(request)


def _find(request: HttpRequest) -> None:
    if not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "WindowsAuthMiddleware needs 'django.contrib.auth.middleware.AuthenticationMiddleware' before it in "
            "MIDDLEWARE."
        )
    find_outcome(request)


def _take(request: HttpRequest, step: Step, **claim: Any) -> None:
    """Take *step*. *claim* is whom a source names, who is signed in if that may be."""
    if step.ends:
        signin.end(request)
    if step.begins and (user := auth.authenticate(request, **claim)) is not None:
        auth.login(request, user)
        set_user(request, user)


def _refusal(request: HttpRequest, status: int, headers: Any = ()) -> HttpResponseBase:
    if status != 401:
        reason = getattr(visit_of(request).outcome, "reason", "")
        return page(request, status, headers=headers, why=reason)
    why = pages.nobody(sources(asgi=is_asgi(request)))
    return page(request, status, challenge(request).page, headers=headers, why=why)


def _step_by_server(request: HttpRequest, owner: Owner | None) -> Step:
    """What the server's REMOTE_USER makes of a session that Django's ``RemoteUserMiddleware`` has begun. It compares
    user names, and cannot see that they are two people's. Without one, or where our own middleware has decided, a
    session ends that is not its user's."""
    remote_user = request.META.get("REMOTE_USER")
    is_by_server = owner is not None and not owner.by_password and visit_of(request).outcome is None
    if is_by_server and remote_user and not is_asgi(request):
        return next_step(server_outcome(remote_user), owner)
    return Step.END if owner is NOBODYS else Step.GO_ON
