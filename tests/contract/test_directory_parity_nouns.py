"""`LDAPManager`'s nouns over the embedded directory and a real AD (Samba): the same questions, the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from tests.ad.changes import unique
from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import DirectoryUser, LDAPManager, trace
from wauth_core.exceptions import Ambiguous, ConfigurationError, NotFound

BASE = "DC=example,DC=local"


class TestComputers:
    """Computer accounts."""

    def test_by_every_name(self, manager: LDAPManager, directory: DirectoryUnderTest) -> None:
        """By account with and without $, in any case, by GUID, SID, DN, and as itself: one search."""
        found = manager.computer("WS01")
        assert (found.name, found.username, found.kind, found.enabled) == ("WS01", "WS01$", "computer", True)
        assert found.guid == directory.guid_of(found.dn)
        with trace() as operations:
            assert {manager.computer(x) for x in ("ws01$", found.guid, found.sid, found.dn, found)} == {found}
        assert len([each for each in operations if each.kind == "search"]) == 5

    def test_by_host_name(self, manager: LDAPManager) -> None:
        """A controller is a computer."""
        found = manager.computer("dc1.example.local")
        assert (found.name, found.dns_name) == ("DC1", "dc1.example.local")

    def test_all(self, manager: LDAPManager) -> None:
        """Streamed; people and service accounts are none."""
        assert {each.name for each in manager.computers()} >= {"WS01", "DC1"}
        assert [each.name for each in manager.computers({"cn": "WS01"}, attributes="operatingSystem")] == ["WS01"]

    @pytest.mark.parametrize("name", ["alice", "nobody", "", "*", "WS0", r"OTHER\WS01"])
    def test_what_names_none(self, manager: LDAPManager, name: str) -> None:
        """A person's name is no computer's."""
        with pytest.raises(NotFound, match="No computer"):
            manager.computer(name)

    def test_the_group_of_all_computers(self, manager: LDAPManager) -> None:
        """Domain Computers has members by primary group only, and no person among them."""
        assert "WS01" in {each.name for each in manager.members("Domain Computers", kinds=["computer"])}
        assert list(manager.members("Domain Computers")) == []


class TestUnits:
    """Organizational units."""

    def test_by_name_and_path(self, manager: LDAPManager) -> None:
        """By name, by path, by path with the domain before it, by DN and GUID."""
        found = manager.ou("Deeper")
        assert (found.dn, found.name, found.kind) == (f"OU=Deeper,OU=Staff,{BASE}", "Deeper", "ou")
        ways = ("Staff/Deeper", "example.local/Staff/Deeper", found.dn, found.guid, found)
        assert {manager.ou(way) for way in ways} == {found}

    def test_two_of_one_name(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Never the first one; the path says which."""
        name = unique("ou")
        for above in (scratch.dn, f"OU=Leavers,{BASE}"):
            assert scratch.door.add(f"OU={name},{above}", "organizationalUnit") == 0
        with pytest.raises(Ambiguous, match="organizational units"):
            manager.ou(name)
        assert manager.ou(f"Leavers/{name}").dn == f"OU={name},OU=Leavers,{BASE}"
        scratch.door.delete(f"OU={name},OU=Leavers,{BASE}")

    def test_all(self, manager: LDAPManager) -> None:
        """Streamed, containers left out."""
        names = {each.name for each in manager.ous()}
        assert names >= {"Staff", "Leavers", "Deeper", "Contacts", "Domain Controllers"}
        assert "Users" not in names


class TestContacts:
    """Contacts are nobody who signs in."""

    def test_one(self, manager: LDAPManager) -> None:
        """By name and mail address, beside a person of the same name and address."""
        found = manager.contact("alice")
        assert (found.dn, found.email, found.kind) == (f"CN=alice,OU=Contacts,{BASE}", "alice@example.local", "contact")
        assert manager.contact("alice@example.local") == found
        assert found.guid != manager.user("alice").guid

    def test_all(self, manager: LDAPManager) -> None:
        """Contacts only."""
        assert {each.kind for each in manager.contacts()} == {"contact"}
        assert [each.name for each in manager.contacts({"sn": "Liddell"})] == ["alice"]


class TestServiceAccounts:
    """Managed service accounts."""

    @pytest.fixture
    def account(self, directory: DirectoryUnderTest) -> Iterator[str]:
        """A gMSA's name, without the $."""
        name = unique("gmsa")
        dn = f"CN={name},CN=Managed Service Accounts,{BASE}"
        attributes = {
            "sAMAccountName": f"{name}$",
            "dNSHostName": f"{name}.example.local",
            "msDS-ManagedPasswordInterval": "30",
            "userAccountControl": "4096",
        }
        assert directory.add(dn, "msDS-GroupManagedServiceAccount", attributes) == 0
        yield name
        directory.delete(dn)

    def test_one(self, manager: LDAPManager, account: str) -> None:
        """Found with and without $; it is no computer and no person."""
        found = manager.service_account(account)
        assert (found.username, found.is_group_managed, found.password_interval) == (f"{account}$", True, 30)
        assert found == manager.service_account(f"{account}$") == manager.find(account)
        assert found.kind == "service_account"
        for other in (manager.computer, manager.user):
            with pytest.raises(NotFound):
                other(account)

    def test_all(self, manager: LDAPManager, account: str) -> None:
        """Streamed; computers do not list them."""
        assert account in {each.name for each in manager.service_accounts()}
        assert account not in {each.name for each in manager.computers()}


