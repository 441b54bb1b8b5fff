"""The login form: passwords checked by the directory, and nothing else let through."""

from __future__ import annotations

import re

import pytest

from tests.flask_app.applications import ALICE
from wauth_flask.signals import user_refused, user_signed_in

PASSWORD = "Passw0rd!x"


@pytest.fixture
def app(make):
    """An application with the form at /login."""
    return make(WAUTH_LOGIN_FORM=True, WAUTH_RESYNC_DELTA=0)


def token(page):
    """The form's token."""
    return re.search(r'name="wauth_token" value="([^"]+)"', page.text)[1]


def sign_in(client, username="alice", password=PASSWORD, path="/login", environ_overrides=None, **more):
    """Fill the form in and send it."""
    shown = client.get(path, environ_overrides=environ_overrides)
    fields = {"wauth_token": token(shown), "username": username, "password": password}
    return client.post(path, data={**fields, **more}, environ_overrides=environ_overrides)


SPELLINGS = [
    pytest.param("alice", PASSWORD, id="plain"),
    pytest.param("EXAMPLE\\alice", PASSWORD, id="down-level"),
    pytest.param("alice@example.local", PASSWORD, id="upn"),
    pytest.param("ALICE", PASSWORD, id="other-case"),
    pytest.param(" alice ", PASSWORD, id="blanks-around"),
]


@pytest.mark.parametrize(("username", "password"), SPELLINGS)
def test_a_right_password_signs_in(app, username, password):
    """Whatever spelling names the account, the session is that person's, through the next requests."""
    client = app.test_client()
    response = sign_in(client, username, password)
    assert (response.status_code, response.location) == (303, "/")
    assert client.get("/").json["identity"] == "EXAMPLE\\alice"
    assert client.get("/member").text == "EXAMPLE\\alice"


def test_the_password_is_taken_byte_for_byte(app):
    """Ligatures and full-width letters in a password are not what they look like."""
    client = app.test_client()
    assert sign_in(client, "zoë.ünal", "fine-Pässwörd-1").status_code == 403
    assert sign_in(client, "zoë.ünal", "ﬁne-Pässwörd-１").status_code == 303


REFUSED = [
    pytest.param("alice", "Passw0rd!X", "is wrong", id="wrong-password"),
    pytest.param("nobody", PASSWORD, "is wrong", id="nobody"),
    pytest.param("dan", PASSWORD, "disabled", id="disabled"),
    pytest.param("eve", PASSWORD, "expired", id="expired"),
    pytest.param("lou", PASSWORD, "is wrong", id="locked"),
    pytest.param("newton", PASSWORD, "must be changed", id="must-change"),
    pytest.param("alice", "", "password is needed", id="empty-password"),
    pytest.param("", PASSWORD, "password is needed", id="empty-name"),
    pytest.param("alice", "\x00", "password is needed", id="nul-password"),
    pytest.param("*", PASSWORD, "is wrong", id="star"),
    pytest.param("EVIL\\alice", PASSWORD, "is wrong", id="unknown-domain"),
    pytest.param("alice)(objectClass=*", PASSWORD, "is wrong", id="injection"),
    pytest.param("a" * 10_000, PASSWORD, "is wrong", id="ten-kilobytes"),
]


@pytest.mark.parametrize(("username", "password", "message"), REFUSED)
def test_anything_else_is_refused_with_a_safe_message(app, username, password, message):
    """The form says what the person may know; nobody is signed in, and the password is not shown again."""
    client = app.test_client()
    response = sign_in(client, username, password)
    assert response.status_code == 403
    assert message in response.text
    assert password not in response.text or password in ("", "\x00")
    assert client.get("/").json["identity"] is None


def test_an_outage_is_said_plainly(app, directory):
    """While the directory is down nobody can be checked, and the form says so."""
    client = app.test_client()
    with directory.faults.outage():
        response = sign_in(client)
    assert response.status_code == 503
    assert "later" in response.text


