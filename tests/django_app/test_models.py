"""LDAPUser and its manager: the documented methods of manual 1.16, and rows made by hand as in 1.4.1."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from tests.django_app.asked import asked
from wauth_core.exceptions import AmbiguousUser, InvalidIdentity, SyncError, UserNotFound
from wauth_core.sync import SyncStatus
from wauth_django.models import LDAPUser

User = get_user_model()


def test_create_user_gives_a_synchronised_user(db, shared_directory):
    """The Django user comes back with fields and flags; the link names the person."""
    user = LDAPUser.objects.create_user("EXAMPLE\\Bob")
    assert (user.get_username(), user.first_name, user.is_superuser) == ("bob", "Bob", True)
    assert (user.ldap.domain, user.ldap.guid) == ("EXAMPLE", shared_directory.guid("bob"))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bob", InvalidIdentity),
        ("EXAMPLE\\nobody", UserNotFound),
        ("EXAMPLE\\dan", SyncError),
        ("EXAMPLE\\*", InvalidIdentity),
    ],
)
def test_create_user_leaves_nobody_behind_when_it_fails(db, shared_directory, name, error):
    """No half-made account that a later request could be signed in as."""
    with pytest.raises(error):
        LDAPUser.objects.create_user(name)
    assert User.objects.count() == 0


def test_the_documented_methods(db, shared_directory):
    """get_ldap_manager, get_ldap_attr, get_ldap_user, get_ldap_groups, sync, str()."""
    link = LDAPUser.objects.create_user("EXAMPLE\\linus").ldap
    assert link.get_ldap_manager().domain == "EXAMPLE"
    assert link.get_ldap_attr("department") == "IT"
    assert link.get_ldap_attr("department", as_list=True) == ["IT"]
    assert link.get_ldap_user().sAMAccountName.value == "linus"
    assert link.get_ldap_user(attributes=["title"]).title.value == "Systems Administrator"
    groups = {str(group.cn) for group in link.get_ldap_groups()}
    assert {"Department IT", "Server Team", "Administrators", "Domain Users", "Web Users"} <= groups
    assert link.sync().status is SyncStatus.UNCHANGED
    assert str(link) == "EXAMPLE\\linus"
    assert link.get_ldap_attr("telephoneNumber") is None
    assert link.get_ldap_attr("telephoneNumber", as_list=True) == []


def test_get_ldap_groups_never_uses_rule_1941(db, shared_directory):
    """The groups come by SID; the rule that walks the whole domain is not asked for."""
    link = LDAPUser.objects.create_user("EXAMPLE\\linus").ldap
    before = len(asked(shared_directory))
    reader = link.get_ldap_groups(attributes=["description"])
    filters = [operation.filter for operation in asked(shared_directory)[before:]]
    assert filters
    assert not any("1941" in filter for filter in filters)
    assert "sAMAccountName" not in reader.attributes
    lazy = link.get_ldap_groups(preload=False)
    assert len(lazy.entries) == 0
    assert len(lazy.search()) == len(reader.entries)


def test_the_directory_user_is_asked_for_once(db, shared_directory):
    """Further attributes need another search, the same ones do not."""
    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    link.get_ldap_attr("title")
    before = len(asked(shared_directory))
    assert link.get_ldap_attr("title") == "Managing Director"
    assert len(asked(shared_directory)) == before
    assert link.get_ldap_attr("department") == "Management"
    assert link.get_ldap_attr("title", refresh_cache=True) == "Managing Director"
    assert len(asked(shared_directory)) > before


def test_links_made_by_hand_as_the_manual_says(client, shared_directory):
    """bulk_create with user and domain alone makes links that people sign in by (manual 1.4.1)."""
    users = [User.objects.create_user(name) for name in ("alice", "bob")]
    LDAPUser.objects.bulk_create(LDAPUser(domain="Example", user=user) for user in users)
    assert client.get("/who/", REMOTE_USER="EXAMPLE\\Bob").json()["superuser"] is True
    assert User.objects.count() == 2
    link = LDAPUser.objects.get(user__username="bob")
    assert (link.domain, link.username, link.guid) == ("EXAMPLE", "bob", shared_directory.guid("bob"))


def test_one_person_has_one_link(db):
    """(domain, name) without case and (domain, GUID) are unique; the same name in another domain is another person."""
    one, two, three = (User.objects.create_user(name) for name in ("a", "b", "c"))
    LDAPUser.objects.create(user=one, domain="EXAMPLE", username="josé")
    with pytest.raises(IntegrityError), transaction.atomic():
        LDAPUser.objects.create(user=two, domain="example", username="JOSÉ")
    LDAPUser.objects.create(user=two, domain="EXAMPLE", username="jose")
    LDAPUser.objects.create(user=three, domain="OTHER", username="josé")


def test_sync_reports_what_it_did(db, directory):
    """sync() gives a result: changes, refusals with their reasons, errors raised."""
    from wauth_core.exceptions import DirectoryError

    link = LDAPUser.objects.create_user("EXAMPLE\\alice").ldap
    directory.update("alice", mail="alice@new.example")
    assert link.sync().status is SyncStatus.UPDATED
    assert User.objects.get(username="alice").email == "alice@new.example"
    directory.disable("alice")
    result = link.sync()
    assert (result.ok, result.status) == (False, SyncStatus.DISABLED)
    assert User.objects.get(username="alice").is_active is False
    assert link.state == "disabled"
    directory.close()
    with pytest.raises(DirectoryError):
        link.sync()


def test_signals_tell_what_happened(client, directory):
    """ldap_user_sync as 1.4 had it, user_signed_in and user_refused with the reason."""
    from wauth_django.signals import ldap_user_sync, user_refused, user_signed_in

    heard = []

    def hear(signal, sender, **told):
        heard.append((signal, sender, told))

    for signal in (ldap_user_sync, user_signed_in, user_refused):
        signal.connect(hear)
    try:
        client.get("/who/", REMOTE_USER="EXAMPLE\\bob")
        client.get("/who/", REMOTE_USER="EXAMPLE\\dan")
    finally:
        for signal in (ldap_user_sync, user_signed_in, user_refused):
            signal.disconnect(hear)
    by_signal = {signal: (sender, told) for signal, sender, told in heard}
    sender, told = by_signal[ldap_user_sync]
    assert isinstance(sender, LDAPUser)
    assert told["ldap_user"].sAMAccountName.value == "bob"
    assert "Domain Admins" in {str(group.cn) for group in told["group_reader"]}
    assert by_signal[user_signed_in][1]["user"].username == "bob"
    assert str(by_signal[user_signed_in][1]["identity"]) == "EXAMPLE\\bob"
    refused = by_signal[user_refused][1]
    assert str(refused["identity"]) == "EXAMPLE\\dan"
    assert "disabled" in refused["reason"]


def test_groups_follow_group_map_and_mirror(client, directory, settings):
    """GROUP_MAP makes missing groups and takes people out again; mirrored groups follow by name; others stay."""
    from django.contrib.auth.models import Group

    domain = directory.settings(
        GROUP_MAP={"Editors": "Web Editors", "Nobody": ["No such group"]}, MIRROR_GROUPS="Project *"
    )
    settings.WAUTH_DOMAINS = {"EXAMPLE": domain}
    settings.WAUTH_RESYNC_DELTA = 0
    hana = {"REMOTE_USER": "EXAMPLE\\hana"}
    assert client.get("/who/", **hana).json()["groups"] == ["Editors"]
    User.objects.get(username="hana").groups.add(Group.objects.create(name="Own"))
    directory.remove_member("Web Editors", "hana")
    directory.add_member("Project Wonderland", "hana")
    assert client.get("/who/", **hana).json()["groups"] == ["Own", "Project Looking-Glass", "Project Wonderland"]


def test_get_ldap_manager_is_one_for_each_domain(shared_directory):
    """The documented door (manual 1.7): one manager a domain, lazily connected; unknown domains are named."""
    from wauth_core.exceptions import UnknownDomain
    from wauth_django.ldap import get_ldap_manager

    manager = get_ldap_manager("EXAMPLE")
    assert manager is get_ldap_manager("example")
    reader = manager.get_reader("computer")
    assert "KIOSK" in {str(computer.name) for computer in reader.search("name")}
    with pytest.raises(UnknownDomain):
        get_ldap_manager("NOWHERE")


def test_links_made_by_hand_by_another_field(db, directory, settings):
    """USER_QUERY_FIELD="email" (manual 1.4 and 1.14): the user's field is compared, not the name in the link."""
    settings.WAUTH_DOMAINS = {
        "EXAMPLE": directory.settings(
            USER_FIELD_MAP={"username": "userPrincipalName", "email": "mail"}, USER_QUERY_FIELD="email"
        )
    }
    users = get_user_model().objects
    alice = users.create_user("A. Liddell", email="Alice@example.local")
    lost = users.create_user("lost", email="lost@example.local")
    for user in (alice, lost):
        LDAPUser.objects.create(user=user, domain="EXAMPLE")
    assert alice.ldap.sync().ok
    alice.refresh_from_db()
    assert (alice.username, alice.ldap.username, alice.ldap.guid is None) == ("alice@example.local", "alice", False)
    with pytest.raises(UserNotFound):
        lost.ldap.sync()
    lost.refresh_from_db()
    assert lost.is_active
    twin = users.create_user("twin", email="bob@example.local")
    LDAPUser.objects.create(user=twin, domain="EXAMPLE")
    directory.update("carol", mail="bob@example.local")
    with pytest.raises(AmbiguousUser):
        twin.ldap.sync()
