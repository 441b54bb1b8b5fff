"""Sites whose doors say what a person may do: one for each front end, all with the same people, settings and clock.

A *door* is one way in which an application asks: a flag of the user, a permission, the row read anew, a group.
``/doors`` tells what each of them says, ``/admins`` is for Domain Admins alone, ``/me`` shows the user object.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.cookies import SimpleCookie
from typing import Any

from tests.contract.told import ADMINS, as_known, described
from tests.flask_app import applications
from tests.wsgi.tickets import Believing
from wauth_core import Identity, Wauth
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.identity import NameRules
from wauth_core.testing import EmbeddedDirectory
from wauth_core.web.outcomes import Outcome
from wauth_core.web.request import Request
from wauth_wsgi import Negotiate, WindowsAuthASGI, WindowsAuthWSGI

BOB = Identity("EXAMPLE", "bob")
POLICY = {"SUPERUSER_GROUPS": ADMINS, "REQUIRE_GROUPS": "Employees", "DENY_GROUPS": "Contractors"}
WRAPPERS = ("wsgi", "asgi")
DJANGO = ("django-sync", "django-async", "django-asgi-sync", "django-asgi")
FLASK = ("flask-cache", "flask-cookies", "flask-server")
FRONTS = (*WRAPPERS, *DJANGO, *FLASK)


class Clock:
    """The site's time, which goes on when it is told to."""

    def __init__(self) -> None:
        self.late = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.late


class Names:
    """A source that names whom the test wants."""

    outcome: Outcome | None = None

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """What the test says."""
        return self.outcome


@dataclass(frozen=True)
class Answer:
    """What a browser got."""

    status: int
    body: bytes
    retry_after: str | None

    @property
    def told(self) -> dict[str, Any]:
        """*who* is there; the *rights* and the group *inside* by the name of the door."""
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass(frozen=True)
class Site:
    """A running site, and one browser in front of it. *guess* types a name and a password, *log_in* bob's right one.
    *pass_seconds* lets five pass, after which a wrapper asks again whether sessions were ended. *claim* is another
    worker's, at bob's sync."""

    ask: Callable[[str], Answer]
    guess: Callable[[str, str], Answer]
    log_in: Callable[[str], None]
    end_sessions: Callable[[], None]
    pass_seconds: Callable[[], None] = lambda: None
    claim: Callable[[], AbstractContextManager[bool]] | None = None
    source: Names = field(default_factory=Names)
    clock: Clock = field(default_factory=Clock)

    @property
    def has_rows(self) -> bool:
        """Whether the application has users of its own."""
        return self.claim is not None


def _wauth(directory: EmbeddedDirectory, clock: Clock) -> Wauth:
    settings = directory.settings(**POLICY)
    return Wauth({"EXAMPLE": settings}, resync_delta=600, max_staleness=3600, clock=clock)


# -- the wrappers


def _around(application: Any, wrapper: Any, wauth: Wauth, site: tuple[Names, Clock]) -> tuple[dict[str, Any], Any]:
    """The application at both paths, and what knows passwords and sessions."""
    source, clock = site
    passwords = Negotiate(fallback="basic", secure=False, acceptor=Believing(), now=clock)
    paths = {"/doors": False, "/me": False, "/admins": True}
    return {
        path: wrapper(application, wauth=wauth, sources=[source, passwords], required=required)
        for path, required in paths.items()
    }, passwords


def _wrapped(ask: Any, passwords: Any, wauth: Wauth, directory: EmbeddedDirectory, site: tuple[Names, Clock]) -> Site:
    """The site of a wrapper."""
    source, clock = site

    def guess(name: str, password: str) -> Answer:
        typed = base64.b64encode(f"{name}:{password}".encode()).decode()
        answer: Answer = ask("/doors", {"Authorization": f"Basic {typed}"})
        return answer

    def log_in(password: str) -> None:
        assert guess("bob", password).told["who"] == str(BOB)

    def pass_seconds() -> None:
        passwords._checked.clear()

    def end() -> None:
        wauth.end_sessions(BOB, directory.sid("bob"))
        pass_seconds()

    return Site(ask, guess, log_in, end, pass_seconds, None, source, clock)


