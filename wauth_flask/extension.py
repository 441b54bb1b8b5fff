"""`WindowsAuth`: the extension. One line, or ``init_app`` in an application factory."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, request

from wauth_core.directory import limits
from wauth_core.exceptions import DirectoryUnavailable, SyncError
from wauth_core.sync.repository import UserRepository
from wauth_core.web import pages
from wauth_core.web.asking import owed
from wauth_core.web.visit import Step, next_step
from wauth_flask import flask_commands, login_form
from wauth_flask.decorators import is_public, require_login
from wauth_flask.errors import AS_IT_IS, page_for
from wauth_flask.state import KEY, State, current_state
from wauth_flask.visitor import FOUND, current_person, outcome_of, windows_user

if TYPE_CHECKING:
    from wauth_core import Wauth

logger = logging.getLogger("wauth.flask")


class WindowsAuth:
    """Sign people in to *app* by Windows Authentication, and keep *repository* in step with Active Directory.

    Settings come from ``app.config["WAUTH_…"]``, with Django's names and defaults; they are read when they are first
    needed, or here if WAUTH_SOURCES is set: then `ConfigurationError` is raised for a source that cannot work. Without
    *repository* users are kept in a cache (``WAUTH_CACHE``, a `cachelib` cache; else this process's memory). *wauth*
    replaces the object that would be made from the settings.

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
        state = app.extensions[KEY] = State(app, **{**self._given, **given})
        app.register_blueprint(Blueprint("wauth_pages", __name__, template_folder=str(pages.FOLDER.resolve())))
        form = app.config.get("WAUTH_LOGIN_FORM")
        if form:
            login_form.register(app, form.rstrip("/") if isinstance(form, str) else "")
        app.cli.add_command(flask_commands.wauth)
        app.before_request(cache(lambda: _warn_of_cookies(app)))  # once, when the settings are complete
        app.wsgi_app = _in_time(app.extensions[KEY], app.wsgi_app)  # type: ignore[method-assign]
        app.before_request(_arrive)
        app.after_request(_leave)
        for kind in (DirectoryUnavailable, SyncError):
            app.error_handler_spec[None][None].setdefault(kind, _unanswered)  # the application's own first
        app.context_processor(lambda: {"windows_user": windows_user, "wauth_token": login_form.csrf_token})
        if app.config.get("WAUTH_SOURCES") is not None:
            _ = state.sources  # what is wrong with them stops the start, and not the first request


def _warn_of_cookies(app: Flask) -> None:
    """Tell, outside development, how Flask's session cookie could leak or be used by other sites' pages."""
    if app.debug or app.testing:
        return
    for name, *good in (("SECURE", True), ("HTTPONLY", True), ("SAMESITE", "Lax", "Strict")):
        value = app.config.get(f"SESSION_COOKIE_{name}")
        if value not in good:
            logger.warning("SESSION_COOKIE_%s is %r: for signed-in people set it to %r.", name, value, good[0])


def _in_time(state: State, wsgi_app: Any) -> Any:
    """*wsgi_app*, whose questions to directories end by WAUTH_REQUEST_DEADLINE, all those of a request together."""

    def limited(environ: Any, start_response: Any) -> Any:
        with limits.request(state.request_deadline):
            return wsgi_app(environ, start_response)

    return limited


def _arrive() -> Any:
    """Find out who is there, before anything else does."""
    state = current_state()
    if request.endpoint == "static" and next_step(outcome_of(state), None) not in (Step.ANSWER, Step.UNAVAILABLE):
        return None
    current_person()
    return require_login() if state.settings.require_login and not is_public() else None


def _leave(response: Response) -> Response:
    """Put on what the sources want: a mutual-authentication token or cookie, and the challenge on a 401. A wrapper
    around the application does that itself for what it found."""
    asks = response.status_code == 401 and "WWW-Authenticate" not in response.headers
    found = owed(getattr(request, FOUND, None), asks, lambda: current_state().challenge.over(request.is_secure))
    for name, value in found:
        response.headers.add(name, value)
    return response


def _unanswered(error: DirectoryUnavailable | SyncError) -> Any:
    """The directory or the users' store was asked, and cannot answer just now: 503. With WAUTH_REQUIRE_RESYNC a store
    that fails is an error, as any sync that cannot be done."""
    if hasattr(error, AS_IT_IS) or (isinstance(error, SyncError) and current_state().settings.require_resync):
        raise error
    logger.error("A question about %s could not be answered: %s", request.path, error)
    return page_for(error)
