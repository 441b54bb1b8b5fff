"""WAUTH_SOURCES and the wrappers' answers: whom WindowsAuthMiddleware believes, and what goes back to the browser."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

from tests.django_app.asked import asked
from tests.django_app.sources import Answers
from wauth_core import Identity
from wauth_core.identity import TransportFacts
from wauth_core.testing.tokens import FakeTokenReader
from wauth_core.web.asking import Challenge
from wauth_core.web.outcomes import Anonymous, Handshake, Rejected, SignedIn
from wauth_core.web.sources.token import PAIRING_HEADER, TOKEN_HEADERS, TokenFacts
from wauth_django.models import LDAPUser
from wauth_django.signals import user_refused
from wauth_wsgi import IISToken, ProxyHeader

BOB = Identity("EXAMPLE", "bob")
HEADER = {"HTTP_REMOTEUSER": "EXAMPLE\\bob"}


@pytest.fixture
def proxy(settings):
    """A proxy at 10.0.0.5 names the user in a header."""
    settings.WAUTH_SOURCES = [ProxyHeader("RemoteUser", trusted=["10.0.0.5"])]


def test_a_listed_proxy_is_believed_and_nobody_else(client, shared_directory, proxy):
    """The header counts from the proxy's address alone; from another one it ends the session too."""
    assert client.get("/who/", **HEADER).json()["user"] == ""
    assert client.get("/who/", **HEADER, REMOTE_ADDR="10.0.0.5").json()["user"] == "bob"
    assert client.get("/who/", **HEADER, REMOTE_ADDR="10.0.0.6").json()["user"] == ""
    assert client.get("/who/", REMOTE_ADDR="10.0.0.5", REMOTE_USER="EXAMPLE\\bob").json()["user"] == ""


def test_the_same_under_asgi(db, shared_directory, settings):
    """The async stack asks the same sources; the test client comes from 127.0.0.1."""
    get = async_to_sync(AsyncClient().get)
    settings.WAUTH_SOURCES = [ProxyHeader("RemoteUser", trusted=["10.0.0.5"])]
    assert get("/awho/", headers={"remoteuser": "EXAMPLE\\bob"}).json()["user"] == ""
    settings.WAUTH_SOURCES = [ProxyHeader("RemoteUser", trusted=["127.0.0.1"])]
    assert get("/awho/", headers={"remoteuser": "EXAMPLE\\bob"}).json()["user"] == "bob"
    assert get("/awho/", headers={"remoteuser": "EXAMPLE\\bob,x"}).json()["user"] == ""


def test_a_source_that_is_no_good_under_asgi_is_not_asked(db, shared_directory, settings):
    """ServerIdentity has nothing to say there; a client's Remote-User header even less."""
    settings.WAUTH_SOURCES = ["wauth_wsgi.ServerIdentity"]
    get = async_to_sync(AsyncClient().get)
    assert get("/awho/", headers={"remote-user": "EXAMPLE\\bob"}).json()["user"] == ""


def test_the_wrappers_answer_is_used_and_no_source_asked(client, shared_directory, settings):
    """An outcome in the environ stands; what a client sends under such a name is a header, and means nothing."""
    source = Answers(SignedIn(BOB, "source"))
    settings.WAUTH_SOURCES = [source]
    assert client.get("/who/", **{"wauth.outcome": Anonymous()}).json()["user"] == ""
    found = SignedIn(Identity("EXAMPLE", "alice"), "wrapper")
    assert client.get("/who/", **{"wauth.outcome": found}).json()["user"] == "alice"
    assert source.asked == 0
    settings.WAUTH_SOURCES = []
    assert Client().get("/who/", headers={"wauth.identity": "EXAMPLE\\bob"}).json()["user"] == ""
    assert Client().get("/who/", **{"wauth.identity": "EXAMPLE\\bob"}).json()["user"] == ""


