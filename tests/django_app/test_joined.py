"""A session's user with the link, by one query of our own: the same objects that Django would make."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import UserManager
from django.db import connection
from django.test.utils import CaptureQueriesContext

from wauth_django.joined import loaded_user
from wauth_django.ldap import close_connections
from wauth_django.models import LDAPUser


def values(row):
    """Every column of a row."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("has_link", [True, False], ids=["linked", "local"])
def test_user_and_link_are_as_django_loads_them(db, shared_directory, has_link):
    """Every column, in one query; whether there is a link is known, too."""
    model = get_user_model()
    user = LDAPUser.objects.create_user("EXAMPLE\\bob") if has_link else model.objects.create_user("local")
    loaded_user(user.pk)
    with CaptureQueriesContext(connection) as queries:
        loaded = loaded_user(user.pk)
        assert hasattr(loaded, "ldap") is has_link
        if has_link:
            assert loaded.ldap.user is loaded
    assert len(queries) == 1
    by_django = model.objects.get(pk=user.pk)
    assert type(loaded) is model
    assert values(loaded) == values(by_django)
    assert (loaded._state.adding, loaded._state.db) == (False, "default")
    if has_link:
        assert values(loaded.ldap) == values(by_django.ldap)
        loaded.ldap.save()
        loaded.save()


def test_nobody_is_none(db, shared_directory):
    """A user who was deleted."""
    assert loaded_user(4711) is None


def test_a_manager_that_chooses_is_obeyed(db, shared_directory, monkeypatch):
    """Whom the project's own manager leaves out is not loaded."""

    def without_hidden(self):
        return super(UserManager, self).get_queryset().exclude(username="hidden")

    users = [get_user_model().objects.create_user(name) for name in ("hidden", "shown")]
    assert [loaded_user(user.pk) for user in users] == users
    monkeypatch.setattr(UserManager, "get_queryset", without_hidden)
    close_connections()
    assert [loaded_user(user.pk) for user in users] == [None, users[1]]
    close_connections()
