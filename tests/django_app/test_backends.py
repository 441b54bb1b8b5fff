"""LDAPBackend: user name and password checked by the directory, and what a person is told."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate, get_user_model
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.test import AsyncClient

from tests.django_app.asked import asked
from wauth_django.models import LDAPUser

PASSWORD = "Passw0rd!x"
BACKEND = "wauth_django.backends.LDAPBackend"


@pytest.fixture(autouse=True)
def backend(db, settings):
    """LDAPBackend before Django's own."""
    settings.AUTHENTICATION_BACKENDS = [BACKEND, "django.contrib.auth.backends.ModelBackend"]


def typed(client, username, password):
    """Fill the login form in and send it as a browser does."""
    content = urlencode({"username": username, "password": password})
    return client.post("/login/", content, content_type="application/x-www-form-urlencoded")


NAMES = ["alice", "ALICE", "EXAMPLE\\alice", "alice@example.local"]


@pytest.mark.parametrize("name", NAMES)
def test_a_right_password_signs_in_under_any_name(shared_directory, name):
    """sAMAccountName, DOMAIN\\name and UPN are one person: one user, synchronised."""
    user = authenticate(None, username=name, password=PASSWORD)
    assert (user.get_username(), user.email, user.ldap.username) == ("alice", "alice@example.local", "alice")
    assert async_to_sync(aauthenticate)(None, username=name, password=PASSWORD) == user
    assert get_user_model().objects.count() == 1


REFUSED = [
    pytest.param("alice", "wrong", "name or the password is wrong", "BAD_PASSWORD", id="wrong-password"),
    pytest.param("nobody", PASSWORD, "name or the password is wrong", "NO_SUCH_USER", id="unknown-name"),
    pytest.param("dan", PASSWORD, "disabled", "DISABLED", id="disabled"),
    pytest.param("lou", PASSWORD, "wrong", "LOCKED", id="locked"),
    pytest.param("newton", PASSWORD, "changed", "MUST_CHANGE", id="must-change"),
    pytest.param("olga", PASSWORD, "expired", "PASSWORD_EXPIRED", id="password-expired"),
    pytest.param("alice", "\u200b", "password is needed", "EMPTY_PASSWORD", id="invisible-password"),
    pytest.param("*", PASSWORD, "wrong", "NO_SUCH_USER", id="star"),
]


@pytest.mark.parametrize(("name", "password", "message", "reason"), REFUSED)
def test_a_refusal_has_its_reason_in_the_log_and_a_safe_message(
    client, shared_directory, caplog, name, password, message, reason
):
    """AD's reason is for the log; the form says what the person may know."""
    with caplog.at_level(logging.WARNING, "wauth"):
        response = client.post("/login/", {"username": name, "password": password})
    assert response.status_code == 200
    assert message in response.content.decode()
    assert reason in caplog.text
    assert password not in caplog.text.replace(name, "")
    assert get_user_model().objects.count() == 0


def test_an_empty_password_never_gets_to_the_directory(shared_directory):
    """No operation at all is made for it."""
    before = len(asked(shared_directory))
    assert authenticate(None, username="alice", password="") is None
    assert authenticate(None, username="", password=PASSWORD) is None
    assert len(asked(shared_directory)) == before


def test_the_admins_login_works_with_an_ad_password(client, shared_directory):
    """An administrator of the domain signs in to the admin by password, and gets the rights of the directory."""
    response = client.post("/admin/login/?next=/admin/", {"username": "bob", "password": "Bu1lder's-Yard"})
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_local_passwords_still_work(client, shared_directory):
    """A local user goes by Django's own backend."""
    get_user_model().objects.create_user("local", password="a local one")
    assert authenticate(None, username="local", password="a local one").get_username() == "local"


def test_a_local_account_is_not_taken_over_by_a_password_either(shared_directory):
    """The person of the directory who has a local user's name is refused."""
    local = get_user_model().objects.create_superuser("alice", password="local")
    assert authenticate(None, username="alice", password=PASSWORD) is None
    assert not hasattr(get_user_model().objects.get(pk=local.pk), "ldap")


def test_a_directory_that_is_down_says_so(client, directory):
    """The form tells people to try again later; local users are not locked out."""
    directory.close()
    response = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert "later" in response.content.decode()


def test_hooks_of_the_settings(client, shared_directory, settings):
    """WAUTH_BEFORE_SYNC by its path and WAUTH_CREATE_USERS hold at both doors; whoever was made may come in."""
    settings.WAUTH_CREATE_USERS = False
    assert authenticate(None, username="alice", password=PASSWORD) is None
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\alice").json()["user"] == ""
    assert not get_user_model().objects.exists()
    LDAPUser.objects.create_user("EXAMPLE\\alice")
    assert authenticate(None, username="alice", password=PASSWORD).get_username() == "alice"
    settings.WAUTH_CREATE_USERS = True
    settings.WAUTH_BEFORE_SYNC = f"{__name__}.no_bobs"
    assert authenticate(None, username="bob", password=PASSWORD) is None
    assert authenticate(None, username="carol", password=PASSWORD).get_username() == "carol"


def no_bobs(identity, user):
    """A hook of the project's."""
    return "no bobs" if user.username == "bob" else None


def test_too_many_attempts_are_refused_without_asking(client, shared_directory):
    """429 with Retry-After, and the form says so, whatever the password; another name is not concerned."""
    for number in range(4):
        assert typed(client, "alice", f"wrong {number}").status_code == 200
    shared_directory.operations.clear()
    response = typed(client, "alice", PASSWORD)
    assert (response.status_code, 0 < int(response["Retry-After"]) <= 300) == (429, True)
    assert "too many attempts" in response.content.decode()
    assert not shared_directory.operations.only("bind")
    assert typed(client, "hana", PASSWORD).status_code == 302


def test_a_local_account_of_a_throttled_name_signs_in(client, shared_directory):
    """Another backend that lets the person in makes it no 429."""
    get_user_model().objects.create_user("alice", password="of this site")
    for number in range(5):
        assert typed(client, "alice", f"wrong {number}").status_code == (429 if number == 4 else 200)
    response = typed(client, "alice", "of this site")
    assert (response.status_code, "Retry-After" in response) == (302, False)


def test_too_many_attempts_in_an_async_stack(shared_directory):
    """The same answer."""
    client = AsyncClient()
    asked = [async_to_sync(client.post)("/login/", {"username": "alice", "password": f"{n}"}) for n in range(5)]
    assert [response.status_code for response in asked] == [200] * 4 + [429]


@pytest.mark.parametrize("name", ["alice", "carol"])
@pytest.mark.parametrize("password", [PASSWORD, "wr0ng-canary"])
def test_a_password_is_gone_once_it_was_used(client, shared_directory, name, password):
    """Whatever comes after the backend sees neither the form's field nor the body, and so does its debug page."""
    seen = []

    def look(sender, request, **kwargs):
        seen.append((dict(request.POST), request.body))

    user_logged_in.connect(look)
    user_login_failed.connect(look)
    try:
        typed(client, name, password)
    finally:
        user_logged_in.disconnect(look)
        user_login_failed.disconnect(look)
    assert seen == [({"username": [name]}, b"")]


def test_a_cache_that_keeps_nothing_counts_nothing(settings):
    """Then attempts are counted in the process."""
    from wauth_django.conf import is_dummy_cache

    assert not is_dummy_cache()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert is_dummy_cache()
