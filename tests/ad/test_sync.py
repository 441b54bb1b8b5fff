"""Syncs against a real domain controller: who gets what, what it costs on the wire, and how long it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.ad.certificates import Authority
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from tests.core.sync.incremental_scenario import tell
from wauth_core import Identity, SQLiteUserRepository, SyncStatus, Wauth
from wauth_core.directory import LDAPManager, trace
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.identity import TransportFacts
from wauth_core.sync.manager_answers import Lookups
from wauth_core.testing import MemoryUserRepository

SETTINGS: dict[str, Any] = {
    "STAFF_GROUPS": ("Nested L1", "Loop A"),
    "GROUP_MAP": {"deep": "Group 009", "everyone": "Everyone Big", "behind": "Behind A List"},
}


@pytest.fixture(scope="module")
def wauth(samba: DomainController) -> Iterator[Wauth]:
    with Wauth({"EXAMPLE": samba.settings(**SETTINGS)}) as made:
        yield made


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


RIGHTS = [
    pytest.param("alice", {"is_superuser", "is_staff"}, set(), id="a domain administrator five groups away"),
    pytest.param("bob", {"is_staff"}, set(), id="in a cycle of groups"),
    pytest.param("user00000", set(), {"deep", "everyone"}, id="ten groups deep"),
    pytest.param("user01999", set(), set(), id="in neither"),
    pytest.param("carol", set(), set(), id="Former Domain Admins"),
    pytest.param("mallory", set(), set(), id="a group of the same CN elsewhere"),
    pytest.param("dist.dora", set(), set(), id="a mailing list of that CN, and what lies behind one"),
    pytest.param("Zoë.Ünal", set(), set(), id="letters outside ASCII"),
    pytest.param("a(b)c&d", set(), set(), id="parentheses"),
    pytest.param("cn.backslash", set(), set(), id="a CN that hurts"),
]


@pytest.mark.parametrize(("name", "flags", "groups"), RIGHTS)
def test_who_gets_what(wauth: Wauth, store: MemoryUserRepository, name: str, flags: set[str], groups: set[str]) -> None:
    """Rights come from nested security groups by SID, and from nothing that merely looks like one."""
    result = wauth.sync(Identity.parse(f"EXAMPLE\\{name}"), store)
    assert result.status is SyncStatus.CREATED
    assert {flag for flag, given in result.flags.items() if given} == flags
    assert result.groups == groups
    assert store.users[1].flags.items() >= dict.fromkeys(flags, True).items()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("disabled.dan", SyncStatus.DISABLED),
        ("expired.eve", SyncStatus.DISABLED),
        ("locked.lou", SyncStatus.CREATED),
        ("mustchange.mia", SyncStatus.CREATED),
        ("nobody.here", SyncStatus.NOT_FOUND),
        ("alic", SyncStatus.CREATED),
    ],
)
def test_who_may_come_in(wauth: Wauth, store: MemoryUserRepository, name: str, status: SyncStatus) -> None:
    """Disabled and expired accounts make no user; a locked one, or one whose password is old, ends by itself."""
    assert wauth.sync(Identity("EXAMPLE", name), store).status is status
    assert len(store.users) == (status is SyncStatus.CREATED)


def test_changes_in_the_directory(wauth: Wauth, samba: DomainController, store: MemoryUserRepository) -> None:
    """Renamed, disabled, enabled, deleted, and the name given to somebody else."""
    name = samba.create_user("sync")
    identity = Identity("EXAMPLE", name)
    key = wauth.sync(identity, store).key
    samba.modify(name, mail="first@example.local")
    assert wauth.sync(identity, store).changes[0].fields == {"email": "first@example.local"}
    samba.modify(name, mail=None)
    assert wauth.sync(identity, store).changes[0].fields == {"email": ""}
    samba.disable(name)
    assert wauth.sync(identity, store).status is SyncStatus.DISABLED
    samba.enable(name)
    assert wauth.sync(identity, store).ok
    samba.rename(name, f"{name}2")
    renamed = Identity("EXAMPLE", f"{name}2")
    assert wauth.sync(renamed, store).key == key
    assert store.users[1].fields["username"] == f"{name}2"
    samba.delete(f"{name}2")
    assert wauth.sync(renamed, store).status is SyncStatus.NOT_FOUND
    assert store.users[1].flags["is_active"] is False


def test_twins_in_two_domains(samba: DomainController, other_domain: DomainController) -> None:
    """alice of EXAMPLE and alice of OTHER are two people with two accounts and each their own rights."""
    store = MemoryUserRepository()
    domains = {"EXAMPLE": samba.settings(), "OTHER": other_domain.settings()}
    with Wauth(domains) as wauth:
        ours = wauth.sync(Identity("EXAMPLE", "alice"), store)
        assert ours.flags["is_superuser"]
        assert wauth.sync(Identity("OTHER", "alice"), store).status is SyncStatus.NAME_TAKEN
        assert not wauth.sync(Identity("OTHER", "bob"), store).flags["is_superuser"]
        assert wauth.sync(Identity("EXAMPLE", "bob"), store).status is SyncStatus.NAME_TAKEN
    with Wauth(domains, username_format="{username}@{domain}") as wauth:
        twin = wauth.sync(Identity("OTHER", "alice"), store)
        assert twin.status is SyncStatus.CREATED
        assert (twin.flags["is_superuser"], twin.key != ours.key) == (False, True)


def test_user_principal_names(samba: DomainController, store: MemoryUserRepository) -> None:
    """With WAUTH_USE_SPN a UPN that differs from the sAMAccountName finds its person, and links by it."""
    with Wauth({"example.local": samba.settings()}, use_spn=True) as wauth:
        result = wauth.sync(wauth.rules.parse("Timothy@EXAMPLE.LOCAL"), store)
        assert result.status is SyncStatus.CREATED
        assert result.user is not None
        assert result.user.username == "tim"
        again = wauth.sync(wauth.rules.parse("timothy@example.local"), store)
        assert (again.status, again.key) == (SyncStatus.UNCHANGED, result.key)


def test_memory_agrees_with_token_groups(samba: DomainController, manager: LDAPManager) -> None:
    """The groups that a bulk sync computes are those in everybody's token, for people of every kind."""
    lookups = Lookups(manager)
    groups = lookups.groups()
    looked_at = 0
    for user in manager.users("(!(sAMAccountName=user0*))", ("memberOf",)):
        primary = f"{str(user.sid).rpartition('-')[0]}-{user.attributes['primaryGroupID']}"
        computed = groups.sids_of(user.attributes.get("memberOf") or (), primary)
        token = manager.person(guid=user.guid, username=user.username).group_sids
        assert computed == token, user.dn
        looked_at += 1
    assert looked_at > 25


