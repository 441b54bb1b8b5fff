"""`LDAPManager`'s writes over the embedded directory and a real AD (Samba): the same changes, the same refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest

from tests.ad.changes import unique
from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import LDAPManager, WriteResult, trace
from wauth_core.exceptions import ChangeRefused, ConfigurationError, NotFound, ReadOnlyError
from wauth_core.settings import LDAPSettings

BASE = "DC=example,DC=local"
WRITES = {"add", "modify", "modifydn", "delete"}


def managed(directory: DirectoryUnderTest, **more: Any) -> LDAPManager:
    """A manager that may write, unless told otherwise."""
    settings = {
        "SERVER": f"ldaps://{directory.host}:{directory.tls_port}",
        "USERNAME": directory.admin,
        "PASSWORD": directory.password,
        "SEARCH_BASE": directory.base,
        "CA_FILE": directory.ca_file,
        "READ_ONLY": False,
        **more,
    }
    return LDAPManager(LDAPSettings(**settings), "EXAMPLE")


@pytest.fixture
def manager(directory: DirectoryUnderTest) -> Iterator[LDAPManager]:
    """The administrator's manager, over either directory."""
    with managed(directory) as manager:
        yield manager


def everything(directory: DirectoryUnderTest, dn: str) -> dict[str, list[bytes]]:
    """All attributes of an entry, but for what any write changes, by plain ldap3."""
    found = directory.search(dn, scope="BASE", attributes=["*"]).one
    return {name: sorted(v) for name, v in found.items() if not name.startswith(("uSNCh", "whenCh", "dSCore"))}


def refusal(call: Any, *given: Any, **more: Any) -> str:
    """The reason why a write was refused."""
    with pytest.raises(ChangeRefused) as caught:
        call(*given, **more)
    return caught.value.reason


