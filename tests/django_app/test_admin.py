"""The admin: the list, the page of one user with its reasons, and the actions."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages

from wauth_django.models import LDAPUser

LIST = "/admin/windows_auth/ldapuser/"


@pytest.fixture
def admin(client):
    """A browser that a local superuser is signed in with."""
    client.force_login(get_user_model().objects.create_superuser("root"), "django.contrib.auth.backends.ModelBackend")
    return client


def act(admin, action, *links):
    """Run an action on *links*; what the messages say."""
    response = admin.post(LIST, {"action": action, "_selected_action": [link.pk for link in links]})
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_list_searches_and_filters_without_the_directory(admin, directory):
    """Search, filters, state and last sync come from the rows alone."""
    for name in ("alice", "bob"):
        LDAPUser.objects.create_user(f"EXAMPLE\\{name}")
    directory.close()
    page = admin.get(LIST).content.decode()
    assert "EXAMPLE\\alice" in page
    assert "enabled" in page
    assert "EXAMPLE\\bob" not in admin.get(LIST + "?q=alice").content.decode().split("<tbody>")[1]
    for query in (
        "state=enabled",
        "state=-",
        "synced=never",
        "synced=hour",
        "domain=EXAMPLE",
        "user__is_active__exact=1",
    ):
        assert admin.get(f"{LIST}?{query}").status_code == 200
    assert "<tbody>" not in admin.get(LIST + "?state=disabled").content.decode()


def test_sync_now_reports_each_result(admin, directory):
    """One message for each user: changed, refused, failed; escaped."""
    links = [LDAPUser.objects.create_user(f"EXAMPLE\\{name}").ldap for name in ("alice", "bob", "carol")]
    directory.update("alice", mail="<b>@example.local")
    directory.disable("bob")
    said = act(admin, "sync", *links)
    assert len(said) == 3
    assert "changed: email" in said[0]
    assert "<b>" not in said[0]
    assert "disabled" in said[1]
    assert "unchanged" in said[2]
    assert get_user_model().objects.get(username="bob").is_active is False
    directory.close()
    assert "EXAMPLE" in act(admin, "sync", links[0])[0]


def test_preview_writes_nothing(admin, directory):
    """The same words, in the conditional."""
    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    directory.add_member("Domain Admins", "alice")
    [said] = act(admin, "preview_sync", link)
    assert "would change: is_superuser False → True" in said
    assert get_user_model().objects.get(username="alice").is_superuser is False


def rows(page):
    """The cells of all rows of a page's tables, as text."""
    texts = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]
    return [[" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in cells] for cells in texts]


def test_a_users_page_says_why(admin, directory, settings):
    """Each right with the groups that give it and the way through nested ones, and what a sync would change; with the
    directory down the page still opens."""
    settings.WAUTH_DOMAINS["EXAMPLE"]["GROUP_MAP"] = {"Editors": "Web Editors"}
    link = LDAPUser.objects.create_user("EXAMPLE\\ada").ldap
    link.user.groups.create(name="Chess")
    directory.add_member("Server Team", "ada")
    directory.remove_member("Web Developers", "ada")
    page = rows(admin.get(f"{LIST}{link.pk}/change/").content.decode())
    assert ["Superuser status", "no", "no directory group gives it"] in page
    assert ["Staff status", "no a sync will give it", "Server Team › Administrators"] in page
    assert ["Editors", "yes a sync will take it", "no directory group gives it"] in page
    assert ["Chess", "yes", "given by hand"] in page
    assert ["Server Team", "–"] in page
    assert ["Administrators", "Server Team"] in page
    assert not any(cells[0] == "Web Editors" for cells in page if cells)
    directory.close()
    assert admin.get(f"{LIST}{link.pk}/change/").status_code == 200


def test_a_users_page_has_buttons(admin, directory):
    """Preview says what a sync would do, "Sync now" does it; a GET does nothing."""
    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    url = f"{LIST}{link.pk}/change/"
    assert f'action="{LIST}{link.pk}/sync/"' in admin.get(url).content.decode()
    directory.add_member("Domain Admins", "alice")
    assert admin.get(f"{LIST}{link.pk}/sync/").status_code == 405
    preview = admin.post(f"{LIST}{link.pk}/sync/", {"preview": "1"}, follow=True)
    assert preview.redirect_chain == [(url, 302)]
    assert "would change: is_superuser False → True" in preview.content.decode()
    assert not get_user_model().objects.get(username="alice").is_superuser
    assert "updated changed: is_superuser" in admin.post(f"{LIST}{link.pk}/sync/", follow=True).content.decode()
    assert get_user_model().objects.get(username="alice").is_superuser
    assert admin.post(f"{LIST}999/sync/").status_code == 404


@pytest.mark.parametrize(
    ("held", "sees", "syncs", "adds"), [("view", True, False, False), ("change", True, True, False)]
)
def test_the_buttons_ask_for_permissions(client, directory, held, sees, syncs, adds):
    """Who may look may preview; who may change may sync; neither may add."""
    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    clerk = get_user_model().objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename=f"{held}_ldapuser"))
    client.force_login(clerk, "django.contrib.auth.backends.ModelBackend")
    assert (client.post(f"{LIST}{link.pk}/sync/", {"preview": "1"}).status_code == 302) is sees
    assert (client.post(f"{LIST}{link.pk}/sync/").status_code == 302) is syncs
    assert (client.get(f"{LIST}add/").status_code == 200) is adds
    assert (client.post(f"{LIST}add/person/", {"domain": "EXAMPLE", "username": "bob"}).status_code == 302) is adds
    assert not get_user_model().objects.filter(username="bob").exists()


