"""Sites with a strict Content-Security-Policy, for a browser: ``python -m tests.e2e.policed_sites KIND PORT``.

The policy is put on every response that has none, as Django 6's middleware and django-csp do it.
"""

from __future__ import annotations

import os
import sys

STRICT = "default-src 'self'; script-src 'nonce-of-the-site'; style-src 'nonce-of-the-site'"
PASSWORD = "a password for tests"


def authenticate(username, password):
    """alice has a password."""
    from wauth_core import AuthResult, Identity
    from wauth_core.directory import AuthReason

    if (username, password) == ("EXAMPLE\\alice", PASSWORD):
        return AuthResult(AuthReason.OK, identity=Identity("EXAMPLE", "alice"))
    return AuthResult(AuthReason.BAD_PASSWORD)


def form():
    """`Negotiate` with the form, as an application's or the wrapper's source."""
    from tests.wsgi.tickets import Believing
    from wauth_wsgi import Negotiate

    return Negotiate(
        acceptor=Believing(), secret_key="k" * 32, fallback="form", secure=False, authenticate=authenticate
    )


def wsgi():
    """A bare application behind the wrapper."""
    from wauth_wsgi import WindowsAuthWSGI

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"Hello {environ['wauth.identity']}".encode()]

    return WindowsAuthWSGI(app, sources=[form()], required=True)


def flask():
    """Flask: ``/form/`` asks by the source's form, ``/login`` by the extension's, ``/no`` is for nobody."""
    from flask import Flask

    from wauth_flask import WindowsAuth, login_required, windows_user
    from wauth_flask.errors import DirectoryDown, NotAllowed

    app = Flask(__name__)
    app.config.update(SECRET_KEY="k", TESTING=True, WAUTH_DOMAINS={}, WAUTH_LOGIN_FORM=True, WAUTH_SOURCES=[form()])
    WindowsAuth(app)

    @app.get("/")
    @login_required
    def index():
        return f"Hello {windows_user.identity}"

    @app.get("/no/<int:status>")
    def no(status):
        raise NotAllowed if status == 403 else DirectoryDown

    return app


def django():
    """Django, with its own policy where it has one (6.0 and later): ``/`` asks by the source's form."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.e2e.policed_django"
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def policed(app):
    """*app* with the strict policy on every response that has none."""

    def wrapped(environ, start_response):
        def start(status, headers, *exc_info):
            if not any(name.lower() == "content-security-policy" for name, _ in headers):
                headers = [*headers, ("Content-Security-Policy", STRICT)]
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return wrapped


if __name__ == "__main__":
    import waitress

    made = {"wsgi": wsgi, "flask": flask, "django": django}[sys.argv[1]]()
    waitress.serve(policed(made), listen=f"127.0.0.1:{sys.argv[2]}")
