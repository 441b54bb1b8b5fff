"""Whose a session is, when it ends, and what several workers know of it."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

import pytest
from cachelib import FileSystemCache

from tests.flask_app.applications import ALICE, with_cache, with_database, with_server_sessions
from tests.flask_app.test_login_form import sign_in, token
from wauth_core.identity import Identity
from wauth_core.sync.repository import Change, Link
from wauth_core.web.outcomes import Handshake, Rejected, Unchecked
from wauth_core.web.sessions import end_sessions
from wauth_flask import CacheUserRepository, user_refused, user_signed_in, windows_user

BOB = {"REMOTE_USER": "EXAMPLE\\bob"}


@pytest.fixture(params=["cookie", "server"])
def app(request, directory, closing):
    """An application with a login form, whose sessions are in a cookie, or on the server."""
    make = with_database if request.param == "cookie" else with_server_sessions
    return closing(make(directory, WAUTH_LOGIN_FORM=True, WAUTH_RESYNC_DELTA=0))


def who(client, environ=None):
    """Who is signed in, and what their session holds."""
    told = client.get("/", environ_base=environ or {}).json
    return told["identity"], told["seen"]


def cookie_of(client):
    """The session's cookie."""
    found = client.get_cookie("session")
    return found and found.value


class Says:
    """A source that gives one outcome."""

    def __init__(self, outcome):
        self.outcome = outcome

    def identify(self, request, rules):
        """The outcome, for requests that ask for it."""
        return self.outcome if request.path == "/said" else None


# -- what a request says


@pytest.mark.parametrize(
    ("outcome", "status", "kept"),
    [
        pytest.param(Rejected("a lie", "Says"), 200, False, id="a-false-claim"),
        pytest.param(Handshake((("WWW-Authenticate", "Negotiate abc"),), "Says"), 401, True, id="a-handshake"),
        pytest.param(Unchecked("down", "Says"), 503, True, id="could-not-be-checked"),
    ],
)
def test_what_a_source_says_of_a_session_by_password(make, outcome, status, kept):
    """A false claim ends it; a step of a handshake, or nobody who could check, leaves it as it is."""
    app = make(WAUTH_LOGIN_FORM=True, WAUTH_SOURCES=[Says(outcome)])
    app.add_url_rule("/said", "said", lambda: str(windows_user))
    client = app.test_client()
    sign_in(client)
    client.get("/see/mine")
    response = client.get("/said")
    assert response.status_code == status
    assert "alice" not in response.text
    assert ("Retry-After" in response.headers) is (status == 503)
    assert who(client) == (("EXAMPLE\\alice", "mine") if kept else (None, None))


def test_another_account_can_be_used_while_the_server_names_oneself(app, directory):
    """Signed in by password as somebody else, one stays so while the server goes on naming the same person, or nobody;
    anybody else ends it."""
    directory.set_password("bob", "An0ther-Passw0rd")
    client = app.test_client()
    client.environ_base = {**client.environ_base, **ALICE}
    assert sign_in(client, "bob", "An0ther-Passw0rd").status_code == 303
    assert who(client, ALICE)[0] == "EXAMPLE\\bob"
    assert who(client, ALICE)[0] == "EXAMPLE\\bob"
    client.environ_base.pop("REMOTE_USER")
    assert who(client)[0] == "EXAMPLE\\bob"
    assert who(client, {"REMOTE_USER": "EXAMPLE\\carol"})[0] == "EXAMPLE\\carol"


@pytest.mark.parametrize(
    ("signal", "name", "seen"),
    [
        pytest.param(user_refused, "nonsense", "", id="refused"),
        pytest.param(user_signed_in, "EXAMPLE\\alice", "EXAMPLE\\alice", id="signed-in"),
    ],
)
def test_who_hears_of_a_visit_may_ask_who_is_there(make, signal, name, seen):
    """A receiver sees who was signed in, or nobody where somebody was refused; and it is told once."""
    app = make()
    found = []

    @signal.connect_via(app)
    def note(sender, **with_it):
        found.append(str(windows_user))

    assert app.test_client().get("/", environ_base={"REMOTE_USER": name}).json["identity"] == (seen or None)
    assert found == [seen]


