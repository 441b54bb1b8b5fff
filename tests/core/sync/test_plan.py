"""The plan: what a directory user becomes in the application. Pure; no directory and no store."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.core.sync.fakes import GROUPS, NOW, guid, person, policy
from wauth_core.directory.entries import AccountState, DirectoryUser
from wauth_core.exceptions import ConfigurationError
from wauth_core.sync.knowledge import Heard
from wauth_core.sync.plan import NO_PASSWORD, Plan, lapse, password_set, plan_lowering, plan_missing
from wauth_core.sync.plan import plan as plan_of
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import Link, UserSnapshot
from wauth_core.sync.result import SyncStatus
from wauth_core.sync.rights import Rights, entitle

RESOLVED = {name: frozenset({sid}) for name, sid in GROUPS.items()}


HEARD = Heard(NOW)


def plan(rules: Policy, user: DirectoryUser, own: Rights, **more: Any) -> Plan:
    """The plan for an answer that was just heard."""
    return plan_of(rules, user, own, HEARD, **more)


def rights(rules: Policy, user: DirectoryUser) -> Rights:
    everything = {sid: name for name, sid in GROUPS.items()} if rules.mirrors else None
    return entitle(rules, user, user.group_sids or frozenset(), RESOLVED, everything)


def row(name: str = "alice", number: int = 1, *, key: int = 7, **more: Any) -> UserSnapshot:
    """A user as it stands after a sync."""
    fields = {"username": name, "first_name": "", "last_name": "", "email": "", **more.pop("fields", {})}
    flags = {"is_active": True, "is_staff": False, "is_superuser": False, **more.pop("flags", {})}
    link = Link("EXAMPLE", name, guid(number), f"S-1-5-21-1-2-3-{2000 + number}")
    snapshot = UserSnapshot(key, link, fields, flags, frozenset(more.pop("groups", ())))
    return dataclasses.replace(snapshot, **more)


FLAG_CASES = [
    pytest.param({"SUPERUSER_GROUPS": "Domain Admins"}, ["Domain Admins"], {"is_superuser": True}, id="in the group"),
    pytest.param({"SUPERUSER_GROUPS": "Domain Admins"}, ["Staff"], {"is_superuser": False}, id="not in the group"),
    pytest.param({"STAFF_GROUPS": ("Staff", "Editors")}, ["Editors"], {"is_staff": True}, id="one of several"),
    pytest.param(
        {"SUPERUSER_GROUPS": "Domain Admins", "STAFF_GROUPS": "Staff", "ACTIVE_GROUPS": "Readers"},
        ["Domain Admins"],
        {"is_superuser": True, "is_staff": True, "is_active": True},
        id="a superuser is staff and active",
    ),
    pytest.param(
        {"STAFF_GROUPS": "Staff", "ACTIVE_GROUPS": "Readers"},
        ["Staff"],
        {"is_staff": True, "is_active": True},
        id="staff are active",
    ),
    pytest.param(
        {"SUPERUSER_GROUPS": "Domain Admins", "ACTIVE_GROUPS": "Readers"},
        ["Domain Admins"],
        {"is_superuser": True, "is_active": True},
        id="propagation reaches past an unset flag",
    ),
    pytest.param(
        {"SUPERUSER_GROUPS": "Domain Admins", "STAFF_GROUPS": "Staff"},
        ["Domain Admins"],
        {"is_superuser": True, "is_staff": True},
        id="an unset flag is not forced on",
    ),
    pytest.param(
        {"SUPERUSER_GROUPS": "Domain Admins", "STAFF_GROUPS": "Staff"},
        [],
        {"is_superuser": False, "is_staff": False},
        id="an unset is_active is not forced off (as release 1.4 did)",
    ),
    pytest.param(
        {"SUPERUSER_GROUPS": "Domain Admins", "STAFF_GROUPS": "Staff", "PROPAGATE_GROUPS": False},
        ["Domain Admins"],
        {"is_superuser": True, "is_staff": False},
        id="no propagation",
    ),
    pytest.param({"FLAG_MAP": {"is_editor": "Editors"}}, ["Editors"], {"is_editor": True}, id="a flag of FLAG_MAP"),
    pytest.param({"FLAG_MAP": {"is_editor": None}}, ["Editors"], {}, id="an unset flag of FLAG_MAP"),
    pytest.param({"STAFF_GROUPS": ()}, ["Staff"], {"is_staff": False}, id="an empty list is set: nobody"),
    pytest.param({"STAFF_GROUPS": "Former Staff"}, ["Staff"], {"is_staff": False}, id="an unknown group: nobody"),
    pytest.param({"STAFF_GROUPS": "Staf"}, ["Staff"], {"is_staff": False}, id="a part of a name: nobody"),
    pytest.param({"STAFF_GROUPS": "staff*"}, ["Staff"], {"is_staff": False}, id="a pattern is no name"),
]


@pytest.mark.parametrize(("settings", "groups", "flags"), FLAG_CASES)
def test_flags(settings: dict[str, Any], groups: list[str], flags: dict[str, bool]) -> None:
    """A flag follows the groups of its setting; one that is unset is not spoken of."""
    assert rights(policy(**settings), person("alice", 1, *groups)).flags == flags


def test_why_names_the_groups() -> None:
    """The answer tells which directory group gave each flag, also where it was propagated."""
    rules = policy(SUPERUSER_GROUPS="Domain Admins", STAFF_GROUPS="Staff", GROUP_MAP={"writers": ["Editors", "Staff"]})
    given = rights(rules, person("alice", 1, "Domain Admins", "Editors"))
    assert given.why == {
        "is_superuser": ("Domain Admins",),
        "is_staff": ("Domain Admins",),
        "writers": ("Editors",),
    }


REFUSALS = [
    pytest.param({"REQUIRE_GROUPS": "Staff"}, [], {}, SyncStatus.REFUSED, id="not in a required group"),
    pytest.param({"REQUIRE_GROUPS": ("Staff", "Editors")}, ["Editors"], {}, None, id="in one required group"),
    pytest.param({"DENY_GROUPS": "Leavers"}, ["Leavers", "Staff"], {}, SyncStatus.REFUSED, id="in a denied group"),
    pytest.param(
        {"REQUIRE_GROUPS": "Staff", "DENY_GROUPS": "Leavers"},
        ["Staff", "Leavers"],
        {},
        SyncStatus.REFUSED,
        id="denied beats required",
    ),
    pytest.param({}, [], {"disabled": True}, SyncStatus.DISABLED, id="disabled account"),
    pytest.param({}, [], {"expired": True}, SyncStatus.DISABLED, id="expired account"),
    pytest.param({}, [], {"locked": True, "must_change_password": True}, None, id="locked, old password: may go on"),
    pytest.param({"ACCOUNT_STATE": False}, [], {"disabled": True}, None, id="account state not looked at"),
]


@pytest.mark.parametrize(("settings", "groups", "state", "status"), REFUSALS)
def test_who_may_not_sign_in(
    settings: dict[str, Any], groups: list[str], state: dict[str, bool], status: SyncStatus | None
) -> None:
    """Required and denied groups and the account's state decide; whoever is refused has no flag and no group."""
    rules = policy(SUPERUSER_GROUPS="Staff", GROUP_MAP={"staff": "Staff"}, **settings)
    user = person("alice", 1, *groups, state=AccountState(**state))
    given = rights(rules, user)
    assert given.status is status
    if status is not None:
        assert given.flags == {"is_superuser": False}
        assert not given.groups
        assert plan(rules, user, given).changes == ()


