"""Groups that look like the one that gives rights give none."""

from __future__ import annotations

import pytest

from tests.ad.directory import managed
from tests.ad.samba import DomainController
from wauth_core import Identity, Wauth
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import AmbiguousGroup
from wauth_core.testing import MemoryUserRepository

LOOKALIKES = {
    "carol": "Former Domain Admins",
    "mallory": "same CN in another OU",
    "dist.dora": "a mailing list of the same CN",
    "alice2": "the same display name as an administrator",
    "alic": "nearly the same name as an administrator",
}


@pytest.mark.parametrize("sam", LOOKALIKES, ids=list(LOOKALIKES.values()))
def test_lookalikes_are_no_members(manager: LDAPManager, sam: str) -> None:
    """They are no domain administrators, whichever way the group is named."""
    real = manager.group("Domain Admins")
    assert real.sid is not None
    assert real.sid.endswith("-512")
    for name in ("Domain Admins", real.sid, real.dn, real.guid):
        assert not manager.is_member(sam, name)
        assert manager.is_member("alice", name)


def test_group_of_another_domain_holds_nobody(samba: DomainController, other_domain: DomainController) -> None:
    """OTHER's Domain Admins, written as a SID in EXAMPLE's settings, hold nobody of EXAMPLE."""
    with managed(other_domain) as other:
        foreign = other.group("Domain Admins").sid
    assert foreign is not None
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=foreign)}) as wauth:
        result = wauth.sync(Identity.parse("EXAMPLE\\alice"), MemoryUserRepository())
    assert not result.flags["is_superuser"]


def test_ambiguous_name_matches_nothing(manager: LDAPManager, samba: DomainController) -> None:
    """Two groups share the CN Editors: neither counts, and asking for it is an error."""
    with pytest.raises(AmbiguousGroup):
        manager.is_member("nomail", "Editors")
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS="Editors")}) as wauth:
        for sam in ("dora.deep", "nomail"):
            result = wauth.sync(Identity.parse(f"EXAMPLE\\{sam}"), MemoryUserRepository())
            assert not result.flags["is_superuser"]
