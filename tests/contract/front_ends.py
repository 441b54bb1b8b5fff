"""The front ends under contract, each behind one small interface: ask for a page, be told who was seen.

All believe the same source, a proxy's ``RemoteUser`` from 127.0.0.1, and serve two pages: ``/`` is open to
everybody, ``/member`` is not. Those with users begin carol's session at ``/break-glass``, by her password, whoever is
named; and Django's at ``/impersonate``, without one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.flask_app import applications
from wauth_core import Wauth
from wauth_core.identity import NameRules
from wauth_core.testing import EmbeddedDirectory
from wauth_core.web.outcomes import Handshake, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.request import Request
from wauth_wsgi import ProxyHeader, WindowsAuthASGI, WindowsAuthWSGI

HEADER = "RemoteUser"
PROXY, STRANGER = "127.0.0.1", "192.0.2.7"
WITHOUT_USERS = ("wsgi", "asgi")
WITH_USERS = ("django", "django-asgi", "flask-cache", "flask-database")


@dataclass(frozen=True)
class Told:
    """What came back. *superuser* is whether the person is a domain administrator, as that front end knows it. *visits*
    is how often this page was asked for in one session, where the front end has sessions."""

    status: int
    identity: str | None = None
    superuser: bool = False
    visits: int = 0


# path, headers (text as a server gives it), peer -> Told; each call of the maker is a new browser
Visitor = Callable[..., Told]


@dataclass(frozen=True)
class Front:
    """A running front end. *new_visitor* makes a browser; *has_users* says that the application keeps users."""

    name: str
    new_visitor: Callable[[], Visitor]
    has_users: bool


def on_the_wire(name: str | None) -> dict[str, str]:
    """The proxy's header for *name*, as a server hands it over: UTF-8 bytes, read as latin-1 (PEP 3333)."""
    return {} if name is None else {HEADER: name.encode().decode("latin-1")}


class Scripted:
    r"""A source that says what a test tells it in the header ``Say``: a kind of outcome, and ``DOMAIN\name``."""

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """The outcome; None for a request without that header."""
        for said in request.header_values("say"):
            kind, _, name = said.partition(" ")
            if kind == "lie":
                return Rejected("a lie", "Scripted")
            if kind == "step":
                return Handshake((("WWW-Authenticate", "Negotiate abc"),), "Scripted")
            if kind == "unchecked":
                return Unchecked("nobody could check it", "Scripted")
            sid = "S-1-5-21-1-2-3-4" if kind == "another" else None
            return SignedIn(rules.parse(name), "Scripted", by_password=kind == "password", sid=sid)
        return None


def _sources() -> list[Any]:
    return [ProxyHeader(HEADER, trusted=[PROXY]), Scripted()]


def _told(status: int, body: bytes) -> Told:
    try:
        said = json.loads(body)
    except ValueError:
        return Told(status)
    return Told(status, said["identity"], said["superuser"], said.get("visits", 0))


def _said(user: Any) -> bytes:
    superuser = user.is_authenticated and user.identity.domain == "EXAMPLE" and user.in_group("Domain Admins")
    return json.dumps({"identity": str(user.identity) if user.identity else None, "superuser": superuser}).encode()


