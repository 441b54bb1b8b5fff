"""The answers to people who may not go on. Each has a page, ``wauth/<status>.html``, that an application can replace;
an ``errorhandler`` of the application for the status or the class comes first, as with any of Werkzeug's errors."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template, request, url_for
from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable, Unauthorized

from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity
from wauth_core.web import pages
from wauth_core.web.outcomes import LATER, Headers
from wauth_flask.person import found_person
from wauth_flask.state import current_state

__all__ = ["DirectoryDown", "NotAllowed", "SignInRequired"]

AS_IT_IS = "_wauth_as_it_is"  # on an error that the application wanted raised: no page takes its place


class _Page(HTTPException):
    """An error that shows its page. *message* is shown to the person, and *why* to a developer, in debug mode only."""

    identity: Identity | None = None  # of whom the page is about, if that is not who is signed in

    def __init__(self, message: str = "", *, headers: Headers = (), why: str = "") -> None:
        super().__init__(message or None)
        self.message = message
        self.headers = headers
        self.why = why if current_app and current_app.debug else ""

    def get_body(self, environ: Any = None, scope: Any = None) -> str:
        status = self.code or 500
        asking = current_state().challenge.over(request.is_secure).page if status == 401 else None
        if asking is not None:  # a source's own form, for browsers that can do no better
            return asking.decode()
        login_url = url_for("wauth.login") if status == 401 and current_state().has_login_form else ""
        person = found_person()
        identity = self.identity or (person and person.identity)
        shown = pages.context(
            status, message=self.message, identity=identity, login_url=login_url, language=language(), why=self.why
        )
        return render_template(f"wauth/{status}.html", **shown)

    def get_response(self, environ: Any = None, scope: Any = None) -> Any:
        response = super().get_response(environ, scope)
        if guard := pages.policy(response.get_data()):
            response.headers["Content-Security-Policy"] = guard
        return response

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        plain = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        return [*plain, *self.headers]


def language() -> str | None:
    """The language of the request, by Flask-Babel where the application uses it. None means English."""
    if "babel" not in current_app.extensions:
        return None
    from flask_babel import get_locale

    return str(get_locale() or "")


class SignInRequired(_Page, Unauthorized):
    """401: nobody is signed in. The sources' challenges are added to the response."""


class NotAllowed(_Page, Forbidden):
    """403: whoever is there may not go on."""


class DirectoryDown(_Page, ServiceUnavailable):
    """503: who is there, or what they may do, cannot be known now."""

    def __init__(self, message: str = "", *, headers: Headers = LATER, why: str = "") -> None:
        super().__init__(message, headers=headers, why=why)


def page_of(status: int, headers: Headers = (), why: str = "") -> HTTPException:
    """The page for *status*: 401, 403 or 503."""
    page = {401: SignInRequired, 403: NotAllowed}.get(status, DirectoryDown)
    return page(headers=headers, why=why) if headers else page(why=why)


def refusal_of(identity: Identity, why: str) -> HTTPException:
    """The page for *identity*, who may not sign in."""
    page = NotAllowed(pages.REFUSED, why=why)
    page.identity = identity
    return page


def page_for(error: WauthError) -> HTTPException:
    """The answer to a person who could not be checked because of *error*."""
    page = page_of(pages.status_for(error))
    page.__cause__ = error
    return page
