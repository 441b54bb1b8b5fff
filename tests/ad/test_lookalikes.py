"""Groups that look like the one that gives rights give none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from tests.ad.samba import DomainController
from wauth_core import Identity, Wauth
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import AmbiguousGroup
from wauth_core.settings import LDAPSettings
from wauth_core.testing import MemoryUserRepository

LOOKALIKES = {
    "carol": "Former Domain Admins",
    "mallory": "same CN in another OU",
    "dist.dora": "a mailing list of the same CN",
    "alice2": "the same display name as an administrator",
    "alic": "nearly the same name as an administrator",
}
nobody = pytest.mark.parametrize("sam", LOOKALIKES, ids=list(LOOKALIKES.values()))


@pytest.fixture
def wauth(samba: DomainController, other_domain: DomainController):  # type: ignore[no-untyped-def]
    """EXAMPLE and OTHER, with the default groups."""
    with Wauth({"EXAMPLE": samba.settings(), "OTHER": other_domain.settings()}) as wauth:
        yield wauth


def test_administrator_is_one(wauth: Wauth) -> None:
    """alice, five groups below the real Domain Admins, gets the rights."""
    result = wauth.sync(Identity.parse("EXAMPLE\\alice"), MemoryUserRepository())
    assert result.ok
    assert result.flags["is_superuser"]
    assert result.flags["is_staff"]


@nobody
def test_lookalikes_get_no_flags(wauth: Wauth, sam: str) -> None:
    """A sync gives no right to a member of a look-alike."""
    result = wauth.sync(Identity.parse(f"EXAMPLE\\{sam}"), MemoryUserRepository())
    assert result.ok
    assert not any(result.flags.get(flag) for flag in ("is_superuser", "is_staff"))


@nobody
def test_lookalikes_are_no_members(manager: LDAPManager, sam: str) -> None:
    """Asked directly, they aren't members either, whichever way the group is named."""
    real = manager.group("Domain Admins")
    assert real.sid is not None
    assert real.sid.endswith("-512")
    for name in ("Domain Admins", real.sid, real.dn, real.guid):
        assert not manager.is_member(sam, name)
        assert manager.is_member("alice", name)


def test_twin_in_another_domain(wauth: Wauth) -> None:
    """OTHER's alice is nobody in particular, though EXAMPLE's is an administrator; carol is the reverse."""
    repository = MemoryUserRepository()
    rights = {
        name: wauth.sync(Identity.parse(name), repository).flags["is_superuser"]
        for name in ("EXAMPLE\\alice", "OTHER\\alice", "EXAMPLE\\carol", "OTHER\\carol")
        if not name.startswith("OTHER")
    }
    repository = MemoryUserRepository()
    rights |= {
        name: wauth.sync(Identity.parse(name), repository).flags["is_superuser"]
        for name in ("OTHER\\alice", "OTHER\\carol")
    }
    assert rights == {
        "EXAMPLE\\alice": True,
        "OTHER\\alice": False,
        "EXAMPLE\\carol": False,
        "OTHER\\carol": True,
    }


def test_group_of_another_domain_is_not_found_by_sid(
    manager: LDAPManager, other_domain: DomainController, samba: DomainController
) -> None:
    """OTHER's Domain Admins, written as a SID in EXAMPLE's settings, hold nobody of EXAMPLE."""
    settings = LDAPSettings(**other_domain.settings()).for_domain("OTHER")
    with closing(LDAPManager(settings, "OTHER")) as other:
        foreign = other.group("Domain Admins").sid
    assert foreign is not None
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=foreign)}) as wauth:
        result = wauth.sync(Identity.parse("EXAMPLE\\alice"), MemoryUserRepository())
    assert not result.flags["is_superuser"]


def test_ambiguous_name_matches_nothing(open_manager: Callable[..., LDAPManager], samba: DomainController) -> None:
    """Two groups share the CN Editors: neither counts, asking for it is an error, and settings report it."""
    manager = open_manager()
    with pytest.raises(AmbiguousGroup):
        manager.is_member("nomail", "Editors")
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS="Editors")}) as wauth:
        for sam in ("dora.deep", "nomail"):
            result = wauth.sync(Identity.parse(f"EXAMPLE\\{sam}"), MemoryUserRepository())
            assert not result.flags["is_superuser"]
