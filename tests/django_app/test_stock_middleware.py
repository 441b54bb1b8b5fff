"""The manual's own stack: Django's RemoteUserMiddleware with our backend and UserSyncMiddleware."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

from wauth_django.models import LDAPUser

STOCK = "django.contrib.auth.middleware.RemoteUserMiddleware"
OURS = "wauth_django.middleware.WindowsAuthMiddleware"
BOB = {"REMOTE_USER": "EXAMPLE\\Bob"}


@pytest.fixture
def stock(settings):
    """MIDDLEWARE as the manual's quick start has it."""
    settings.MIDDLEWARE = [STOCK if name == OURS else name for name in settings.MIDDLEWARE]


def test_it_signs_in_with_rights_and_keeps_the_session(client, shared_directory, stock):
    """The first request carries the rights; the second signs nobody in again."""
    assert client.get("/who/", **BOB).json() == {"user": "bob", "superuser": True, "staff": True, "groups": []}
    key = client.session.session_key
    assert client.get("/who/", **BOB).json()["user"] == "bob"
    assert client.session.session_key == key


ENDS = ["EXAMPLE\\alice", "OTHER\\bob", "bob", "EXAMPLE\\bob\\x", "EXAMPLE\\*", "EXAMPLE\\bo\x00b", ""]


@pytest.mark.parametrize("remote_user", ENDS)
def test_nobody_else_gets_the_session(client, shared_directory, stock, remote_user):
    """Django compares user names alone; the identity in the session tells the twin apart. Nothing is a 500."""
    client.get("/who/", **BOB)
    expected = "alice" if "alice" in remote_user else ""
    response = client.get("/who/", REMOTE_USER=remote_user)
    assert (response.status_code, response.json()["user"]) == (200, expected)


def test_two_twins_are_two_users(client, settings, stock, directory):
    """With names of the form DOMAIN\\name both twins have accounts, and switching between them switches users."""
    from wauth_core.testing import EmbeddedDirectory

    settings.WAUTH_USERNAME_FORMAT = "{domain}\\{username}"
    with EmbeddedDirectory(domain="OTHER", realm="other.local") as other:
        settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(), "OTHER": other.settings()}
        for domain in ("EXAMPLE", "OTHER", "EXAMPLE"):
            response = client.get("/who/", REMOTE_USER=f"{domain}\\bob")
            assert response.json()["user"] == f"{domain}\\bob"
    assert sorted(LDAPUser.objects.values_list("domain", flat=True)) == ["EXAMPLE", "OTHER"]


def test_a_user_whose_django_name_differs_keeps_the_session(client, shared_directory, stock):
    """A linked account of another name is recognised on each request, without a new sign-in."""
    user = get_user_model().objects.create_user("robert.builder")
    LDAPUser.objects.create(user=user, domain="EXAMPLE", username="bob", guid=shared_directory.guid("bob"))
    client.get("/name/", **BOB)
    key = client.session.session_key
    client.get("/name/", **BOB)
    assert client.session.session_key == key
    assert get_user_model().objects.count() == 1


def test_the_cost_is_the_same(client, shared_directory, stock, settings):
    """No query beyond session and user: the link comes with the user."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for use_cache in (True, False):
        settings.WAUTH_USE_CACHE = use_cache
        client.get("/name/", **BOB)
        client.get("/name/", **BOB)
        with CaptureQueriesContext(connection) as captured:
            client.get("/name/", **BOB)
        assert len(captured) == 2


def test_under_asgi_a_clients_header_is_refused(db, shared_directory, stock, caplog):
    """Django's middleware hands a client's Remote-User to the backend there, which lets nobody in by it."""
    client = AsyncClient()
    response = async_to_sync(client.get)("/awho/", headers={"remote-user": "EXAMPLE\\bob"})
    assert response.json()["user"] == ""
    assert get_user_model().objects.count() == 0
    assert "ASGI" in caplog.text


def test_utf8_names_of_mod_wsgi(client, shared_directory, stock, settings):
    """REMOTE_USER is latin-1 of UTF-8 bytes (PEP 3333): the name is the one the directory has."""
    raw = "EXAMPLE\\zoë.ünal".encode().decode("latin-1")
    assert client.get("/who/", REMOTE_USER=raw).json()["user"] == "zoë.ünal"
    key = client.session.session_key
    client.get("/who/", REMOTE_USER=raw)
    assert client.session.session_key == key


def test_spn_names(client, shared_directory, stock, settings):
    """WAUTH_USE_SPN: username@fqdn, domains by FQDN, and str() of the link follows."""
    settings.WAUTH_DOMAINS = {"example.local": shared_directory.settings()}
    settings.WAUTH_USE_SPN = True
    assert client.get("/who/", REMOTE_USER="Bob@EXAMPLE.local").json()["user"] == "bob"
    assert str(LDAPUser.objects.get()) == "bob@example.local"
    assert Client().get("/who/", **BOB).json()["user"] == ""


def test_create_unknown_user_can_be_turned_off(db, shared_directory, settings):
    """A subclass of the backend with create_unknown_user = False lets only known users in."""
    from django.contrib.auth import authenticate

    settings.AUTHENTICATION_BACKENDS = ["tests.django_app.project.backends.Known"]
    assert authenticate(None, remote_user="EXAMPLE\\bob") is None
    LDAPUser.objects.create_user("EXAMPLE\\bob")
    assert authenticate(None, remote_user="EXAMPLE\\bob").get_username() == "bob"