@pytest.mark.parametrize("setting", ["DENY_GROUPS", "REQUIRE_GROUPS"])
def test_a_gate_that_cannot_be_found_stops_the_sync(setting: str) -> None:
    """A DENY_GROUPS or REQUIRE_GROUPS that means no group is an error, not an open door or a mass lock-out."""
    rules = policy(**{setting: "Stuff"})
    with pytest.raises(ConfigurationError, match=rf"{setting} names 'Stuff'"):
        rules.check({"Stuff": frozenset()})


def test_a_new_user() -> None:
    """A new user is made with the link, the fields that the directory knows, flags and groups, in one change."""
    rules = policy(STAFF_GROUPS="Staff", GROUP_MAP={"writers": "Editors", "readers": "Readers"})
    user = person("Alice", 1, "Staff", "Editors", givenName="Alice", mail="alice@example.local")
    made = plan(rules, user, rights(rules, user))
    [change] = made.changes
    assert made.status is SyncStatus.CREATED
    assert change.key is None
    assert change.link == Link("EXAMPLE", "alice", guid(1), "S-1-5-21-1-2-3-2001")
    assert change.fields == {"username": "alice", "first_name": "Alice", "email": "alice@example.local"}
    assert change.flags == {"is_staff": True}
    assert change.groups_add == {"writers"}


