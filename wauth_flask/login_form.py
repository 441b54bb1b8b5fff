"""The login form for people whose browser is not in the domain: name and password, checked by an LDAP bind.

``WAUTH_LOGIN_FORM = True`` puts it at ``/login``, with ``/logout`` (POST) beside it; a text is put in front of both
paths. Serve it by HTTPS only: a password is sent.
"""

from __future__ import annotations

import hmac
import secrets
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, session, url_for
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest

from wauth_core.web import languages, pages
from wauth_core.web.login import NOT_HERE, PasswordCheck, check
from wauth_core.web.outcomes import SignedIn
from wauth_flask.errors import language
from wauth_flask.signals import user_refused
from wauth_flask.state import State, current_state
from wauth_flask.visitor import remember, sign_in, sign_out

TOKEN = "_wauth_token"  # noqa: S105 - in the session, against forged posts
FORM = "login form"


def register(app: Flask, prefix: str) -> None:
    """Add the two routes, behind *prefix*."""
    blueprint = Blueprint("wauth", __name__, template_folder="templates", url_prefix=prefix or None)
    blueprint.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout", "logout", logout, methods=["POST"])
    app.register_blueprint(blueprint)


def login_redirect(state: State) -> Any | None:
    """To the form and back, for a page that a browser asked for; None if there is no form, or a better way in."""
    better = state.challenge.over(request.is_secure)
    if not state.has_login_form or better.headers or better.page or request.method not in ("GET", "HEAD"):
        return None
    return redirect(url_for("wauth.login", next=request.full_path.removesuffix("?")))


def login() -> Any:
    """Show the form, or check what was filled in."""
    state = current_state()
    if request.method != "POST":
        return _form(state)
    _check_token()
    username = request.form.get("username", "").strip()
    typed = check(state.wauth, username, _taken_password(), request.remote_addr)
    answer = _signed_in(state, username, typed)
    if answer is not None:
        return answer
    return redirect(safe_path(request.args.get("next")), 303)


def logout() -> Any:
    """End the session. If the web server signs people in by itself, the next request begins another."""
    _check_token()
    sign_out()
    return redirect(safe_path(request.args.get("next")), 303)


def csrf_token() -> str:
    """The token that the form and a logout button (field ``wauth_token``) carry; kept in the session."""
    if TOKEN not in session:
        session[TOKEN] = secrets.token_urlsafe(32)
    token: str = session[TOKEN]
    return token


def safe_path(path: str | None) -> str:
    """*path* if it is one of this site's own, else the start page: nobody is sent elsewhere after a sign-in."""
    root = request.script_root + "/"
    if not path or len(path) > 2000 or not path.startswith("/") or path.startswith("//"):
        return root
    if "\\" in path or any(letter < " " or letter == "\x7f" for letter in path):  # browsers read "/\\x" as "//x"
        return root
    parts = urlsplit(path)
    return root if parts.scheme or parts.netloc else request.script_root + path


def _signed_in(state: State, username: str, typed: PasswordCheck) -> Response | None:
    """Sign that person in, or show the form again with a message. AD's reason is for the log."""
    if typed.identity is None:
        user_refused.send(current_app._get_current_object(), identity=None, reason=typed.reason)  # type: ignore[attr-defined]
        answer = _form(state, username=username, error=typed.message)
        answer.status_code = typed.status
        if typed.retry_after:
            answer.headers["Retry-After"] = str(typed.retry_after)
        return answer
    person = sign_in(state, SignedIn(typed.identity, FORM, by_password=True, sid=typed.sid))
    remember(person)
    if person:
        return None
    answer = _form(state, username=username, error=NOT_HERE)
    answer.status_code = 403
    return answer


def _taken_password() -> str:
    """The password, which is gone from what the application's own functions see of this request."""
    password = request.form.get("password", "")
    seen = request.__dict__
    seen["form"] = ImmutableMultiDict(each for each in request.form.items(multi=True) if each[0] != "password")
    seen.pop("values", None)
    seen.pop("_cached_data", None)
    request.environ["wsgi.input"] = seen["stream"] = BytesIO()
    return password


def _form(state: State, **shown: Any) -> Response:
    hidden = [("wauth_token", csrf_token())]
    flask_wtf: Any = current_app.jinja_env.globals.get("csrf_token")  # its CSRFProtect wants a token of its own
    if flask_wtf is not None:
        hidden.append(("csrf_token", flask_wtf()))
    domains = list(state.wauth.domains)
    placeholder = "user name" if len(domains) == 1 else "DOMAIN\\user name"
    shown = {**languages.form(language()), **shown, "error": languages.say(shown.get("error", ""), language())}
    page = render_template("wauth/login.html", title=shown["sign_in"], hidden=hidden, placeholder=placeholder, **shown)
    response = Response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Frame-Options"] = "DENY"  # no other site draws its own buttons over this form
    response.headers["Content-Security-Policy"] = (
        pages.policy(page.encode()) or "frame-ancestors 'none'; form-action 'self'"
    )
    return response


def _check_token() -> None:
    sent, kept = request.form.get("wauth_token", ""), session.get(TOKEN, "")
    if not kept or not hmac.compare_digest(sent.encode(), str(kept).encode()):
        raise BadRequest("This form is too old. Please go back, reload the page, and try again.")