class TestAttributes:
    """Setting values."""

    def test_set(self, manager: LDAPManager, directory: DirectoryUnderTest, scratch: Scratch) -> None:
        """One, several and none; what was written is what is read, and nothing else changed."""
        dn = scratch.user(title="Old", description="away")
        before = everything(directory, dn)
        given = {
            "title": "Größte <3>",
            "otherTelephone": ["1", "2"],
            "description": None,
            "manager": manager.user("alice"),
        }
        result = manager.set(dn, given)
        after = everything(directory, dn)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert changed == set(given)
        found = manager.user(dn, list(given)).attributes
        assert (found["title"], sorted(found["otherTelephone"])) == ("Größte <3>", ["1", "2"])
        assert found["manager"] == manager.user("alice").dn
        assert result.before == {"title": "Old", "otherTelephone": None, "description": "away", "manager": None}
        assert result.changed

    def test_nothing_to_do(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Values that are there already send nothing."""
        dn = scratch.user(title="Same", otherTelephone=["1", "2"], manager=manager.user("alice").dn)
        with trace() as operations:
            given = {
                "title": "Same",
                "otherTelephone": ["2", "1"],
                "manager": manager.user("alice").dn.upper(),
                "mail": "",
            }
            assert not manager.set(dn, given).changed
        assert not WRITES & {each.kind for each in operations}

    def test_values(self, manager: LDAPManager, scratch: Scratch) -> None:
        """One value more, one less; twice is once."""
        dn = scratch.user(otherTelephone=["1"])
        assert manager.add_value(dn, "otherTelephone", ["1", "2"]).changed
        assert not manager.add_value(dn, "otherTelephone", "2").changed
        assert manager.remove_value(dn, "otherTelephone", "1").after == {"otherTelephone": ["1"]}
        assert not manager.remove_value(dn, "otherTelephone", "1").changed
        assert manager.user(dn, "otherTelephone").attributes["otherTelephone"] == ["2"]

    def test_manager(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Somebody, and nobody."""
        dn, boss = scratch.user(), scratch.user()
        manager.set_manager(dn, manager.user(boss))
        assert manager.user(dn).manager == manager.user(boss)
        manager.set_manager(dn, None)
        assert manager.user(dn).manager is None

    @pytest.mark.parametrize(
        ("attributes", "reason"),
        [
            ({"nonsense": "x"}, "schema"),
            ({"groupType": 2}, None),  # Samba answers with an internal error
            ({"title": "x" * 200}, "constraint"),
            ({"sn": ["a", "b"]}, "exists"),
            ({"manager": f"CN=nobody,{BASE}"}, "constraint"),
            ({"sAMAccountName": "alice"}, "exists"),
            ({"objectSid": b"x"}, None),
        ],
    )
    def test_refused(
        self,
        manager: LDAPManager,
        directory: DirectoryUnderTest,
        scratch: Scratch,
        attributes: dict[str, Any],
        reason: str | None,
    ) -> None:
        """A refused write changes nothing, not even what could be changed, and says why."""
        dn = scratch.user(description="before")
        before = everything(directory, dn)
        with pytest.raises(ChangeRefused) as caught:
            manager.set(dn, {"description": "after", **attributes})
        assert reason is None or caught.value.reason == reason
        assert everything(directory, dn) == before

    @pytest.mark.parametrize(
        "attributes",
        [
            {"a b": "x"},
            {"title": "x", "TITLE": "y"},
            {"accountExpires": datetime(2030, 1, 1)},
            {"title": "a\0b"},
            {"title": object()},
        ],
    )
    def test_nonsense_is_not_sent(self, manager: LDAPManager, scratch: Scratch, attributes: dict[str, Any]) -> None:
        """What no attribute can hold is an error before anything is asked."""
        with trace() as operations, pytest.raises(ConfigurationError):
            manager.set(scratch.user(), attributes)
        assert operations == []


class TestAccounts:
    """Passwords and states."""

    def test_password(self, manager: LDAPManager, scratch: Scratch, directory: DirectoryUnderTest) -> None:
        """Set, changed, and asked to be changed."""
        name = scratch.person()
        user = f"EXAMPLE\\{name}"
        manager.set_password(name, "An0ther-Pässwörd")
        assert directory.sign_in(user, "An0ther-Pässwörd") == "ok"
        old = directory.sign_in(user, "G00d-password")
        assert old == directory.expects(windows="52e", samba="ok")  # Samba takes the last one for an hour
        manager.set_password(name, "Th1rd-password", must_change=True)
        assert manager.user(name).state.must_change_password
        assert manager.must_change_password(name, False).changed
        assert not manager.must_change_password(name, False).changed
        assert directory.sign_in(user, "Th1rd-password") == "ok"
        assert manager.must_change_password(name).changed
        assert manager.user(name).state.must_change_password

    def test_change(self, manager: LDAPManager, scratch: Scratch, directory: DirectoryUnderTest) -> None:
        """With the old password; a wrong one is told apart from a weak new one."""
        name = scratch.person()
        assert refusal(manager.change_password, name, "wr0ng-Password", "N3w-password") == "old password"
        assert refusal(manager.set_password, name, "weak") == "policy"
        assert directory.sign_in(f"EXAMPLE\\{name}", "G00d-password") == "ok"
        with pytest.raises(ConfigurationError):
            manager.set_password(name, "")

    def test_enabled(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Disabled and enabled; the other flags stay; twice is once."""
        name = scratch.person(userAccountControl=str(0x200 | 0x10000))
        assert manager.disable(name).after["userAccountControl"] == 0x10202
        assert not manager.user(name).enabled
        assert not manager.disable(name).changed
        manager.enable(name)
        assert manager.user(name).attributes["userAccountControl"] == 0x10200
        assert not manager.enable("WS01").changed

    def test_a_weak_account_cannot_be_enabled(self, manager: LDAPManager, scratch: Scratch) -> None:
        """AD enables no account without a password."""
        dn = scratch.user()
        manager.set(dn, {"userAccountControl": 0x202})
        if scratch.door.expects(windows=False, samba=True):
            return  # Samba does enable it
        assert refusal(manager.enable, dn) == "policy"

    def test_unlock(self, manager: LDAPManager) -> None:
        """A lock ends; nothing is done where there is none."""
        assert not manager.unlock("alice").changed

    def test_expiry(self, manager: LDAPManager, scratch: Scratch) -> None:
        """At a moment, and never."""
        name = scratch.person()
        moment = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
        manager.expire(name, moment)
        assert manager.user(name).expires == moment
        assert not manager.expire(name, moment).changed
        manager.expire(name, None)
        assert manager.user(name).expires is None


class TestPolicies:
    """A fine-grained policy holds for whom it is for, and for nobody else."""

    @pytest.mark.parametrize("through", ["the account", "a group"])
    def test_fine_grained(
        self, manager: LDAPManager, directory: DirectoryUnderTest, scratch: Scratch, through: str
    ) -> None:
        """Longer passwords for somebody, directly or by a group; who they are for is told."""
        name, other, group = scratch.person(), scratch.person(), scratch.group()
        manager.add_members(group, name)
        applies_to = manager.user(name).dn if through == "the account" else group
        dn = scratch.policy(applies_to, MinimumPasswordLength="20")
        assert manager.password_policy(name).min_length == 20
        assert manager.password_policy(other).min_length == 7
        assert refusal(manager.set_password, name, "Sh0rt-Passw0rd") == "policy"
        manager.set_password(other, "Sh0rt-Passw0rd")
        manager.set_password(name, "a long one of small letters")
        expiry = "msDS-UserPasswordExpiryTimeComputed"
        ends = manager.user(name, [expiry]).attributes[expiry]
        assert abs(ends - datetime.now(timezone.utc) - timedelta(days=10)) < timedelta(minutes=5)
        directory.delete(dn)
        assert manager.password_policy(name).min_length == 7


class TestMembers:
    """Who is in a group."""

    def test_in_and_out(self, manager: LDAPManager, scratch: Scratch) -> None:
        """People, groups and computers; who is in already is left out, both ways."""
        group, inner, person = scratch.group(), scratch.group(), scratch.user()
        result = manager.add_members(group, [person, inner, "WS01", person])
        assert len(result.after["member"]) == 3
        assert not manager.add_members(group, person).changed
        assert {each.kind for each in manager.members(group, kinds="all")} == {"user", "group", "computer"}
        assert manager.remove_members(group, [person, "alice"]).before["member"] == (person,)
        assert not manager.remove_members(group, ["alice"]).changed

    def test_many(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Over the 1,500 values that AD tells at once, in several requests; the group named by DN or by name."""
        group = scratch.group()
        name = manager.group(group).name
        people = list(manager.users("(|(sAMAccountName=user00*)(sAMAccountName=user01*))"))[:1700]
        result = manager.add_members(group, people)
        assert len(result.edits) == 4
        assert {each.dn for each in manager.members(group)} == {each.dn for each in people}
        assert not manager.add_members(name, people).changed
        assert len(manager.group(name, ["member"]).attributes["member"]) == 1700
        assert len(manager.remove_members(name, people[1:]).edits) == 4
        assert [each.dn for each in manager.members(group)] == [people[0].dn]

    def test_the_primary_group(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Everybody is in it already, and nobody can leave it."""
        dn = scratch.user()
        assert not manager.add_members("Domain Users", dn).changed
        with pytest.raises(ConfigurationError, match="primary group"):
            manager.remove_members("Domain Users", dn)

    def test_somebody_of_another_domain(self, manager: LDAPManager, scratch: Scratch) -> None:
        """A SID that nothing here has becomes a foreign security principal."""
        group = scratch.group(groupType=str(4 - 2**31))
        sid = "S-1-5-21-1-2-3-1105"
        manager.add_members(group, [sid])
        assert [(each.kind, each.sid, each.name) for each in manager.members(group, kinds="all")] == [
            ("foreign", sid, sid)
        ]


class TestTheTree:
    """Making, moving and deleting."""

    def test_a_user(self, manager: LDAPManager, scratch: Scratch, directory: DirectoryUnderTest) -> None:
        """Enabled with a password, signs in at once; awkward names survive."""
        name = unique("new")
        cn = f'Öd, "{name}" + <1>'
        result = manager.create_user(
            name, name=cn, password="G00d-password", ou=scratch.dn, attributes={"displayName": "New", "title": "Clerk"}
        )
        user = manager.user(name, "title")
        assert (user.dn, user.name, user.upn) == (result.dn, cn, f"{name}@example.local")
        assert (user.enabled, user.display_name, user.attributes["title"]) == (True, "New", "Clerk")
        assert directory.sign_in(f"EXAMPLE\\{name}", "G00d-password") == "ok"
        assert "G00d" not in repr(result) + result.ldif() + str(result)

    def test_a_user_with_no_password(self, manager: LDAPManager) -> None:
        """Disabled, and in the usual place."""
        name = unique("new")
        assert manager.create_user(name).dn == f"CN={name},CN=Users,{BASE}"
        assert not manager.user(name).enabled
        manager.delete(name)

    @pytest.mark.parametrize("password", ["weak", None])
    def test_nothing_half_done(self, manager: LDAPManager, scratch: Scratch, password: str | None) -> None:
        """A user that AD refuses, for the password or the name, is not there afterwards."""
        name = unique("new")
        call = {"password": password} if password else {"attributes": {"userPrincipalName": "x", "nonsense": "y"}}
        assert refusal(manager.create_user, name, ou=scratch.dn, **call) == ("policy" if password else "schema")
        with pytest.raises(NotFound):
            manager.find(name)

    def test_names_that_are_taken(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Of an account, and of an entry."""
        assert refusal(manager.create_user, "alice", name=unique("n"), ou=scratch.dn) == "exists"
        manager.create_user(unique("one"), name="Same", ou=scratch.dn)
        assert refusal(manager.create_user, unique("two"), name="Same", ou=scratch.dn) == "exists"

    def test_groups(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Of each scope, with and without rights."""
        for scope, security, kind in (("global", True, 2 - 2**31), ("local", True, 4 - 2**31), ("universal", False, 8)):
            name = unique("grp")
            manager.create_group(name, scope=scope, security=security, ou=scratch.dn)
            assert manager.group(name).attributes["groupType"] == kind
        with pytest.raises(ConfigurationError):
            manager.create_group("x", scope="cosmic")

    def test_computers(self, manager: LDAPManager, scratch: Scratch) -> None:
        """An account with a $; the usual place is CN=Computers."""
        name = unique("pc")[:15]
        assert manager.create_computer(name, dry_run=True).dn == f"CN={name.upper()},CN=Computers,{BASE}"
        manager.create_computer(name, ou=scratch.dn)
        found = manager.computer(name)
        assert (found.username, found.enabled) == (f"{name.upper()}$", True)

    def test_units(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Protected from accidental deletion unless told otherwise, and until told so; their parent stays as it was."""
        result = manager.create_ou("Keep", ou=scratch.dn)
        assert refusal(manager.delete, result.dn) == "protected"
        assert refusal(manager.delete, scratch.dn, tree=True) == "protected"
        assert not manager.protect(result.dn).changed
        assert manager.protect(result.dn, False).before == {"protected": True}
        manager.delete(result.dn)
        loose = manager.create_ou("Loose", ou=scratch.dn, protected=False)
        assert manager.delete(loose.dn).changed

    def test_move_and_rename(self, manager: LDAPManager, scratch: Scratch) -> None:
        """GUID and memberships stay; a name that is taken is refused."""
        dn, group = scratch.user(), scratch.group()
        manager.add_members(group, dn)
        before = manager.user(dn)
        manager.create_ou("Target", ou=scratch.dn, protected=False)
        moved = manager.move(before, f"OU=Target,{scratch.dn}")
        assert manager.user(before.guid).dn == moved.dn == f"CN={before.name},OU=Target,{scratch.dn}"
        assert not manager.move(before.guid, f"OU=Target,{scratch.dn}").changed
        renamed = manager.rename(before.guid, "Zoë, the 2nd")
        assert manager.user(before.guid).name == "Zoë, the 2nd"
        assert manager.user(before.guid).dn == renamed.dn
        assert [each.guid for each in manager.members(group)] == [before.guid]
        other = manager.create_user(unique("x"), name="Taken", ou=f"OU=Target,{scratch.dn}")
        assert refusal(manager.rename, other.dn, "zoë, THE 2nd") == "exists"
        with pytest.raises(NotFound):
            manager.move(other.dn, "No Such Unit")

    def test_delete(self, manager: LDAPManager, scratch: Scratch) -> None:
        """A tree only when asked; what AD itself needs, never."""
        manager.create_ou("Tree", ou=scratch.dn, protected=False)
        tree = f"OU=Tree,{scratch.dn}"
        name = unique("in")
        manager.create_user(name, ou=tree)
        assert refusal(manager.delete, tree) == "not empty"
        assert manager.user(name)
        manager.delete(tree, tree=True)
        for gone in (tree, name):
            with pytest.raises(NotFound):
                manager.find(gone)
        assert refusal(manager.delete, "Administrator") == "refused"

    def test_restore(self, manager: LDAPManager, scratch: Scratch) -> None:
        """Without the recycle bin: the same GUID, SID and name, where it was, or elsewhere."""
        dn = scratch.user(title="Clerk")
        before = manager.user(dn)
        manager.delete(dn)
        assert manager.restore(before.guid, dry_run=True).dn == dn
        manager.restore(before.guid)
        after = manager.user(dn)
        assert (after.guid, after.sid, after.username) == (before.guid, before.sid, before.username)
        manager.delete(dn)
        assert manager.restore(before.username, ou="Leavers").dn == f"CN={before.name},OU=Leavers,{BASE}"
        manager.delete(before.guid)
        assert manager.restore(before.name, dry_run=True).guid == before.guid
        with pytest.raises(NotFound, match="deleted object"):
            manager.restore("nobody.ever")


class TestRights:
    """Who may."""

    def test_read_only(self, directory: DirectoryUnderTest) -> None:
        """A read-only manager refuses before it asks anything; a dry run it may."""
        with managed(directory, READ_ONLY=True) as manager, trace() as operations:
            for call in (
                lambda: manager.set("alice", {"title": "x"}),
                lambda: manager.create_user("x"),
                lambda: manager.delete("alice"),
                lambda: manager.add_members("Web Admins", "alice"),
                lambda: manager.restore("alice"),
                lambda: manager.protect("alice"),
            ):
                with pytest.raises(ReadOnlyError, match="READ_ONLY=False"):
                    call()
            assert operations == []
            assert manager.set("alice", {"title": "x"}, dry_run=True).changed

    def test_an_account_without_rights(self, directory: DirectoryUnderTest, scratch: Scratch) -> None:
        """An ordinary user changes nothing."""
        dn = scratch.user()
        with managed(directory, USERNAME="EXAMPLE\\alic") as manager:
            for call in (
                lambda: manager.set(dn, {"title": "x"}),
                lambda: manager.create_user(unique("x"), ou=scratch.dn),
                lambda: manager.delete(dn),
                lambda: manager.rename(dn, "x"),
            ):
                assert refusal(call) == "rights"


class TestDryRuns:
    """Every write, without writing."""

    CALLS: ClassVar[dict[str, Callable[[LDAPManager, str, str], WriteResult]]] = {
        "set": lambda m, dn, s: m.set(dn, {"title": "ä"}, dry_run=True),
        "add_value": lambda m, dn, s: m.add_value(dn, "otherTelephone", "1", dry_run=True),
        "remove_value": lambda m, dn, s: m.remove_value(dn, "description", "here", dry_run=True),
        "set_password": lambda m, dn, s: m.set_password(dn, "S3cret-value", must_change=True, dry_run=True),
        "change_password": lambda m, dn, s: m.change_password(dn, "S3cret-old", "S3cret-new", dry_run=True),
        "must_change_password": lambda m, dn, s: m.must_change_password(dn, False, dry_run=True),
        "enable": lambda m, dn, s: m.enable(dn, dry_run=True),
        "expire": lambda m, dn, s: m.expire(dn, datetime(2030, 1, 1, tzinfo=timezone.utc), dry_run=True),
        "add_members": lambda m, dn, s: m.add_members("Web Admins", dn, dry_run=True),
        "remove_members": lambda m, dn, s: m.remove_members("Nested L2", "alice", dry_run=True),
        "create_user": lambda m, dn, s: m.create_user("x", password="S3cret-value", ou=s, dry_run=True),
        "create_group": lambda m, dn, s: m.create_group("x", ou=s, dry_run=True),
        "create_computer": lambda m, dn, s: m.create_computer("x", ou=s, dry_run=True),
        "create_ou": lambda m, dn, s: m.create_ou("x", ou=s, dry_run=True),
        "move": lambda m, dn, s: m.move(dn, "Leavers", dry_run=True),
        "rename": lambda m, dn, s: m.rename(dn, "x", dry_run=True),
        "delete": lambda m, dn, s: m.delete(dn, dry_run=True),
        "protect": lambda m, dn, s: m.protect(dn, dry_run=True),
        "set_manager": lambda m, dn, s: m.set_manager(dn, "alice", dry_run=True),
    }

    @pytest.mark.parametrize("what", CALLS)
    def test_nothing_is_sent(
        self, manager: LDAPManager, scratch: Scratch, what: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No write goes over the wire or into the audit log; the result and its LDIF say what would, no password."""
        dn = scratch.user(description="here")
        with trace() as operations, caplog.at_level(logging.INFO, "wauth.audit"):
            result = self.CALLS[what](manager, dn, scratch.dn)
        assert not WRITES & {each.kind for each in operations}
        assert caplog.records == []
        assert (result.changed, result.dry_run) == (True, True)
        assert result.what == ("set" if what == "set_manager" else what)
        ldif = result.ldif()
        assert ldif.startswith("version: 1\n\ndn: ")
        assert "S3cret" not in ldif + repr(result) + str(result)


def test_the_audit_log(manager: LDAPManager, scratch: Scratch, caplog: pytest.LogCaptureFixture) -> None:
    """Who did what to whom, before and after, refused ones too; never a password."""
    dn = scratch.user(title="Old")
    with caplog.at_level(logging.INFO, "wauth.audit"):
        manager.set(dn, {"title": "New"})
        manager.set(dn, {"title": "New"})
        manager.set_password(dn, "S3cret-password")
        refusal(manager.set, dn, {"nonsense": "x"})
    done, secret, refused = caplog.records
    assert done.wauth["who"] == manager.settings.USERNAME
    assert (done.wauth["what"], done.wauth["dn"]) == ("set", dn)
    assert (done.wauth["before"], done.wauth["after"]) == ({"title": "Old"}, {"title": "New"})
    assert "S3cret" not in caplog.text
    assert "Old" in done.getMessage()
    assert secret.wauth["after"] == {"unicodePwd": "(not shown)"}
    assert refused.levelname == "WARNING"
    assert "schema" in refused.getMessage()