def test_nothing_to_do() -> None:
    """A user who agrees with the directory gives no change at all."""
    rules = policy(STAFF_GROUPS="Staff", GROUP_MAP={"writers": "Editors"})
    user = person("alice", 1, "Staff", "Editors", givenName="Alice")
    mine = row(fields={"first_name": "Alice"}, flags={"is_staff": True}, groups={"writers", "a group of our own"})
    made = plan(rules, user, rights(rules, user), mine=mine)
    assert (made.status, made.changes) == (SyncStatus.UNCHANGED, ())


FIELD_CASES = [
    pytest.param("Smith", "Jones", {"last_name": "Jones"}, id="another value"),
    pytest.param("Smith", "smith", {"last_name": "smith"}, id="another spelling"),
    pytest.param("Smith", None, {"last_name": ""}, id="removed in the directory: emptied"),
    pytest.param("", None, {}, id="empty here, absent there"),
    pytest.param(None, None, {}, id="null here, absent there"),
    pytest.param(None, "Smith", {"last_name": "Smith"}, id="null here"),
    pytest.param(49, None, {}, id="a number cannot be emptied"),
    pytest.param("49", 49, {}, id="a number kept as text"),
    pytest.param(49, "49", {}, id="a text kept as number"),
    pytest.param(str(guid(3)), guid(3), {}, id="a GUID kept as text"),
    pytest.param("a, b", ["b", "a"], {}, id="several values, in any order"),
    pytest.param("Smith", ["Smith"], {}, id="a list of one"),
    pytest.param("Smith", [], {"last_name": ""}, id="a list of none"),
]


@pytest.mark.parametrize(("current", "value", "changes"), FIELD_CASES)
def test_fields(current: Any, value: Any, changes: dict[str, Any]) -> None:
    """A field takes the attribute's value, and is written only where that differs."""
    rules = policy()
    user = person("alice", 1, **({} if value is None else {"sn": value}))
    made = plan(rules, user, rights(rules, user), mine=row(fields={"last_name": current}))
    assert {k: v for change in made.changes for k, v in change.fields.items()} == changes


NAMES = [
    pytest.param({}, {}, "Alice", "alice", id="lower case"),
    pytest.param({"lowercase_username": False}, {}, "Alice", "Alice", id="as the directory spells it"),
    pytest.param({"username_format": "{domain}-{username}"}, {}, "Alice", "EXAMPLE-alice", id="with the domain"),
    pytest.param({}, {"USER_FIELD_MAP": {"username": "SAMACCOUNTNAME"}}, "Zoë", "zoë", id="attribute in another case"),
    pytest.param({}, {"USER_FIELD_MAP": {"username": "mail"}}, "Alice", "a@x.org", id="another attribute"),
    pytest.param({}, {"USER_FIELD_MAP": {"username": "nothing"}}, "Alice", "alice", id="an attribute nobody has"),
    pytest.param({}, {}, "İpek", "İpek", id="a letter whose lower case is two"),
]


@pytest.mark.parametrize(("options", "settings", "name", "expected"), NAMES)
def test_username(options: dict[str, Any], settings: dict[str, Any], name: str, expected: str) -> None:
    """The name in the application follows the options and the map."""
    assert policy(options=options, **settings).username(person(name, mail="A@x.org")) == expected


