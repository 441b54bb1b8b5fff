"""UserSyncMiddleware: when a signed-in user is synchronised, what it costs, and what becomes of a failed sync."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from tests.django_app.asked import asked
from wauth_django.models import LDAPUser
from wauth_wsgi import ProxyHeader

BOB = {"REMOTE_USER": "EXAMPLE\\bob"}
ALICE = {"REMOTE_USER": "EXAMPLE\\alice"}


def age(username, by):
    """Let the user's last sync be *by* ago."""
    from django.core.cache import cache

    LDAPUser.objects.filter(username=username).update(last_sync=timezone.now() - by)
    cache.clear()


def searches(directory):
    """How many searches the directory has answered."""
    return len(asked(directory, "search"))


@pytest.fixture(params=[False, True], ids=["database", "cache"])
def mode(request, settings):
    """WAUTH_USE_CACHE off and on."""
    settings.WAUTH_USE_CACHE = request.param
    return request.param


def test_the_request_that_brings_a_change_sees_it(client, directory, mode):
    """A promotion in the directory is there in the first request after the delta, and not before."""
    client.get("/who/", **ALICE)
    directory.add_member("Domain Admins", "alice")
    assert client.get("/who/", **ALICE).json()["superuser"] is False
    age("alice", timedelta(minutes=11))
    assert client.get("/who/", **ALICE).json()["superuser"] is True
    directory.remove_member("Domain Admins", "alice")
    age("alice", timedelta(minutes=11))
    assert client.get("/who/", **ALICE).json()["superuser"] is False


def test_a_disabled_account_is_out_at_the_next_sync(client, directory, mode):
    """The session ends, its key changes, and the user is no longer active; when enabled again all comes back."""
    client.get("/who/", **BOB)
    key = client.session.session_key
    directory.disable("bob")
    age("bob", timedelta(minutes=11))
    assert client.get("/who/", **BOB).json()["user"] == ""
    assert client.session.session_key != key
    user = get_user_model().objects.get(username="bob")
    assert (user.is_active, user.is_superuser) == (False, False)
    assert user.ldap.state == "disabled"
    directory.enable("bob")
    assert client.get("/who/", **BOB).json() == {"user": "bob", "superuser": True, "staff": True, "groups": []}


def test_a_session_of_a_password_ends_with_the_account_too(client, directory, settings, mode):
    """Whatever backend signed a linked user in, a disabled account ends the session."""
    client.get("/who/", **BOB)
    user = get_user_model().objects.get(username="bob")
    other = Client()
    other.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert other.get("/who/").json()["user"] == "bob"
    directory.disable("bob")
    age("bob", timedelta(minutes=11))
    assert other.get("/who/").json()["user"] == ""


def test_a_name_that_passed_to_another_person_gives_no_access(client, directory, mode):
    """The new bearer of a name gets an account of their own, and the old session ends."""
    client.get("/who/", **BOB)
    old = get_user_model().objects.get(username="bob")
    other = Client()
    other.force_login(old, backend="django.contrib.auth.backends.ModelBackend")
    directory.rename("bob", "robert")
    directory.add_user("bob", name="Bob Newcomer")
    age("bob", timedelta(minutes=11))
    assert Client().get("/who/", **BOB).json() == {"user": "bob", "superuser": False, "staff": False, "groups": []}
    new = get_user_model().objects.get(username="bob")
    assert new.pk != old.pk
    old.refresh_from_db()
    assert old.username != "bob"
    assert client.get("/who/", **BOB).json()["superuser"] is False


def test_a_renamed_person_keeps_the_account(client, directory, mode):
    """Another logon name, the same GUID: the same Django user, renamed."""
    client.get("/who/", **BOB)
    pk = get_user_model().objects.get(username="bob").pk
    directory.rename("bob", "robert")
    renamed = {"REMOTE_USER": "EXAMPLE\\robert"}
    assert client.get("/who/", **renamed).json()["user"] == "robert"
    assert get_user_model().objects.get(username="robert").pk == pk


def test_fresh_requests_ask_the_directory_nothing(client, shared_directory, mode):
    """Within the delta there is no LDAP at all; a sync is one search."""
    client.get("/who/", **BOB)
    before = searches(shared_directory)
    client.get("/who/", **BOB)
    assert searches(shared_directory) == before
    age("bob", timedelta(minutes=11))
    client.get("/who/", **BOB)
    assert searches(shared_directory) == before + 1


