"""The Global Catalog of a real Active Directory (Samba's, whose forest is one domain)."""

from __future__ import annotations

import pytest

from tests.ad.samba import DomainController
from tests.nameserver import Nameserver, nameserver
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import ReadOnlyError, UserNotFound
from wauth_core.settings import LDAPSettings

__all__ = ["nameserver"]


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


def test_found_by_dns(samba: DomainController, nameserver: Nameserver) -> None:
    """Controller and catalog by their SRV records, the own site by a ping, the certificate by the record's name."""
    site = "Default-First-Site-Name._sites"
    for role, port in (("dc", 389), ("gc", 3268)):
        for place in (f"{role}._msdcs", f"{site}.{role}._msdcs"):
            nameserver.records[f"_ldap._tcp.{place}.example.local"] = [f"0 100 {port} {samba.host}."]
    settings = LDAPSettings(**samba.settings(SERVER="dns:example.local", GC="dns:example.local"))
    with LDAPManager(settings, "EXAMPLE") as manager:
        assert manager.global_catalog.user("alice") == manager.user("alice")
        assert manager.controller == f"ldaps://{samba.host}:636"
        assert manager.global_catalog._whole.controller == f"ldaps://{samba.host}:3269"
        assert set(nameserver.asked) == set(nameserver.records)
        assert "site Default-First-Site-Name" in manager.doctor()[0].detail