def test_the_field_of_the_user_name() -> None:
    """The user name's field is the one mapped from sAMAccountName; among several, and without any, the query field."""
    fields = {"login": "sAMAccountName", "code": "samaccountname", "email": "mail"}
    assert policy(USER_FIELD_MAP=fields).username_field == "login"
    assert policy(USER_FIELD_MAP=fields, USER_QUERY_FIELD="code").username_field == "code"
    assert policy(USER_FIELD_MAP=fields, USER_QUERY_FIELD="email").username_field == "login"
    assert policy(USER_FIELD_MAP={"email": "mail"}, USER_QUERY_FIELD="email").username_field == "email"


def test_a_renamed_person_keeps_the_account() -> None:
    """The same GUID under a new logon name renames the user and the link."""
    rules, user = policy(), person("alicia", 1)
    made = plan(rules, user, rights(rules, user), mine=row("alice", 1))
    [change] = made.changes
    assert made.status is SyncStatus.UPDATED
    assert (change.key, change.fields) == (7, {"username": "alicia"})
    assert change.link == Link("EXAMPLE", "alicia", guid(1), "S-1-5-21-1-2-3-2001")


def test_a_new_name_that_is_taken_waits() -> None:
    """A renamed person whose new name belongs to somebody else goes on under the old one."""
    rules, user = policy(), person("alicia", 1)
    other = row("alicia", 2, key=8, link=None)
    made = plan(rules, user, rights(rules, user), mine=row("alice", 1), taken=other)
    [change] = made.changes
    assert (made.status, change.fields) == (SyncStatus.UPDATED, {})
    assert "belongs to a local user" in made.reason


def test_a_reused_name_inherits_nothing() -> None:
    """The old row gives up its name, its flags, its managed groups and its activity; the new person starts afresh."""
    rules = policy(SUPERUSER_GROUPS="Domain Admins", GROUP_MAP={"writers": "Editors"})
    old = row("alice", 1, flags={"is_superuser": True}, groups={"writers", "chess club"})
    user = person("alice", 2)
    made = plan(rules, user, rights(rules, user), former=old, taken=old)
    aside, created = made.changes
    assert made.status is SyncStatus.CREATED
    assert aside.key == old.key
    assert aside.fields == {"username": "alice~00000001"}
    assert aside.flags == {"is_superuser": False, "is_active": False}
    assert aside.groups_remove == {"writers"}
    assert aside.link == Link("EXAMPLE", "alice~00000001", guid(1), "S-1-5-21-1-2-3-2001", deactivated=True)
    assert created.key is None
    assert created.link == Link("EXAMPLE", "alice", guid(2), "S-1-5-21-1-2-3-2002")


def test_a_name_that_has_passed_on_is_given_up() -> None:
    """Who was renamed, and goes by the old name still, gives it up to the person who has it today, and loses nothing
    else by it."""
    rules, user = policy(), person("alice", 2)
    renamed = row("alice", 1, link=Link("EXAMPLE", "alicia", guid(1)))
    given_up, created = plan(rules, user, rights(rules, user), taken=renamed).changes
    assert (given_up.key, given_up.fields, given_up.flags, given_up.link) == (
        7,
        {"username": "alice~00000001"},
        {},
        None,
    )
    assert created.fields["username"] == "alice"


def test_names_that_are_not_unique_are_not_given_up() -> None:
    """Where the name comes from an attribute that two people may share, who was first keeps it."""
    rules = policy(USER_FIELD_MAP={"username": "mail"})
    user = person("bob", 2, mail="shared@example.local")
    first = row("alice", 1, fields={"username": "shared@example.local"})
    assert plan(rules, user, rights(rules, user), taken=first).status is SyncStatus.NAME_TAKEN


TAKEN = [
    pytest.param(None, False, SyncStatus.NAME_TAKEN, id="a local user"),
    pytest.param(None, True, SyncStatus.ADOPTED, id="a local user, adoption allowed"),
    pytest.param(Link("OTHER", "alice", guid(9)), False, SyncStatus.NAME_TAKEN, id="a twin in another domain"),
    pytest.param(Link("OTHER", "alice", guid(9)), True, SyncStatus.NAME_TAKEN, id="a twin is never adopted"),
    pytest.param(Link("OTHER", "alice"), True, SyncStatus.NAME_TAKEN, id="a twin never synchronised is never adopted"),
]