@pytest.mark.parametrize("browser", [Client, AsyncClient], ids=["wsgi", "asgi"])
def test_what_a_source_reads_in_secret_stays_from_views(db, shared_directory, settings, browser):
    """Tokens and shared secrets are gone from META and headers, which Django copied before any source was asked."""
    looks = "tests.django_app.sources.looks_at_headers"
    settings.MIDDLEWARE = [looks, *settings.MIDDLEWARE]
    token = TokenFacts(shared_directory.sid("bob"), "EXAMPLE", "bob", frozenset())
    reader = FakeTokenReader({0x2C0: token})
    settings.WAUTH_SOURCES = [
        ProxyHeader("RemoteUser", trusted=["127.0.0.1"], secret="between us"),
        IISToken(reader=reader, environment={"HTTP_PLATFORM_TOKEN": "iis", "HTTP_PLATFORM_IIS_HTTPAUTH": "windows;"}),
    ]
    secrets = {"WauthSecret": "between us", TOKEN_HEADERS[0]: "2c0", PAIRING_HEADER: "iis"}
    get = browser(SERVER_SOFTWARE="waitress").get if browser is Client else async_to_sync(AsyncClient().get)
    response = get("/awho/", headers={**secrets, "Accept": "text/html"})
    assert response.json()["user"] == "bob"
    assert reader.closed == [0x2C0]
    request = response.wsgi_request if browser is Client else response.asgi_request
    assert request.headers["Accept"] == "text/html"
    for name in secrets:
        assert name not in request.headers
        assert "HTTP_" + name.upper().replace("-", "_") not in request.META


def test_a_handshake_is_answered_by_the_middleware(client, shared_directory, settings):
    """Status and headers of the step go out, no view runs, and the session is neither used nor touched."""
    negotiate = Handshake((("WWW-Authenticate", "Negotiate abc"),), "test")
    settings.WAUTH_SOURCES = [Answers(negotiate)]
    response = client.get("/who/")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Negotiate abc")
    assert response["Cache-Control"] == "no-store"
    assert async_to_sync(AsyncClient().get)("/awho/").status_code == 401
    settings.WAUTH_SOURCES = [Answers(Rejected("a lie", "test"))]
    assert client.get("/who/").json()["user"] == ""


def test_a_wrong_password_is_told_to_the_project(client, shared_directory, settings):
    """`user_refused` is sent for a step of a handshake that is a failure, and for no other step."""
    refused = []

    def audit(reason, **_):
        refused.append(reason)

    user_refused.connect(audit)
    try:
        for reason in ("", "BAD_PASSWORD"):
            settings.WAUTH_SOURCES = [Answers(Handshake((("WWW-Authenticate", "Basic"),), "test", reason))]
            assert client.get("/who/").status_code == 401
    finally:
        user_refused.disconnect(audit)
    assert refused == ["BAD_PASSWORD"]


