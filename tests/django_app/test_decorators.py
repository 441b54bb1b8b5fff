"""The decorators and mixins of manual 1.15, on functions, classes and async views."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.django_app.sources import Answers
from wauth_core import Identity
from wauth_core.web.outcomes import SignedIn
from wauth_django.ldap import close_connections
from wauth_django.models import LDAPUser

ALICE = {"REMOTE_USER": "EXAMPLE\\alice"}
BOB = {"REMOTE_USER": "EXAMPLE\\bob"}
TO_LOGIN = "/login/?next="


@pytest.fixture
def local(client):
    """A signed-in local user without a link."""
    user = get_user_model().objects.create_user("local")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return user


DOMAIN_VIEWS = ["/domain/", "/domain/class/", "/domain/mixin/", "/domain/async/"]


@pytest.mark.parametrize("path", DOMAIN_VIEWS)
def test_domain_required_lets_linked_users_in(client, shared_directory, path):
    """A user of the domain sees the view."""
    response = client.get(path, **ALICE)
    assert (response.status_code, response.json()["user"]) == (200, "alice")


@pytest.mark.parametrize("path", DOMAIN_VIEWS)
def test_domain_required_sends_others_to_the_login_page(client, shared_directory, local, path):
    """A local user, and nobody at all, are sent to sign in."""
    assert client.get(path)["Location"] == TO_LOGIN + path
    client.logout()
    assert client.get(path)["Location"] == TO_LOGIN + path


def test_domain_required_of_one_domain(client, shared_directory):
    """*domain* is compared without case; *login_url* is where others go; superusers pass only where they may."""
    assert client.get("/domain/other/", **BOB)["Location"].startswith("/elsewhere/")
    LDAPUser.objects.filter(username="bob").update(domain="OTHER")


def test_domain_required_lets_superusers_pass(client, shared_directory, local):
    """A local superuser passes by default, and not where bypass_superuser is False."""
    local.is_superuser = True
    local.save()
    assert client.get("/domain/").status_code == 200
    assert client.get("/domain/mixin/").status_code == 302


SYNC_VIEWS = ["/sync/", "/sync/hour/", "/sync/async/", "/sync/mixin/"]


@pytest.mark.parametrize("path", SYNC_VIEWS)
def test_ldap_sync_required_sees_the_directory_of_now(client, directory, path):
    """A change in the directory is in the view that needs it, though the middleware's delta has not passed."""
    client.get("/who/", **ALICE)
    LDAPUser.objects.update(last_sync=timezone.now() - timedelta(hours=2))
    directory.add_member("Domain Admins", "alice")
    assert client.get(path, **ALICE).json()["superuser"] is True


def test_ldap_sync_required_goes_by_its_timedelta(client, directory, settings):
    """Within *timedelta* nothing is asked; without one every request synchronises."""
    client.get("/who/", **ALICE)
    directory.add_member("Domain Admins", "alice")
    assert client.get("/sync/hour/", **ALICE).json()["superuser"] is False
    assert client.get("/sync/", **ALICE).json()["superuser"] is True


@pytest.mark.parametrize(("path", "status"), [("/sync/", 200), ("/sync/hour/", 302), ("/sync/mixin/", 302)])
def test_ldap_sync_required_and_local_users(client, shared_directory, local, path, status):
    """*allow_non_ldap* says whether users without a link pass."""
    assert client.get(path).status_code == status


def test_ldap_sync_required_when_the_sync_fails(client, directory):
    """People are sent to the login page, or the error is raised; the global settings do not matter."""
    from wauth_core.exceptions import DirectoryError

    client.get("/who/", **ALICE)
    directory.close()
    assert client.get("/sync/", **ALICE)["Location"] == TO_LOGIN + "/sync/"
    with pytest.raises(DirectoryError):
        client.get("/sync/raise/", **ALICE)
    assert client.get("/who/", **ALICE).json()["user"] == "alice"