def test_the_whole_domain(wauth: Wauth, samba: DomainController, tmp_path: Any) -> None:
    """Two thousand people: everybody once, nested groups right, a second run writes nothing; and it takes seconds."""
    with SQLiteUserRepository(tmp_path / "users.sqlite3") as store:
        first = wauth.sync_all(store, "EXAMPLE")
        assert first.ok, first.failures
        assert first.counts[SyncStatus.CREATED] >= 2000
        second = wauth.sync_all(store, "EXAMPLE")
        assert second.results == ()
        assert second.elapsed < 10
        for name in ("alice", "bob", "user00000", "user01234", "primary.pete"):
            one = wauth.sync(Identity("EXAMPLE", name), store)
            assert one.status is SyncStatus.UNCHANGED, (name, one.changes)


def test_a_controller_that_goes_away_in_the_middle(
    samba: DomainController, ad_authority: Authority, store: MemoryUserRepository
) -> None:
    """A bulk sync whose connection dies half way writes nothing."""
    with (
        Tap(samba, ad_authority.issue("tap-bulk", hosts=("localhost",))) as tap,
        Wauth({"EXAMPLE": samba.settings(SERVER=tap.url, **SETTINGS)}) as wauth,
    ):

        def cut(done: int) -> None:
            if done >= 600 and tap.open_connections:
                tap.refuse()
                tap.cut(reset=True)

        with pytest.raises(DirectoryUnavailable):
            wauth.sync_all(store, "EXAMPLE", progress=cut)
        assert (store.users, store.writes) == ({}, 0)
        tap.listen()


class _Story:
    """The changes of the incremental scenario, made at the controller."""

    def __init__(self, samba: DomainController) -> None:
        self.samba = samba
        self.add_member = samba.add_member
        self.remove_member = samba.remove_member
        self.disable = samba.disable
        self.rename = samba.rename
        self.delete = samba.delete

    def add_user(self, sam: str) -> None:
        made = self.samba.create_user("fresh")
        self.samba.rename(made, sam)


def test_only_what_changed(samba: DomainController) -> None:
    """An incremental run against a real controller acts on the news, and on nothing else."""
    user, inner, outer = samba.create_user("inc"), samba.create_group("inner"), samba.create_group("outer")
    settings = samba.settings(
        STAFF_GROUPS=outer,
        USER_QUERY_FILTER="(!(sAMAccountName=user0*))",  # not the two thousand
        USERNAME=samba.admin_user,  # who may see deletions
        PASSWORD=samba.admin_password,
    )
    try:
        with Wauth({"EXAMPLE": settings}) as wauth:
            tell(_Story(samba), wauth, user, inner, outer)
    finally:
        samba.delete(user, f"{user}x", inner, outer)


@pytest.mark.parametrize("name", ["alice", "bob", "dora.deep", "user00000", "primary.pete", "carol"])
def test_a_ticket_gives_the_same_rights(samba: DomainController, manager: LDAPManager, name: str) -> None:
    """Groups as a ticket's PAC lists them, without the built-in ones, give the rights that the directory gives; of
    somebody who is known, nothing is read at all."""
    settings = samba.settings(
        SUPERUSER_GROUPS="Domain Admins",
        STAFF_GROUPS="Administrators",
        GROUP_MAP={"remote": "Remote Desktop Users", "users": "Users", "deep": "Group 009"},
    )
    user = manager.person(guid=None, username=name)
    assert user.sid is not None
    sids = frozenset(sid for sid in user.group_sids or () if not sid.startswith("S-1-5-32-"))
    facts = TransportFacts(user.sid, sids, datetime.now(timezone.utc), complete=False)
    by_ticket, by_directory = MemoryUserRepository(), MemoryUserRepository()
    identity = Identity("EXAMPLE", name)
    with Wauth({"EXAMPLE": settings}) as wauth:
        asked = wauth.sync(identity, by_directory)
        wauth.sync(identity, by_ticket, facts=facts)
        newer = dataclasses.replace(facts, as_of=datetime.now(timezone.utc))
        with trace() as operations:
            told = wauth.sync(identity, by_ticket, facts=newer)
        assert not [each for each in operations if "tokenGroups" in each.attributes or each.base.startswith("<GUID=")]
        assert (told.status, told.flags, told.groups) == (SyncStatus.UNCHANGED, asked.flags, asked.groups)