def test_a_person_is_added_by_searching_the_directory(admin, directory):
    """By any of the names; who is here already is a link; a click makes the user, with the rights of the directory."""
    here = LDAPUser.objects.create_user("EXAMPLE\\linus").ldap
    page = admin.get(f"{LIST}add/?q=li").content.decode()
    assert {"Alice Liddell", "Linus Kernel"} <= {cells[0] for cells in rows(page) if cells}
    assert f'href="{LIST}{here.pk}/change/"' in page
    assert 'value="alice"' in page
    assert 'value="linus"' not in page
    assert "knows nobody" in admin.get(f"{LIST}add/?q=*").content.decode()
    made = admin.post(f"{LIST}add/person/", {"domain": "EXAMPLE", "username": "bob"}, follow=True)
    bob = get_user_model().objects.get(username="bob")
    assert made.redirect_chain == [(f"{LIST}{bob.ldap.pk}/change/", 302)]
    assert bob.is_superuser
    for domain, name, said in (("EXAMPLE", "noone", "noone"), ("OTHER", "bob", "OTHER"), ("", "", "")):
        refused = admin.post(f"{LIST}add/person/", {"domain": domain, "username": name}, follow=True)
        assert refused.redirect_chain == [(f"{LIST}add/", 302)]
        assert said in str(next(iter(refused.context["messages"])))
    directory.close()
    assert "errornote" in admin.get(f"{LIST}add/?q=li").content.decode()


def test_a_link_changed_by_hand_is_another_person(admin, directory):
    """What was known of the former is forgotten, and sessions end; a form that changes nothing writes nothing."""
    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    url, sessions = f"{LIST}{link.pk}/change/", link.sessions
    LDAPUser.objects.update(controller="as another process has just written")
    assert admin.post(url, {"domain": "EXAMPLE", "username": "alice"}).status_code == 302
    link.refresh_from_db()
    assert (link.guid, link.sessions) == (directory.guid("alice"), sessions)
    assert admin.post(url, {"domain": "EXAMPLE", "username": "carol"}).status_code == 302
    link.refresh_from_db()
    assert (link.username, link.username_key, link.guid, link.sid) == ("carol", "carol", None, "")
    assert (link.last_sync, link.controller) == (None, "")
    assert link.sessions != sessions
    assert admin.get(f"{LIST}add/").status_code == 200


def test_end_sessions(admin, directory):
    """All browsers of the chosen people are signed out, and nobody else's; they may sign in again."""
    from django.test import Client

    browsers = {name: (Client(), Client()) for name in ("alice", "bob")}
    for name, pair in browsers.items():
        for browser in pair:
            browser.get("/who/", REMOTE_USER=f"EXAMPLE\\{name}")
    keys = {browser: browser.session.session_key for pair in browsers.values() for browser in pair}
    local = Client()
    local.force_login(get_user_model().objects.get(username="alice"), "django.contrib.auth.backends.ModelBackend")
    assert local.get("/who/").json()["user"] == "alice"
    said = act(admin, "end_sessions", LDAPUser.objects.get(username="alice"))
    assert said == ["EXAMPLE\\alice: all sessions have ended."]
    assert local.get("/who/").json()["user"] == ""
    for name, pair in browsers.items():
        for browser in pair:
            assert browser.get("/who/", REMOTE_USER=f"EXAMPLE\\{name}").json()["user"] == name
            assert (browser.session.session_key == keys[browser]) is (name == "bob")


def test_people_are_searched_in_one_of_the_domains(admin, directory, settings):
    """The first, until another is chosen; a site without any has nothing to search."""
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings(), "SALES": directory.settings()}
    here = LDAPUser.objects.create_user("EXAMPLE\\linus").ldap
    assert f'href="{LIST}{here.pk}/change/"' in admin.get(f"{LIST}add/?q=linus").content.decode()
    page = admin.get(f"{LIST}add/?q=linus&domain=SALES").content.decode()
    assert "<option selected>SALES</option>" in page
    assert 'value="linus"' in page
    settings.WAUTH_DOMAINS = {}
    assert 'id="wauth-q"' not in admin.get(f"{LIST}add/?q=linus").content.decode()
