"""The sync of a whole domain, against the embedded directory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.core.sync.incremental_scenario import tell
from wauth_core import Identity, SQLiteUserRepository, SyncStatus, Wauth
from wauth_core.directory import DirectoryUser
from wauth_core.exceptions import BulkDeactivationRefused, DirectoryUnavailable, SyncError
from wauth_core.sync import Link
from wauth_core.sync.nesting import GroupEntry, GroupGraph
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory

SETTINGS: dict[str, Any] = {
    "STAFF_GROUPS": "Web Editors",
    "GROUP_MAP": {"users": "Web Users", "projects": ["Project Wonderland"]},
}


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


@pytest.fixture
def wauth(directory: EmbeddedDirectory) -> Iterator[Wauth]:
    with Wauth({"EXAMPLE": directory.settings(**SETTINGS)}) as made:
        yield made


def names(store: MemoryUserRepository, **flags: bool) -> set[str]:
    return {
        user.fields["username"]
        for user in store.users.values()
        if all(user.flags.get(flag) is value for flag, value in flags.items())
    }


def test_everybody_comes_with_all_rights(wauth: Wauth, store: MemoryUserRepository) -> None:
    """A first run makes everybody whose account is usable, with fields, flags and nested groups; a second writes
    nothing, and both agree with the sync of one user."""
    first = wauth.sync_all(store, "EXAMPLE")
    assert first.ok
    assert first.counts[SyncStatus.CREATED] == len(store.users)
    assert {"alice", "ada", "zoë.ünal", "penny(f)", "nguyễn"} <= names(store)
    assert not {"dan", "eve"} & names(store), "disabled and expired people are not made"
    assert names(store, is_staff=True) == {"ada", "margaret", "hana", "carol", "bob", "administrator"}
    assert store.users[1].link is not None
    writes = store.writes
    second = wauth.sync_all(store, "EXAMPLE")
    assert second.counts[SyncStatus.UNCHANGED] == len(store.users)
    assert (second.results, second.changed, store.writes) == ((), False, writes)
    for user in list(store.users.values()):
        assert user.link is not None
        one = wauth.sync(Identity("EXAMPLE", user.link.username), store)
        assert (one.status, one.changes) == (SyncStatus.UNCHANGED, ()), user.link.username
    assert store.touches == 2 * len(store.users)


def test_groups_are_read_once(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """The number of searches does not grow with the number of people."""
    wauth.sync_all(store, "EXAMPLE")
    before = len(directory.operations)
    wauth.sync_all(store, "EXAMPLE")
    assert len(directory.operations) - before <= 3


def test_changes_reach_everybody(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Promoted, renamed, disabled, deleted and new people, in one run, with one result for each."""
    wauth.sync_all(store, "EXAMPLE")
    directory.add_member("Web Developers", "ken")
    directory.rename("luca", "pacioli")
    directory.disable("hana")
    directory.delete("x")
    directory.enable("dan")
    result = wauth.sync_all(store, "EXAMPLE")
    by_name = {each.identity.username: each.status for each in result.results}
    assert by_name == {
        "ken": SyncStatus.UPDATED,
        "pacioli": SyncStatus.UPDATED,
        "hana": SyncStatus.DISABLED,
        "x": SyncStatus.NOT_FOUND,
        "dan": SyncStatus.CREATED,
    }
    assert result.deactivated == 2
    assert "ken" in names(store, is_staff=True)
    assert {"hana", "x"} <= names(store, is_active=False)
    assert all(each.key is not None for each in result.results)


