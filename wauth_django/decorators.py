"""View decorators (manual 1.15): `domain_required`, `ldap_sync_required`, `group_required`.

They work on functions, on async views, and on class-based views through ``method_decorator``. The mixins in
`wauth_django.mixins` do the same for classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta as Timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from wauth_core.identity import canonical_domain
from wauth_core.web import pages
from wauth_core.web.authority import is_member
from wauth_django.current_visit import is_asgi, sources, visit_of
from wauth_django.links import link_of, windows_user
from wauth_django.responses import explained, unavailable
from wauth_django.signin import bring_up

__all__ = ["domain_required", "group_required", "ldap_sync_required"]

Check = Callable[[HttpRequest, Any], bool | None]  # None: nobody can tell


def domain_required(
    function: Any = None,
    domain: str | None = None,
    login_url: str | None = None,
    bypass_superuser: bool = True,
) -> Any:
    """Let only users who are linked to a domain (or to *domain*) see the view; others go to the login page.

    With *bypass_superuser* a superuser passes without a link.
    """
    return _guard(function, lambda request, user: _in_domain(user, domain, bypass_superuser), login_url)


def ldap_sync_required(
    function: Any = None,
    timedelta: Timedelta | None = None,
    login_url: str | None = None,
    allow_non_ldap: bool = True,
    raise_exception: bool = False,
) -> Any:
    """Let only those users see the view whose last sync is at most *timedelta* old. A sync is tried first.

    With None the user is synchronised on every request. WAUTH_RESYNC_DELTA and WAUTH_REQUIRE_RESYNC do not matter here.
    If the sync fails, people go to the login page; with *raise_exception* the error is raised (500). *allow_non_ldap*
    also lets users without a link pass, and nobody, but not somebody whose sign-in was refused.
    """
    return _guard(
        function,
        lambda request, user: _is_synced(request, user, timedelta, allow_non_ldap, raise_exception),
        login_url,
    )


def group_required(*groups: str, login_url: str | None = None, bypass_superuser: bool = False) -> Any:
    """Let only members of one of *groups* (names by GROUP_ATTRS, or SIDs) of the user's domain see the view.

    Membership is by SID, nested groups included. If the directory cannot be asked, the last known groups hold for
    WAUTH_MAX_STALENESS. Nobody is sent to the login page. Somebody signed in who is no member gets a 403, and a 503
    with Retry-After if nothing is known.
    """
    if not groups or any(not isinstance(group, str) for group in groups):
        raise TypeError('group_required takes names of groups: @group_required("Editors").')
    return _guard(None, lambda request, user: _in_groups(request, user, groups, bypass_superuser), login_url, groups)


def _in_domain(user: Any, domain: str | None, bypass_superuser: bool) -> bool:
    if not user.is_authenticated:
        return False
    if bypass_superuser and getattr(user, "is_superuser", False):
        return True
    link = link_of(user)
    return link is not None and (domain is None or canonical_domain(link.domain) == canonical_domain(domain))


def _is_synced(
    request: HttpRequest, user: Any, timedelta: Timedelta | None, allow_non_ldap: bool, raise_exception: bool
) -> bool:
    if not user.is_authenticated or link_of(user) is None:
        return allow_non_ldap and not visit_of(request).is_refused
    authority = bring_up(request, user, delta=timedelta or Timedelta(0), required=True)
    if raise_exception and authority.raises and authority.error is not None:
        raise authority.error
    return authority.allows


def _in_groups(request: HttpRequest, user: Any, groups: tuple[str, ...], bypass_superuser: bool) -> bool | None:
    if not user.is_authenticated:
        return False
    if bypass_superuser and getattr(user, "is_superuser", False):
        return True
    return is_member(lambda: windows_user(user, visit_of(request).facts), groups)


def _guard(function: Any, check: Check, login_url: str | None, groups: tuple[str, ...] = ()) -> Any:
    """*function*, or its decorator, behind *check*. Other users are sent to the login page. With *groups*, a signed-in
    user gets a 403 instead, and a 503 if nobody can tell (None)."""

    def refusal(request: HttpRequest, user: Any) -> HttpResponseBase | None:
        allowed = check(request, user)
        if allowed is None:
            return unavailable(request)
        if not allowed and groups and user.is_authenticated:
            raise PermissionDenied(explained(request, 403, pages.in_none_of(user.get_username(), groups)))
        if not allowed and not user.is_authenticated:
            explained(request, 302, pages.nobody(sources(asgi=is_asgi(request))))
        return (
            None
            if allowed
            else redirect_to_login(request.get_full_path(), resolve_url(login_url or settings.LOGIN_URL))
        )

    def decorate(view: Any) -> Any:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                refused = await sync_to_async(refusal)(request, await request.auser())
                return await view(request, *args, **kwargs) if refused is None else refused

        else:

            @functools.wraps(view)
            def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                refused = refusal(request, request.user)
                return view(request, *args, **kwargs) if refused is None else refused

        return guarded

    return decorate if function is None else decorate(function)
