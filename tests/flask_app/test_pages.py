"""Errors: their pages, who may replace them, and what happens while the directory is down."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.flask_app.applications import ALICE, bare, config
from wauth_core.exceptions import DirectoryUnavailable
from wauth_flask import WindowsAuth
from wauth_flask.errors import NotAllowed

PAGES = [
    pytest.param("/member", {}, 401, "Please sign in", id="401"),
    pytest.param("/editors", ALICE, 403, "You may not go here", id="403"),
]


@pytest.mark.parametrize(("path", "environ", "status", "text"), PAGES)
def test_each_error_has_a_page(make, path, environ, status, text):
    """The page says what happened, and is not kept by a cache."""
    response = make().test_client().get(path, environ_base=environ)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert response.headers["Cache-Control"] == "no-store"
    assert f"<h1>{text}</h1>" in response.text


def test_a_page_shows_names_as_text(make, directory):
    """Who has markup for a name does not get it into the page."""
    directory.add_user("amp&co", name="Amp & Co")
    response = make().test_client().get("/editors", environ_base={"REMOTE_USER": "EXAMPLE\\amp&co"})
    assert "EXAMPLE\\amp&amp;co" in response.text


def test_an_application_replaces_a_page_by_its_own_template(directory, closing, tmp_path):
    """templates/wauth/403.html of the application takes the place of ours; the others stay."""
    (tmp_path / "wauth").mkdir()
    (tmp_path / "wauth" / "403.html").write_text("No entry for {{ identity }}.")
    app = Flask(__name__, template_folder=str(tmp_path))
    app.config.update(config(directory))
    WindowsAuth(app)
    client = closing(bare(app)).test_client()
    assert client.get("/editors", environ_base=ALICE).text == "No entry for EXAMPLE\\alice."
    assert client.get("/member", environ_base={"REMOTE_USER": "EXAMPLE\\dan"}).text == "No entry for EXAMPLE\\dan."
    assert "Please sign in" in app.test_client().get("/member").text


def test_an_application_handles_the_errors_itself(make):
    """errorhandler works by status, and by our classes."""
    app = make()
    app.register_error_handler(401, lambda error: ("who are you?", 401))
    app.register_error_handler(NotAllowed, lambda error: ("go away", 418))
    client = app.test_client()
    assert client.get("/member").text == "who are you?"
    assert client.get("/editors", environ_base=ALICE).status_code == 418


def test_a_401_carries_the_challenge_of_the_sources(make):
    """A browser is told how to sign in, on our 401 and on the application's own."""
    from wauth_core.web.asking import Challenge

    class Negotiating:
        challenge = Challenge(headers=(("WWW-Authenticate", "Negotiate"),))

        def identify(self, request, rules):
            return None

    app = make(WAUTH_SOURCES=[Negotiating()])
    app.add_url_rule("/own", "own", lambda: ("", 401))
    client = app.test_client()
    assert client.get("/member").headers["WWW-Authenticate"] == "Negotiate"
    assert client.get("/own").headers["WWW-Authenticate"] == "Negotiate"
    assert "WWW-Authenticate" not in client.get("/").headers


def test_a_sources_own_page_asks_for_the_password(make):
    """Where a source has a form for browsers that cannot do better, it is what a 401 shows; over TLS only."""
    from wauth_core.web.asking import Challenge

    class Asking:
        challenge = Challenge(tls_page=b"<form>name and password</form>")

        def identify(self, request, rules):
            return None

    client = make(WAUTH_SOURCES=[Asking()]).test_client()
    assert client.get("/member", base_url="https://localhost").text == "<form>name and password</form>"
    assert "Please sign in" in client.get("/member").text


def test_a_step_of_a_handshake_is_answered_by_us(make):
    """The source's headers get to the client, and the view is not asked."""
    from wauth_core.web.outcomes import Handshake

    class HalfWay:
        def identify(self, request, rules):
            return Handshake((("WWW-Authenticate", "Negotiate abc"),), "HalfWay")

    response = make(WAUTH_SOURCES=[HalfWay()]).test_client().get("/")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Negotiate abc"


