"""What becomes of a session, by whom the request names and how the session was begun: in both stacks alike."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

from tests.django_app.asked import asked
from tests.django_app.sources import Answers
from wauth_core import Identity
from wauth_core.web.outcomes import Anonymous, Handshake, Rejected, SignedIn, Unchecked
from wauth_django.models import LDAPUser

NOBODY = Anonymous()
ALICE = SignedIn(Identity("EXAMPLE", "alice"), "test")
BOB = SignedIn(Identity("EXAMPLE", "bob"), "test")
TYPED = SignedIn(Identity("EXAMPLE", "alice"), "test", by_password=True)
LIE = Rejected("a lie", "test")
STEP = Handshake((("WWW-Authenticate", "Negotiate abc"),), "test")
UNCHECKED = Unchecked("nobody answers", "test")
PASSWORD = "Passw0rd!x"


class Browser:
    """A browser of either stack; what its requests come with is what the test says."""

    def __init__(self, kind, settings):
        self.client: Client | AsyncClient = kind()
        self.source = Answers(NOBODY)
        settings.WAUTH_SOURCES = [self.source]

    def get(self, outcome, path="/who/"):
        """A GET that comes with *outcome*."""
        self.source.outcome = outcome
        ask = self.client.get if isinstance(self.client, Client) else async_to_sync(self.client.get)
        return ask(path)

    def user(self, outcome, path="/who/"):
        """Who is there then."""
        return self.get(outcome, path).json()["user"]

    def post(self, outcome, path, data):
        """A POST that comes with *outcome*."""
        self.source.outcome = outcome
        ask = self.client.post if isinstance(self.client, Client) else async_to_sync(self.client.post)
        return ask(path, data)

    @property
    def key(self):
        """The session's key, None for no session."""
        cookie = self.client.cookies.get("sessionid")
        return cookie.value if cookie is not None and cookie.value else None


@pytest.fixture(params=[Client, AsyncClient], ids=["wsgi", "asgi"])
def browser(request, db, shared_directory, settings):
    """Each stack."""
    settings.AUTHENTICATION_BACKENDS = [
        "wauth_django.backends.WindowsAuthBackend",
        "wauth_django.backends.LDAPBackend",
        "django.contrib.auth.backends.ModelBackend",
    ]
    return Browser(request.param, settings)


def by_source(browser):
    """Alice's session, begun by a source."""
    assert browser.user(ALICE) == "alice"


def by_fallback(browser):
    """Alice's session, begun by a password that Negotiate's fallback asked for."""
    assert browser.user(TYPED) == "alice"


def by_password(browser):
    """Alice's session, begun by a password in a form."""
    assert browser.post(NOBODY, "/login/", {"username": "alice", "password": PASSWORD}).status_code == 302


def break_glass(browser):
    """A local administrator's session, begun by a password while a source named alice."""
    get_user_model().objects.create_superuser("root", password="a local one")
    assert browser.user(ALICE) == "alice"
    assert browser.post(ALICE, "/login/", {"username": "root", "password": "a local one"}).status_code == 302


def impersonation(browser):
    """Carol's session, which alice began without carol's password."""
    assert browser.user(SignedIn(Identity("EXAMPLE", "carol"), "test")) == "carol"
    browser.client.logout()
    assert browser.user(ALICE) == "alice"
    assert browser.user(ALICE, "/become/carol/") == "carol"


NAMED = {"nobody": NOBODY, "alice": ALICE, "bob": BOB, "a-lie": LIE}
TABLE = [
    # how it was begun, and who is there for: nobody, alice, bob, a lie
    pytest.param(by_source, ["", "alice", "bob", ""], id="by-a-source"),
    pytest.param(by_fallback, ["alice", "alice", "bob", ""], id="by-a-password-for-negotiate"),
    pytest.param(by_password, ["alice", "alice", "bob", ""], id="by-a-password"),
    pytest.param(break_glass, ["root", "root", "bob", ""], id="break-glass"),
    pytest.param(impersonation, ["", "carol", "bob", ""], id="impersonation"),
]