TARGETS = [
    pytest.param("/member?x=1", "/member?x=1", id="a-page"),
    pytest.param("/my%20page", "/my%20page", id="a-space"),
    pytest.param("//evil.example/", "/", id="two-slashes"),
    pytest.param("/\\evil.example/", "/", id="slash-backslash"),
    pytest.param("https://evil.example/", "/", id="absolute"),
    pytest.param("https:evil.example", "/", id="scheme-only"),
    pytest.param("javascript:alert(1)", "/", id="javascript"),
    pytest.param("/\t/evil.example", "/", id="tab"),
    pytest.param("\r\nLocation: https://evil.example", "/", id="header-injection"),
    pytest.param("evil.example", "/", id="relative"),
    pytest.param("", "/", id="empty"),
    pytest.param("/" + "x" * 3000, "/", id="too-long"),
]


@pytest.mark.parametrize(("wanted", "location"), TARGETS)
def test_a_sign_in_leads_to_a_page_of_this_site(app, wanted, location):
    """Wherever ``next`` points, the browser stays on this site."""
    from urllib.parse import quote

    response = sign_in(app.test_client(), path=f"/login?next={quote(wanted, safe='')}")
    assert response.location == location


def test_a_closed_page_leads_to_the_form_and_back(app):
    """A browser that asks for a closed page gets the form, and then the page."""
    client = app.test_client()
    response = client.get("/member?page=2")
    assert response.status_code == 302
    assert response.location == "/login?next=/member?page%3D2"
    assert sign_in(client, path=response.location).location == "/member?page=2"
    assert client.post("/member").status_code == 405


def test_a_mounted_application_keeps_to_its_own_paths(app):
    """Under a path prefix the way to the form and back stays under it."""
    client = app.test_client()
    mounted = {"SCRIPT_NAME": "/intranet"}
    assert client.get("/member", environ_overrides=mounted).location == "/intranet/login?next=/member"
    fields = {"username": "alice", "password": PASSWORD}
    fields["wauth_token"] = token(client.get("/login", environ_overrides=mounted))
    response = client.post("/login?next=/member", data=fields, environ_overrides=mounted)
    assert response.location == "/intranet/member"


def test_no_other_site_can_frame_the_form(app):
    """Neither framed nor kept: the form is drawn by this site alone, and each time anew."""
    assert app.test_client().head("/login").status_code == 200
    headers = app.test_client().get("/login").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_a_post_from_elsewhere_is_refused(app):
    """Without the token of this very session, neither sign-in nor sign-out happens (CSRF)."""
    client = app.test_client()
    fields = {"username": "alice", "password": PASSWORD}
    assert client.post("/login", data=fields).status_code == 400
    client.get("/login")
    assert client.post("/login", data={**fields, "wauth_token": "x" * 43}).status_code == 400
    stolen = token(app.test_client().get("/login"))
    assert client.post("/login", data={**fields, "wauth_token": stolen}).status_code == 400
    assert client.get("/").json["identity"] is None
    sign_in(client)
    assert client.post("/logout").status_code == 400
    assert client.get("/").json["identity"] == "EXAMPLE\\alice"


def test_signing_in_begins_a_new_session(app):
    """What stood in the session before is gone, the token too."""
    client = app.test_client()
    client.get("/see/planted")
    before = token(client.get("/login"))
    sign_in(client)
    assert client.get("/").json["seen"] is None
    assert token(client.get("/login")) != before


def test_signing_out_ends_the_session(app):
    """After the logout button nobody is signed in and the session is empty."""
    client = app.test_client()
    sign_in(client)
    client.get("/see/secret")
    response = client.post("/logout", data={"wauth_token": token(client.get("/login"))})
    assert response.status_code == 303
    assert client.get("/").json["identity"] is None
    assert client.get("/").json["seen"] is None