def test_pages_mirrors_and_required_groups(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """With small pages, mirrored groups and required ones, all together agree with each alone."""
    settings = directory.settings(
        PAGE_SIZE=3, MIRROR_GROUPS=["Web *", "Project *"], REQUIRE_GROUPS=["Web Users"], DENY_GROUPS="Web Admins"
    )
    with Wauth({"EXAMPLE": settings}) as wauth:
        result = wauth.sync_all(store, "EXAMPLE")
        assert result.counts[SyncStatus.CREATED] == len(store.users)
        groups = {user.fields["username"]: user.groups for user in store.users.values()}
        assert groups["ada"] == {"Web Developers", "Web Editors", "Web Users"}
        assert groups["jose"] == {"Web Users", "Project Wonderland", "Project Looking-Glass"}
        assert not {"grace", "administrator"} & set(groups), "denied, and not required"
        for name in groups:
            one = wauth.sync(Identity("EXAMPLE", name), store)
            assert one.status is SyncStatus.UNCHANGED, (name, one.changes)
        directory.add_member("Web Admins", "jose")
        left = wauth.sync_all(store, "EXAMPLE")
        assert [(each.identity.username, each.status) for each in left.results] == [("jose", SyncStatus.REFUSED)]

        def jose() -> Any:
            return next(user for user in store.users.values() if user.fields["username"] == "jose")

        assert (jose().flags["is_active"], jose().groups) == (False, set())
        directory.remove_member("Web Admins", "jose")
        wauth.sync_all(store, "EXAMPLE")
        assert (jose().flags["is_active"], len(jose().groups)) == (True, 3)


def test_a_dry_run_writes_nothing(wauth: Wauth, store: MemoryUserRepository) -> None:
    """A dry run gives the same answer and leaves the store alone."""
    planned = wauth.sync_all(store, "EXAMPLE", dry_run=True)
    assert (store.users, store.writes, planned.dry_run) == ({}, 0, True)
    done = wauth.sync_all(store, "EXAMPLE")
    assert planned.counts == done.counts
    assert [each.changes for each in planned.results] == [each.changes for each in done.results]


def test_the_brake(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """More deactivations than allowed refuse the whole run; nothing is written, and a higher limit lets it through."""
    wauth.sync_all(store, "EXAMPLE")
    writes = store.writes
    for name in ("alice", "bob", "carol", "dora", "hana"):
        directory.disable(name)
    directory.update("ken", mail="new@example.local")
    with pytest.raises(BulkDeactivationRefused, match="deactivate 5 of"):
        wauth.sync_all(store, "EXAMPLE")
    assert store.writes == writes
    assert wauth.sync_all(store, "EXAMPLE", max_deactivations=0.5).deactivated == 5


def test_an_empty_search_base_deactivates_nobody(
    directory: EmbeddedDirectory, wauth: Wauth, store: MemoryUserRepository
) -> None:
    """A search base in which nobody is, is a mistake and not everybody's last day."""
    wauth.sync_all(store, "EXAMPLE")
    base = f"OU=Leavers,{directory.base_dn}"
    with (
        Wauth({"EXAMPLE": directory.settings(SEARCH_BASE=base)}) as narrow,
        pytest.raises(BulkDeactivationRefused),
    ):
        narrow.sync_all(store, "EXAMPLE")
    assert names(store, is_active=False) == set()


def test_a_directory_that_goes_away(directory: EmbeddedDirectory, wauth: Wauth, store: MemoryUserRepository) -> None:
    """An outage ends the run with an error, and everybody keeps what they have."""
    wauth.sync_all(store, "EXAMPLE")
    directory.close()
    writes = store.writes
    with pytest.raises(DirectoryUnavailable):
        wauth.sync_all(store, "EXAMPLE")
    assert store.writes == writes


def test_one_failure_stops_nobody_else(
    wauth: Wauth, store: MemoryUserRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user whom the store refuses is reported; everybody else is written."""
    real = store._write

    def refuses(change: Any, *rest: Any) -> Any:
        if change.fields.get("username") == "bob":
            raise SyncError("no Bobs")
        return real(change, *rest)

    monkeypatch.setattr(store, "_write", refuses)
    result = wauth.sync_all(store, "EXAMPLE")
    assert not result.ok
    assert [name for name, _ in result.failures] == ["EXAMPLE\\bob"]
    assert result.counts[SyncStatus.CREATED] == len(store.users) == len(result.results)
    assert {"alice", "zoë.ünal"} <= names(store)


def test_only_those_who_are_there(wauth: Wauth, store: MemoryUserRepository) -> None:
    """With create=False known users are brought in step, and nobody is made."""
    wauth.sync(Identity("EXAMPLE", "ada"), store)
    result = wauth.sync_all(store, "EXAMPLE", create=False)
    assert (len(store.users), result.total) == (1, 1)


def test_local_users_and_other_domains_are_left_alone(wauth: Wauth, store: MemoryUserRepository) -> None:
    """A local namesake is not taken over, and a user linked to another domain is not looked at."""
    local = store.add("alice", flags={"is_superuser": True})
    other = store.add("stranger", link=Link("OTHER", "stranger"))
    result = wauth.sync_all(store, "EXAMPLE")
    assert result.counts[SyncStatus.NAME_TAKEN] == 1
    assert store.users[local].link is None
    assert store.users[other].flags["is_active"] is True


def test_names_that_move(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Two people who swapped their names keep their accounts and rights; one hired under an old name gets a new one."""
    wauth.sync_all(store, "EXAMPLE")
    keys = {user.fields["username"]: key for key, user in store.users.items()}
    directory.rename("ada", "temporary")
    directory.rename("luca", "ada")
    directory.rename("temporary", "luca")
    directory.delete("x")
    directory.add_user("x", name="New X")
    result = wauth.sync_all(store, "EXAMPLE")
    assert result.ok, result.failures
    assert store.users[keys["ada"]].fields["username"] == "luca"
    assert store.users[keys["luca"]].fields["username"] == "ada"
    assert names(store, is_staff=True) == {"luca", "margaret", "hana", "carol", "bob", "administrator"}
    assert store.users[keys["x"]].flags["is_active"] is False
    assert "x" in names(store, is_active=True)
    assert result.deactivated == 1
    assert wauth.sync_all(store, "EXAMPLE").results == ()


def test_hooks_and_progress(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """The hooks see everybody; progress counts up to all."""
    seen: list[str] = []
    counted: list[int] = []

    def before(identity: Identity, user: DirectoryUser) -> str | None:
        return "no warehouse" if user.attributes.get("department") == "Warehouse" else None

    settings = directory.settings(USER_FIELD_MAP={"username": "sAMAccountName", "unit": "department"})
    with Wauth(
        {"EXAMPLE": settings},
        before_sync=before,
        after_sync=lambda result: seen.append(result.identity.username),
    ) as wauth:
        result = wauth.sync_all(store, "EXAMPLE", progress=counted.append)
    assert result.counts[SyncStatus.REFUSED] == 6
    assert "olaf" not in names(store)
    assert set(seen) == names(store)
    assert counted[-1] == result.total


def test_a_file_of_users(wauth: Wauth, tmp_path: Any) -> None:
    """The whole company in one SQLite file; a second run finds nothing to do."""
    with SQLiteUserRepository(tmp_path / "users.sqlite3") as store:
        first = wauth.sync_all(store, "EXAMPLE")
        assert first.counts[SyncStatus.CREATED] > 20
        assert wauth.sync_all(store, "EXAMPLE").results == ()


def test_nesting_in_memory() -> None:
    """Cycles end, a group that is missing passes nothing on, and the primary group counts."""
    groups = GroupGraph(
        [
            GroupEntry("CN=a,DC=x", "S-a", "a", ("CN=b,DC=x",)),
            GroupEntry("CN=b,DC=x", "S-b", "b", ("CN=c,DC=x", "CN=list,DC=x")),
            GroupEntry("CN=c,DC=x", "S-c", "c", ("CN=a,DC=x",)),
            GroupEntry("CN=behind a list,DC=x", "S-behind", "behind"),
            GroupEntry("CN=p,DC=x", "S-p", "p", ("cn=C, dc=X",)),
        ]
    )
    assert groups.sids_of(["CN=a,DC=x"]) == {"S-a", "S-b", "S-c"}
    assert groups.sids_of(["cn=B,dc=x"]) == {"S-a", "S-b", "S-c"}, "DNs compare without case"
    assert groups.sids_of([], "S-p") == {"S-p", "S-c", "S-a", "S-b"}
    assert groups.sids_of(["CN=list,DC=x"], "S-unknown") == frozenset()


# -- what changed since the last time


def test_only_what_changed(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """An incremental run acts on the news, and on nothing else."""
    directory.add_group("Inner")
    tell(directory, wauth, "ken", "Inner", "Web Editors")


def test_news_costs_no_more_than_there_is(
    wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository
) -> None:
    """With no news an incremental run is two searches; it reads nobody."""
    wauth.sync_all(store, "EXAMPLE", incremental=True)
    before, touched = len(directory.operations), store.touches
    result = wauth.sync_all(store, "EXAMPLE", incremental=True)
    assert (result.total, store.touches) == (0, touched)
    assert len(directory.operations) - before <= 3


def test_changed_settings_concern_everybody(
    wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository
) -> None:
    """When the settings changed since the last run, everybody is looked at again, news or not."""
    wauth.sync_all(store, "EXAMPLE", incremental=True)
    changed = directory.settings(**{**SETTINGS, "STAFF_GROUPS": "Department Sales"})
    with Wauth({"EXAMPLE": changed}) as other:
        assert not other.sync_all(store, "EXAMPLE", incremental=True).incremental
        assert "søren" in names(store, is_staff=True)
        assert other.sync_all(store, "EXAMPLE", incremental=True).incremental


@pytest.mark.parametrize("bookmark", ["", "nonsense", "a:b", "\x00:\x00"])
def test_a_bookmark_that_is_of_no_use(wauth: Wauth, store: MemoryUserRepository, bookmark: str) -> None:
    """A lost or broken bookmark means a full run, and a good one afterwards."""
    store.bookmarks["EXAMPLE"] = bookmark
    assert not wauth.sync_all(store, "EXAMPLE", incremental=True).incremental
    prefix = store.bookmarks["EXAMPLE"].partition(":")[0]
    store.bookmarks["EXAMPLE"] = f"{prefix}:broken"
    assert not wauth.sync_all(store, "EXAMPLE", incremental=True).incremental
    assert wauth.sync_all(store, "EXAMPLE", incremental=True).incremental


def test_news_that_was_not_acted_on_comes_again(
    wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository
) -> None:
    """A dry run, and a run that the brake refused, leave the news for the next one."""
    wauth.sync_all(store, "EXAMPLE", incremental=True)
    for name in ("alice", "bob", "carol", "dora"):
        directory.disable(name)
    assert wauth.sync_all(store, "EXAMPLE", incremental=True, dry_run=True, max_deactivations=1).deactivated == 4
    with pytest.raises(BulkDeactivationRefused):
        wauth.sync_all(store, "EXAMPLE", incremental=True)
    done = wauth.sync_all(store, "EXAMPLE", incremental=True, max_deactivations=1)
    assert (done.incremental, done.deactivated) == (True, 4)


def test_leaving_the_filter_is_news(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Who no longer matches USER_QUERY_FILTER is missed at the next incremental run."""
    settings = directory.settings(USER_QUERY_FILTER="(department=Sales)")
    with Wauth({"EXAMPLE": settings}) as wauth:
        wauth.sync_all(store, "EXAMPLE", incremental=True)
        assert "carol" in names(store, is_active=True)
        directory.update("carol", department="Finance")
        result = wauth.sync_all(store, "EXAMPLE", incremental=True)
        assert (result.incremental, result.counts) == (True, {SyncStatus.NOT_FOUND: 1})
        assert "carol" in names(store, is_active=False)
