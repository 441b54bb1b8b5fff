"""The Global Catalog of a forest of two domains. Only the embedded directory has one: a Samba forest is one domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ldap3
import pytest

from wauth_core.directory import LDAPManager
from wauth_core.exceptions import (
    AmbiguousGroup,
    AmbiguousUser,
    ConfigurationError,
    GroupNotFound,
    ReadOnlyError,
    UnknownDomain,
    UserNotFound,
)
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

PARENT: dict[str, Any] = {
    "users": {"ada": {"ou": "Staff"}, "twin": {}},
    "groups": {
        "Forest Editors": {"scope": "universal", "members": ["ada"]},
        "Parent Locals": {"scope": "local", "members": ["ada"]},
    },
}
CHILD: dict[str, Any] = {
    "domain": "CHILD",
    "realm": "child.example.local",
    "users": {"eve": {"email": "eve@child.example.local"}, "twin": {}},
    "groups": {
        "Child Team": {"members": ["eve"]},
        "Child Locals": {"scope": "local", "members": ["eve"]},
        "Child List": {"security": False, "members": ["eve"]},
    },
}


@pytest.fixture
def parent() -> Iterator[EmbeddedDirectory]:
    """The forest's root."""
    with EmbeddedDirectory(PARENT) as parent:
        yield parent


@pytest.fixture
def child(parent: EmbeddedDirectory) -> Iterator[EmbeddedDirectory]:
    """A child domain, one of whose people is in a universal group of the root."""
    with EmbeddedDirectory(CHILD, forest=parent) as child:
        parent.add_member("Forest Editors", r"CHILD\eve")
        yield child


@pytest.fixture
def manager(parent: EmbeddedDirectory, child: EmbeddedDirectory) -> Iterator[LDAPManager]:
    """The root domain's manager, with the catalog."""
    settings = LDAPSettings(**parent.settings(GC=parent.global_catalog(), PAGE_SIZE=3))
    with LDAPManager(settings, "EXAMPLE") as manager:
        yield manager


def test_people_of_all_domains(manager: LDAPManager, child: EmbeddedDirectory) -> None:
    """By every name; a name that two domains have is nobody's alone; streamed over pages."""
    forest = manager.global_catalog
    eve = forest.user("eve")
    assert eve.dn == child.dn("eve")
    for way in (r"CHILD\eve", "eve@child.example.local", eve.guid, eve.sid, eve.dn):
        assert forest.user(way) == eve
    with pytest.raises(UserNotFound):
        manager.user("eve")
    with pytest.raises(AmbiguousUser):
        forest.user("twin")
    assert forest.user(r"EXAMPLE\twin") != forest.user(r"CHILD\twin")
    assert forest.user(r"child.example.local\twin").dn == child.dn("twin")
    with pytest.raises(UnknownDomain):
        forest.user(r"NOWHERE\twin")
    names = [user.username for user in forest.users()]
    assert sorted(names) == sorted([u.username for u in manager.users()] + ["eve", "twin", *_builtin()])


def _builtin() -> list[str]:
    return ["Administrator", "Guest", "krbtgt", "svc_wauth"]


def test_groups_of_all_domains(manager: LDAPManager, child: EmbeddedDirectory) -> None:
    """Found; only universal ones have members there."""
    forest = manager.global_catalog
    assert forest.group("Child Team").sid == child.sid("Child Team")
    assert forest.group(r"CHILD\Domain Admins").sid == f"{child.domain_sid}-512"
    assert len(forest.group("Forest Editors", ["member"]).attributes["member"]) == 2
    assert "member" not in forest.group("Child Team", ["member"]).attributes
    assert forest.find("eve").kind == "user"
    assert {each.name for each in forest.objects({"cn": ["Child Team", "Forest Editors"]})} == {
        "Child Team",
        "Forest Editors",
    }


def test_group_names_in_settings(manager: LDAPManager, child: EmbeddedDirectory) -> None:
    """A name of another domain means its SID; mailing lists, and local groups of other domains, mean nothing."""
    names = ["Child Team", r"CHILD\Child Team", "Forest Editors", "Child Locals", "Child List", "Parent Locals", "nope"]
    found = manager.resolve_groups(names)
    sid = child.sid("Child Team")
    assert found.sids["Child Team"] == found.sids[r"CHILD\Child Team"] == frozenset((sid,))
    assert set(found.unknown) == {"Child Locals", "Child List", "nope"}
    assert {"Forest Editors", "Parent Locals"} <= set(found.sids)


