"""Who may see a view. Each goes on a view (sync or async), a `Blueprint`, or a whole `Flask` application.

The login page is *login_url*, else our form; if there is neither, the error takes its place.

``@domain_required`` and ``@domain_required("EXAMPLE")`` both work; so does ``login_required(blueprint)``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, redirect, request
from werkzeug.exceptions import HTTPException

from wauth_core.exceptions import WauthError
from wauth_core.web import pages
from wauth_core.web.authority import is_member
from wauth_flask.errors import AS_IT_IS, DirectoryDown, NotAllowed, SignInRequired
from wauth_flask.login_form import login_redirect
from wauth_flask.person import Person
from wauth_flask.state import current_state
from wauth_flask.visitor import current_person, remember, settle

logger = logging.getLogger("wauth.flask")

Target = TypeVar("Target", bound=Any)
Check = Callable[[], Any]  # None to go on, a response instead of the view, or an HTTPException raised

PUBLIC = "_wauth_public"


def login_not_required(view: Target) -> Target:
    """Open one view to everybody where the application or the blueprint asks for a sign-in."""
    setattr(view, PUBLIC, True)
    return view


def login_required(target: Any = None, login_url: str | None = None) -> Any:
    """Let nobody in who is not signed in: 401, the login form, or what the refusal said; or *login_url*."""
    return _applied(target, lambda: require_login(login_url))


def domain_required(domain: Any = None, login_url: str | None = None, bypass_superuser: bool = True) -> Any:
    """Let in who belongs to a Windows domain; to *domain*, if one is named. Others go to the login page.

    With *bypass_superuser* superusers of any domain pass.
    """
    wanted = None if _is_target(domain) else domain

    def may(person: Person) -> bool:
        if wanted is None or person.identity is None or (bypass_superuser and person.is_superuser):
            return True
        canonical = current_state().wauth.domains.canonical
        return canonical(person.identity.domain) == canonical(wanted)

    why = f"{{}} is not of the domain {wanted}, for which this page is.".format

    def check() -> Any:
        if (response := require_login(login_url)) is not None or may(current_person()):
            return response
        return _to_login(login_url, NotAllowed(why=why(current_person().identity)))

    return _applied(domain if wanted is None else None, check)


def group_required(*groups: str, login_url: str | None = None, bypass_superuser: bool = False) -> Any:
    """Let in who is in one of *groups* of the directory, directly or nested. Names or SIDs; compared by SID.

    A group that does not exist, or exists twice, lets nobody in, and the log says so. While the directory cannot be
    asked, the last known groups hold for WAUTH_MAX_STALENESS; if none are known the answer is 503. Nobody is sent to
    the login page; who is signed in and no member gets 403. With *bypass_superuser* superusers pass.
    """
    if not groups or not all(isinstance(group, str) for group in groups):
        raise TypeError('group_required takes the names of groups: @group_required("Staff")')

    def check() -> Any:
        if (response := require_login(login_url)) is not None:
            return response
        person = current_person()
        is_in = (bypass_superuser and person.is_superuser) or is_member(lambda: person, groups)
        if is_in:
            return None
        raise _told(DirectoryDown() if is_in is None else NotAllowed(why=pages.in_none_of(person, groups)))

    return _applied(None, check)


def ldap_sync_required(
    timedelta: Any = None,
    login_url: str | None = None,
    allow_non_ldap: bool = True,
    raise_exception: bool = False,
) -> Any:
    """Let in only those who were synchronised no longer than *timedelta* ago (seconds, or a timedelta). A sync is made
    if need be.

    With None everybody is synchronised on every request. WAUTH_RESYNC_DELTA and WAUTH_REQUIRE_RESYNC do not matter
    here. With *allow_non_ldap* those who are not signed in by Windows pass. If the sync fails, *raise_exception* raises
    the error (500); else people go to the login page, or get what WAUTH_ERROR_RESPONSE says.
    """
    delta = 0 if timedelta is None or _is_target(timedelta) else timedelta

    def check() -> Any:
        person = current_person()
        if person.identity is None:
            return None if allow_non_ldap and person.refusal is None else require_login(login_url)
        if person.result is not None:  # this very request
            return None
        try:
            remember(settle(current_state(), delta=delta, required=True))
        except HTTPException as page:
            if raise_exception and isinstance(page.__cause__, WauthError):
                setattr(page.__cause__, AS_IT_IS, True)
                raise page.__cause__ from None
            return _to_login(login_url, page)
        return None if (person := current_person()) else _to_login(login_url, person.refusal or NotAllowed())

    return _applied(timedelta, check)


def require_login(login_url: str | None = None) -> Any:
    """None for somebody; for nobody the login form's address, or the error that fits, raised."""
    person = current_person()
    if person.is_authenticated:
        return None
    if person.refusal is not None and login_url is None:
        raise person.refusal
    return _to_login(login_url, SignInRequired(why=pages.nobody(current_state().sources)))


def is_public() -> bool:
    """Whether this request's view is open to everybody: marked so, a static file, the login form, or none at all."""
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static" or endpoint.endswith(".static") or request.blueprint == "wauth":
        return True
    return bool(getattr(current_app.view_functions.get(endpoint), PUBLIC, False))


def _to_login(login_url: str | None, otherwise: HTTPException) -> Any:
    """To the login page: *login_url*, or our form. If there is none, *otherwise* is raised."""
    if login_url is not None:
        return redirect(login_url)
    if (form := login_redirect(current_state())) is not None:
        return form
    raise _told(otherwise)


def _told(page: HTTPException) -> HTTPException:
    """*page*; a developer is told in the log what it says, too."""
    if why := getattr(page, "why", ""):
        logger.warning("%s for %s: %s", page.code, request.path, why)
    return page


def _is_target(value: object) -> bool:
    return isinstance(value, (Flask, Blueprint)) or (callable(value) and not isinstance(value, type))


def _applied(target: Any, check: Check) -> Any:
    """*target* with *check* before it; without a target the decorator that does that."""
    if not _is_target(target):
        return lambda later: _guarded(later, check)
    return _guarded(target, check)


def _guarded(target: Target, check: Check) -> Target:
    if isinstance(target, (Flask, Blueprint)):
        target.before_request(lambda: None if is_public() else check())
        return target

    @functools.wraps(target)
    def view(*args: Any, **kwargs: Any) -> Any:
        response = check()
        return current_app.ensure_sync(target)(*args, **kwargs) if response is None else response

    return view  # type: ignore[return-value]