def test_sql_of_a_fresh_request(client, shared_directory, mode):
    """Session and user; the link comes with the user."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get("/name/", **BOB)
    client.get("/name/", **BOB)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get("/name/", **BOB).json() == {"user": "bob"}
    tables = [query["sql"].split("FROM ")[1].split()[0].strip('"') for query in queries]
    assert tables == ["django_session", "auth_user"]


def test_a_site_without_time_zones(client, shared_directory, settings, mode):
    """USE_TZ = False: moments are naive in the database, and mean the same."""
    settings.USE_TZ = False
    client.get("/who/", **BOB)
    before = searches(shared_directory)
    assert client.get("/who/", **BOB).json()["user"] == "bob"
    assert searches(shared_directory) == before
    age("bob", timedelta(minutes=11))
    assert client.get("/who/", **BOB).json()["user"] == "bob"
    assert searches(shared_directory) == before + 1


DELTAS = [
    pytest.param(None, 0, id="none"),
    pytest.param(False, 0, id="false"),
    pytest.param(0, 1, id="zero"),
    pytest.param("0", 1, id="text-zero"),
    pytest.param(timedelta(hours=1), 0, id="an-hour"),
    pytest.param("3600", 0, id="text-hour"),
    pytest.param(60, 1, id="a-minute"),
]


@pytest.mark.parametrize(("delta", "expected"), DELTAS)
def test_resync_delta_in_every_spelling(client, shared_directory, settings, mode, delta, expected):
    """WAUTH_RESYNC_DELTA: seconds, text, timedelta; None and False for never, 0 for every request."""
    settings.WAUTH_RESYNC_DELTA = delta
    client.get("/who/", **BOB)
    age("bob", timedelta(minutes=11))
    before = searches(shared_directory)
    client.get("/who/", **BOB)
    assert searches(shared_directory) - before == expected


def test_zero_does_not_sync_twice_in_the_request_that_signs_in(client, shared_directory, settings):
    """The sync of the sign-in counts as the request's own."""
    settings.WAUTH_RESYNC_DELTA = 0
    Client().get("/who/", **BOB)
    before = searches(shared_directory)
    client.get("/who/", **BOB)
    assert searches(shared_directory) == before + 1


@pytest.fixture
def broken(client, directory, settings, mode):
    """Bob is signed in, his sync is due, and the directory no longer answers."""
    client.get("/who/", **BOB)
    age("bob", timedelta(minutes=11))
    directory.close()
    return client


def test_a_directory_that_is_down_leaves_known_people_in(broken, caplog):
    """Last known rights hold, and the log says why nothing was synchronised."""
    with caplog.at_level(logging.ERROR, "wauth"):
        assert broken.get("/who/", **BOB).json() == {"user": "bob", "superuser": True, "staff": True, "groups": []}
    assert any("EXAMPLE\\bob" in record.getMessage() for record in caplog.records)
    user = get_user_model().objects.get(username="bob")
    assert (user.is_active, user.is_superuser) == (True, True)


def test_a_new_browser_of_a_known_person_is_let_in_too(broken):
    """Signing in again while the directory is down goes by what is known."""
    assert Client().get("/who/", **BOB).json()["user"] == "bob"
    stranger = Client().get("/who/", **ALICE)
    assert (stranger.status_code, stranger["Retry-After"]) == (503, "30")
    assert get_user_model().objects.count() == 1


DOORS = ["/who/", "/awho/", "/permissions/", "/apermissions/"]