def test_headers_of_a_sign_in_are_on_every_response(make):
    """A mutual-authentication token or a cookie of the source reaches the browser, on an error page too."""
    from wauth_core.web.outcomes import SignedIn

    class Mutual:
        def identify(self, request, rules):
            return SignedIn(rules.parse("EXAMPLE\\alice"), "Mutual", headers=(("WWW-Authenticate", "Negotiate xyz"),))

    client = make(WAUTH_SOURCES=[Mutual()]).test_client()
    assert client.get("/").headers["WWW-Authenticate"] == "Negotiate xyz"
    assert client.get("/editors").headers["WWW-Authenticate"] == "Negotiate xyz"


def test_a_wrapper_and_the_application_send_a_header_once(make):
    """What the wrapper around the application found, it puts on the response itself."""
    from wauth_core.web.outcomes import SignedIn
    from wauth_wsgi import WindowsAuthWSGI

    class Mutual:
        def identify(self, request, rules):
            return SignedIn(rules.parse("EXAMPLE\\alice"), "Mutual", headers=(("WWW-Authenticate", "Negotiate xyz"),))

    app = make()
    app.wsgi_app = WindowsAuthWSGI(app.wsgi_app, sources=[Mutual()])
    response = app.test_client().get("/member")
    assert (response.text, response.headers.getlist("WWW-Authenticate")) == ("EXAMPLE\\alice", ["Negotiate xyz"])


# -- a directory that is down


def test_known_people_go_on_while_the_directory_is_down(make, directory):
    """Within WAUTH_MAX_STALENESS the last known rights hold; service returns by itself."""
    client = make(WAUTH_RESYNC_DELTA=0).test_client()
    bob = {"REMOTE_USER": "EXAMPLE\\bob"}
    assert client.get("/", environ_base=bob).json["superuser"] is True
    with directory.faults.outage():
        assert client.get("/", environ_base=bob).json == {
            "authenticated": True,
            "identity": "EXAMPLE\\bob",
            "seen": None,
            "superuser": True,
            "synced": None,
        }
    directory.remove_member("Domain Admins", "bob")


def test_unknown_people_wait_while_the_directory_is_down(make, directory):
    """Nothing is known of a new person: 503, with the time to come again."""
    client = make().test_client()
    with directory.faults.outage():
        for path in ("/", "/member"):
            response = client.get(path, environ_base=ALICE)
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "30"
            assert "The directory does not answer" in response.text
    assert client.get("/member", environ_base=ALICE).status_code == 200


def test_last_known_rights_lapse(make_with_database, directory):
    """After WAUTH_MAX_STALENESS the rights that the directory gave are taken from the row, at every door and for good
    until it answers again; what the application gave by hand stays."""
    app = make_with_database(WAUTH_RESYNC_DELTA=0, WAUTH_MAX_STALENESS=0, domain={"STAFF_GROUPS": None})

    @app.get("/flags")
    def flags():
        from wauth_flask import windows_user

        record = windows_user.record
        seen = [record.is_superuser, windows_user.is_superuser]
        app.db.session.commit()
        return [*seen, windows_user.record.is_superuser, record.is_staff]

    client, bob = app.test_client(), {"REMOTE_USER": "EXAMPLE\\bob"}
    client.get("/", environ_base=bob)
    with app.app_context():
        app.db.session.query(app.User).one().is_staff = True
        app.db.session.commit()
    assert client.get("/flags", environ_base=bob).json == [True, True, True, True]
    with directory.faults.outage():
        for _ in range(2):
            assert client.get("/flags", environ_base=bob).json == [False, False, False, True]
        assert client.get("/async-editors", environ_base=bob).status_code == 503
    assert client.get("/flags", environ_base=bob).json == [True, True, True, True]


def test_nobody_goes_on_by_old_knowledge_where_it_is_refused(make_with_database, directory):
    """WAUTH_WHEN_STALE="refuse": 503, the session is kept, and nothing is written."""
    app = make_with_database(WAUTH_RESYNC_DELTA=0, WAUTH_MAX_STALENESS=0, WAUTH_WHEN_STALE="refuse")
    client, bob = app.test_client(), {"REMOTE_USER": "EXAMPLE\\bob"}
    client.get("/see/mine", environ_base=bob)
    with directory.faults.outage():
        assert client.get("/", environ_base=bob).status_code == 503
    with app.app_context():
        assert app.db.session.query(app.User).one().is_superuser
    assert client.get("/", environ_base=bob).json["seen"] == "mine"


