"""The domain and forest as `LDAPManager` tells of them, over the embedded directory and a real AD (Samba)."""

from __future__ import annotations

from datetime import timedelta

from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import LDAPManager, cldap

BASE = "DC=example,DC=local"
FOREVER = b"-9223372036854775808"


class TestTheDomain:
    """Facts about domain and forest."""

    def test_domain(self, manager: LDAPManager, directory: DirectoryUnderTest) -> None:
        """Names, SID, level, and the policies of a fresh AD."""
        found = manager.domain_info()
        assert (found.dn, found.dns_name, found.netbios) == (BASE, "example.local", "EXAMPLE")
        assert (found.sid, found.guid) == (manager.domain_sid, directory.guid_of(BASE))
        assert found.level_name == directory.expects(windows="Windows Server 2016", samba="Windows Server 2008 R2")
        policy = found.policy
        assert (policy.min_length, policy.history, policy.complex, policy.reversible) == (7, 24, True, False)
        assert (policy.min_age, policy.max_age) == (timedelta(days=1), timedelta(days=42))
        assert (policy.lockout_threshold, policy.lockout_window) == (0, timedelta(minutes=30))
        assert found.machine_account_quota == 10

    def test_fine_grained_policies(self, manager: LDAPManager, scratch: Scratch) -> None:
        """By precedence, with whom they are for."""
        scratch.policy(
            f"CN=Domain Admins,CN=Users,{BASE}",
            PasswordSettingsPrecedence="7",
            MinimumPasswordLength="20",
            PasswordHistoryLength="5",
            MaximumPasswordAge=FOREVER,
            LockoutThreshold="3",
            LockoutDuration=FOREVER,
        )
        [found] = manager.domain_info().policies
        assert (found.precedence, found.min_length, found.history, found.complex) == (7, 20, 5, False)
        assert (found.min_age, found.max_age, found.lockout_duration) == (timedelta(0), None, None)
        assert (found.lockout_threshold, found.lockout_window) == (3, timedelta(minutes=10))
        assert found.applies_to == (f"CN=Domain Admins,CN=Users,{BASE}",)

    def test_forest(self, manager: LDAPManager) -> None:
        """One domain, no recycle bin yet."""
        found = manager.forest_info()
        assert (found.dns_name, found.domains, found.recycle_bin) == ("example.local", ("example.local",), False)
        assert found.schema_version >= 47

    def test_controllers(self, manager: LDAPManager) -> None:
        """The first one has all roles; other tests may have joined a second one."""
        [found] = [controller for controller in manager.controllers() if controller.name == "DC1"]
        assert (found.name, found.host, found.site) == ("DC1", "dc1.example.local", "Default-First-Site-Name")
        assert (found.is_global_catalog, found.is_read_only) == (True, False)
        assert set(found.roles) == {
            "schema master",
            "domain naming master",
            "PDC emulator",
            "RID master",
            "infrastructure master",
        }
        assert manager.computer(found.dn).name == "DC1"

    def test_the_ping(self, directory: DirectoryUnderTest) -> None:
        """Over UDP, a controller says who it is, and which site we are in."""
        found = cldap.ping(directory.host, directory.port, "example.local", 5)
        assert found is not None
        assert (found.domain, found.forest, found.host) == ("example.local", "example.local", "dc1.example.local")
        assert (found.site, found.client_site) == ("Default-First-Site-Name", "Default-First-Site-Name")
        assert found.flags & 0x1D == 0x1D  # PDC, Global Catalog, LDAP, DS
        assert cldap.ping(directory.host, directory.port, "other.local", 0.3) is None

    def test_sites(self, manager: LDAPManager, directory: DirectoryUnderTest) -> None:
        """With their networks and controllers."""
        site = f"CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE}"
        subnet = f"CN=10.20.0.0/16,CN=Subnets,CN=Sites,CN=Configuration,{BASE}"
        assert directory.add(subnet, "subnet", {"siteObject": site}) == 0
        [found] = manager.sites()
        directory.delete(subnet)
        assert (found.name, found.dn, found.subnets) == ("Default-First-Site-Name", site, ("10.20.0.0/16",))
        assert "dc1.example.local" in found.controllers

    def test_no_trusts(self, manager: LDAPManager) -> None:
        """A lone domain trusts nobody."""
        assert manager.trusts() == []

    def test_trusts(self, manager: LDAPManager, directory: DirectoryUnderTest) -> None:
        """A forest that trusts us, and whom we trust; Samba makes no trust over LDAP, as Windows does not."""
        if directory.name == "samba":
            dn = f"CN=partner.test,CN=System,{BASE}"
            assert directory.add(dn, "trustedDomain", {"trustPartner": "partner.test"}) != 0
            return
        sid = bytes.fromhex("010400000000000515000000010000000200000003000000")
        attributes = {
            "trustPartner": "partner.test",
            "flatName": "PARTNER",
            "trustDirection": "3",
            "trustType": "2",
            "trustAttributes": str(0x8 | 0x10),
            "securityIdentifier": sid,
        }
        dn = f"CN=partner.test,CN=System,{BASE}"
        assert directory.add(dn, "trustedDomain", attributes) == 0
        [found] = manager.trusts()
        directory.delete(dn)
        assert (found.partner, found.netbios, found.sid) == ("partner.test", "PARTNER", "S-1-5-21-1-2-3")
        assert (found.direction, found.kind, found.is_transitive) == ("both", "forest", True)
        assert (found.is_selective, found.filters_sids) == (True, False)

    def test_clock(self, manager: LDAPManager) -> None:
        """Both clocks are this machine's."""
        assert abs(manager.clock_skew) < timedelta(seconds=2)
