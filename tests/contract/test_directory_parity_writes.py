"""The embedded directory and a real AD (Samba) are asked the same, and must answer the same: changes."""

from __future__ import annotations

import uuid

import ldap3
import pytest
from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE

from tests.ad.changes import unique
from tests.contract.directories import PERMISSIVE, SHOW_DELETED, DirectoryUnderTest, Scratch, quoted

BASE = "DC=example,DC=local"
ALICE = f"CN=alice,OU=Staff,{BASE}"
NOBODY = f"CN=nobody,{BASE}"


def values(directory: DirectoryUnderTest, dn: str, attribute: str) -> list[bytes]:
    """The values of one attribute of one entry."""
    found = directory.search(dn, scope="BASE", attributes=[attribute]).one
    return sorted(found.get(attribute, []))


class TestMembers:
    """Who is in a group."""

    def test_in_and_out(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Added, twice; taken out, twice; both sides show it."""
        user, group = scratch.user(), scratch.group()
        assert directory.modify(group, {"member": [(MODIFY_ADD, [user])]}) == 0
        assert values(directory, user, "memberOf") == [group.encode()]
        assert directory.modify(group, {"member": [(MODIFY_ADD, [user])]}) == 68
        assert directory.modify(group, {"member": [(MODIFY_DELETE, [user])]}) == 0
        assert directory.modify(group, {"member": [(MODIFY_DELETE, [user])]}) == 53
        assert values(directory, user, "memberOf") == []

    def test_by_guid_and_sid(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A member may be named by GUID or SID; its DN is stored."""
        user, group = scratch.user(), scratch.group()
        [sid] = values(directory, ALICE, "objectSid")
        [guid] = values(directory, user, "objectGUID")
        members = [f"<GUID={guid.hex()}>", f"<SID={sid.hex()}>"]
        assert directory.modify(group, {"member": [(MODIFY_ADD, members)]}) == 0
        assert values(directory, group, "member") == sorted([ALICE.encode(), user.encode()])

    def test_replaced(self, directory: DirectoryUnderTest, scratch: Scratch):
        """All at once, and none at all."""
        user, other, group = scratch.user(), scratch.user(), scratch.group()
        directory.modify(group, {"member": [(MODIFY_ADD, [user])]})
        assert directory.modify(group, {"member": [(MODIFY_REPLACE, [other])]}) == 0
        assert values(directory, group, "member") == [other.encode()]
        assert directory.modify(group, {"member": [(MODIFY_REPLACE, [])]}) == 0
        assert values(directory, group, "member") == []

    @pytest.mark.parametrize(("member", "code"), [(NOBODY, 32), ("garbage", 34)])
    def test_nobody(self, directory: DirectoryUnderTest, scratch: Scratch, member, code):
        """Only who is there can be a member."""
        connection = directory.connect(check_names=False)
        assert directory.modify(scratch.group(), {"member": [(MODIFY_ADD, [member])]}, connection) == code

    def test_memberof_is_not_written(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Membership is the group's."""
        changes = {"memberOf": [(MODIFY_ADD, [scratch.group()])]}
        assert directory.modify(scratch.user(), changes) == 53

    def test_the_primary_group(self, directory: DirectoryUnderTest, scratch: Scratch):
        """It must be a group the user is in; then they swap places: MS-SAMR 3.1.1.8.2."""
        user, group = scratch.user(), scratch.group()
        [token] = values(directory, group, "primaryGroupToken")
        change = {"primaryGroupID": [(MODIFY_REPLACE, [token])]}
        assert directory.modify(user, change) == 53
        directory.modify(group, {"member": [(MODIFY_ADD, [user])]})
        assert directory.modify(user, change) == 0
        assert values(directory, group, "member") == []
        assert values(directory, user, "memberOf") == [f"CN=Domain Users,CN=Users,{BASE}".encode()]
        assert directory.modify(group, {"member": [(MODIFY_ADD, [user])]}) == 68
        assert len(values(directory, user, "tokenGroups")) == 3

    def test_permissive(self, directory: DirectoryUnderTest, scratch: Scratch):
        """With the permissive-modify control what is so already is no error."""
        permissive = [(PERMISSIVE, True, None)]
        user = scratch.user()
        assert directory.modify(user, {"title": [(MODIFY_DELETE, ["x"])]}, controls=permissive) == 0


class TestAttributes:
    """Values written and refused."""

    def test_one_value(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A second value, another's deletion, a deletion of nothing."""
        user = scratch.user()
        assert directory.modify(user, {"title": [(MODIFY_REPLACE, ["a", "b"])]}) == 20
        assert directory.modify(user, {"title": [(MODIFY_ADD, ["Clerk"])]}) == 0
        assert directory.modify(user, {"title": [(MODIFY_ADD, ["Chief"])]}) == 20
        assert directory.modify(user, {"title": [(MODIFY_DELETE, ["Chief"])]}) == 16
        assert directory.modify(user, {"title": [(MODIFY_DELETE, ["CLERK"])]}) == 0
        assert directory.modify(user, {"title": [(MODIFY_DELETE, [])]}) == 16
        assert directory.modify(user, {"title": [(MODIFY_REPLACE, [])]}) == 0

    def test_several_values(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Added and deleted one by one."""
        user = scratch.user()
        assert directory.modify(user, {"otherTelephone": [(MODIFY_ADD, ["12", "34"])]}) == 0
        assert directory.modify(user, {"otherTelephone": [(MODIFY_ADD, ["34"])]}) == 20
        assert directory.modify(user, {"otherTelephone": [(MODIFY_DELETE, ["56"])]}) == 16
        assert directory.modify(user, {"otherTelephone": [(MODIFY_DELETE, ["12"])]}) == 0
        assert values(directory, user, "otherTelephone") == [b"34"]

    @pytest.mark.parametrize(
        ("attribute", "value", "code"),
        [
            ("nonsense", "x", 16),
            ("title", "", 21),
            ("countryCode", "abc", 21),
            ("userAccountControl", "abc", 21),
            ("manager", "garbage", 34),
            ("manager", NOBODY, 19),
            ("objectSid", "x", 53),
            ("objectGUID", "x" * 16, 19),
            ("whenChanged", "20200101000000.0Z", 19),
            ("uSNChanged", "5", 19),
            ("tokenGroups", "x", 19),
            ("canonicalName", "x", 19),
            ("distinguishedName", f"CN=x,{BASE}", 19),
            ("sAMAccountType", "805306368", 53),
            ("directReports", ALICE, 53),
            ("sIDHistory", "x", 53),
            ("instanceType", "5", 19),
            ("isDeleted", "TRUE", 19),
            ("objectClass", "group", 65),
            ("cn", "x", 67),
            ("name", "x", 67),
            ("sAMAccountName", "alice", 68),
            ("sAMAccountName", "", 21),
            ("userPrincipalName", "alice@example.local", 19),
            ("primaryGroupID", "512", 53),
            ("primaryGroupID", "99999", 53),
            ("pwdLastSet", "5", 80),
        ],
    )
    def test_refused(self, directory: DirectoryUnderTest, scratch: Scratch, attribute, value, code):
        """What may not be written, or not so; nothing is changed then."""
        user = scratch.user()
        connection = directory.connect(check_names=False)
        before = directory.search(user, scope="BASE", attributes=["*"]).one
        changes = {"department": [(MODIFY_REPLACE, ["D"])], attribute: [(MODIFY_REPLACE, [value])]}
        assert directory.modify(user, changes, connection) == code
        assert directory.search(user, scope="BASE", attributes=["*"]).one == before

    @pytest.mark.parametrize("value", ["a/b", "a*b"])
    def test_logon_names(self, directory: DirectoryUnderTest, scratch: Scratch, value):
        """Letters that no logon name has: ``00000523 … problem 22 (Invalid argument)`` on Windows."""
        code = directory.modify(scratch.user(), {"sAMAccountName": [(MODIFY_REPLACE, [value])]})
        assert code == directory.expects(windows=80, samba=19)

    def test_too_long(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Windows calls it a constraint violation, Samba a wrong syntax."""
        code = directory.modify(scratch.user(), {"title": [(MODIFY_REPLACE, ["x" * 200])]})
        assert code == directory.expects(windows=19, samba=21)

    @pytest.mark.parametrize(
        ("attribute", "value", "stored"),
        [
            ("pwdLastSet", "0", b"0"),
            ("accountExpires", "0", b"0"),
            ("userAccountControl", "66082", b"66082"),
            ("description", "grüße, 世界", "grüße, 世界".encode()),
            ("manager", ALICE.lower(), ALICE.encode()),
            ("lockoutTime", "0", b"0"),
        ],
    )
    def test_taken(self, directory: DirectoryUnderTest, scratch: Scratch, attribute, value, stored):
        """What may be written is stored."""
        user = scratch.user()
        assert directory.modify(user, {attribute: [(MODIFY_REPLACE, [value])]}) == 0
        assert values(directory, user, attribute) == [stored]

    def test_nobody_there(self, directory: DirectoryUnderTest):
        """An entry that is not there cannot be changed."""
        connection = directory.connect(check_names=False)
        change = {"title": [(MODIFY_REPLACE, ["x"])]}
        assert directory.modify(NOBODY, change) == 32
        assert directory.modify("garbage", change, connection) == 34

    def test_usn_and_time(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A change raises uSNChanged; a membership changes the group and not its member."""
        user, group = scratch.user(), scratch.group()
        before = {dn: int(values(directory, dn, "uSNChanged")[0]) for dn in (user, group)}
        directory.modify(group, {"member": [(MODIFY_ADD, [user])]})
        after = {dn: int(values(directory, dn, "uSNChanged")[0]) for dn in (user, group)}
        assert after[user] == before[user]
        assert after[group] > before[group]
        [highest] = directory.search("", scope="BASE", attributes=["highestCommittedUSN"]).one["highestCommittedUSN"]
        assert int(highest) >= after[group]


class TestAdding:
    """New entries."""

    def test_a_user_has_what_sam_gives(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Disabled, without a password, in Domain Users, with a SID of the domain."""
        found = directory.search(scratch.user(), scope="BASE", attributes=["*"]).one
        assert found["userAccountControl"] == [b"546"]
        assert found["primaryGroupID"] == [b"513"]
        assert found["sAMAccountType"] == [b"805306368"]
        assert found["accountExpires"] == [b"9223372036854775807"]
        assert found["pwdLastSet"] == [b"0"]
        assert len(found["objectSid"][0]) == 28
        assert set(found) == {
            *("accountExpires", "badPasswordTime", "badPwdCount", "cn", "codePage", "countryCode"),
            *("distinguishedName", "instanceType", "lastLogoff", "lastLogon", "logonCount", "name"),
            *("objectCategory", "objectClass", "objectGUID", "objectSid", "primaryGroupID", "pwdLastSet"),
            *("sAMAccountName", "sAMAccountType", "uSNChanged", "uSNCreated", "userAccountControl"),
            *("whenChanged", "whenCreated"),
        }

    def test_a_group_has_what_sam_gives(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A global security group."""
        found = directory.search(scratch.group(), scope="BASE", attributes=["*"]).one
        assert found["groupType"] == [b"-2147483646"]
        assert found["sAMAccountType"] == [b"268435456"]

    def test_a_logon_name_is_made_up(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Whoever gives none gets one."""
        dn = f"CN={unique('add')},{scratch.dn}"
        assert directory.add(dn, "user") == 0
        assert values(directory, dn, "sAMAccountName")[0].startswith(b"$")

    @pytest.mark.parametrize(
        ("rdn", "kind", "attributes", "code"),
        [
            ("CN={}", "user", {"sAMAccountName": "alice"}, 68),
            ("CN={}", "nonsense", {}, 16),
            ("CN={}", "top", {}, 53),
            ("CN={}", "user", {"nonsense": "x"}, 16),
            ("CN={}", "user", {"groupType": "2"}, 65),
            ("CN={}", "user", {"objectGUID": b"x" * 16}, 53),
            ("CN={}", "user", {"unicodePwd": quoted("abc"), "userAccountControl": "512"}, 19),
            ("CN={}", "user", {"sAMAccountName": []}, 19),
            ("CN={}", "user", {"sAMAccountName": [""]}, 21),
            ("CN={}", "user", {"mail": []}, 19),
            ("CN={}", "group", {"member": []}, 19),
            ("OU={}", "user", {}, 64),
            ("CN={},OU=Nowhere", "user", {}, 32),
        ],
        ids=[
            *("name taken", "class", "abstract", "attribute", "not of the class", "GUID", "password", "no name"),
            *("an empty name", "no value", "no member", "RDN", "parent"),
        ],
    )
    def test_refused(self, directory: DirectoryUnderTest, scratch: Scratch, rdn, kind, attributes, code):
        """What cannot be added, and is not there afterwards."""
        dn = f"{rdn.format(unique('add'))},{scratch.dn}"
        assert directory.add(dn, kind, attributes) == code
        assert directory.search(dn, scope="BASE").code == 32

    def test_twice(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A name can be had once."""
        assert directory.add(scratch.user(), "user") == 68

    def test_with_members(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A group may begin with people in it."""
        group = scratch.group(member=[ALICE])
        assert values(directory, group, "member") == [ALICE.encode()]


class TestRenaming:
    """modifyDN."""

    def test_links_follow(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Renamed and moved, with a comma in the new name: the group shows the new DN, the GUID stays."""
        user, group = scratch.user(), scratch.group()
        inner = f"OU=inner,{scratch.dn}"
        assert directory.add(inner, "organizationalUnit") == 0
        directory.modify(group, {"member": [(MODIFY_ADD, [user])]})
        guid = values(directory, user, "objectGUID")
        name = unique("ren")
        assert directory.rename(user, f"CN=Smith\\, {name}", new_superior=inner) == 0
        moved = f"CN=Smith\\, {name},{inner}"
        assert values(directory, group, "member") == [moved.encode()]
        assert values(directory, moved, "objectGUID") == guid
        assert values(directory, moved, "cn") == values(directory, moved, "name") == [f"Smith, {name}".encode()]
        assert directory.search(user, scope="BASE").code == 32

    def test_a_whole_branch(self, directory: DirectoryUnderTest, scratch: Scratch):
        """What is below moves along."""
        inner = f"OU=inner,{scratch.dn}"
        directory.add(inner, "organizationalUnit")
        directory.add(f"CN=leaf,{inner}", "container")
        assert directory.rename(inner, "OU=outer") == 0
        assert directory.search(f"CN=leaf,OU=outer,{scratch.dn}", scope="BASE").code == 0

    def test_case_only(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Another spelling is a new name."""
        user = scratch.user()
        shouted = user.split(",")[0].replace("CN=", "").upper()
        assert directory.rename(user, f"CN={shouted}") == 0
        assert values(directory, user, "cn") == [shouted.encode()]

    def test_refused(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A taken name, no name, nobody, the old name kept, a place below itself, what the system needs."""
        user = scratch.user()
        directory.add(f"CN=taken,{scratch.dn}", "container")
        inner = f"OU=inner,{scratch.dn}"
        directory.add(inner, "organizationalUnit")
        assert directory.rename(user, "CN=taken") == 68
        assert directory.rename(NOBODY, "CN=x") == 32
        assert directory.rename(user, "CN=other", delete_old_dn=False) == 53
        assert directory.rename(scratch.dn, scratch.dn.split(",")[0], new_superior=inner) == 53
        assert directory.rename(f"CN=Users,{BASE}", "CN=Folk") == 53


class TestDeleting:
    """Entries that go, and what is left of them."""

    def test_a_tombstone_is_left(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Hidden, out of all groups, found by its GUID with the show-deleted control; the name is free."""
        user, group = scratch.user(mail="x@example.local"), scratch.group()
        directory.modify(group, {"member": [(MODIFY_ADD, [user])]})
        [guid], [sid] = values(directory, user, "objectGUID"), values(directory, user, "objectSid")
        [sam] = values(directory, user, "sAMAccountName")
        assert directory.delete(user) == 0
        assert values(directory, group, "member") == []
        assert directory.search(f"<GUID={guid.hex()}>", scope="BASE").code == 32
        assert directory.search(query=f"(sAMAccountName={sam.decode()})").entries == []
        left = directory.search(
            query=f"(sAMAccountName={sam.decode()})", attributes=["*"], controls=[(SHOW_DELETED, True, None)]
        )
        name = f"{sam.decode()}\\0ADEL:{uuid.UUID(bytes_le=guid)}"
        assert left.dns == {f"CN={name},CN=Deleted Objects,{BASE}"}
        assert left.one["isDeleted"] == [b"TRUE"]
        assert left.one["lastKnownParent"] == [scratch.dn.encode()]
        assert left.one["objectSid"] == [sid]
        assert set(left.one) == {
            *("cn", "distinguishedName", "instanceType", "isDeleted", "isRecycled", "lastKnownParent", "name"),
            *("objectClass", "objectGUID", "objectSid", "sAMAccountName", "uSNChanged", "uSNCreated"),
            *("userAccountControl", "whenChanged", "whenCreated"),
        }
        assert directory.add(user, "user", {"sAMAccountName": sam.decode()}) == 0
        assert values(directory, user, "objectGUID") != [guid]
        assert values(directory, user, "objectSid") != [sid]

    def test_refused(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Nobody, what has children, and what the system needs."""
        scratch.user()
        assert directory.delete(NOBODY) == 32
        assert directory.delete(scratch.dn) == 66
        assert directory.delete(f"CN=Users,{BASE}") == 53
        assert directory.delete(BASE) == 53
        assert directory.delete(f"CN=Administrators,CN=Builtin,{BASE}") == 53


def test_others_may_read_only(directory: DirectoryUnderTest, scratch: Scratch):
    """An ordinary account changes nobody, adds nobody, deletes nobody."""
    user = scratch.user()
    bob = directory.connect("EXAMPLE\\bob")
    assert directory.modify(user, {"title": [(MODIFY_REPLACE, ["x"])]}, bob) == 50
    assert not bob.add(f"CN={unique('add')},{scratch.dn}", "user")
    assert bob.result["result"] == 50
    assert not bob.delete(user)
    assert bob.result["result"] == 50
    assert not bob.modify_dn(user, "CN=other")
    assert bob.result["result"] == 50


def test_compare(directory: DirectoryUnderTest):
    """Equal by the attribute's rule, or not; nobody is an error."""
    connection = directory.admin_connection
    for attribute, value, code in (
        ("cn", "ALICE", 6),
        ("cn", "bob", 5),
        ("memberOf", f"CN=Nested L2,OU=Staff,{BASE}", 6),
    ):
        connection.compare(ALICE, attribute, value)
        assert connection.result["result"] == code
    connection.compare(NOBODY, "cn", "x")
    assert connection.result["result"] == 32


class Follower:
    """DirSync from one cookie to the next."""

    def __init__(self, directory: DirectoryUnderTest, query: str, attributes: list[str]) -> None:
        self.directory = directory
        self.query = query
        self.attributes = attributes
        self.cookie: bytes | None = None

    def changes(self, **options: bool) -> dict[str, dict[str, int]]:
        """First name of each changed entry, with the number of values of each attribute sent."""
        sync = self.directory.admin_connection.extend.microsoft.dir_sync(
            BASE, sync_filter=self.query, attributes=self.attributes, cookie=self.cookie, **options
        )
        found = list(sync.loop() or [])
        while sync.more_results:
            found += sync.loop() or []
        self.cookie = sync.cookie
        return {
            entry["dn"].split(";")[-1].split(",")[0][3:]: {
                name: len(listed or []) for name, listed in entry["raw_attributes"].items()
            }
            for entry in found
            if entry["type"] == "searchResEntry"
        }


class TestDirSync:
    """Changes since the last time."""

    def test_attributes(self, directory: DirectoryUnderTest, scratch: Scratch):
        """All at first, nothing, then what is new and what changed, with GUID and instanceType each time."""
        both = "(|(objectClass=user)(objectClass=group))"
        follower = Follower(directory, both, ["sAMAccountName", "title", "member", "memberOf", "cn"])
        every = follower.changes()
        assert set(every["alice"]) == {"objectGUID", "instanceType", "sAMAccountName"}
        assert every["Everyone Big"]["member;range=1-1"] == 1601
        assert follower.changes() == {}
        user, group = scratch.user(title="Clerk"), scratch.group()
        directory.modify(group, {"member": [(MODIFY_ADD, [user, ALICE])]})
        always = {"objectGUID": 1, "instanceType": 1}
        name, group_name = user.split(",")[0][3:], group.split(",")[0][3:]
        assert follower.changes() == {
            name: {**always, "sAMAccountName": 1, "title": 1},
            group_name: {**always, "sAMAccountName": 1, "member;range=1-1": 2},
        }
        directory.modify(user, {"title": [(MODIFY_REPLACE, ["Chief"])]})
        directory.modify(group, {"member": [(MODIFY_DELETE, [user])]})
        assert follower.changes() == {
            name: {**always, "title": 1},
            group_name: {**always, "member;range=0-0": 1},
        }
        directory.modify(user, {"title": [(MODIFY_DELETE, [])]})
        assert follower.changes() == {name: {**always, "title": 0}}
        directory.modify(user, {"description": [(MODIFY_REPLACE, ["not asked for"])]})
        assert follower.changes() == {}

    def test_names_and_deletions(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A renamed entry comes with its name and its parent, a deleted one with what it lost."""
        user = scratch.user(description="x")
        name = user.split(",")[0][3:]
        follower = Follower(directory, "(objectClass=user)", ["*"])
        follower.changes()
        directory.rename(user, f"CN={name}x")
        always = {"objectGUID": 1, "instanceType": 1, "parentGUID": 1, "name": 1}
        assert follower.changes() == {f"{name}x": always}
        directory.delete(user.replace(name, f"{name}x"))
        [(gone, attributes)] = follower.changes().items()
        assert gone.startswith(f"{name}x\\0ADEL:")
        assert attributes.items() >= {**always, "isDeleted": 1, "lastKnownParent": 1, "description": 0}.items()

    def test_whole_lists_on_request(self, directory: DirectoryUnderTest, scratch: Scratch):
        """Without incremental values a changed list comes as a whole."""
        group = scratch.group(member=[ALICE])
        follower = Follower(directory, "(objectClass=group)", ["member"])
        follower.changes()
        directory.modify(group, {"member": [(MODIFY_ADD, [f"CN=bob,OU=Staff,{BASE}"])]})
        assert follower.changes(incremental_values=False) == {
            group.split(",")[0][3:]: {"objectGUID": 1, "instanceType": 1, "member": 2}
        }

    def test_it_needs_rights_and_a_naming_context(self, directory: DirectoryUnderTest):
        """Somebody without replication rights must ask for what they may see; below the root there is none."""
        bob = directory.connect("EXAMPLE\\bob")
        cases = ((bob, BASE, 50), (directory.admin_connection, f"OU=Staff,{BASE}", 50))
        for connection, base, code in cases:
            control = ldap3.protocol.microsoft.dir_sync_control(True, False, False, False, True, 2147483647, b"")
            connection.search(base, "(sAMAccountName=alice)", attributes=["cn"], controls=[control])
            assert connection.result["result"] == code
        control = ldap3.protocol.microsoft.dir_sync_control(True, True, False, False, True, 2147483647, b"")
        bob.search(BASE, "(sAMAccountName=alice)", attributes=["sAMAccountName"], controls=[control])
        assert bob.result["result"] == 0
        assert len(bob.response) == 1