@pytest.mark.parametrize("door", ["/who/", "/awho/"])
@pytest.mark.parametrize("named", NAMED, ids=NAMED)
@pytest.mark.parametrize(("begin", "expected"), TABLE)
def test_what_becomes_of_a_session(browser, begin, expected, named, door):
    """A session goes on with the same key, or ends; whoever comes next gets another key, and the old one is dead."""
    begin(browser)
    before = browser.key
    who = browser.user(NAMED[named], door)
    assert who == expected[list(NAMED).index(named)]
    goes_on = who not in ("", "bob")
    assert (browser.key == before) is goes_on
    browser.client = type(browser.client)()
    browser.client.cookies["sessionid"] = before  # replayed, from another browser
    assert browser.user(NOBODY) == (who if goes_on and expected[0] else "")


@pytest.mark.parametrize(("outcome", "status"), [(STEP, 401), (UNCHECKED, 503)], ids=["handshake", "unchecked"])
@pytest.mark.parametrize("begin", [by_source, by_password, break_glass])
def test_a_step_and_an_outage_leave_the_session_alone(browser, begin, outcome, status):
    """They are answered, no user is loaded, and the session goes on afterwards."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    begin(browser)
    key = browser.key
    with CaptureQueriesContext(connection) as queries:
        response = browser.get(outcome)
    assert response.status_code == status
    assert dict(outcome.headers).items() <= dict(response.headers).items()
    assert len(queries) == 0
    assert browser.key == key
    assert browser.user(ALICE) == ("root" if begin is break_glass else "alice")


def test_sessions_end_by_their_number(browser):
    """Every session of a person ends at once; a source begins a new one, a password must be typed again."""
    by_password(browser)
    key = browser.key
    LDAPUser.objects.get(username="alice").end_sessions()
    assert browser.user(NOBODY) == ""
    assert browser.key != key
    by_source(browser)
    key = browser.key
    LDAPUser.objects.get(username="alice").end_sessions()
    assert browser.user(ALICE) == "alice"
    assert browser.key != key


@pytest.mark.parametrize("said", [None, [], {}, ["EXAMPLE", "alice"], {"k": 1}, {"u": ["EXAMPLE", "alice"], "p": True}])
def test_a_session_that_says_nothing_of_its_owner_ends(browser, said):
    """Such as one from before this application was installed, or from another version."""
    by_password(browser)
    session = browser.client.session
    if said is None:
        del session["_wauth_owner"]
    else:
        session["_wauth_owner"] = said
    session.save()
    assert browser.user(NOBODY) == ""


@pytest.fixture
def by_token(db, shared_directory, settings):
    """A middleware before ours signs a robot in for its request alone, whosever session comes with it."""
    robot = get_user_model().objects.create_user("robot")
    place = settings.MIDDLEWARE.index("wauth_django.middleware.WindowsAuthMiddleware")
    chain = [*settings.MIDDLEWARE]
    chain.insert(place, "tests.django_app.sources.signs_a_robot_in")
    settings.MIDDLEWARE = chain
    return robot


@pytest.mark.parametrize("door", ["/who/", "/awho/"])
def test_whom_a_token_signs_in_is_nobodys_to_end(browser, by_token, door):
    """The robot is there by every door, and the session that came along stays alice's."""
    by_password(browser)
    key = browser.key
    header = {"headers": {"token": "robot"}}
    ask = browser.client.get if isinstance(browser.client, Client) else async_to_sync(browser.client.get)
    assert ask(door, **header).json()["user"] == "robot"
    assert browser.key == key
    assert browser.user(NOBODY, door) == "alice"


def test_a_new_password_ends_the_sessions_of_the_old_one(db, directory, settings):
    """Once a sync has read a later pwdLastSet; the session of a source begins anew in the same request."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
    settings.WAUTH_RESYNC_DELTA = 0
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]
    typed, named = Browser(Client, settings), Client()
    by_password(typed)
    typed.source.outcome = ALICE
    assert named.get("/who/").json()["user"] == "alice"
    key = named.session.session_key
    directory.set_password("alice", "An0ther-0ne!")
    before = len(asked(directory, "search"))
    assert named.get("/who/").json()["user"] == "alice"
    assert len(asked(directory, "search")) == before + 1
    assert named.session.session_key != key
    assert typed.user(NOBODY) == ""


def test_a_new_password_is_not_passed_over_by_a_source(db, directory, settings):
    """A session of the old password ends, though a source names the same person; the next one is the source's."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
    settings.WAUTH_RESYNC_DELTA = 0
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"]
    browser = Browser(Client, settings)
    by_password(browser)
    directory.set_password("alice", "An0ther-0ne!")
    assert browser.user(ALICE) == ""
    assert browser.user(ALICE) == "alice"
    assert browser.user(NOBODY) == ""
