"""Who is in which group, against a real Active Directory: by SID, through nesting, in one search."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ad.certificates import Authority
from tests.ad.directory import managed
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager, trace
from wauth_core.exceptions import AmbiguousGroup, GroupNotFound

WANTED = ("givenName", "sn", "mail")


@pytest.fixture
def tapped(samba: DomainController, ad_authority: Authority) -> Iterator[tuple[Tap, LDAPManager]]:
    """A manager whose every message passes a tap."""
    certificate = ad_authority.issue("membership-tap", hosts=("localhost",))
    with Tap(samba, certificate) as tap, managed(samba, SERVER=tap.url, CA_FILE=str(ad_authority.ca_file)) as manager:
        yield tap, manager


def test_a_known_person_takes_one_search(tapped: tuple[Tap, LDAPManager]) -> None:
    """Attributes, account state and all nested groups of a known GUID: one search on the wire. At first, two."""
    tap, manager = tapped
    alice = manager.person(guid=None, username="alice", attributes=WANTED)
    assert len(tap.searches()) == 2
    tap.forget()
    again = manager.person(guid=alice.guid, username="alice", attributes=WANTED)
    [search] = tap.searches()
    assert [seen.kind for seen in tap.seen] == ["search"]
    assert search.scope == "base"
    assert search.base == f"<GUID={alice.guid}>"
    assert "tokenGroups" in search.attributes
    assert again.group_sids == alice.group_sids
    assert f"{manager.domain_sid}-512" in (again.group_sids or ())
    assert again.attributes["sn"] == "Liddell"
    assert "tokenGroups" not in again.attributes


def test_all_names_take_one_search_and_are_kept(tapped: tuple[Tap, LDAPManager]) -> None:
    """The names of all groups in the settings are resolved together, once; well-known ones without asking."""
    tap, manager = tapped
    manager.person(guid=None, username="alice")
    tap.forget()
    names = ["Domain Admins", "Administrators", "Web Admins", "Group 001", "Editors", "nope"]
    first = manager.resolve_groups(names)
    assert len(tap.searches()) == 1
    assert manager.resolve_groups(reversed(names)) == first
    assert manager.resolve_groups(["Web Admins"])["Web Admins"] == first["Web Admins"]
    assert len(tap.searches()) == 1
    assert manager.resolve_groups(["Domain Admins", "S-1-5-32-544"]).sids == {
        "Domain Admins": {f"{manager.domain_sid}-512"},
        "S-1-5-32-544": {"S-1-5-32-544"},
    }
    assert len(tap.searches()) == 1


def test_what_names_mean(manager: LDAPManager) -> None:
    """A name means one security group or nothing; look-alikes, lists and ambiguous names mean nothing."""
    editors = "CN=Editors,OU=Staff,DC=example,DC=local"
    odd = "cn=Comma\\2C Group (odd) *, ou=Staff,DC=example,DC=local"
    resolved = manager.resolve_groups(
        ["Domain Admins", "Enterprise Admins", "web ADMINS", "Mailing List", "Admins", "Editors", editors, odd, "*"]
    )
    domain = manager.domain_sid
    assert resolved["Domain Admins"] == {f"{domain}-512"}
    assert resolved["Enterprise Admins"] == {f"{domain}-519"}
    assert resolved["web ADMINS"] == {manager.group("Web Admins").sid}
    assert resolved[odd] == {manager.group("OddGroup").sid}
    assert resolved["Editors"] == frozenset()
    assert len(resolved.ambiguous["Editors"]) == 2
    assert resolved[editors] == {manager.group(editors).sid}
    assert set(resolved.unknown) == {"Mailing List", "Admins", "*"}
    assert "distribution" in resolved.unknown["Mailing List"]
    assert len(resolved.problems) == 4


def test_names_and_the_search_base(samba: DomainController, manager: LDAPManager) -> None:
    """Names are looked for under SEARCH_BASE, which can tell two of a name apart; a DN may be anywhere."""
    outside = manager.group("EditorsTwo")
    with managed(samba, SEARCH_BASE=f"OU=Staff,{samba.base_dn}") as staff:
        resolved = staff.resolve_groups(["Editors", outside.dn, "DnsAdmins", "Domain Admins"])
    assert resolved["Editors"] == {manager.group("EditorsOne").sid}
    assert resolved[outside.dn] == {outside.sid}
    assert resolved["Domain Admins"] == {f"{manager.domain_sid}-512"}
    assert set(resolved.unknown) == {"DnsAdmins"}


def test_in_group_asks_once(manager: LDAPManager) -> None:
    """Asking for the same group again and again costs nothing."""
    user = manager.person(guid=None, username="alice")
    manager.is_member(user, "Nested L2")
    with trace() as operations:
        assert all(user.in_group("Nested L2") for _ in range(5))
    assert operations == []


def test_names_by_other_attributes(samba: DomainController) -> None:
    """GROUP_ATTRS says what a name is compared with."""
    with managed(samba, GROUP_ATTRS="distinguishedName") as only_dn:
        dn = only_dn.group("OddGroup").dn
        resolved = only_dn.resolve_groups(["Web Admins", dn])
        assert set(resolved.sids) == {dn}
    with managed(samba, GROUP_ATTRS=("cn", "sAMAccountName")) as both:
        assert both.resolve_groups(["OddGroup"])["OddGroup"] == {both.group("OddGroup").sid}
    with managed(samba) as only_cn:
        assert not only_cn.resolve_groups(["OddGroup"])["OddGroup"]
        assert only_cn.resolve_groups(["Comma, Group (odd) *"])["Comma, Group (odd) *"]


@pytest.mark.parametrize(
    ("sam", "group", "expected"),
    [
        ("alice", "Domain Admins", True),
        ("alice", "Administrators", True),
        ("alice", "Nested L1", True),
        ("alice", "Domain Users", True),
        ("bob", "Loop B", True),
        ("bob", "Domain Admins", False),
        ("carol", "Domain Admins", False),
        ("mallory", "Domain Admins", False),
        ("dist.dora", "Domain Admins", False),
        ("dist.dora", "Behind A List", False),
        ("primary.pete", "Primary People", True),
    ],
)
def test_membership(manager: LDAPManager, sam: str, group: str, expected: bool) -> None:
    """Nested, cyclic, primary and built-in groups count; look-alikes and lists do not."""
    user = manager.person(guid=None, username=sam)
    assert user.in_group(group) is expected
    assert manager.is_member(sam, group) is expected


def test_methods_agree(samba: DomainController) -> None:
    """The walk over memberOf finds just the SIDs that tokenGroups holds."""
    with managed(samba) as token, managed(samba, MEMBERSHIP="memberOf") as walk:
        for sam in ("alice", "bob", "Zoë.Ünal", "primary.pete", "dist.dora", "user00007"):
            by_token = token.person(guid=None, username=sam).group_sids
            assert walk.person(guid=None, username=sam).group_sids == by_token


def test_rule_1941_agrees(other_domain: DomainController) -> None:
    """Rule 1941 finds what tokenGroups holds, though the server follows it through mailing lists as well."""
    here = other_domain  # a small domain: the rule looks at every group of it
    behind, mailing, above = here.create_group("behind"), here.create_group("list", groupType="2"), here.create_group()
    here.add_member(mailing, "alice")
    here.add_member(behind, mailing)
    here.add_member(above, "Editors")
    try:
        with managed(here, MEMBERSHIP="in_chain") as chained, managed(here) as token:
            for sam in ("alice", "carol", "only.other"):
                found = chained.person(guid=None, username=sam).group_sids
                assert found == token.person(guid=None, username=sam).group_sids
            alice = chained.person(guid=None, username="alice")
            assert alice.in_group(above)
            assert not alice.in_group(behind)
    finally:
        here.delete(behind, mailing, above)


def test_groups_of_a_user(manager: LDAPManager) -> None:
    """groups() gives all groups as objects, by name, in one search more."""
    user = manager.person(guid=None, username="bob")
    with trace() as operations:
        names = [group.name for group in user.groups()]
    assert names == sorted(names, key=str.lower)
    assert {"Loop A", "Loop B", "OddGroup", "Domain Users", "Users"} <= set(names)
    assert len([o for o in operations if o.kind == "search"]) == 1


def test_unknown_and_ambiguous_groups_are_errors(manager: LDAPManager) -> None:
    """in_group() does not answer "no" for a group that is not there."""
    alice = manager.user("alice")
    with pytest.raises(GroupNotFound):
        alice.in_group("No Such Group")
    with pytest.raises((AmbiguousGroup, GroupNotFound)):
        alice.in_group("CN=Editors,OU=Nowhere,DC=example,DC=local")


def test_members(manager: LDAPManager) -> None:
    """Members stream, each once: 1,601 of them, through cycles, and by primary group."""
    assert len([user.username for user in manager.group("Everyone Big").members()]) == 1601
    assert {user.username for user in manager.group("Loop B").members()} == set()
    assert {user.username for user in manager.group("Loop B").members(recursive=True)} == {"bob"}
    assert "alice" in {user.username for user in manager.members("Domain Admins", recursive=True)}
    assert "carol" not in {user.username for user in manager.members("Domain Admins", recursive=True)}
    assert {user.username for user in manager.group("Primary People").members()} == {"primary.pete"}
    assert {user.username for user in manager.group("Behind A List").members(recursive=True)} == set()
    assert {user.username for user in manager.group("Mailing List").members()} == {"dist.dora", "nomail"}
    assert len(list(manager.group("Domain Users").members())) > 2000
    assert list(manager.group("Empty Group").members(recursive=True)) == []


def test_twins_in_another_domain(samba: DomainController, other_domain: DomainController) -> None:
    """The same name in two domains is two people, each with the rights of the own domain only."""
    with managed(samba) as here, managed(other_domain) as there:
        ours, theirs = here.person(guid=None, username="carol"), there.person(guid=None, username="carol")
        assert ours.guid != theirs.guid
        assert not ours.in_group("Domain Admins")
        assert theirs.in_group("Domain Admins")
        assert not set(ours.group_sids or ()) & {f"{there.domain_sid}-512"}
        assert here.domain_sid != there.domain_sid