@pytest.mark.parametrize(("link", "adopt", "status"), TAKEN)
def test_a_name_that_is_taken(link: Link | None, adopt: bool, status: SyncStatus) -> None:
    """A new person gets no existing user, unless it has no link and the operator allows it."""
    rules, user = policy(options={"adopt_existing_users": adopt}), person("alice", 1)
    made = plan(rules, user, rights(rules, user), taken=row("alice", key=3, link=link))
    assert made.status is status
    if status is SyncStatus.ADOPTED:
        assert made.mine == 3
        assert [change.link for change in made.changes] == [Link("EXAMPLE", "alice", guid(1), "S-1-5-21-1-2-3-2001")]
    else:
        assert made.changes == ()


def test_a_disabled_account_loses_rights_and_comes_back() -> None:
    """What the sync deactivated it activates again; the flags follow the directory."""
    rules = policy(STAFF_GROUPS="Staff", GROUP_MAP={"writers": "Editors"})
    off = person("alice", 1, "Staff", "Editors", state=AccountState(disabled=True))
    made = plan(rules, off, rights(rules, off), mine=row(flags={"is_staff": True}, groups={"writers"}))
    [change] = made.changes
    assert (made.status, made.mine) == (SyncStatus.DISABLED, 7)
    assert change.flags == {"is_staff": False, "is_active": False}
    assert change.groups_remove == {"writers"}
    assert change.link is not None
    assert change.link.deactivated

    stripped = row(flags={"is_active": False}, link=change.link)
    assert plan(rules, off, rights(rules, off), mine=stripped).changes == (), "the second time nothing is left to do"
    on = person("alice", 1, "Staff", "Editors")
    [back] = plan(rules, on, rights(rules, on), mine=stripped).changes
    assert back.flags == {"is_staff": True, "is_active": True}
    assert back.link is not None
    assert not back.link.deactivated


def test_who_comes_back_without_the_group_stays_out() -> None:
    """An account that is enabled again, and is no longer in ACTIVE_GROUPS, is not activated, now or later."""
    rules = policy(ACTIVE_GROUPS="Staff", STAFF_GROUPS="Editors")
    off = person("alice", 1, "Staff", state=AccountState(disabled=True))
    [gone] = plan(rules, off, rights(rules, off), mine=row()).changes
    stripped = row(flags={"is_active": False}, link=gone.link)
    on = person("alice", 1)
    found = plan(rules, on, rights(rules, on), mine=stripped)
    assert not any(change.flags.get("is_active") for change in found.changes)
    back = person("alice", 1, "Staff")
    [activated] = plan(rules, back, rights(rules, back), mine=stripped).changes
    assert activated.flags["is_active"] is True


def test_whom_an_administrator_deactivated_stays_so() -> None:
    """A user who was inactive already is not activated by a sync, whatever the account did meanwhile."""
    rules = policy()
    off = person("alice", 1, state=AccountState(expired=True))
    mine = row(flags={"is_active": False})
    assert plan(rules, off, rights(rules, off), mine=mine).changes == ()
    on = person("alice", 1)
    assert plan(rules, on, rights(rules, on), mine=mine).changes == ()


def test_missing_in_the_directory() -> None:
    """A user whom the directory no longer knows is deactivated, unless ACCOUNT_STATE is off; nobody is made."""
    mine = row(flags={"is_staff": True})
    made = plan_missing(policy(STAFF_GROUPS="Staff"), mine, HEARD)
    assert made.status is SyncStatus.NOT_FOUND
    assert made.changes[0].flags == {"is_staff": False, "is_active": False}
    assert plan_missing(policy(STAFF_GROUPS="Staff", ACCOUNT_STATE=False), mine, HEARD).changes == ()
    assert plan_missing(policy(), None, HEARD).changes == ()


