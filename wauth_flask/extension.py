"""`WindowsAuth`: the extension. One line, or ``init_app`` in an application factory."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, request

from wauth_core.sync.repository import UserRepository
from wauth_core.web import pages
from wauth_core.web.outcomes import Rejected, SignedIn
from wauth_flask import cli, login
from wauth_flask.decorators import is_public, require_login
from wauth_flask.errors import SignInRequired
from wauth_flask.people import current_person, windows_user
from wauth_flask.signin import OUTCOME, outcome_of
from wauth_flask.state import KEY, State, current_state

if TYPE_CHECKING:
    from wauth_core import Wauth


logger = logging.getLogger("wauth.flask")


class WindowsAuth:
    """Sign people in to *app* by Windows Authentication, and keep *repository* in step with Active Directory.

    Settings come from ``app.config["WAUTH_…"]``, with Django's names and defaults; they are read when they are first
    needed. Without *repository* users are kept in a cache (``WAUTH_CACHE``, a `cachelib` cache; else this process's
    memory). *wauth* replaces the object that would be made from the settings.

    The object in ``app.extensions["wauth"]`` has ``.wauth`` (the core's `Wauth`), ``.repository`` and ``.sources``.
    One extension may serve several applications; nothing is shared between them but *repository* and *wauth*, if given.
    """

    def __init__(
        self, app: Flask | None = None, *, repository: UserRepository | None = None, wauth: Wauth | None = None
    ) -> None:
        self._given: dict[str, Any] = {"repository": repository, "wauth": wauth}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **given: Any) -> None:
        """Set *app* up. *given* are the keywords of this class, for this application alone."""
        app.extensions[KEY] = State(app, **{**self._given, **given})
        app.register_blueprint(Blueprint("wauth_pages", __name__, template_folder=str(pages.FOLDER.resolve())))
        form = app.config.get("WAUTH_LOGIN_FORM")
        if form:
            login.register(app, form.rstrip("/") if isinstance(form, str) else "")
        app.cli.add_command(cli.wauth)
        app.before_request(cache(lambda: _warn_of_cookies(app)))  # once, when the settings are complete
        app.before_request(_arrive)
        app.after_request(_leave)
        app.context_processor(lambda: {"windows_user": windows_user, "wauth_token": login.csrf_token})


def _warn_of_cookies(app: Flask) -> None:
    """Tell, outside development, how Flask's session cookie could leak or be used by other sites' pages."""
    if app.debug or app.testing:
        return
    for name, *good in (("SECURE", True), ("HTTPONLY", True), ("SAMESITE", "Lax", "Strict")):
        value = app.config.get(f"SESSION_COOKIE_{name}")
        if value not in good:
            logger.warning("SESSION_COOKIE_%s is %r: for signed-in people set it to %r.", name, value, good[0])


def _arrive() -> Any:
    """Find out who is there, before anything else does."""
    state = current_state()
    outcome = outcome_of(state)
    if isinstance(outcome, Rejected) and outcome.headers:  # a step of a handshake
        raise current_person().refusal or SignInRequired
    if request.endpoint == "static":
        return None
    person = current_person()
    _tell_flask_login(person)
    if state.options.require_login and not is_public():
        return require_login()
    return None


def _leave(response: Response) -> Response:
    """Put on what the sources want: a mutual-authentication token or cookie, and the challenge on a 401."""
    outcome = request.environ.get(OUTCOME)
    if isinstance(outcome, SignedIn):
        for name, value in outcome.headers:
            response.headers.add(name, value)
    elif response.status_code == 401 and "WWW-Authenticate" not in response.headers:
        for name, value in current_state().challenge.over(request.is_secure).headers:
            response.headers.add(name, value)
    return response


def _tell_flask_login(person: Any) -> None:
    """Make Flask-Login's ``current_user`` the same person. Nobody's sign-in leaves Flask-Login's own alone."""
    from flask import current_app

    manager = getattr(current_app, "login_manager", None)
    if manager is None or not person.is_authenticated:
        return
    record = person.record
    g._login_user = record if hasattr(record, "get_id") else person
