"""View decorators (manual 1.15): `domain_required`, `ldap_sync_required`, `group_required`.

They work on functions, on async views, and on class-based views through ``method_decorator``. The mixins in
`wauth_django.mixins` do the same for classes.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta as Timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from wauth_core.exceptions import InvalidIdentity, WauthError
from wauth_core.identity import canonical_domain
from wauth_django import freshness
from wauth_django.conf import get_wauth
from wauth_django.identify import outcome_of
from wauth_django.models import LDAPUser

logger = logging.getLogger("wauth.django")

Check = Callable[[HttpRequest, Any], bool]


def domain_required(
    function: Any = None,
    domain: str | None = None,
    login_url: str | None = None,
    bypass_superuser: bool = True,
) -> Any:
    """Let only users who are linked to a domain (or to *domain*) see the view; others go to the login page.

    With *bypass_superuser* a superuser passes without a link.
    """
    return _deco(function, lambda request, user: in_domain(user, domain, bypass_superuser), login_url)


def ldap_sync_required(
    function: Any = None,
    timedelta: Timedelta | None = None,
    login_url: str | None = None,
    allow_non_ldap: bool = True,
    raise_exception: bool = False,
) -> Any:
    """Let only users see the view whose last sync is at most *timedelta* old; a sync is tried first.

    With None the user is synchronised on every request. It goes by neither WAUTH_RESYNC_DELTA nor
    WAUTH_REQUIRE_RESYNC. When the sync fails people go to the login page, or with *raise_exception* the error is
    raised (500). *allow_non_ldap* lets users without a link pass.
    """
    return _deco(
        function,
        lambda request, user: is_synced(request, user, timedelta, allow_non_ldap, raise_exception),
        login_url,
    )


def group_required(
    *groups: str,
    login_url: str | None = None,
    raise_exception: bool = True,
    bypass_superuser: bool = False,
) -> Any:
    """Let only members of one of *groups* (names by GROUP_ATTRS, or SIDs) of the user's domain see the view.

    Membership is by SID, nested groups included, and is kept for WAUTH_RESYNC_DELTA. Somebody signed in who is not a
    member gets a 403, or with ``raise_exception=False`` the login page; so do all where the directory cannot be asked.
    """
    if not groups or any(not isinstance(group, str) for group in groups):
        raise TypeError('group_required takes names of groups: @group_required("Editors").')
    return _deco(
        None, lambda request, user: in_groups(request, user, groups, bypass_superuser), login_url, raise_exception
    )


# -- the checks, for the mixins too


def in_domain(user: Any, domain: str | None = None, bypass_superuser: bool = True) -> bool:
    """Whether *user* is linked to *domain* (to any, where None)."""
    if not user.is_authenticated:
        return False
    if bypass_superuser and getattr(user, "is_superuser", False):
        return True
    link = link_of(user)
    return link is not None and (domain is None or canonical_domain(link.domain) == canonical_domain(domain))


def is_synced(
    request: HttpRequest,
    user: Any,
    timedelta: Timedelta | None = None,
    allow_non_ldap: bool = True,
    raise_exception: bool = False,
) -> bool:
    """Whether *user* is in step with the directory, after a sync where one is due."""
    link = link_of(user) if user.is_authenticated else None
    if link is None:
        return allow_non_ldap
    delta = timedelta or Timedelta(0)
    if getattr(request, "_wauth_synced", None) == user.pk or not freshness.is_due(link.last_sync, delta):
        return True
    standing = freshness.Standing(True, link)
    now = freshness.bring_up(request, user, standing, delta=delta, required=True)
    if now.error is not None:
        if raise_exception:
            raise now.error
        return False
    if now.user is None:
        auth.logout(request)
        _set_user(request, AnonymousUser())
        return False
    if now.user is not user:
        _set_user(request, now.user)
    return True


def in_groups(request: HttpRequest, user: Any, groups: tuple[str, ...], bypass_superuser: bool = False) -> bool:
    """Whether *user* is in one of *groups*; False too where the directory cannot be asked."""
    if not user.is_authenticated:
        return False
    if bypass_superuser and getattr(user, "is_superuser", False):
        return True
    link = link_of(user)
    if link is None:
        return False
    try:
        person = get_wauth().windows_user(link.identity, _facts(request, link), link.sid or None)
        return any(person.in_group(group) for group in groups)
    except (WauthError, InvalidIdentity) as error:
        logger.error("The groups of %r could not be asked for: %s", user.get_username(), error)
        return False


def link_of(user: Any) -> LDAPUser | None:
    """The user's link, by the query that ``user.ldap`` makes once."""
    try:
        link: LDAPUser = user.ldap
    except (LDAPUser.DoesNotExist, AttributeError):
        return None
    return link


def _facts(request: HttpRequest, link: LDAPUser) -> Any:
    """What this request's token or ticket says, where it is this very user's."""
    outcome = outcome_of(request)
    facts = getattr(outcome, "facts", None)
    return facts if facts is not None and facts.user_sid == link.sid else None


def _set_user(request: HttpRequest, user: Any) -> None:
    from wauth_django.middleware import set_user

    set_user(request, user)


def _deco(function: Any, check: Check, login_url: str | None, raise_exception: bool = False) -> Any:
    def decorate(view: Any) -> Any:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def aview(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                user = await request.auser()
                if not await sync_to_async(check)(request, user):
                    return refused(request, await request.auser(), login_url, raise_exception)
                response: HttpResponseBase = await view(request, *args, **kwargs)
                return response

            return aview

        @functools.wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not check(request, request.user):
                return refused(request, request.user, login_url, raise_exception)
            response: HttpResponseBase = view(request, *args, **kwargs)
            return response

        return checked

    return decorate if function is None else decorate(function)


def refused(request: HttpRequest, user: Any, login_url: str | None, raise_exception: bool) -> HttpResponseBase:
    """The login page, or with *raise_exception* a 403 for somebody who is signed in."""
    if raise_exception and user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path(), resolve_url(login_url or settings.LOGIN_URL))