# -- when a session ends


def end_by_function(app, directory):
    with app.app_context():
        state = app.extensions["wauth"]
        assert end_sessions(state.wauth, state.repository, Identity("EXAMPLE", "alice"))


def end_by_command(app, directory):
    done = app.test_cli_runner().invoke(args=["wauth", "sessions", "end", "alice@example.local"])
    assert done.exit_code == 0, done.output


def change_the_password(app, directory):
    directory.set_password("alice", "An0ther-Passw0rd")


def disable_and_enable(app, directory):
    directory.disable("alice")
    assert app.test_client().get("/", environ_base=ALICE).json["identity"] is None
    directory.enable("alice")
    assert app.test_client().get("/", environ_base=ALICE).json["identity"] == "EXAMPLE\\alice"


def pass_the_name_on(app, directory):
    directory.delete("alice")
    directory.add_user("alice", name="Alice Newcomer", password="Passw0rd!x")
    assert app.test_client().get("/", environ_base=ALICE).json["identity"] == "EXAMPLE\\alice"


ENDS = [end_by_function, end_by_command, change_the_password, disable_and_enable, pass_the_name_on]


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_a_session_ends_in_every_browser(app, directory, end):
    """All sessions of the person end, in cookies and on the server; the next one is a new one."""
    browsers = [app.test_client(), app.test_client()]
    for client in browsers:
        sign_in(client)
        client.get("/see/mine")
        assert who(client) == ("EXAMPLE\\alice", "mine")
    end(app, directory)
    for client in browsers:
        assert who(client) == (None, None)


def test_a_session_that_the_server_began_begins_anew_where_it_ended(app, directory):
    """Whom the server names goes on, in a new session."""
    client = app.test_client()
    client.get("/see/mine", environ_base=ALICE)
    end_by_function(app, directory)
    assert who(client, ALICE) == ("EXAMPLE\\alice", None)
    client.get("/see/again", environ_base=ALICE)
    assert who(client, ALICE) == ("EXAMPLE\\alice", "again")


def test_a_copied_session_ends_with_the_sign_out(app):
    """What was copied before the sign-out signs nobody in after it."""
    client, thief = app.test_client(), app.test_client()
    sign_in(client)
    thief.set_cookie("session", cookie_of(client))
    assert who(thief)[0] == "EXAMPLE\\alice"
    client.post("/logout", data={"wauth_token": token(client.get("/login"))})
    assert who(thief)[0] is None


def test_a_session_on_the_server_has_a_new_name_after_the_sign_in(directory, closing):
    """Whoever knew the session's name before the sign-in knows nothing after it (session fixation)."""
    app = closing(with_server_sessions(directory, WAUTH_LOGIN_FORM=True))
    client = app.test_client()
    client.get("/see/planted")
    before = cookie_of(client)
    sign_in(client)
    assert cookie_of(client) != before
    thief = app.test_client()
    thief.set_cookie("session", before)
    assert who(thief) == (None, None)
    assert who(client)[0] == "EXAMPLE\\alice"


def test_a_session_by_password_follows_a_renaming(make_with_database, directory):
    """A session is one person's, whatever the name; the name's next owner gets nothing of it."""
    app = make_with_database(WAUTH_LOGIN_FORM=True)
    client = app.test_client()
    sign_in(client)
    client.get("/see/mine")
    directory.rename("alice", "alicia")
    app.test_client().get("/", environ_base={"REMOTE_USER": "EXAMPLE\\alicia"})
    assert who(client) == ("EXAMPLE\\alicia", "mine")
    directory.add_user("alice", name="Alice Newcomer")
    assert who(client, ALICE) == ("EXAMPLE\\alice", None)


# -- several workers


@pytest.fixture
def workers(directory, closing):
    """Two workers of one application, with nothing in common but the settings."""
    return [closing(with_cache(directory, WAUTH_LOGIN_FORM=True)) for _ in range(2)]


def visits(workers, client_of, environ=None):
    """Who each worker says is there, in turn, with the same cookie."""
    cookie, told = None, []
    for app in workers:
        client = app.test_client()
        if cookie or client_of:
            client.set_cookie("session", cookie or client_of)
        answer = client.get("/", environ_base=environ or {})
        told.append((answer.json["identity"], answer.json["seen"]))
        cookie = cookie_of(client) or cookie
    return told


