"""The Django adapter on a real Active Directory: sign-in, rights, twins of two domains, ldap3's own objects."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.test import Client
from django.utils import timezone

from wauth_django.models import LDAPUser

pytestmark = pytest.mark.ad
PASSWORD = "Passw0rd!x"


@pytest.fixture
def domain(db, samba, settings):
    """The project's EXAMPLE is Samba's."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": samba.settings()}
    return samba


@pytest.fixture
def person(domain):
    """Somebody of the test's own, gone at its end."""
    name = domain.create_user("django", givenName="Django", sn="Tester", mail="d@example.local")
    yield name
    domain.delete(name)


def age(by=timedelta(minutes=11)):
    """Let all syncs be due."""
    from django.core.cache import cache

    LDAPUser.objects.update(last_sync=timezone.now() - by)
    cache.clear()


def test_rights_follow_the_domain(client, domain, person):
    """Signed in, promoted through a nested group, demoted, disabled: each is there at the next sync."""
    me = {"REMOTE_USER": f"EXAMPLE\\{person.upper()}"}
    assert client.get("/who/", **me).json() == {"user": person, "superuser": False, "staff": False, "groups": []}
    user = get_user_model().objects.get(username=person)
    assert (user.first_name, user.last_name, user.email) == ("Django", "Tester", "d@example.local")
    group = domain.create_group()
    domain.add_member(group, person)
    domain.add_member("Domain Admins", group)
    try:
        age()
        assert client.get("/who/", **me).json()["superuser"] is True
    finally:
        domain.delete(group)
    age()
    assert client.get("/who/", **me).json()["superuser"] is False
    domain.disable(person)
    age()
    assert client.get("/who/", **me).json()["user"] == ""
    assert get_user_model().objects.get(username=person).is_active is False


@pytest.mark.parametrize("name", ["Zoë.Ünal", "a(b)c&d", "nomail", "cn.star"])
def test_names_that_hurt(client, domain, name):
    """Any logon name signs in as itself, and its documented methods work."""
    remote_user = f"EXAMPLE\\{name}".encode().decode("latin-1")  # as a WSGI server hands it over
    assert client.get("/who/", REMOTE_USER=remote_user).json()["user"] == name.lower()
    link = LDAPUser.objects.get(username=name.lower())
    assert link.get_ldap_user().sAMAccountName.value == name
    assert "Domain Users" in {str(group.cn) for group in link.get_ldap_groups()}
    assert link.sync().ok


def test_a_rename_and_a_reused_name(client, domain, person):
    """By GUID: the renamed person keeps the account, the new bearer of the name gets another."""
    client.get("/who/", REMOTE_USER=f"EXAMPLE\\{person}")
    pk = get_user_model().objects.get(username=person).pk
    domain.rename(person, f"{person}n")
    newcomer = domain.create_user(person[:-1])
    try:
        domain.rename(newcomer, person)
        assert Client().get("/who/", REMOTE_USER=f"EXAMPLE\\{person}").json()["user"] == person
        assert get_user_model().objects.get(username=person).pk != pk
        assert Client().get("/who/", REMOTE_USER=f"EXAMPLE\\{person}n").json()["user"] == f"{person}n"
        assert get_user_model().objects.get(username=f"{person}n").pk == pk
    finally:
        domain.delete(person)
        domain.rename(f"{person}n", person)


def test_twins_of_two_domains_are_two_people(client, domain, other_domain, settings):
    """The same logon name in another domain neither shares an account nor a session."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": domain.settings(), "OTHER": other_domain.settings()}
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\alice").json()["user"] == "alice"
    assert client.get("/who/", REMOTE_USER="OTHER\\alice").json()["user"] == ""  # the name alice is taken
    settings.WAUTH_USERNAME_FORMAT = "{username}@{domain}"
    assert client.get("/who/", REMOTE_USER="OTHER\\alice").json()["user"] == "alice@OTHER"
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\alice").json()["user"] == "alice@EXAMPLE"
    assert LDAPUser.objects.count() == 2


def test_passwords_are_checked_by_the_domain(domain, settings):
    """A right password signs in under every name; a wrong one, or a disabled account, does not."""
    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.LDAPBackend"]
    for name in ("alice", "EXAMPLE\\Alice", "alice@example.local"):
        assert authenticate(None, username=name, password=PASSWORD).get_username() == "alice"
    assert authenticate(None, username="alice", password=PASSWORD + "x") is None
    assert authenticate(None, username="disabled.dan", password=PASSWORD) is None
    assert get_user_model().objects.count() == 1