def test_ldap_sync_required_ends_the_session_of_a_disabled_account(client, directory):
    """Who may no longer sign in is signed out on the spot."""
    client.get("/who/", **ALICE)
    directory.disable("alice")
    assert client.get("/sync/", **ALICE).status_code == 302
    assert client.get("/who/", **ALICE).json()["user"] == ""


@pytest.mark.parametrize("name", ["alice", "EXAMPLE\\dan"], ids=["rejected", "disabled"])
def test_ldap_sync_required_lets_nobody_in_whose_sign_in_was_refused(client, shared_directory, name):
    """*allow_non_ldap* is for people of the application's own, and for nobody; as in Flask."""
    assert client.get("/sync/").status_code == 200
    assert client.get("/sync/", REMOTE_USER=name)["Location"] == TO_LOGIN + "/sync/"


GROUP_VIEWS = ["/group/", "/group/one/", "/group/async/", "/group/mixin/"]


@pytest.mark.parametrize("path", GROUP_VIEWS)
def test_group_required_is_by_real_membership(client, shared_directory, path):
    """A member passes, one of a look-alike group does not, a superuser has no privilege, nobody signs in first."""
    assert client.get(path, **BOB).status_code == 200
    assert client.get(path, REMOTE_USER="EXAMPLE\\ken").status_code == 403  # Former Domain Admins
    client.logout()
    assert client.get(path)["Location"].startswith("/elsewhere/" if path == "/group/one/" else TO_LOGIN)


def test_group_required_is_not_by_the_name(client, directory):
    """A member who bears somebody's former name brings no groups to whom the running session belongs."""
    client.get("/who/", **ALICE)
    client.force_login(get_user_model().objects.get(username="alice"), "django.contrib.auth.backends.ModelBackend")
    directory.rename("alice", "alicia")
    directory.add_user("alice", name="Alice Newcomer", groups=["Domain Admins"])
    assert client.get("/group/").status_code == 403


@pytest.mark.parametrize("path", GROUP_VIEWS)
def test_group_required_while_the_directory_is_down(client, directory, settings, path):
    """The last known groups hold for WAUTH_MAX_STALENESS; where nothing is known, the answer is 503, never 403."""
    settings.WAUTH_RESYNC_DELTA = 0
    client.get("/who/", **BOB)
    with directory.faults.outage():
        assert client.get(path, **BOB).status_code == 200
        forget_what_is_known()
        response = client.get(path, **BOB)
        assert (response.status_code, response["Retry-After"]) == (503, "30")
        assert client.get("/who/", **BOB).json()["user"] == "bob"
    assert client.get(path, **BOB).status_code == 200


def test_what_one_worker_has_heard_another_one_knows(client, directory, settings):
    """Last known groups are in Django's cache, too: a worker that has just started goes by them."""
    client.get("/who/", **BOB)
    close_connections()
    with directory.faults.outage():
        assert client.get("/group/", **BOB).status_code == 200


def test_a_password_costs_one_bind_and_a_ticket_is_asked_for_once(client, shared_directory, settings):
    """`group_required` goes by the outcome that the middleware has found, and asks no source again."""
    source = Answers(SignedIn(Identity("EXAMPLE", "bob"), "test"))
    settings.WAUTH_SOURCES = [source]
    assert client.get("/group/").status_code == 200
    assert source.asked == 1


def forget_what_is_known():
    """As a worker that has just started, without a shared cache."""
    from django.core.cache import cache

    close_connections()
    cache.clear()


def test_group_required_wants_names():
    """The bare decorator, without names, is a mistake that shows at once."""
    from wauth_django.decorators import group_required

    with pytest.raises(TypeError):
        group_required(lambda request: None)
    with pytest.raises(TypeError):
        group_required()


def test_login_required_middleware_works_with_ours(client, shared_directory, settings):
    """Django's LoginRequiredMiddleware lets in whom ours signed in, and sends others to the login page."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get("/who/", **ALICE).json()["user"] == "alice"
    assert client.get("/who/")["Location"] == TO_LOGIN + "/who/"
    assert client.get("/login/").status_code == 200  # login_not_required
