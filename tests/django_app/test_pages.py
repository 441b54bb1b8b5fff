"""The pages for people who may not go on, and a project's own in their place."""

from __future__ import annotations

import pytest

ALICE = {"REMOTE_USER": "EXAMPLE\\alice"}
DAN = {"REMOTE_USER": "EXAMPLE\\dan"}  # disabled
PAGES = [
    pytest.param({}, 401, "Please sign in", id="nobody"),
    pytest.param({"REMOTE_USER": "alice"}, 403, "You may not go here", id="a-name-that-is-none"),
    pytest.param(DAN, 403, "Your account may not sign in here", id="disabled"),
    pytest.param({"REMOTE_USER": "NOWHERE\\alice"}, 403, "Your account may not sign in here", id="unknown-domain"),
]


@pytest.mark.parametrize(("environ", "status", "text"), PAGES)
def test_a_closed_site_shows_a_page_to_whom_it_keeps_out(client, shared_directory, settings, environ, status, text):
    """WAUTH_REQUIRE_LOGIN lets nobody through to a view, refused people neither."""
    settings.WAUTH_REQUIRE_LOGIN = True
    response = client.get("/who/", **environ)
    assert response.status_code == status
    assert text in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"


def test_who_is_disabled_in_the_middle_of_a_session_is_kept_out(client, directory, settings):
    """The sync that finds a disabled account answers with the page, in a closed site."""
    settings.WAUTH_REQUIRE_LOGIN = True
    settings.WAUTH_RESYNC_DELTA = 0
    assert client.get("/who/", **ALICE).status_code == 200
    directory.disable("alice")
    assert client.get("/who/", **ALICE).status_code == 403
    directory.enable("alice")
    assert client.get("/who/", **ALICE).status_code == 200


def test_strangers_wait_while_the_directory_is_down(client, directory, settings):
    """503 with its page, and service returns by itself."""
    settings.WAUTH_REQUIRE_LOGIN = True
    with directory.faults.outage():
        response = client.get("/who/", **ALICE)
    assert response.status_code == 503
    assert "The directory does not answer" in response.content.decode()
    assert client.get("/who/", **ALICE).status_code == 200


def test_the_login_page_of_a_closed_site_is_open(client, shared_directory, settings):
    """The 401 page leads to LOGIN_URL, which lets everybody in; a page that does not is no way in."""
    settings.WAUTH_REQUIRE_LOGIN = True
    assert 'href="/login/"' in client.get("/who/").content.decode()
    assert client.get("/login/").status_code == 200
    assert client.get("/admin/login/").status_code == 200
    for closed in ("/who/", "/nowhere/", "no-such-view"):
        settings.LOGIN_URL = closed
        assert 'class="button"' not in client.get("/who/").content.decode()


def test_a_project_replaces_a_page_by_its_own_template(client, shared_directory, settings, tmp_path):
    """wauth/403.html of the project takes the place of ours; the other pages stay."""
    (tmp_path / "wauth").mkdir()
    (tmp_path / "wauth" / "403.html").write_text("No entry for {{ identity }}: {{ message }}")
    settings.WAUTH_REQUIRE_LOGIN = True
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    assert client.get("/who/", **DAN).content.decode() == (
        "No entry for EXAMPLE\\dan: Your account may not sign in here. If you think it should, ask your administrator."
    )
    assert "Please sign in" in client.get("/who/").content.decode()


def test_the_page_stands_in_for_djangos_own_403(rf_request):
    """As handler403 it shows the person, escaped."""
    from wauth_django.responses import permission_denied

    response = permission_denied(rf_request, PermissionError())
    assert response.status_code == 403
    assert "does not have the rights" in response.content.decode()
    assert "EXAMPLE\\a&amp;b" in response.content.decode()


@pytest.fixture
def rf_request():
    """A request of somebody whose name needs escaping."""
    from types import SimpleNamespace

    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = SimpleNamespace(ldap="EXAMPLE\\a&b")
    return request


def test_the_pages_follow_djangos_language(client, shared_directory, settings):
    """LocaleMiddleware chooses, as for every page of the project; the admin's words follow too."""
    from django.utils import translation

    from wauth_django.admin import LDAPUserAdmin

    settings.WAUTH_REQUIRE_LOGIN = True
    with translation.override("de"):
        response = client.get("/who/")
        assert str(LDAPUserAdmin.sync.short_description) == "Jetzt abgleichen"
    text = response.content.decode()
    assert response.status_code == 401
    assert "Bitte anmelden" in text
    assert '<html lang="de">' in text


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        pytest.param({}, "WAUTH_SIMULATE_USER", id="nobody"),
        pytest.param(DAN, "disabled", id="disabled"),
        pytest.param({"REMOTE_USER": "NOWHERE\\alice"}, "NOWHERE", id="unknown-domain"),
    ],
)
def test_a_developer_is_told_why(client, shared_directory, settings, caplog, environ, why):
    """On the page and in the log while DEBUG is on; without it the page tells nothing of the project."""
    settings.WAUTH_REQUIRE_LOGIN = True
    assert "In debug mode only" not in client.get("/who/", **environ).content.decode()
    settings.DEBUG = True
    shown = client.get("/who/", **environ).content.decode()
    assert "In debug mode only" in shown
    assert why in shown
    assert why in caplog.text
