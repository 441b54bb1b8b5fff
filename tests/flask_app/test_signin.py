"""Signing in, staying in, and being put out: sessions, rights, and whose they are."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from flask import Flask

from tests.flask_app.applications import ALICE, with_database
from wauth_core import ConfigurationError
from wauth_core.identity import TransportFacts
from wauth_core.settings import ConfigurationWarning
from wauth_core.web.outcomes import SignedIn
from wauth_flask import WindowsAuth

BOB = {"REMOTE_USER": "EXAMPLE\\bob"}


@pytest.fixture(params=["cache", "database"])
def app(request, make, make_with_database):
    """An application without a database, and one with."""
    made = make if request.param == "cache" else make_with_database
    return made(WAUTH_RESYNC_DELTA=0)


def whoami(client, environ=None):
    """What the application says of the visitor."""
    response = client.get("/", environ_base=environ or {})
    assert response.status_code == 200
    return response.json


def test_a_visitor_without_a_name_is_nobody(app):
    """Nobody is signed in, and that is no error."""
    assert whoami(app.test_client())["authenticated"] is False


def test_the_request_that_signs_in_carries_the_rights_already(app):
    """The first request of a new person sees the flags that the directory gives."""
    told = whoami(app.test_client(), BOB)
    assert told["identity"] == "EXAMPLE\\bob"
    assert told["synced"] == "created"
    assert told["superuser"] is True


def test_rights_follow_the_directory(app, directory):
    """A promotion and its end are seen at the next sync, in the running session."""
    client = app.test_client()
    assert whoami(client, ALICE)["superuser"] is False
    directory.add_member("Domain Admins", "alice")
    assert whoami(client, ALICE)["superuser"] is True
    directory.remove_member("Domain Admins", "alice")
    assert whoami(client, ALICE)["superuser"] is False


def test_a_disabled_person_is_put_out_and_their_session_emptied(app, directory):
    """After the next sync a disabled account is nobody; enabled again it is let in with a new session."""
    client = app.test_client()
    client.get("/see/secret", environ_base=ALICE)
    directory.disable("alice")
    assert whoami(client, ALICE) == {
        "authenticated": False,
        "identity": None,
        "seen": None,
        "superuser": False,
        "synced": None,
    }
    assert client.get("/member", environ_base=ALICE).status_code == 403
    directory.enable("alice")
    assert whoami(client, ALICE)["identity"] == "EXAMPLE\\alice"
    assert whoami(client, ALICE)["seen"] is None


OTHERS = [
    pytest.param(BOB, "EXAMPLE\\bob", id="another-name"),
    pytest.param({}, None, id="nobody"),
    pytest.param({"REMOTE_USER": "EXAMPLE\\*"}, None, id="a-name-that-is-none"),
    pytest.param({"REMOTE_USER": "EVIL\\alice"}, None, id="same-name-in-an-unknown-domain"),
    pytest.param({"REMOTE_USER": "EXAMPLE\\nobody"}, None, id="unknown-to-the-directory"),
]


@pytest.mark.parametrize(("environ", "identity"), OTHERS)
def test_a_session_never_survives_its_owner(app, environ, identity):
    """What a session holds is gone as soon as its owner is not who asks."""
    client = app.test_client()
    client.get("/see/secret", environ_base=ALICE)
    assert whoami(client, ALICE)["seen"] == "secret"
    told = whoami(client, environ)
    assert told["identity"] == identity
    assert told["seen"] is None
    assert whoami(client, ALICE)["seen"] is None


def test_a_session_begun_before_the_sign_in_does_not_live_on(app):
    """What somebody planted in a session before the sign-in is gone after it (session fixation)."""
    client = app.test_client()
    client.get("/see/planted")
    assert whoami(client)["seen"] == "planted"
    assert whoami(client, ALICE)["seen"] is None


def test_the_same_person_in_other_spelling_keeps_the_session(app):
    """AD compares names without case, and so does the session."""
    client = app.test_client()
    client.get("/see/mine", environ_base=ALICE)
    assert whoami(client, {"REMOTE_USER": "example\\ALICE"})["seen"] == "mine"


def test_an_application_without_a_secret_key_signs_in_each_request(make):
    """Sessions are not needed: the server names the visitor at each request."""
    app = make(SECRET_KEY=None)
    client = app.test_client()
    assert whoami(client, BOB)["superuser"] is True
    assert whoami(client, BOB)["identity"] == "EXAMPLE\\bob"
    assert whoami(client)["identity"] is None


def test_a_fresh_user_costs_no_ldap(make, directory):
    """Between two syncs nothing is asked of the directory."""
    app = make()
    client = app.test_client()
    whoami(client, ALICE)
    before = len(directory.operations)
    assert whoami(client, ALICE)["synced"] is None
    assert len(directory.operations) == before


def test_a_sync_costs_one_search(make, directory):
    """Once the person is known, a whole sync is one LDAP search."""
    app = make(WAUTH_RESYNC_DELTA=0)
    client = app.test_client()
    whoami(client, ALICE)
    before = len(directory.operations)
    assert whoami(client, ALICE)["synced"] == "unchanged"
    assert [operation.op for operation in directory.operations[before:]] == ["search"]


def test_a_failed_first_sync_leaves_no_user(make_with_database, directory):
    """Nobody is made where the directory knows nobody, or does not answer."""
    app = make_with_database()
    client = app.test_client()
    whoami(client, {"REMOTE_USER": "EXAMPLE\\nobody"})
    with directory.faults.refuse(52):
        assert client.get("/", environ_base=ALICE).status_code == 503
    with app.app_context():
        assert app.db.session.query(app.User).count() == 0


def test_a_user_whom_the_application_deactivated_stays_out(make_with_database, directory):
    """A sync does not undo what an administrator of the application decided."""
    app = make_with_database(WAUTH_RESYNC_DELTA=0)
    client = app.test_client()
    whoami(client, ALICE)
    with app.app_context():
        user = app.db.session.query(app.User).filter_by(username="alice").one()
        user.is_active = False
        app.db.session.commit()
    assert whoami(client, ALICE)["identity"] is None
    assert client.get("/member", environ_base=ALICE).status_code == 403


def test_a_renamed_person_keeps_the_account(make_with_database, directory):
    """Same GUID, new name: the same row; the name's next owner is somebody else."""
    app = make_with_database(WAUTH_RESYNC_DELTA=0)
    whoami(app.test_client(), BOB)
    directory.rename("bob", "robert")
    directory.add_user("bob", name="Bob the Second")
    assert whoami(app.test_client(), {"REMOTE_USER": "EXAMPLE\\robert"})["superuser"] is True
    assert whoami(app.test_client(), BOB)["superuser"] is False
    with app.app_context():
        users = {user.username: user for user in app.db.session.query(app.User)}
        assert users["robert"].id < users["bob"].id
        assert users["robert"].is_superuser
        assert not users["bob"].is_superuser


