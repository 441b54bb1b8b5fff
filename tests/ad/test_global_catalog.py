"""The Global Catalog of a real Active Directory (Samba's, whose forest is one domain)."""

from __future__ import annotations

import pytest

from tests.ad.samba import DomainController
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import ReadOnlyError, UserNotFound
from wauth_core.settings import LDAPSettings


def test_look_ups(samba: DomainController) -> None:
    """Over verified TLS on port 3269: the same people and groups as the domain has, and no writes."""
    with LDAPManager(LDAPSettings(**samba.settings(GC=samba.host)), "EXAMPLE") as manager:
        forest = manager.global_catalog
        assert forest.user("alice") == manager.user("alice")
        assert forest.user(r"EXAMPLE\Zoë.Ünal") == forest.user(r"example.local\Zoë.Ünal") == manager.user("Zoë.Ünal")
        assert forest.group("Web Admins") == manager.group("Web Admins")
        assert len(list(forest.users({"sAMAccountName": ["alice", "bob"]}))) == 2
        with pytest.raises(UserNotFound):
            forest.user("nobody.here")
        with pytest.raises(ReadOnlyError):
            forest.domain("EXAMPLE").disable("alice")
        assert manager.resolve_groups(["No Such Group"]).unknown