def test_required_logins(client, shared_directory, settings):
    """WAUTH_REQUIRE_LOGIN: 401 with every challenge and the source's page, 403 for a false claim; users pass."""
    settings.WAUTH_REQUIRE_LOGIN = True
    challenge = Challenge((("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "Basic")), b"<p>Sign in, please")
    settings.WAUTH_SOURCES = [Answers(None, challenge)]
    response = client.get("/who/")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Negotiate, Basic")
    assert response.content == b"<p>Sign in, please"
    assert async_to_sync(AsyncClient().get)("/awho/").status_code == 401
    user = get_user_model().objects.create_user("local")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    assert client.get("/who/").json()["user"] == "local"
    settings.WAUTH_SOURCES = [Answers(Rejected("a lie", "test"))]
    assert Client().get("/who/").status_code == 403


@pytest.mark.parametrize("kind", [Client, AsyncClient], ids=["wsgi", "asgi"])
def test_a_closed_site_turns_away_in_both_stacks(db, directory, settings, kind):
    """Nobody is asked to sign in; a false claim, a disabled account and whoever was disabled since get the 403 page."""
    settings.WAUTH_REQUIRE_LOGIN = True
    settings.WAUTH_RESYNC_DELTA = 0
    source = Answers(None)
    settings.WAUTH_SOURCES = [source]
    browser = kind()

    def ask(outcome):
        source.outcome = outcome
        get = browser.get if kind is Client else async_to_sync(browser.get)
        return get("/awho/")

    assert ask(None).status_code == 401
    assert ask(Rejected("a lie", "test")).status_code == 403
    assert ask(SignedIn(Identity("EXAMPLE", "dan"), "test")).status_code == 403
    alice = SignedIn(Identity("EXAMPLE", "alice"), "test")
    assert [ask(alice).status_code for _ in range(2)] == [200, 200]
    directory.disable("alice")
    response = ask(alice)
    assert (response.status_code, response["Cache-Control"]) == (403, "no-store")
    assert "may not sign in here" in response.content.decode()
    directory.enable("alice")
    assert ask(alice).json()["user"] == "alice"


def test_a_sources_headers_are_on_the_response(client, shared_directory, settings):
    """A cookie with all its attributes, beside the session's own, and a mutual-authentication token."""
    headers = (("Set-Cookie", "wauth=1; Path=/; HttpOnly; SameSite=Lax"), ("WWW-Authenticate", "Negotiate done"))
    settings.WAUTH_SOURCES = [Answers(SignedIn(BOB, "test", headers=headers))]
    for response in (client.get("/who/"), async_to_sync(AsyncClient().get)("/awho/")):
        assert response["WWW-Authenticate"] == "Negotiate done"
        assert response.cookies["wauth"].OutputString() == "wauth=1; HttpOnly; Path=/; SameSite=Lax"
        assert "sessionid" in response.cookies


def test_what_a_young_ticket_says_is_taken(client, shared_directory, settings):
    """A known person signs in by a ticket without any search, with the groups of the ticket."""
    source = Answers(SignedIn(Identity("EXAMPLE", "alice"), "test"))
    settings.WAUTH_SOURCES = [source]
    assert client.get("/who/").json()["superuser"] is False
    before = len(asked(shared_directory))
    facts = TransportFacts(
        shared_directory.sid("alice"), frozenset({f"{shared_directory.domain_sid}-512"}), datetime.now(timezone.utc)
    )
    source.outcome = SignedIn(Identity("EXAMPLE", "alice"), "test", facts)
    browser = Client()
    assert browser.get("/who/").json()["superuser"] is True
    assert browser.get("/group/").status_code == 200
    assert len(asked(shared_directory)) == before
    assert get_user_model().objects.get(username="alice").ldap.state == "enabled"  # of which a ticket says nothing


def test_a_young_ticket_spares_the_search_of_a_session_too(client, shared_directory, settings):
    """A source that brings a ticket with each request keeps a known person in step by it alone."""
    source = Answers(SignedIn(Identity("EXAMPLE", "alice"), "test"))
    settings.WAUTH_SOURCES = [source]
    assert client.get("/who/").json()["superuser"] is False
    before, now = len(asked(shared_directory)), datetime.now(timezone.utc)
    LDAPUser.objects.update(last_sync=now - timedelta(minutes=11))
    facts = TransportFacts(shared_directory.sid("alice"), frozenset({f"{shared_directory.domain_sid}-512"}), now)
    source.outcome = SignedIn(Identity("EXAMPLE", "alice"), "test", facts)
    assert client.get("/who/").json()["superuser"] is True
    assert len(asked(shared_directory)) == before


def test_a_ticket_makes_nobody_known(client, shared_directory, settings):
    """A stranger is asked for in the directory, whose word is the newer one."""
    facts = TransportFacts(
        shared_directory.sid("alice"), frozenset({f"{shared_directory.domain_sid}-512"}), datetime.now(timezone.utc)
    )
    settings.WAUTH_SOURCES = [Answers(SignedIn(Identity("EXAMPLE", "alice"), "test", facts))]
    assert client.get("/who/").json() == {"user": "alice", "superuser": False, "staff": False, "groups": []}


def test_a_ticket_of_another_person_is_refused(client, shared_directory, settings):
    """The SID in the ticket and the one in the directory must be one."""
    facts = TransportFacts(shared_directory.sid("bob"), frozenset(), datetime.now(timezone.utc))
    settings.WAUTH_SOURCES = [Answers(SignedIn(Identity("EXAMPLE", "carol"), "test", facts))]
    assert client.get("/who/").json()["user"] == ""


def test_old_facts_are_not_believed(client, shared_directory, settings):
    """Facts older than WAUTH_RESYNC_DELTA: the directory is asked."""
    admins = f"{shared_directory.domain_sid}-512"
    facts = TransportFacts(
        shared_directory.sid("hana"), frozenset({admins}), datetime.now(timezone.utc) - timedelta(hours=1)
    )
    settings.WAUTH_SOURCES = [Answers(SignedIn(Identity("EXAMPLE", "hana"), "test", facts))]
    assert client.get("/who/").json()["superuser"] is False


def test_a_source_that_fails_signs_nobody_in(client, shared_directory, settings):
    """An exception in a source is a refusal, not a 500."""

    class Broken:
        def identify(self, request, rules):
            raise RuntimeError("broken")

    settings.WAUTH_SOURCES = [Broken()]
    response = client.get("/who/")
    assert (response.status_code, response.json()["user"]) == (200, "")