def test_simulation_is_for_debugging_only(make, caplog):
    """WAUTH_SIMULATE_USER signs everybody in, in debug mode; else it is ignored, with an error in the log."""
    app = make(WAUTH_SIMULATE_USER="EXAMPLE\\bob")
    assert whoami(app.test_client())["identity"] is None
    assert "WAUTH_SIMULATE_USER is ignored" in caplog.text
    app = make(WAUTH_SIMULATE_USER="EXAMPLE\\bob")
    app.debug = True
    assert whoami(app.test_client())["identity"] == "EXAMPLE\\bob"


def test_sources_come_from_the_settings(make):
    """Any source of wauth_wsgi, as an instance or by its dotted path, takes REMOTE_USER's place."""
    from wauth_wsgi import ProxyHeader

    app = make(WAUTH_SOURCES=[ProxyHeader("RemoteUser", trusted=["127.0.0.1"])])
    client = app.test_client()
    assert whoami(client, ALICE)["identity"] is None
    assert client.get("/", headers={"RemoteUser": "EXAMPLE\\bob"}).json["identity"] == "EXAMPLE\\bob"
    app = make(WAUTH_SOURCES="wauth_wsgi.ServerIdentity")
    assert whoami(app.test_client(), ALICE)["identity"] == "EXAMPLE\\alice"


def test_a_wrapper_around_the_application_has_the_first_word(make, directory):
    """Inside WindowsAuthWSGI, the wrapper's answer counts, and the application's own sources are not asked."""
    from wauth_wsgi import ProxyHeader, WindowsAuthWSGI

    app = make()
    source = ProxyHeader("RemoteUser", trusted=["127.0.0.1"])
    app.wsgi_app = WindowsAuthWSGI(app.wsgi_app, sources=[source])
    client = app.test_client()
    answer = client.get("/", headers={"RemoteUser": "EXAMPLE\\bob"}, environ_base=ALICE)
    assert answer.json["identity"] == "EXAMPLE\\bob"


def test_the_record_is_the_applications_own_user(make_with_database):
    """windows_user.record is the SQLAlchemy object, with what this very request's sync wrote."""
    from wauth_flask import windows_user

    app = make_with_database(domain={"GROUP_MAP": {"Wizards": "Domain Admins"}})
    with app.test_request_context("/", environ_base=BOB):
        assert isinstance(windows_user.record, app.User)
        assert windows_user.record.email == "bob@example.local"
        assert windows_user.record.is_superuser
        assert [group.name for group in windows_user.record.groups] == ["Wizards"]
        assert windows_user.in_group("Domain Admins")
        assert "Department IT" in {group.name for group in windows_user.groups}
        assert windows_user.attributes["mail"] == "bob@example.local"
    with app.test_request_context("/"):
        assert windows_user.record is None
        assert not windows_user
        assert not windows_user.in_group("Domain Admins")
        assert list(windows_user.groups) == []
        assert dict(windows_user.attributes) == {}


def test_without_a_database_the_record_is_a_snapshot(make):
    """windows_user.record holds the fields and flags of the last sync."""
    from wauth_flask import windows_user

    with make().test_request_context("/", environ_base=BOB):
        assert windows_user.record.fields["email"] == "bob@example.local"
        assert windows_user.record.flags["is_superuser"] is True