@contextmanager
def wsgi(directory: EmbeddedDirectory) -> Iterator[Site]:
    """`WindowsAuthWSGI` around a bare application."""
    from werkzeug.test import Client

    def application(environ: Any, start_response: Any) -> list[bytes]:
        user = environ["wauth.user"]
        if environ["PATH_INFO"] == "/admins":
            start_response("200 OK" if user.in_group(ADMINS) else "403 Forbidden", [])
            return []
        if environ["PATH_INFO"] == "/me":
            start_response("200 OK", [])
            return [json.dumps(described(user)).encode()]
        inside = {
            "in_group": as_known(lambda: user.in_group(ADMINS)),
            "group_sids": as_known(lambda: directory.sid(ADMINS) in user.group_sids),
        }
        said = {"who": str(user) or None, "rights": {}, "inside": inside}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]

    source, clock = Names(), Clock()
    with _wauth(directory, clock) as wauth:
        pages, passwords = _around(application, WindowsAuthWSGI, wauth, (source, clock))
        client = Client(lambda environ, start: pages[environ["PATH_INFO"]](environ, start))

        def ask(path: str, headers: Any = None) -> Answer:
            answer = client.get(path, headers=headers)
            return Answer(answer.status_code, answer.data, answer.headers.get("Retry-After"))

        yield _wrapped(ask, passwords, wauth, directory, (source, clock))


@contextmanager
def asgi(directory: EmbeddedDirectory) -> Iterator[Site]:
    """`WindowsAuthASGI` around a bare application."""

    async def told(user: Any) -> dict[str, Any]:
        try:
            inside: dict[str, Any] = {
                "ain_group": await user.ain_group(ADMINS),
                "agroup_sids": directory.sid(ADMINS) in await user.agroup_sids(),
            }
        except DirectoryUnavailable:
            inside = {"both": None}
        return {"who": str(user) or None, "rights": {}, "inside": inside}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        user, body, status = scope["wauth.user"], b"", 200
        if scope["path"] == "/admins":
            status = 200 if await user.ain_group(ADMINS) else 403
        elif scope["path"] == "/me":
            body = json.dumps(await asyncio.to_thread(described, user)).encode()
        else:
            body = json.dumps(await told(user)).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    source, clock, cookies = Names(), Clock(), SimpleCookie()
    with _wauth(directory, clock) as wauth:
        pages, passwords = _around(application, WindowsAuthASGI, wauth, (source, clock))

        def ask(path: str, headers: Any = None) -> Answer:
            sent: list[dict[str, Any]] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
            if cookies:
                pairs.append((b"cookie", cookies.output(attrs=[], header="", sep=";").strip().encode()))
            scope = {"type": "http", "method": "GET", "path": path, "headers": pairs, "client": ("127.0.0.1", 1)}
            asyncio.run(pages[path](scope, receive, send))
            told = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
            for name, value in told:
                if name == "set-cookie":
                    cookies.load(value)
            body = b"".join(message.get("body", b"") for message in sent)
            return Answer(sent[0]["status"], body, dict(told).get("retry-after"))

        yield _wrapped(ask, passwords, wauth, directory, (source, clock))


# -- Flask


@contextmanager
def flask(directory: EmbeddedDirectory, make: Callable[..., Any]) -> Iterator[Site]:
    """A Flask application that *make* makes."""
    from tests.flask_app.test_login_form import sign_in
    from wauth_core.web.sessions import end_sessions
    from wauth_flask import group_required, windows_user

    source, clock = Names(), Clock()
    app = make(directory, wauth=_wauth(directory, clock), WAUTH_LOGIN_FORM=True)
    state = app.extensions["wauth"]
    vars(state)["sources"] = (source,)
    app.add_url_rule("/doors", "doors", lambda: _flask_doors(app))
    app.add_url_rule("/me", "me", lambda: described(windows_user))
    app.add_url_rule("/admins", "admins", group_required(ADMINS)(lambda: ""))
    client = app.test_client()

    def read(answer: Any) -> Answer:
        return Answer(answer.status_code, answer.data, answer.headers.get("Retry-After"))

    def log_in(password: str) -> None:
        assert sign_in(client, "bob", password).status_code == 303

    def end() -> None:
        with app.app_context():
            assert end_sessions(state.wauth, state.repository, BOB)

    @contextmanager
    def claim() -> Iterator[bool]:
        with app.app_context(), state.repository.lock("EXAMPLE", "bob") as mine:
            yield mine

    with ExitStack() as stack:
        stack.callback(state.wauth.close)
        if hasattr(app, "db"):
            stack.callback(_close_database, app)
        yield Site(
            lambda path: read(client.get(path)),
            lambda name, password: read(sign_in(client, name, password)),
            log_in,
            end,
            claim=claim,
            source=source,
            clock=clock,
        )