MIRRORS = [
    pytest.param(True, ["Editors"], {"Staff"}, {"Editors"}, {"Staff"}, id="all: gives and takes"),
    pytest.param(True, ["Editors"], {"chess club"}, {"Editors"}, set(), id="all: a group of our own stays"),
    pytest.param(True, ["Editors"], {"editors"}, set(), set(), id="all: our spelling stays"),
    pytest.param("Edit*", ["Editors", "Staff"], set(), {"Editors"}, set(), id="pattern: only what it names"),
    pytest.param("Edit*", [], {"Editorial"}, set(), {"Editorial"}, id="pattern: takes what the directory forgot"),
    pytest.param(["edit*", "READERS"], ["Editors", "Readers"], set(), {"Editors", "Readers"}, set(), id="patterns"),
    pytest.param("Edit*", [], {"Staff"}, set(), set(), id="pattern: others stay"),
    pytest.param(["*", "!Edit*"], ["Editors", "Staff"], set(), {"Staff"}, set(), id="exclusion: the others"),
    pytest.param(
        "!Edit*", ["Staff"], {"Editorial", "Readers"}, {"Staff"}, {"Readers"}, id="exclusion alone: all others"
    ),
    pytest.param(["!EDITORS", "!Staff"], ["Editors", "Staff"], set(), set(), set(), id="exclusions: without case"),
    pytest.param(False, ["Editors"], {"Staff"}, set(), set(), id="off"),
]


@pytest.mark.parametrize(("mirror", "groups", "has", "adds", "removes"), MIRRORS)
def test_mirrored_groups(mirror: Any, groups: list[str], has: set[str], adds: set[str], removes: set[str]) -> None:
    """Application groups follow the directory groups of their name, and nothing else is taken away."""
    rules, user = policy(MIRROR_GROUPS=mirror), person("alice", 1, *groups)
    made = plan(rules, user, rights(rules, user), mine=row(groups=has))
    assert {group for change in made.changes for group in change.groups_add} == adds
    assert {group for change in made.changes for group in change.groups_remove} == removes


def test_a_mapped_group_is_not_mirrored() -> None:
    """A group that GROUP_MAP speaks of follows that alone, though the directory has one of its name."""
    rules, user = policy(MIRROR_GROUPS=True, GROUP_MAP={"Editors": "Staff"}), person("alice", 1, "Editors")
    made = plan(rules, user, rights(rules, user), mine=row(groups={"Editors"}))
    assert made.changes[0].groups_remove == {"Editors"}


def test_what_the_application_lacks_is_left_out() -> None:
    """A field or flag that the application's users do not have is not written."""
    rules = policy(STAFF_GROUPS="Staff")
    user = person("alice", 1, "Staff", givenName="Alice")
    mine = row()
    mine = dataclasses.replace(mine, fields={"username": "alice"}, flags={})
    assert plan(rules, user, rights(rules, user), mine=mine).changes == ()


def test_the_principal_name_where_the_site_uses_it() -> None:
    """With WAUTH_USE_SPN a link is spelled by the UPN's prefix, if its suffix is the domain; else by sAMAccountName."""
    rules = policy("example.local", options={"use_spn": True})
    assert rules.logon_name(person("asmith", upn="Alice.Smith@EXAMPLE.local")) == "alice.smith"
    assert rules.logon_name(person("asmith", upn="alice@mail.example")) == "asmith"
    assert rules.answers_to(person("asmith", upn="Alice.Smith@EXAMPLE.local"), "ASMITH")


def test_nobody_new_is_made_where_the_site_makes_none() -> None:
    """A person without a user stays without one."""
    rules, user = policy(), person("alice", 1)
    made = plan(rules, user, rights(rules, user), create=False)
    assert (made.status, made.changes) == (SyncStatus.REFUSED, ())
    assert plan(rules, user, rights(rules, user)).status is SyncStatus.CREATED


def test_a_name_that_is_given_up_is_no_answer_about_its_owner() -> None:
    """Neither for who was renamed nor for who is set aside: the directory was not asked about them."""
    rules, user = policy(), person("alice", 2)
    renamed = row("alice", 1, link=Link("EXAMPLE", "alicia", guid(1)))
    assert plan(rules, user, rights(rules, user), taken=renamed).changes[0].answered is False
    assert plan(rules, user, rights(rules, user), former=row("alice", 1)).changes[0].answered is False


def test_a_link_without_a_guid_is_set_aside_as_old() -> None:
    """There is nothing else to tell it by."""
    rules, user = policy(), person("alice", 2)
    former = row("alice", 1, link=Link("EXAMPLE", "alice"))
    aside = plan(rules, user, rights(rules, user), former=former).changes[0]
    assert aside.fields == {"username": "alice~old"}