def test_a_reused_name_does_not_inherit_the_session(app, directory):
    """Who bears the name now is another person than the one whose session it was."""
    client = app.test_client()
    client.get("/see/secret", environ_base=BOB)
    directory.delete("bob")
    directory.add_user("bob", name="Bob the Second")
    told = whoami(client, BOB)
    assert (told["identity"], told["seen"], told["superuser"]) == ("EXAMPLE\\bob", None, False)


class Ticket:
    """A source that brings a SID with the name in REMOTE_USER, as a token or a ticket does."""

    name = "Ticket"

    def __init__(self) -> None:
        self.sid = ""

    def identify(self, request, rules):
        facts = TransportFacts(self.sid, frozenset(), datetime.now(timezone.utc))
        return SignedIn(rules.parse("EXAMPLE\\alice"), self.name, facts)


@pytest.mark.parametrize("secret", ["test", None], ids=["session", "no-session"])
def test_the_sid_of_a_ticket_tells_a_newcomer_at_once(directory, closing, secret):
    """Whose ticket has another SID than the user of that name is another person, though that user was just synced."""
    ticket = Ticket()
    app = closing(with_database(directory, WAUTH_SOURCES=[ticket], SECRET_KEY=secret))
    ticket.sid = directory.sid("alice")
    assert app.test_client().get("/").json["identity"] == "EXAMPLE\\alice"
    directory.delete("alice")
    directory.add_user("alice", name="Alice Newcomer")
    ticket.sid = directory.sid("alice")
    assert app.test_client().get("/").json["synced"] == "created"


def test_a_reused_name_brings_no_groups_to_who_had_it(directory, closing):
    """Who is signed in still, under a name that passed to a member of a group, is not in that group."""
    app = closing(with_database(directory, WAUTH_LOGIN_FORM=True))
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    directory.rename("alice", "alicia")
    directory.add_user("alice", name="Alice Newcomer", groups=["Web Editors"])
    assert client.get("/editors", environ_base=ALICE).status_code == 403


def no_bobs(identity, user):
    """A hook of the application's."""
    return "no bobs" if user.username == "bob" else None


def test_hooks_of_the_settings(make_with_database):
    """WAUTH_BEFORE_SYNC refuses one person; with WAUTH_CREATE_USERS off nobody new comes in."""
    app = make_with_database(WAUTH_BEFORE_SYNC=no_bobs)
    assert whoami(app.test_client(), BOB)["authenticated"] is False
    assert whoami(app.test_client(), ALICE)["authenticated"] is True
    app = make_with_database(WAUTH_CREATE_USERS=False)
    assert whoami(app.test_client(), BOB)["authenticated"] is False


COOKIES = {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_HTTPONLY": True, "SESSION_COOKIE_SAMESITE": "Lax"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        pytest.param({"SESSION_COOKIE_SECURE": False}, "SESSION_COOKIE_SECURE", id="over-plain-http"),
        pytest.param({"SESSION_COOKIE_HTTPONLY": False}, "SESSION_COOKIE_HTTPONLY", id="to-scripts"),
        pytest.param({"SESSION_COOKIE_SAMESITE": None}, "SESSION_COOKIE_SAMESITE", id="nothing-said"),
        pytest.param({"SESSION_COOKIE_SAMESITE": "None"}, "SESSION_COOKIE_SAMESITE", id="to-other-sites"),
        pytest.param({"DEBUG": True, "SESSION_COOKIE_SECURE": False}, None, id="development"),
        pytest.param({}, None, id="all-good"),
    ],
)
def test_a_weak_session_cookie_is_warned_of(make, caplog, changed, named):
    """Once, outside development, with the setting's name."""
    app = make()
    app.config.update({"TESTING": False, **COOKIES, **changed})
    for _ in range(2):
        app.test_client().get("/")
    told = [record.getMessage() for record in caplog.records if "SESSION_COOKIE" in record.getMessage()]
    assert [text.split()[0] for text in told] == ([named] if named else [])


def test_a_source_that_cannot_work_stops_the_start():
    """What a source says when it is bound is raised by WindowsAuth(app), not by the first request."""

    class NeedsPasswords:
        def bind(self, wauth):
            raise ConfigurationError("there is nobody to check passwords with")

        def identify(self, request, rules):
            return None

    app = Flask(__name__)
    app.config["WAUTH_SOURCES"] = [NeedsPasswords()]
    with pytest.raises(ConfigurationError, match="nobody to check passwords with"):
        WindowsAuth(app)


def test_a_setting_for_what_the_model_lacks_is_warned_of(make_with_database):
    """A field and a flag that nothing can hold: a ConfigurationWarning at the first sign-in, which goes on."""
    fields = {"username": "sAMAccountName", "shoe_size": "title"}
    app = make_with_database(domain={"FLAG_MAP": {"is_wizard": "Wizards"}, "USER_FIELD_MAP": fields})
    with pytest.warns(ConfigurationWarning) as told:
        assert app.test_client().get("/", environ_base=ALICE).json["authenticated"]
    said = "".join(str(each.message) for each in told if each.category is ConfigurationWarning)
    assert "'is_wizard'" in said
    assert "'shoe_size'" in said
