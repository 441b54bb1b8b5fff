"""What somebody may do: every door says the same, whatever happened, and whether the directory answers or not."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timedelta, timezone

import pytest

from tests.flask_app.applications import with_cache, with_database
from tests.flask_app.test_login_form import sign_in
from wauth_core import Identity, Wauth
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.web.sessions import end_sessions
from wauth_flask import windows_user

BOB = {"REMOTE_USER": "EXAMPLE\\bob"}
PASSWORD = "Passw0rd!of-bob"
NOBODY = (None, False, False)


class Clock:
    """The site's time, which goes on when it is told to."""

    def __init__(self):
        self.late = timedelta(0)

    def __call__(self):
        return datetime.now(timezone.utc) + self.late


@pytest.fixture
def clock():
    """The clock of the application."""
    return Clock()


@pytest.fixture(params=["cache", "database"])
def app(request, directory, closing, clock):
    """An application in which Domain Admins are superusers, with ten minutes between two syncs, and an hour at most."""
    settings = directory.settings(SUPERUSER_GROUPS="Domain Admins", DENY_GROUPS="Contractors")
    wauth = Wauth({"EXAMPLE": settings}, resync_delta=600, max_staleness=3600, clock=clock)
    make = with_database if request.param == "database" else with_cache
    made = make(directory, wauth=wauth, WAUTH_LOGIN_FORM=True)
    made.add_url_rule("/doors", "doors", lambda: doors(made))
    return closing(made)


def doors(app):
    """Who is there; whether every door that goes by the application's user calls them a superuser; whether the door
    that goes by the directory's groups calls them an administrator (None where that cannot be known)."""
    record = windows_user.record
    flags = {} if record is None else getattr(record, "flags", None) or vars(record)
    said = {windows_user.is_superuser, bool(flags.get("is_superuser"))}
    if hasattr(app, "db") and record is not None:
        app.db.session.commit()
        said |= {record.is_superuser, app.db.session.get(app.User, record.id, populate_existing=True).is_superuser}
    try:
        inside = windows_user.in_group("Domain Admins")
    except DirectoryUnavailable:
        inside = None
    return {"who": windows_user.get_id(), "said": sorted(said), "inside": inside}


def seen(client, environ):
    """What the doors say; they must agree."""
    answer = client.get("/doors", environ_base=environ)
    if answer.status_code != 200:
        return answer.status_code
    told = answer.json
    [superuser] = told["said"]
    return told["who"], superuser, told["inside"]


def nothing(directory, app):
    """Nothing happened."""


def demoted(directory, app):
    directory.remove_member("Domain Admins", "bob")


def denied(directory, app):
    directory.add_member("Contractors", "bob")


def disabled(directory, app):
    directory.disable("bob")


def expired(directory, app):
    directory.expire("bob")


def deleted(directory, app):
    directory.delete("bob")


def reused(directory, app):
    directory.delete("bob")
    directory.add_user("bob", name="Bob the Second")


def password(directory, app):
    directory.set_password("bob", "An0ther-Passw0rd")


def ended(directory, app):
    with app.app_context():
        state = app.extensions["wauth"]
        assert end_sessions(state.wauth, state.repository, Identity("EXAMPLE", "bob"))


ADMIN, USER, LAPSED = ("EXAMPLE\\bob", True, True), ("EXAMPLE\\bob", False, False), ("EXAMPLE\\bob", False, None)
MINUTES = {"fresh": 1, "due": 11, "stale": 90}

# what happened, how old the last sync is: what is seen with the directory up, and with the directory down
TABLE = [
    (nothing, "fresh", ADMIN, ADMIN),
    (nothing, "due", ADMIN, ADMIN),
    (nothing, "stale", ADMIN, LAPSED),
    (demoted, "fresh", ADMIN, ADMIN),
    (demoted, "due", USER, ADMIN),
    (demoted, "stale", USER, LAPSED),
    (denied, "due", NOBODY, ADMIN),
    (denied, "stale", NOBODY, LAPSED),
    (disabled, "due", NOBODY, ADMIN),
    (disabled, "stale", NOBODY, LAPSED),
    (expired, "due", NOBODY, ADMIN),
    (deleted, "due", NOBODY, ADMIN),
    (deleted, "stale", NOBODY, LAPSED),
]
BY_SOURCE = [*TABLE, (reused, "due", USER, ADMIN), (password, "due", ADMIN, ADMIN), (ended, "fresh", ADMIN, ADMIN)]
BY_PASSWORD = [
    *TABLE,
    (reused, "due", NOBODY, ADMIN),
    (password, "due", NOBODY, ADMIN),
    (ended, "fresh", NOBODY, NOBODY),
]
ROWS = [
    pytest.param(way, *row[:2], row[2 + down], down, id=f"{way}-{row[0].__name__}-{row[1]}-{'down' if down else 'up'}")
    for way, table in (("source", BY_SOURCE), ("password", BY_PASSWORD))
    for row in table
    for down in (False, True)
]


@pytest.mark.parametrize(("way", "happens", "age", "expected", "down"), ROWS)
def test_every_door_says_the_same(app, directory, clock, way, happens, age, expected, down):
    """Nobody keeps a right that the directory took, beyond the time that the settings name; an outage gives nothing."""
    directory.set_password("bob", PASSWORD)
    directory.add_group("Contractors")
    client, environ = app.test_client(), BOB if way == "source" else {}
    if way == "password":
        assert sign_in(client, "bob", PASSWORD).status_code == 303
    assert seen(client, environ) == ADMIN
    happens(directory, app)
    clock.late += timedelta(minutes=MINUTES[age])
    with directory.faults.outage() if down else nullcontext():
        assert seen(client, environ) == expected
        assert seen(client, environ) == expected


def test_what_lapsed_comes_back_with_the_directory(app, directory, clock):
    """Rights that lapsed in an outage are there again after the next answer."""
    directory.add_group("Contractors")
    client = app.test_client()
    assert seen(client, BOB) == ADMIN
    clock.late += timedelta(minutes=90)
    with directory.faults.outage():
        assert seen(client, BOB) == LAPSED
    assert seen(client, BOB) == ADMIN
