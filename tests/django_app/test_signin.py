"""Signing in through WindowsAuthMiddleware: who is let in, with which rights, and whose session it is."""

from __future__ import annotations

import logging

import pytest
from asgiref.sync import async_to_sync

ALICE = {"REMOTE_USER": "EXAMPLE\\Alice"}
BOB = {"REMOTE_USER": "EXAMPLE\\bob"}


def test_the_first_request_carries_the_synced_rights(client, shared_directory):
    """The very request that makes the user already sees flags and fields of the directory."""
    from django.contrib.auth import get_user_model

    assert client.get("/who/", **BOB).json() == {"user": "bob", "superuser": True, "staff": True, "groups": []}
    user = get_user_model().objects.get(username="bob")
    assert (user.first_name, user.last_name, user.email) == ("Bob", "Builder", "bob@example.local")
    assert user.has_usable_password() is False
    assert user.ldap.guid == shared_directory.guid("bob")
    assert str(user.ldap) == "EXAMPLE\\bob"


def test_a_session_is_kept_for_the_same_person(client, shared_directory):
    """The second request signs nobody in again: same session, same last_login."""
    first = client.get("/who/", **ALICE)
    key = client.session.session_key
    second = client.get("/who/", **ALICE)
    assert first.json() == second.json()
    assert client.session.session_key == key


ENDS = [
    pytest.param({"REMOTE_USER": "EXAMPLE\\bob"}, "bob", id="another-name"),
    pytest.param({"REMOTE_USER": "OTHER\\alice"}, "", id="the-twin-in-another-domain"),
    pytest.param({"REMOTE_USER": "alice"}, "", id="no-domain"),
    pytest.param({"REMOTE_USER": ""}, "", id="nobody"),
    pytest.param({}, "", id="no-variable"),
    pytest.param({"REMOTE_USER": "EXAMPLE\\dan"}, "", id="a-disabled-account"),
    pytest.param({"HTTP_REMOTE_USER": "EXAMPLE\\alice"}, "", id="a-clients-header"),
]


@pytest.mark.parametrize(("request_by", "user"), ENDS)
def test_a_session_never_survives_its_owner(client, shared_directory, request_by, user):
    """A request from somebody else, or from nobody, ends the session and changes its key."""
    assert client.get("/who/", **ALICE).json()["user"] == "alice"
    key = client.session.session_key
    assert client.get("/who/", **request_by).json()["user"] == user
    assert client.session.session_key != key
    from django.contrib.sessions.models import Session

    assert not Session.objects.filter(session_key=key).exists()


HOSTILE = [
    "EXAMPLE\\*",
    "EXAMPLE\\nobody-of-that-name",
    "EXAMPLE\\",
    "\\alice",
    "EXAMPLE\\alice\x00",
    "EXAMPLE\\alice)(objectClass=*",
    "EXAMPLE\\" + "a" * 10240,
    "EXAMPLE\\İ",
    "EXAMPLE\\josé",
    "EXAMPLE\\a\\b",
    "alice@example.local",
    "NOWHERE\\alice",
    "EXAMPLE\\alice bob",
    "EXAMPLE\\\u202ealice",
    "EXAMPLE\\eve",
    "EXAMPLE\\PC-0001$",
]


@pytest.mark.parametrize("remote_user", HOSTILE, ids=[repr(name)[:40] for name in HOSTILE])
def test_hostile_names_sign_nobody_in(client, shared_directory, caplog, remote_user):
    """Nobody becomes somebody, no half-made user stays, nothing is a 500, and the log says why."""
    from django.contrib.auth import get_user_model

    with caplog.at_level(logging.WARNING, "wauth"):
        response = client.get("/who/", REMOTE_USER=remote_user)
    assert (response.status_code, response.json()["user"]) == (200, "")
    assert get_user_model().objects.count() == 0
    assert caplog.records


def test_an_accent_makes_another_name(client, shared_directory):
    """The name josé is not jose, whatever a directory or a database thinks of accents."""
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\jose").json()["user"] == "jose"
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\josé").json()["user"] == ""


def test_a_local_superuser_of_the_same_name_is_not_taken_over(client, shared_directory):
    """A local account without a link stays what it is; the person of that name is not let in."""
    from django.contrib.auth import get_user_model

    local = get_user_model().objects.create_superuser("alice", password="local")
    assert client.get("/who/", **ALICE).json()["user"] == ""
    local.refresh_from_db()
    assert not hasattr(local, "ldap")


def test_a_local_account_is_adopted_where_the_site_says_so(client, shared_directory, settings):
    """WAUTH_ADOPT_EXISTING_USERS links the account, and the directory rules over its rights from then on."""
    from django.contrib.auth import get_user_model

    settings.WAUTH_ADOPT_EXISTING_USERS = True
    get_user_model().objects.create_superuser("alice", password="local")
    assert client.get("/who/", **ALICE).json() == {"user": "alice", "superuser": False, "staff": False, "groups": []}


class Wrapped:
    """The project behind WindowsAuthASGI's answer, as a browser that awaits."""

    def __init__(self) -> None:
        from django.test import AsyncClient

        self.client, self.outcome = AsyncClient(), None
        handler = self.client.handler.__call__

        async def annotated(scope):
            return await handler({**scope, "wauth.outcome": self.outcome})

        self.client.handler = annotated

    def get(self, path, **headers):
        """A GET."""
        return async_to_sync(self.client.get)(path, headers=headers)


def test_the_same_in_an_async_stack(db, shared_directory, settings):
    """Under ASGI a wrapper's answer signs in, and a client's own header never does."""
    from wauth_core import Identity
    from wauth_core.web.outcomes import SignedIn

    browser = Wrapped()
    assert browser.get("/awho/", remote_user="EXAMPLE\\bob").json()["user"] == ""
    browser.outcome = SignedIn(Identity("EXAMPLE", "bob"), "wrapper")
    assert browser.get("/awho/").json() == {"user": "bob", "superuser": True, "staff": True}
    assert browser.get("/awho/").json()["user"] == "bob"
    assert browser.get("/who/").json()["user"] == "bob"
    browser.outcome = SignedIn(Identity("OTHER", "bob"), "wrapper")
    assert browser.get("/awho/").json()["user"] == ""
    assert browser.get("/who/").json()["user"] == ""
