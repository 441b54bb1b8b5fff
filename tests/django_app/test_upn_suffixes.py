"""A Django site with WAUTH_USE_SPN: whoever comes by another UPN suffix of the forest is the same user."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from tests.ad.test_upn_suffixes import suffix
from wauth_django.models import LDAPUser

pytestmark = pytest.mark.ad


@pytest.fixture
def domain(db, samba, settings):
    """The project's example.local is Samba's, with the suffix corp.example."""
    settings.WAUTH_USE_SPN = True
    settings.WAUTH_DOMAINS = {"example.local": samba.settings()}
    with suffix(samba):
        yield samba


def test_one_user_and_one_session(client, domain, settings):
    """By the explicit UPN and by the implicit one: one user, one link, and a session that goes on."""
    names = ("u.upper@corp.example", "U.Upper@CORP.example", "u.upper@corp.example")
    sessions = set()
    for name in names:
        assert client.get("/who/", REMOTE_USER=name).json()["user"] == "ursula"
        sessions.add(client.session.session_key)
    assert len(sessions) == 1
    assert client.get("/who/", REMOTE_USER="ursula@example.local").json()["user"] == "ursula"
    assert get_user_model().objects.count() == 1
    assert str(LDAPUser.objects.get()) == "ursula@example.local"


def test_whoever_is_known_is_known_by_each_name(client, domain, settings):
    """A backend that makes nobody lets in who has a user, under each name; nobody else."""
    settings.WAUTH_CREATE_USERS = False
    assert client.get("/who/", REMOTE_USER="u.upper@corp.example").json()["user"] == ""
    LDAPUser.objects.create_user("ursula@example.local")
    assert client.get("/who/", REMOTE_USER="u.upper@corp.example").json()["user"] == "ursula"


def test_a_suffix_of_nobodys(client, domain):
    """A stranger's suffix is nobody, with no error."""
    assert client.get("/who/", REMOTE_USER="alice@elsewhere.example").json()["user"] == ""