@pytest.mark.parametrize("by", ["server", "password"])
def test_workers_without_a_shared_store_keep_one_session(workers, directory, by):
    """Each worker asks the directory once, and then no more; the session goes on in all of them."""
    client = workers[0].test_client()
    environ = ALICE if by == "server" else {}
    if by == "password":
        sign_in(client)
    client.get("/see/mine", environ_base=environ)
    cookie = cookie_of(client)
    assert visits(workers * 2, cookie, environ) == [("EXAMPLE\\alice", "mine")] * 4
    asked = len(directory.operations)
    assert visits(workers * 2, cookie, environ) == [("EXAMPLE\\alice", "mine")] * 4
    assert len(directory.operations) == asked


def test_workers_without_a_shared_store_agree_after_a_session_was_ended(workers, directory):
    """One worker has ended the sessions, another does not know: a new session goes on in both."""
    client = workers[0].test_client()
    sign_in(client)
    end_by_function(workers[0], directory)
    assert who(client) == (None, None)
    sign_in(client)
    client.get("/see/new")
    assert visits(workers * 2, cookie_of(client)) == [("EXAMPLE\\alice", "new")] * 4


def test_a_newcomer_of_the_name_does_not_get_the_session_at_another_worker(workers, directory):
    """A worker that never saw the former bearer of the name knows that the session is not the newcomer's."""
    client = workers[0].test_client()
    client.get("/see/mine", environ_base=BOB)
    directory.delete("bob")
    directory.add_user("bob", name="Bob the Second")
    assert visits(workers[1:], cookie_of(client), BOB) == [("EXAMPLE\\bob", None)]


@pytest.mark.parametrize("store", ["cache", "database"])
def test_workers_with_a_shared_store_end_sessions_for_one_another(directory, closing, tmp_path, store):
    """What one worker ends has ended in the other."""
    if store == "cache":
        pair = [
            closing(with_cache(directory, WAUTH_LOGIN_FORM=True, WAUTH_CACHE=FileSystemCache(str(tmp_path))))
            for _ in range(2)
        ]
    else:
        url = f"sqlite:///{tmp_path}/users.sqlite3"
        pair = [closing(with_database(directory, url, WAUTH_LOGIN_FORM=True)) for _ in range(2)]
    client = pair[0].test_client()
    sign_in(client)
    cookie = cookie_of(client)
    assert [told[0] for told in visits(pair, cookie)] == ["EXAMPLE\\alice"] * 2
    end_by_function(pair[1], directory)
    assert [told[0] for told in visits(pair, cookie)] == [None] * 2


def test_a_store_that_forgot_ends_sessions_by_password(directory, closing, tmp_path):
    """A shared store that lost a person cannot tell whether the session was ended: it has ended."""
    cache = FileSystemCache(str(tmp_path))
    app = closing(with_cache(directory, WAUTH_LOGIN_FORM=True, WAUTH_CACHE=cache))
    client = app.test_client()
    sign_in(client)
    assert who(client)[0] == "EXAMPLE\\alice"
    cache.clear()
    assert who(client)[0] is None


def test_a_worker_that_was_started_since_knows_of_a_new_password(workers, directory):
    """Without a shared store too, no session outlives the password that it was begun with."""
    client = workers[0].test_client()
    sign_in(client)
    directory.set_password("alice", "An0ther-Passw0rd")
    assert visits(workers[1:], cookie_of(client)) == [(None, None)]


@pytest.mark.parametrize("guid", [uuid.uuid4(), None], ids=["guid", "no-guid"])
def test_a_users_key_is_the_same_in_every_process(guid):
    """It follows from the GUID, else from the name; and another person's is another one."""
    change = Change(None, Link("EXAMPLE", "alice", guid), {"username": "alice"})
    other = Change(None, Link("EXAMPLE", "bob", uuid.uuid4() if guid else None), {"username": "bob"})
    now = datetime.now(timezone.utc)
    keys, again = (CacheUserRepository().apply([change, other], now=now) for _ in range(2))
    assert keys == again
    assert keys[0] != keys[1]
