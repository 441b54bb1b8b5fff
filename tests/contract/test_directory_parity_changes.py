"""`LDAPManager`'s writes over the embedded directory and a real AD (Samba): the same changes, the same refusals."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.contract.administrator import everything, refusal
from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import LDAPManager, trace
from wauth_core.exceptions import ChangeRefused, ConfigurationError

BASE = "DC=example,DC=local"
WRITES = {"add", "modify", "modifydn", "delete"}


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