@pytest.mark.parametrize("browser", [Client, AsyncClient], ids=["wsgi", "asgi"])
@pytest.mark.parametrize("path", DOORS)
def test_beyond_max_staleness_rights_lapse_at_every_door(db, directory, settings, mode, browser, path):
    """WAUTH_MAX_STALENESS: after a try that failed, what the settings give is taken from the row, so every door
    agrees: sync and async views of both stacks, permissions, the admin, the database. The next good sync gives it
    back."""
    settings.WAUTH_SOURCES = [ProxyHeader("RemoteUser", trusted=["127.0.0.1"])]
    settings.WAUTH_MAX_STALENESS = timedelta(minutes=5)
    settings.WAUTH_DOMAINS["EXAMPLE"]["GROUP_MAP"] = {"Editors": "Domain Admins"}
    Group.objects.create(name="Editors").permissions.add(Permission.objects.get(codename="view_user"))
    client = browser()

    def get(path):
        ask = client.get if browser is Client else async_to_sync(client.get)
        return ask(path, headers={"remoteuser": "EXAMPLE\\bob"})

    assert get(path).json()["superuser"] is True
    age("bob", timedelta(minutes=11))
    with directory.faults.outage():
        found = get(path).json()
        assert (found["user"], found["superuser"], found["staff"]) == ("bob", False, False)
        assert found.get("permissions", []) == []
        assert get("/admin/").status_code == 302
        user = get_user_model().objects.get(username="bob")
        assert (user.is_active, user.is_superuser, user.groups.count()) == (True, False, 0)
        assert user.ldap.lapsed is True
    assert get(path).json()["superuser"] is True
    user.ldap.refresh_from_db()
    assert user.ldap.lapsed is False


def test_a_right_that_was_given_by_hand_does_not_lapse(broken, settings):
    """What no setting speaks of is the application's own."""
    settings.WAUTH_MAX_STALENESS = timedelta(minutes=5)
    user = get_user_model().objects.get(username="bob")
    user.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert broken.get("/permissions/", **BOB).json()["permissions"] == ["auth.view_user"]


def test_beyond_max_staleness_a_site_may_refuse(broken, settings):
    """WAUTH_WHEN_STALE="refuse": nobody goes on, nothing is taken, and the session is there when service returns."""
    settings.WAUTH_MAX_STALENESS = timedelta(minutes=5)
    settings.WAUTH_WHEN_STALE = "refuse"
    key = broken.session.session_key
    response = broken.get("/who/", **BOB)
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert broken.session.session_key == key
    assert get_user_model().objects.get(username="bob").is_superuser is True


def test_require_resync_fails_the_request(broken, settings):
    """WAUTH_REQUIRE_RESYNC with WAUTH_ERROR_RESPONSE: None raises, a number is the status, a callable answers."""
    from wauth_core.exceptions import DirectoryError

    settings.WAUTH_REQUIRE_RESYNC = True
    with pytest.raises(DirectoryError):
        broken.get("/who/", **BOB)
    settings.WAUTH_ERROR_RESPONSE = 503
    response = broken.get("/who/", **BOB)
    assert (response.status_code, response.content) == (503, b"Authorization Failed.")
    settings.WAUTH_ERROR_RESPONSE = lambda request, error: HttpResponse(type(error).__mro__[1].__name__, status=418)
    assert broken.get("/who/", **BOB).status_code == 418
    assert Client().get("/who/", **ALICE).status_code == 418  # the sync of a sign-in is meant too


def test_a_link_that_was_deleted_ends_the_session(client, shared_directory, settings):
    """Nobody vouches for the session any more; the request signs in anew."""
    settings.WAUTH_USE_CACHE = False
    client.get("/who/", **BOB)
    user = get_user_model().objects.get(username="bob")
    LDAPUser.objects.all().delete()
    assert client.get("/who/", **BOB).json()["user"] == ""
    assert client.get("/who/", **BOB).json()["user"] == ""  # the account without a link is nobody's to take
    user.refresh_from_db()
    assert user.is_active is True


def test_local_users_are_left_alone(client, shared_directory, mode):
    """A user without a link is never synchronised; that there is none costs one query."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(get_user_model().objects.create_user("local"), "django.contrib.auth.backends.ModelBackend")
    assert client.get("/who/").json()["user"] == "local"
    before = searches(shared_directory)
    with CaptureQueriesContext(connection) as queries:
        client.get("/name/")
    assert len(queries) == 3
    assert searches(shared_directory) == before


def test_no_settings_for_the_domain(client, shared_directory, settings, mode, caplog):
    """A user of a domain whose settings are gone keeps the account; the log says what is missing."""
    client.get("/who/", **BOB)
    age("bob", timedelta(minutes=11))
    settings.WAUTH_DOMAINS = {}
    assert client.get("/who/", **BOB).json()["user"] == "bob"
    assert "No settings for the domain" in caplog.text