def test_what_lapses_is_what_the_user_has() -> None:
    """Each flag of the settings that is set, but not the right to be here; and it is no answer."""
    rules = policy(SUPERUSER_GROUPS="Domain Admins", STAFF_GROUPS="Staff", ACTIVE_GROUPS="Readers")
    change = lapse(rules, row(flags={"is_staff": True}))
    assert (change.flags, change.answered) == ({"is_staff": False}, False)
    assert change.link is not None
    assert change.link.lapsed


def test_an_old_ticket_writes_no_link_that_says_nothing_new() -> None:
    """It takes what it lacks, gives nothing, and makes nobody's lapse good."""
    rules = policy(SUPERUSER_GROUPS="Domain Admins", STAFF_GROUPS="Staff")
    user = person("alice", 1, "Staff")
    mine = row(flags={"is_superuser": True})
    lowered = plan_lowering(rules, rights(rules, user), mine, NOW)
    assert [(change.flags, change.groups_add) for change in lowered.changes] == [({"is_superuser": False}, frozenset())]
    lapsed = row(link=dataclasses.replace(mine.link, lapsed=True))
    assert not any(change.link for change in plan_lowering(rules, rights(rules, user), lapsed, NOW).changes)


SET = NOW - timedelta(days=1)
PASSWORDS = [
    pytest.param(SET, {"pwdLastSet": SET}, False, id="the same"),
    pytest.param(SET, {"pwdLastSet": NOW}, True, id="a new one"),
    pytest.param(SET, {"pwdLastSet": SET - timedelta(days=1)}, False, id="a controller that lags"),
    pytest.param(SET, {"pwdLastSet": None}, True, id="it must be changed"),
    pytest.param(NO_PASSWORD, {"pwdLastSet": None}, False, id="it must still be changed"),
    pytest.param(NO_PASSWORD, {"pwdLastSet": NOW}, True, id="it was changed"),
    pytest.param(SET, {}, False, id="not told"),
    pytest.param(None, {"pwdLastSet": NOW}, False, id="never known"),
]


@pytest.mark.parametrize(("before", "attributes", "ends"), PASSWORDS)
def test_a_new_password_ends_sessions(before: Any, attributes: dict[str, Any], ends: bool) -> None:
    """A later pwdLastSet, or one that says that it must be changed."""
    rules, user = policy(), person("alice", 1, **attributes)
    link = dataclasses.replace(row().link, password_set=before)
    found = plan(rules, user, rights(rules, user), mine=row(link=link)).changes
    assert any(change.end_sessions for change in found) is ends


def test_a_password_that_must_be_changed_is_older_than_any() -> None:
    """0 is AD's first moment."""
    assert password_set(person("alice", 1, pwdLastSet=None)) == datetime(1601, 1, 1, tzinfo=timezone.utc)


def test_whose_link_was_never_known_loses_nothing_by_a_name() -> None:
    """It may be the name that is wrong."""
    mine = row(flags={"is_staff": True}, link=Link("EXAMPLE", "alice"))
    made = plan_missing(policy(STAFF_GROUPS="Staff"), mine, HEARD)
    assert (made.status, made.changes, made.mine) == (SyncStatus.NOT_FOUND, (), 7)
    assert "never known" in made.reason


@pytest.mark.parametrize(
    ("heard", "lags"),
    [
        (Heard(NOW, "dc2"), False),
        (Heard(NOW, "dc2", timedelta(minutes=1)), True),
        (Heard(NOW + timedelta(seconds=59), "dc2", timedelta(minutes=1)), True),
        (Heard(NOW + timedelta(minutes=1), "dc2", timedelta(minutes=1)), False),
        (Heard(NOW, "dc1", timedelta(minutes=1)), False),
    ],
)
def test_for_how_long_another_controller_may_lag(heard: Heard, lags: bool) -> None:
    """Until the patience is over, to the moment; by default there is none."""
    assert heard.lags("dc1", NOW) is lags
    assert not heard.lags("", NOW)
    assert not heard.lags("dc1", None)