def test_a_view_that_asks_the_directory_while_it_is_down_is_a_503(make, directory):
    """DirectoryUnavailable out of a view has the page of the 503, unless the application handles it itself."""
    app = make()
    app.add_url_rule("/mail", "mail", lambda: str(app.extensions["wauth"].wauth.manager("EXAMPLE").user("bob").email))
    client = app.test_client()
    assert "bob@" in client.get("/mail").text
    with directory.faults.outage():
        response = client.get("/mail")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "30")


def test_members_stay_members_while_the_directory_is_down(make, directory):
    """The last known groups hold for WAUTH_MAX_STALENESS, for those who are in the group and those who are not."""
    client = make(WAUTH_RESYNC_DELTA=0).test_client()
    ada = {"REMOTE_USER": "EXAMPLE\\ada"}
    statuses = [client.get("/editors", environ_base=who).status_code for who in (ada, ALICE)]
    with directory.faults.outage():
        assert [client.get("/editors", environ_base=who).status_code for who in (ada, ALICE)] == statuses == [200, 403]


def test_a_required_sync_that_fails_is_answered(make, directory):
    """WAUTH_REQUIRE_RESYNC: 503 by default, for known people too."""
    client = make(WAUTH_RESYNC_DELTA=0, WAUTH_REQUIRE_RESYNC=True).test_client()
    assert client.get("/", environ_base=ALICE).status_code == 200
    with directory.faults.outage():
        assert client.get("/", environ_base=ALICE).status_code == 503


@pytest.mark.parametrize(
    ("wanted", "status", "text"),
    [
        pytest.param(418, 418, "Authorization Failed", id="a-status"),
        pytest.param(
            lambda request, error: (f"{request.path} {type(error).__name__}", 502), 502, "/ Di", id="callable"
        ),
    ],
)
def test_the_answer_to_a_failed_sync_can_be_chosen(make, directory, wanted, status, text):
    """WAUTH_ERROR_RESPONSE is a status, or a callable with the request and the error."""
    client = make(WAUTH_RESYNC_DELTA=0, WAUTH_REQUIRE_RESYNC=True, WAUTH_ERROR_RESPONSE=wanted).test_client()
    with directory.faults.outage():
        response = client.get("/", environ_base=ALICE)
    assert response.status_code == status
    assert text in response.text


@pytest.mark.parametrize("handled", [False, True], ids=["nobody-handles-it", "the-application-does"])
def test_ldap_sync_required_raises_where_told(make, directory, handled):
    """raise_exception=True lets the error out: 500, or the application's own errorhandler."""
    from wauth_flask import ldap_sync_required

    app = make(PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/raise", "raise", ldap_sync_required(0, raise_exception=True)(lambda: "in"))
    if handled:
        app.register_error_handler(DirectoryUnavailable, lambda error: ("caught", 418))
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    with directory.faults.outage():
        assert client.get("/raise", environ_base=ALICE).status_code == (418 if handled else 500)
        assert client.get("/fresh", environ_base=ALICE).status_code == 503


def test_the_pages_follow_flask_babels_language(make):
    """With Flask-Babel its locale counts, for pages and the login form; without it they are English."""
    from flask_babel import Babel

    assert "Please sign in" in make().test_client().get("/member").text
    for path, said in (("/member", "Veuillez vous connecter"), ("/login", "Mot de passe")):
        app = make(WAUTH_LOGIN_FORM=path == "/login")
        Babel(app, locale_selector=lambda: "fr")
        text = app.test_client().get(path).text
        assert said in text
        assert '<html lang="fr">' in text


@pytest.mark.parametrize(
    ("path", "environ", "why"),
    [
        pytest.param("/member", {}, "WAUTH_SIMULATE_USER", id="nobody"),
        pytest.param("/editors", ALICE, "EXAMPLE\\alice is in none of", id="no-member"),
        pytest.param("/member", {"REMOTE_USER": "EXAMPLE\\nobody"}, "nobody", id="unknown"),
    ],
)
def test_a_developer_is_told_why(make, caplog, path, environ, why):
    """On the page and in the log while debug mode is on; without it the page tells nothing of the application."""
    app = make()
    app.debug = True
    shown = app.test_client().get(path, environ_base=environ).text
    assert "In debug mode only" in shown
    assert why in shown
    assert why in caplog.text
    app.debug = False
    assert "In debug mode only" not in app.test_client().get(path, environ_base=environ).text
