"""The tree, rights and dry runs by `LDAPManager`, over the embedded directory and a real AD (Samba)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import ClassVar

import pytest

from tests.ad.changes import unique
from tests.contract.administrator import managed, refusal
from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import LDAPManager, WriteResult, trace
from wauth_core.exceptions import ConfigurationError, NotFound, ReadOnlyError

BASE = "DC=example,DC=local"
WRITES = {"add", "modify", "modifydn", "delete"}


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
