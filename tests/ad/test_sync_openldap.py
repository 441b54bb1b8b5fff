"""Syncs against OpenLDAP: a directory with no tokenGroups and no SIDs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ad.slapd import PASSWORD, OpenLDAP
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.exceptions import ConfigurationError
from wauth_core.testing import MemoryUserRepository


@pytest.fixture
def wauth(openldap: OpenLDAP) -> Iterator[Wauth]:
    settings = openldap.settings(
        SUPERUSER_GROUPS="web admins",
        STAFF_GROUPS="loop a",
        MIRROR_GROUPS="nested*",
        GROUP_MAP={"odd": "odd, group (x) *"},
    )
    with Wauth({"UNIX": settings}) as made:
        yield made


def test_one_and_all_agree(wauth: Wauth) -> None:
    """Nested groups, a cycle and a name that hurts, in the sync of one person and in that of all."""
    store, everybody = MemoryUserRepository(), MemoryUserRepository()
    for name in ("alice", "bob", "carol", "zoë"):
        assert wauth.sync(Identity("UNIX", name), store).status is SyncStatus.CREATED
    by_name = {user.fields["username"]: user for user in store.users.values()}
    assert by_name["alice"].groups == {"nested l1", "nested l2"}
    assert {name for name, user in by_name.items() if user.flags["is_superuser"]} == {"alice"}
    assert {name for name, user in by_name.items() if user.flags["is_staff"]} == {"alice", "bob"}
    assert {name for name, user in by_name.items() if "odd" in user.groups} == {"bob", "zoë"}
    assert wauth.sync_all(everybody, "UNIX").ok
    for user in everybody.users.values():
        if (name := user.fields["username"]) in by_name:
            assert (user.flags, user.groups) == (by_name[name].flags, by_name[name].groups)
    assert wauth.sync_all(everybody, "UNIX").results == ()


def test_a_password(wauth: Wauth) -> None:
    """A password sign-in names the person by the attribute that the settings map."""
    assert wauth.authenticate("UNIX\\alice", PASSWORD).identity == Identity("UNIX", "alice")
    assert not wauth.authenticate("alice", "wrong").ok


def test_no_news_without_active_directory(wauth: Wauth) -> None:
    """An incremental sync needs DirSync, and says so."""
    with pytest.raises(ConfigurationError, match="DirSync"):
        wauth.sync_all(MemoryUserRepository(), "UNIX", incremental=True)