def test_membership_of_another_domains_groups(
    manager: LDAPManager, parent: EmbeddedDirectory, child: EmbeddedDirectory
) -> None:
    """Asked by name, SID and GUID; a group that gives no rights here, or that there is not, is not found."""
    below = LDAPManager(LDAPSettings(**child.settings(GC=child.global_catalog())), "CHILD")
    parent.add_member("Forest Editors", r"CHILD\twin")
    with below:
        group = below.global_catalog.group("Forest Editors")
        for way in (
            "Forest Editors",
            r"EXAMPLE\Forest Editors",
            r"example.local\Forest Editors",
            group.sid,
            group.guid,
        ):
            assert below.is_member("eve", way), way
            assert not below.is_member("svc_wauth", way), way
        assert below.user("twin").in_group(r"EXAMPLE\Forest Editors")
        assert not below.is_member("eve", r"EXAMPLE\Domain Admins")
        for nothing in (r"EXAMPLE\Parent Locals", "Parent Locals", r"EXAMPLE\nope", r"NOWHERE\Forest Editors"):
            with pytest.raises(GroupNotFound):
                below.is_member("eve", nothing)
    assert not manager.is_member("ada", r"CHILD\Child Team")
    with LDAPManager(LDAPSettings(**child.settings()), "CHILD") as without, pytest.raises(GroupNotFound):
        without.is_member("eve", r"EXAMPLE\Forest Editors")


def test_a_name_that_two_other_domains_have(parent: EmbeddedDirectory, child: EmbeddedDirectory) -> None:
    """Never the first one."""
    with EmbeddedDirectory({"domain": "THIRD", "realm": "third.example.local"}, forest=parent) as third:
        for one in (parent, child):
            one.add_group("Same")
        with LDAPManager(LDAPSettings(**third.settings(GC=third.global_catalog())), "THIRD") as manager:
            with pytest.raises(AmbiguousGroup):
                manager.is_member("svc_wauth", "Same")
            assert not manager.is_member("svc_wauth", r"CHILD\Same")


def test_rights_through_the_forest(manager: LDAPManager, parent: EmbeddedDirectory, child: EmbeddedDirectory) -> None:
    """Somebody of the child is in the root's universal group, by SID, when asked in the child."""
    with LDAPManager(LDAPSettings(**child.settings(GC=child.global_catalog())), "CHILD") as below:
        eve = below.person(guid=None, username="eve")
        assert parent.sid("Forest Editors") in (eve.group_sids or ())
        meaning = below.resolve_groups(["Forest Editors"])
        assert meaning.sids["Forest Editors"] <= (eve.group_sids or frozenset())
        assert below.forest_info().domains == ("example.local", "child.example.local")


def test_what_the_forest_tells(manager: LDAPManager) -> None:
    """Domains and trusts."""
    assert manager.forest_info().domains == ("example.local", "child.example.local")
    [trust] = manager.trusts()
    assert (trust.partner, trust.kind, trust.direction, trust.is_transitive) == (
        "child.example.local",
        "in the forest",
        "both",
        True,
    )
    assert set(manager.global_catalog.domains()) == {"EXAMPLE", "example.local", "CHILD", "child.example.local"}


def test_it_cannot_be_written_to(manager: LDAPManager, parent: EmbeddedDirectory) -> None:
    """Neither by us nor by anybody."""
    with pytest.raises(ReadOnlyError):
        manager.global_catalog.domain("CHILD").set("eve", {"title": "x"})
    with LDAPManager(
        LDAPSettings(**parent.settings(SERVER=parent.global_catalog(), READ_ONLY=False)), "EXAMPLE"
    ) as direct:
        direct.connection.modify(parent.dn("ada"), {"title": [(ldap3.MODIFY_REPLACE, ["x"])]})
        assert direct.connection.result["result"] == 53


def test_without_a_catalog(parent: EmbeddedDirectory) -> None:
    """The setting is named in the error; names of other domains mean nothing."""
    with LDAPManager(LDAPSettings(**parent.settings()), "EXAMPLE") as manager:
        with pytest.raises(ConfigurationError, match="GC is not set"):
            manager.global_catalog.user("eve")
        assert "Child Team" in manager.resolve_groups(["Child Team"]).unknown
        with pytest.raises(GroupNotFound):
            manager.group("Child Team")