class TestMembers:
    """Members of every kind."""

    def test_kinds(self, manager: LDAPManager, scratch: Scratch) -> None:
        """A person, a group, a computer and a contact in one group, each as what it is."""
        person, inner = scratch.user(), scratch.group()
        group = scratch.group(member=[person, inner, f"CN=WS01,CN=Computers,{BASE}", f"CN=alice,OU=Contacts,{BASE}"])
        found = {each.kind: each.dn for each in manager.members(group, kinds="all")}
        assert found == {
            "user": person,
            "group": inner,
            "computer": f"CN=WS01,CN=Computers,{BASE}",
            "contact": f"CN=alice,OU=Contacts,{BASE}",
        }
        assert {each.kind for each in manager.members(group, kinds=["group", "contact"])} == {"group", "contact"}
        assert [each.dn for each in manager.members(group)] == [person]

    def test_nested(self, manager: LDAPManager, scratch: Scratch) -> None:
        """With recursive, what nested groups hold too, once each."""
        person = scratch.user()
        inner = scratch.group(member=[person, f"CN=WS01,CN=Computers,{BASE}"])
        outer = scratch.group(member=[inner, person])
        found = [each.kind for each in manager.members(outer, recursive=True, kinds="all")]
        assert sorted(found) == ["computer", "group", "user"]

    def test_principals_of_no_domain(self, manager: LDAPManager) -> None:
        """Foreign security principals are named by their SID, well-known ones in words."""
        found = {each.sid: each.name for each in manager.members("Users", kinds=["foreign"])}
        assert found == {"S-1-5-4": "Interactive", "S-1-5-11": "Authenticated Users"}

    def test_an_unknown_kind(self, manager: LDAPManager) -> None:
        """A misspelt kind is an error, and not an empty answer."""
        with pytest.raises(ConfigurationError, match="printers"):
            manager.members("Users", kinds=["printers"])


class TestPeople:
    """What a person's entry tells beside names."""

    def test_manager_and_reports(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Both ways; a contact may be a manager."""
        boss = scratch.user()
        first, second = scratch.user(manager=boss), scratch.user(manager=boss)
        assert manager.user(first).manager == manager.user(boss)
        assert {each.dn for each in manager.user(boss).reports} == {first, second}
        assert manager.user(boss).manager is None
        outside = scratch.user(manager=f"CN=alice,OU=Contacts,{BASE}")
        assert manager.user(outside).manager == manager.contact("alice")

    def test_photo(self, manager: LDAPManager, scratch: Scratch) -> None:
        """The octets as they are stored."""
        picture = b"\xff\xd8\xff\xe0" + bytes(range(256))
        assert manager.user(scratch.user(thumbnailPhoto=picture)).photo == picture
        assert manager.user("alice").photo is None

    def test_times(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Age of the password, end of the account, last sign-in."""
        name = scratch.person()
        user = manager.user(name)
        assert timedelta(seconds=-5) < user.password_age < timedelta(minutes=5)
        assert (user.expires, user.last_logon) == (None, None)
        assert manager.user("expired.eve").expires == datetime(2020, 1, 1, tzinfo=timezone.utc)
        assert manager.user("mustchange.mia").password_age is None
        assert scratch.door.sign_in(f"EXAMPLE\\{name}", "G00d-password") == "ok"
        since = manager.user(name).last_logon
        assert abs(since - datetime.now(timezone.utc)) < timedelta(minutes=5)


class TestAnything:
    """Objects of any kind."""

    def test_each_as_what_it_is(self, manager: LDAPManager) -> None:
        """A person, a group, a computer, a unit; and what has no kind of its own."""
        alice = manager.find("EXAMPLE\\alice2")
        assert isinstance(alice, DirectoryUser)
        assert alice.username == "alice2"
        assert manager.find(f"OU=Staff,{BASE}").kind == "ou"
        assert manager.find("WS01").kind == "computer"
        assert manager.find("Web Admins") == manager.group("Web Admins")
        assert (manager.find(BASE).kind, manager.find(f"CN=System,{BASE}").kind) == ("domainDNS", "container")
        with pytest.raises(NotFound, match="No object"):
            manager.find("nobody.here")

    def test_streamed(self, manager: LDAPManager) -> None:
        """A mapping as filter, any kinds mixed."""
        found = {each.kind for each in manager.objects({"cn": ["alice", "WS01", "Web Admins"]})}
        assert found == {"user", "contact", "computer", "group"}


class TestDeleted:
    """What was deleted."""

    def test_found(self, manager: LDAPManager, scratch: Scratch, directory: DirectoryUnderTest) -> None:
        """With its name, class, place and GUID."""
        dn = scratch.user()
        alive = manager.user(dn)
        directory.delete(dn)
        [found] = manager.deleted({"sAMAccountName": alive.username})
        assert (found.guid, found.sid, found.kind, found.name) == (alive.guid, alive.sid, "user", alive.name)
        assert (found.last_parent, found.is_complete) == (scratch.dn, False)
        assert abs(found.deleted_at - datetime.now(timezone.utc)) < timedelta(minutes=5)
        with pytest.raises(NotFound):
            manager.user(alive.guid)