def _flask_doors(app: Any) -> dict[str, Any]:
    from wauth_core.sync.repository import Wanted
    from wauth_flask import windows_user

    rights, record = {"windows_user": windows_user.is_superuser}, windows_user.record
    if record is not None and hasattr(app, "db"):
        rights["record"] = record.is_superuser
        app.db.session.commit()
        rights["after a commit"] = record.is_superuser
        app.db.session.refresh(record)
        rights["after a refresh"] = record.is_superuser
    elif record is not None:
        rights["record"] = bool(record.flags.get("is_superuser"))
    if windows_user.identity is not None:  # as a task finds the user, in no request
        wanted = Wanted((), ("is_active", "is_superuser"), groups=False)
        store, who = app.extensions["wauth"].repository, windows_user.identity
        [row] = store.find(wanted, domain=who.domain, username=who.username)
        rights["task"] = bool(row.flags["is_superuser"])
    inside = {
        "in_group": as_known(lambda: windows_user.in_group(ADMINS)),
        "group_sids": as_known(lambda: any(sid.endswith("-512") for sid in windows_user.group_sids)),
    }
    return {"who": windows_user.get_id(), "rights": rights, "inside": inside}


def _close_database(app: Any) -> None:
    with app.app_context():
        app.db.session.remove()
        app.db.engine.dispose()


# -- Django


@contextmanager
def django(directory: EmbeddedDirectory, settings: Any, *, asynchronous: bool, native: bool) -> Iterator[Site]:
    """The Django project of the tests, by WSGI or *asynchronous*, with sync views or *native* async ones."""
    from asgiref.sync import async_to_sync
    from django.apps import apps
    from django.core.cache import cache
    from django.test import AsyncClient, Client

    from wauth_django.conf import configuration
    from wauth_django.models import LDAPUser
    from wauth_django.signin import after_sync, repository

    cache.clear()  # no guesses of another site
    source, clock = Names(), Clock()
    settings.ROOT_URLCONF = "tests.contract.doors_django"
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(**POLICY)}
    settings.WAUTH_SOURCES = [source]
    settings.WAUTH_MAX_STALENESS = 3600
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]
    wauth = Wauth.from_mapping(configuration(), after_sync=after_sync, cache=cache, clock=clock)
    apps.get_app_config("windows_auth")._wauth = wauth  # type: ignore[attr-defined]
    client: Any = AsyncClient() if asynchronous else Client()
    get, post = (async_to_sync(each) if asynchronous else each for each in (client.get, client.post))

    def ask(path: str, send: Any = get, **fields: Any) -> Answer:
        answer = send(f"/async{path}" if native else path, **fields)
        return Answer(answer.status_code, answer.content, answer.headers.get("Retry-After"))

    def guess(name: str, password: str) -> Answer:
        return ask("/guess", post, data={"username": name, "password": password})

    def log_in(password: str) -> None:
        assert client.login(username="bob", password=password)

    def end() -> None:
        LDAPUser.objects.get(username="bob").end_sessions()

    yield Site(ask, guess, log_in, end, claim=lambda: repository().lock("EXAMPLE", "bob"), source=source, clock=clock)


def running(name: str, directory: EmbeddedDirectory, settings: Callable[[], Any]) -> Any:
    """The site *name* as a context manager. *settings* gives Django's, for who needs them."""
    makers: dict[str, Callable[[], Any]] = {
        "wsgi": lambda: wsgi(directory),
        "asgi": lambda: asgi(directory),
        "django-sync": lambda: django(directory, settings(), asynchronous=False, native=False),
        "django-async": lambda: django(directory, settings(), asynchronous=False, native=True),
        "django-asgi-sync": lambda: django(directory, settings(), asynchronous=True, native=False),
        "django-asgi": lambda: django(directory, settings(), asynchronous=True, native=True),
        "flask-cache": lambda: flask(directory, applications.with_cache),
        "flask-cookies": lambda: flask(directory, applications.with_database),
        "flask-server": lambda: flask(directory, applications.with_server_sessions),
    }
    return makers[name]()
