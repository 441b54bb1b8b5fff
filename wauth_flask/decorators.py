"""Who may see a view. Each goes on a view (sync or async), a `Blueprint`, or a whole `Flask` application.

``@domain_required`` and ``@domain_required("EXAMPLE")`` both work; so does ``login_required(blueprint)``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta as _timedelta
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, redirect, request
from werkzeug.exceptions import HTTPException

from wauth_core import Verdict
from wauth_core.exceptions import WauthError
from wauth_flask.errors import NotAllowed, SignInRequired, page_for
from wauth_flask.login import login_redirect
from wauth_flask.people import current_person
from wauth_flask.signin import failure, refresh, refuse
from wauth_flask.state import current_state

Target = TypeVar("Target", bound=Any)
Check = Callable[[], Any]  # None to go on, a response instead of the view, or an HTTPException raised

PUBLIC = "_wauth_public"


def login_not_required(view: Target) -> Target:
    """Open one view to everybody where the application or the blueprint asks for a sign-in."""
    setattr(view, PUBLIC, True)
    return view


def login_required(target: Target) -> Target:
    """Let nobody in who is not signed in: 401, the login form, or what the refusal said."""
    return _guarded(target, require_login)


def domain_required(domain: Any = None, login_url: str | None = None, bypass_superuser: bool = True) -> Any:
    """Let in who belongs to a Windows domain; to *domain*, where one is named. Others get 403, or *login_url*.

    With *bypass_superuser* superusers of any domain pass.
    """

    def check(wanted: str | None) -> Any:
        if (response := require_login(login_url)) is not None:
            return response
        person, state = current_person(), current_state()
        if wanted is None or (bypass_superuser and person.is_superuser):
            return None
        theirs = person.identity.domain if person.identity else ""
        if state.wauth.domains.canonical(theirs) != state.wauth.domains.canonical(wanted):
            return _turned_away(login_url)
        return None

    if _is_target(domain):
        return _guarded(domain, lambda: check(None))
    return lambda target: _guarded(target, lambda: check(domain))


def group_required(*groups: str, login_url: str | None = None) -> Callable[[Target], Target]:
    """Let in who is in one of *groups* of the directory, directly or nested. Names or SIDs; compared by SID.

    A group that does not exist, or exists twice, lets nobody in, and the log says so. Where the directory cannot be
    asked the answer is 503.
    """
    if not groups or not all(isinstance(group, str) for group in groups):
        raise TypeError('group_required takes the names of groups: @group_required("Staff")')

    def check() -> Any:
        if (response := require_login(login_url)) is not None:
            return response
        person = current_person()
        try:
            inside = not person.stripped and any(person.in_group(group) for group in groups)
        except WauthError as error:
            raise page_for(error) from error
        return None if inside else _turned_away(login_url)

    return lambda target: _guarded(target, check)


def ldap_sync_required(
    timedelta: Any = None,
    login_url: str | None = None,
    allow_non_ldap: bool = True,
    raise_exception: bool = False,
) -> Any:
    """Let in who was synchronised no longer than *timedelta* ago (WAUTH_RESYNC_DELTA by default), syncing if need be.

    With *allow_non_ldap* those who are not signed in by Windows pass. Where the sync fails: *raise_exception* raises
    the error, else it is answered as WAUTH_ERROR_RESPONSE says, or by *login_url*.
    """

    def check(delta: _timedelta | int | str | None) -> Any:
        person, state = current_person(), current_state()
        if person.identity is None:
            return None if allow_non_ldap and person.refusal is None else require_login(login_url)
        options: dict[str, Any] = {} if delta is None else {"delta": delta}
        known = state.look_up(person.identity)
        refreshed = refresh(state, person.identity, known, person.facts, required=True, **options)
        if refreshed.error is not None:
            if raise_exception:
                raise refreshed.error
            return redirect(login_url) if login_url else _raise(failure(state, refreshed.error))
        if refreshed.verdict is not Verdict.CONTINUE:
            refuse(state, person.identity, refreshed.result, None)
            return _turned_away(login_url)
        if refreshed.result is not None:
            person.renew(state.look_up(person.identity), refreshed.result)
        return None

    if _is_target(timedelta):
        return _guarded(timedelta, lambda: check(None))
    return lambda target: _guarded(target, lambda: check(timedelta))


def require_login(login_url: str | None = None) -> Any:
    """None for somebody; for nobody the login form's address, or the error that fits, raised."""
    person = current_person()
    if person.is_authenticated:
        return None
    if login_url is not None:
        return redirect(login_url)
    if person.refusal is not None:
        raise person.refusal
    if (form := login_redirect(current_state())) is not None:
        return form
    raise SignInRequired


def is_public() -> bool:
    """Whether this request's view is open to everybody: marked so, a static file, the login form, or none at all."""
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static" or endpoint.endswith(".static") or request.blueprint == "wauth":
        return True
    return bool(getattr(current_app.view_functions.get(endpoint), PUBLIC, False))


def _turned_away(login_url: str | None) -> Any:
    if login_url is not None:
        return redirect(login_url)
    raise NotAllowed


def _raise(error: HTTPException) -> Any:
    raise error


def _is_target(value: object) -> bool:
    return isinstance(value, (Flask, Blueprint)) or (callable(value) and not isinstance(value, type))


def _guarded(target: Target, check: Check) -> Target:
    if isinstance(target, (Flask, Blueprint)):
        target.before_request(lambda: None if is_public() else check())
        return target

    @functools.wraps(target)
    def view(*args: Any, **kwargs: Any) -> Any:
        response = check()
        return current_app.ensure_sync(target)(*args, **kwargs) if response is None else response

    return view  # type: ignore[return-value]