def test_a_form_session_outlives_requests_without_a_name_but_no_other_person(app):
    """The server naming nobody leaves it; naming somebody else ends it."""
    client = app.test_client()
    sign_in(client)
    client.get("/see/mine")
    assert client.get("/").json["seen"] == "mine"
    told = client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\bob"}).json
    assert (told["identity"], told["seen"]) == ("EXAMPLE\\bob", None)
    assert client.get("/").json["identity"] is None


def test_the_server_naming_the_same_person_keeps_the_session(app):
    """A person who signed in by the form and is then named by the server stays signed in."""
    client = app.test_client()
    sign_in(client)
    client.get("/see/mine")
    assert client.get("/", environ_base=ALICE).json["seen"] == "mine"
    assert client.get("/").json["identity"] == "EXAMPLE\\alice"


def test_a_disabled_person_loses_a_form_session_too(app, directory):
    """At the next sync a session by password ends with the account."""
    client = app.test_client()
    sign_in(client)
    directory.disable("alice")
    assert client.get("/").json["identity"] is None
    directory.enable("alice")
    assert client.get("/").json["identity"] is None


def test_the_form_is_there_only_where_it_was_asked_for(make):
    """By default there is no form; a text puts it behind a prefix."""
    assert make().test_client().get("/login").status_code == 404
    client = make(WAUTH_LOGIN_FORM="/account/").test_client()
    assert client.get("/account/login").status_code == 200
    assert client.get("/login").status_code == 404


def test_a_session_cannot_be_made_up(app):
    """A session cookie that this application did not sign is no session."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_wauth_owner"] = ["EXAMPLE", "alice", True, "1"]
    assert client.get("/").json["identity"] is None
    sign_in(client)
    assert client.get("/").json["identity"] == "EXAMPLE\\alice"
    cookie = client.get_cookie("session").value
    client.set_cookie("session", cookie[:-4] + "AAAA")
    assert client.get("/").json["identity"] is None


def test_a_broken_session_is_nobody(app):
    """Whatever stands where the owner should, is no error."""
    for broken in (None, "alice", ["EXAMPLE"], ["", "", True, ""], [1, 2, 3, 4], ["EXAMPLE", "*", True, "1"], {"a": 1}):
        client = app.test_client()
        with client.session_transaction() as session:
            session["_wauth_owner"] = broken
        assert client.get("/").json["identity"] is None


def test_too_many_attempts_are_refused_with_429(app, directory):
    """With Retry-After, in words for people, and without asking the directory."""
    client = app.test_client()
    for number in range(4):
        assert sign_in(client, "alice", f"wrong {number}").status_code == 403
    directory.operations.clear()
    answer = sign_in(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert "too many attempts" in answer.text
    assert directory.operations.only("bind", "search") == []
    assert sign_in(client, "hana").status_code == 303


@pytest.mark.parametrize("password", [PASSWORD, "wr0ng"])
def test_a_password_is_gone_once_it_was_used(app, password):
    """Signals, hooks and error pages of the application see neither the field nor the body."""
    from flask import request

    seen = []

    def look(*args, **kwargs):
        seen.append((dict(request.form), "password" in request.values, request.get_data(), request.stream.read()))

    with user_signed_in.connected_to(look), user_refused.connected_to(look):
        client = app.test_client()
        sent = token(client.get("/login"))
        client.post("/login", data={"wauth_token": sent, "username": "carol", "password": password})
    assert seen == [({"wauth_token": sent, "username": "carol"}, False, b"", b"")]


def test_what_was_looked_at_before_is_gone_too(app):
    """A hook that read the body and the values first does not keep the password for those after it."""
    from flask import request

    @app.before_request
    def look():
        assert request.get_data() is not None
        assert request.values is not None

    seen = []
    app.after_request(lambda response: seen.append((dict(request.values), request.get_data())) or response)
    client = app.test_client()
    sign_in(client)
    assert PASSWORD not in str(seen)
    assert client.get("/").json["identity"] == "EXAMPLE\\alice"
