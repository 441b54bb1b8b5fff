"""The way to each group of a person, through nested ones."""

from __future__ import annotations

import dataclasses

import pytest

from wauth_core.directory import LDAPManager
from wauth_core.directory.ways import ways
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory


def through(manager: LDAPManager, name: str) -> dict[str, tuple[str, ...] | None]:
    """The names between the person and each group."""
    return {way.group.name: way.through for way in ways(manager, manager.user(name))}


def test_the_shortest_way_to_every_group(directory: EmbeddedDirectory) -> None:
    """Direct groups, nested ones by the shortest way, a circle, the primary group; no mailing list is a way."""
    directory.add_member("Web Editors", "ada")
    directory.remove_member("Web Users", "Department HR")
    with LDAPManager(LDAPSettings(**directory.settings()), "EXAMPLE") as manager:
        ada = through(manager, "ada")
        assert ada["Web Developers"] == ada["Web Editors"] == ada["Domain Users"] == ()
        assert ada["Users"] == ("Domain Users",)
        assert ada["Remote Desktop Users"] == ("Web Developers",)
        assert list(ada.values()) == sorted(ada.values(), key=lambda names: len(names or ()))
        assert through(manager, "jose")["Project Wonderland"] == ("Project Looking-Glass",)
        assert through(manager, "hana")["Web Users"] == ("Web Editors",)
        assert "All Staff" not in ada
        assert set(ada) == {group.name for group in manager.user("ada").groups()}


def test_a_way_that_the_directory_does_not_say(directory: EmbeddedDirectory) -> None:
    """A group by sIDHistory, or of another domain, is in the token and in no memberOf."""
    with LDAPManager(LDAPSettings(**directory.settings()), "EXAMPLE") as manager:
        user = manager.person(guid=directory.guid("ken"), username="ken")
        sid = manager.group("Web Admins").sid
        assert user.group_sids is not None
        assert sid is not None
        stranger = dataclasses.replace(user, group_sids=user.group_sids | {sid})
        found = {way.group.name: way.through for way in ways(manager, stranger)}
        assert found["Web Admins"] is None
        assert list(found)[-1] == "Web Admins"


@pytest.mark.ad
def test_the_same_on_a_real_domain(samba) -> None:
    """tokenGroups and memberOf of a real controller say the same way."""
    name = samba.create_user("way")
    inner, outer = samba.create_group("inner"), samba.create_group("outer")
    samba.add_member(inner, name)
    samba.add_member(outer, inner)
    with LDAPManager(LDAPSettings(**samba.settings()), "EXAMPLE") as manager:
        found = through(manager, name)
    assert found[inner] == found["Domain Users"] == ()
    assert found[outer] == (inner,)
    assert found["Users"] == ("Domain Users",)