@contextmanager
def wsgi(directory: EmbeddedDirectory) -> Iterator[Front]:
    """`WindowsAuthWSGI` around a bare application; ``/member`` is behind ``required=True``."""
    from werkzeug.test import Client

    def application(environ: Any, start_response: Any) -> list[bytes]:
        body = _said(environ["wauth.user"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    with Wauth({"EXAMPLE": directory.settings()}, resync_delta=0) as wauth:
        pages = {
            path: Client(WindowsAuthWSGI(application, wauth=wauth, sources=_sources(), required=path == "/member"))
            for path in ("/", "/member")
        }

        def ask(path: str, headers: Mapping[str, str], peer: str = PROXY) -> Told:
            answer = pages[path].get(path, environ_overrides={"REMOTE_ADDR": peer, **_environ(headers)})
            return _told(answer.status_code, answer.data)

        yield Front("wsgi", lambda: ask, has_users=False)


@contextmanager
def asgi(directory: EmbeddedDirectory) -> Iterator[Front]:
    """`WindowsAuthASGI` around a bare application."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        user = scope["wauth.user"]
        known = user.is_authenticated and user.identity.domain == "EXAMPLE"
        inside = known and await user.ain_group("Domain Admins")
        said = {"identity": str(user.identity) if user.identity else None, "superuser": inside}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    with Wauth({"EXAMPLE": directory.settings()}, resync_delta=0) as wauth:
        pages = {
            path: WindowsAuthASGI(application, wauth=wauth, sources=_sources(), required=path == "/member")
            for path in ("/", "/member")
        }

        def ask(path: str, headers: Mapping[str, str], peer: str = PROXY) -> Told:
            sent: list[dict[str, Any]] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
            scope = {"type": "http", "method": "GET", "path": path, "headers": pairs, "client": (peer, 1)}
            asyncio.run(pages[path](scope, receive, send))
            return _told(sent[0]["status"], b"".join(message.get("body", b"") for message in sent))

        yield Front("asgi", lambda: ask, has_users=False)


@contextmanager
def flask(directory: EmbeddedDirectory, make: Callable[..., Any], name: str, **settings: Any) -> Iterator[Front]:
    """A Flask application; ``/member`` is behind ``login_required``. "flask-cache" keeps sessions in cookies,
    "flask-database" on the server."""
    from flask import jsonify, session

    from tests.flask_app.test_login_form import PASSWORD, sign_in
    from wauth_flask import windows_user

    app = make(directory, WAUTH_SOURCES=_sources(), WAUTH_RESYNC_DELTA=0, **settings)

    def page() -> Any:
        session["visits"] = session.get("visits", 0) + 1
        who = str(windows_user.identity) if windows_user.identity else None
        return jsonify(identity=who, superuser=windows_user.is_superuser, visits=session["visits"])

    for path in ("index", "member"):
        app.view_functions[path] = _same_guard(app.view_functions[path], page)

    def new_visitor() -> Visitor:
        client = app.test_client()

        def ask(path: str, headers: Mapping[str, str], peer: str = PROXY) -> Told:
            environ = {"REMOTE_ADDR": peer, **_environ(headers)}
            if path == "/break-glass":
                answer = sign_in(client, "carol", PASSWORD, environ_overrides=environ)
            else:
                answer = client.get(path, environ_overrides=environ)
            return _told(answer.status_code, answer.data)

        return ask

    try:
        yield Front(name, new_visitor, has_users=True)
    finally:
        app.extensions["wauth"].close()
        if hasattr(app, "db"):
            with app.app_context():
                app.db.session.remove()
                app.db.engine.dispose()


def _same_guard(view: Any, page: Any) -> Any:
    """*page*, behind ``login_required`` where *view* was."""
    from wauth_flask import login_required

    return login_required(page) if hasattr(view, "__wrapped__") else page


@contextmanager
def django(directory: EmbeddedDirectory, settings: Any, *, asynchronous: bool) -> Iterator[Front]:
    """The Django project of the tests, over WSGI or ASGI."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(STAFF_GROUPS="Web Admins")}
    settings.WAUTH_SOURCES = _sources()
    settings.WAUTH_RESYNC_DELTA = 0
    settings.ROOT_URLCONF = "tests.contract.django_pages"
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]

    def new_visitor() -> Visitor:
        from asgiref.sync import async_to_sync
        from django.test import AsyncClient, Client

        class FromPeer(AsyncClient):
            peer = PROXY

            def _base_scope(self, **request: Any) -> Any:
                return {**super()._base_scope(**request), "client": (self.peer, 1)}

        client: Any = FromPeer() if asynchronous else Client()

        def ask(path: str, headers: Mapping[str, str], peer: str = PROXY) -> Told:
            if not asynchronous:
                answer = client.get(path, REMOTE_ADDR=peer, **_environ(headers))
                return _told(answer.status_code, answer.content)
            client.peer = peer
            answer = async_to_sync(client.get)(path, headers=dict(headers))
            return _told(answer.status_code, answer.content)

        return ask

    yield Front("django-asgi" if asynchronous else "django", new_visitor, has_users=True)


def _environ(headers: Mapping[str, str]) -> dict[str, str]:
    return {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}


def running(name: str, directory: EmbeddedDirectory, settings: Callable[[], Any], **flasks: Any) -> Any:
    """The front end *name* as a context manager. *settings* gives Django's, for who needs them; *flasks* are more."""
    makers: dict[str, Callable[[], Any]] = {
        "wsgi": lambda: wsgi(directory),
        "asgi": lambda: asgi(directory),
        "flask-cache": lambda: flask(directory, applications.with_cache, "flask-cache", **flasks),
        "flask-database": lambda: flask(directory, applications.with_server_sessions, "flask-database", **flasks),
        "django": lambda: django(directory, settings(), asynchronous=False),
        "django-asgi": lambda: django(directory, settings(), asynchronous=True),
    }
    return makers[name]()
