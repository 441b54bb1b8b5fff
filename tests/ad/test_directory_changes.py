"""What changed since the last time, by DirSync on a real controller."""

from __future__ import annotations

import pytest

from tests.ad.directory import managed
from tests.ad.samba import DomainController
from wauth_core.directory import LDAPManager
from wauth_core.directory.changes import _Cookie
from wauth_core.exceptions import ConfigurationError


def test_first_everybody_then_only_changes(samba: DomainController, manager: LDAPManager) -> None:
    """The first call tells everybody; the next nobody; then who was changed, moved, made or put into a group."""
    first = manager.changes()
    alice, bob = manager.user("alice"), manager.user("bob")
    assert first.complete
    assert {alice.guid, bob.guid} <= first.people
    assert manager.changes(first.cookie).people == frozenset()

    sam = samba.create_user("chg")
    user = manager.user(sam)
    made = manager.changes(first.cookie)
    assert made.people == {user.guid}
    assert not made.complete
    cookie = made.cookie
    for change in (
        lambda: samba.modify(sam, mail="changed@example.local"),
        lambda: samba.disable(sam),
        lambda: samba.move(sam, "OU=Leavers"),
        lambda: samba.add_member("Empty Group", sam),
        lambda: samba.remove_member("Empty Group", sam),
        lambda: samba.rename(sam, sam + "x"),
    ):
        change()
        changed = manager.changes(cookie)
        assert changed.people == {user.guid}
        cookie = changed.cookie
    samba.modify(sam + "x", description="nobody watches this")
    assert manager.changes(cookie).people == frozenset()
    samba.modify(sam + "x", description="but now it is watched")
    assert manager.changes(manager.changes(cookie, ["description"]).cookie).people == frozenset()
    samba.delete(sam + "x")


def test_a_group_that_moves_moves_all_below(samba: DomainController, manager: LDAPManager) -> None:
    """Putting a group into another concerns everybody in it, nested and looped ones too."""
    upper = samba.create_group("upper")
    cookie = manager.changes().cookie
    samba.add_member(upper, "Nested L1", "Loop B")
    try:
        assert manager.changes(cookie).people == {manager.user("alice").guid, manager.user("bob").guid}
    finally:
        samba.delete(upper)


def test_deletions_are_seen_with_the_right_to_replicate(samba: DomainController, manager: LDAPManager) -> None:
    """An account that may replicate is told who was deleted; another one is told that it does not see it."""
    with managed(samba, USERNAME=samba.admin_user) as admin:
        seeing, blind = admin.changes(), manager.changes()
        assert seeing.sees_deletions
        assert not blind.sees_deletions
        sam, group = samba.create_user("del"), samba.create_group("del")
        guid = manager.user(sam).guid
        samba.delete(sam, group)
        after = admin.changes(seeing.cookie)
    assert after.gone == {guid}
    assert guid not in after.people
    assert after.full_needed


def test_expiry_counts_though_nothing_changes(samba: DomainController, manager: LDAPManager) -> None:
    """Somebody whose expiry date passes is told, though the directory holds no change."""
    cookie = manager.changes().cookie
    packed = _Cookie.read(cookie)
    eve = manager.user("expired.eve")
    assert eve.state.expires_at is not None
    earlier = _Cookie(packed.people, packed.groups, eve.state.expires_at.timestamp() - 60, packed.secured)
    assert eve.guid in manager.changes(earlier.text()).people
    assert eve.guid not in manager.changes(cookie).people


@pytest.mark.parametrize("cookie", ["x", "e30=", "!"])
def test_a_wrong_cookie(manager: LDAPManager, cookie: str) -> None:
    """What is no cookie of ours is said to be none."""
    with pytest.raises(ConfigurationError):
        manager.changes(cookie)
