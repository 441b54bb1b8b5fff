"""Asking a domain about itself: policies, forest, controllers, sites, trusts, clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from wauth_core.directory import decode, filters
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryObject
from wauth_core.directory.facts import DIRECTIONS, Controller, DomainInfo, ForestInfo, PasswordPolicy, Site, Trust
from wauth_core.exceptions import DirectoryError

_NONE = timedelta(0)
_CATALOG = 0x1  # options of an NTDS Settings object, MS-ADTS 6.1.1.2.2.1.2.1.1
_DOMAIN_REF = 0x2  # systemFlags of a crossRef whose naming context is a domain, MS-ADTS 2.2.10
_COMPLEX, _REVERSIBLE = 0x1, 0x10  # pwdProperties, MS-SAMR 2.2.3.11
_ROLES = {  # fSMORoleOwner of these names the holder of a role, MS-ADTS 6.1.5
    "schema master": "{schema}",
    "domain naming master": "CN=Partitions,{configuration}",
    "PDC emulator": "{root}",
    "RID master": "CN=RID Manager$,CN=System,{root}",
    "infrastructure master": "CN=Infrastructure,{root}",
}

Values = Mapping[str, Any]


class Topology:
    """Reads the facts of one domain. Raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile) -> None:
        self._domain = domain

    def domain_info(self) -> DomainInfo:
        """The domain."""
        wanted = ("objectSid", "objectGUID", "msDS-Behavior-Version", "ms-DS-MachineAccountQuota", *_POLICY)
        values = self._read(self._domain.root, wanted)
        return DomainInfo(
            dn=self._domain.root,
            dns_name=self._domain.dns_name,
            netbios=self._netbios(),
            sid=values["objectSid"],
            guid=values["objectGUID"],
            level=values.get("msDS-Behavior-Version", 0),
            machine_account_quota=values.get("ms-DS-MachineAccountQuota", 0),
            policy=_domain_policy(values),
            policies=self._fine_grained(),
        )

    def policy_of(self, found: DirectoryObject) -> PasswordPolicy:
        """The policy of a person. AD says which one applies (msDS-ResultantPSO, MS-ADTS 3.1.1.4.5.36)."""
        values = self._read(found.dn, ("msDS-ResultantPSO",))
        if dn := values.get("msDS-ResultantPSO"):
            return _fine_policy(self._read(dn, _FINE))
        return _domain_policy(self._read(self._domain.root, _POLICY))

    def forest_info(self) -> ForestInfo:
        """The forest that the domain is in."""
        top = self._root_dse()
        configuration, root = top["configurationNamingContext"], top["rootDomainNamingContext"]
        partitions = self._read(
            f"CN=Partitions,{configuration}", ("msDS-Behavior-Version", "uPNSuffixes", "msDS-EnabledFeature")
        )
        schema = self._read(top["schemaNamingContext"], ("objectVersion",))
        crossed = self._all(f"CN=Partitions,{configuration}", "crossRef", ("nCName", "dnsRoot", "systemFlags"))
        domains = [
            (not filters.same_dn(each["nCName"], root), each["dnsRoot"])
            for _, each in crossed
            if each.get("systemFlags", 0) & _DOMAIN_REF
        ]
        return ForestInfo(
            dns_name=filters.dns_domain(root),
            level=partitions.get("msDS-Behavior-Version", 0),
            domains=tuple(name for _, name in sorted(domains)),
            upn_suffixes=tuple(decode.several(partitions.get("uPNSuffixes"))),
            recycle_bin=any(
                "recycle bin" in dn.lower() for dn in decode.several(partitions.get("msDS-EnabledFeature"))
            ),
            schema_version=schema.get("objectVersion", 0),
        )

    def domains(self) -> dict[str, str]:
        """The DNs of the forest's domains, by NetBIOS name and by DNS name."""
        base = f"CN=Partitions,{self._root_dse()['configurationNamingContext']}"
        found: dict[str, str] = {}
        for _, each in self._all(base, "crossRef", ("nCName", "dnsRoot", "nETBIOSName", "systemFlags")):
            if each.get("systemFlags", 0) & _DOMAIN_REF:
                found[each.get("nETBIOSName", each["dnsRoot"])] = found[each["dnsRoot"]] = each["nCName"]
        return found

    def controllers(self) -> list[Controller]:
        """The domain's controllers, by name."""
        top = self._root_dse()
        sites = f"CN=Sites,{top['configurationNamingContext']}"
        settings = {
            filters.dn_key(filters.parent_dn(dn)): (dn, values)
            for dn, values in self._all(sites, "nTDSDSA", ("options", "objectClass"))
        }
        owners = self._role_owners(top)
        found = []
        for dn, server in self._all(sites, "server", ("dNSHostName", "serverReference", "cn")):
            account = server.get("serverReference", "")
            key = filters.dn_key(dn)
            if key not in settings or not filters.same_dn(filters.domain_root(account), self._domain.root):
                continue  # left over from a removed controller, or one of another domain
            agent, values = settings[key]
            machine = self._read(account, ("operatingSystem", "primaryGroupID"), needed=False)
            found.append(
                Controller(
                    name=server["cn"],
                    host=server.get("dNSHostName", ""),
                    dn=account,
                    site=_site_of(dn),
                    is_global_catalog=bool(values.get("options", 0) & _CATALOG),
                    is_read_only="nTDSDSARO" in values.get("objectClass", ()) or machine.get("primaryGroupID") == 521,
                    operating_system=machine.get("operatingSystem"),
                    roles=tuple(role for role, owner in owners.items() if owner == filters.dn_key(agent)),
                )
            )
        return sorted(found, key=lambda controller: controller.name.lower())

    def sites(self) -> list[Site]:
        """The forest's sites, by name."""
        base = f"CN=Sites,{self._root_dse()['configurationNamingContext']}"
        subnets = self._all(base, "subnet", ("cn", "siteObject"))
        servers = self._all(base, "server", ("dNSHostName",))
        return sorted(
            (
                Site(
                    name=values["cn"],
                    dn=dn,
                    subnets=tuple(
                        sorted(
                            n["cn"] for _, n in subnets if filters.dn_key(n.get("siteObject", "")) == filters.dn_key(dn)
                        )
                    ),
                    controllers=tuple(
                        sorted(s["dNSHostName"] for at, s in servers if "dNSHostName" in s and filters.is_under(at, dn))
                    ),
                )
                for dn, values in self._all(base, "site", ("cn",))
            ),
            key=lambda site: site.name.lower(),
        )

    def trusts(self) -> list[Trust]:
        """The trusts of the domain, by partner."""
        wanted = ("trustPartner", "flatName", "trustDirection", "trustAttributes", "securityIdentifier")
        found = [
            Trust(
                partner=values.get("trustPartner", ""),
                netbios=values.get("flatName", ""),
                sid=values.get("securityIdentifier"),
                direction=DIRECTIONS.get(values.get("trustDirection", 0), "unknown"),
                attributes=values.get("trustAttributes", 0),
            )
            for _, values in self._all(f"CN=System,{self._domain.root}", "trustedDomain", wanted)
        ]
        return sorted(found, key=lambda trust: trust.partner.lower())

    def clock_skew(self, now: Callable[[], float] = time.time) -> timedelta:
        """How far the controller's clock is ahead of ours; negative if it is behind. In whole seconds, as AD reports
        it.
        """
        before = now()
        told = self._root_dse()["currentTime"]
        middle = (before + now()) / 2
        if not isinstance(told, datetime):
            raise DirectoryError(f"The domain {self._domain.name} does not tell the time.")
        # a whole second stands for any moment in it
        return told + timedelta(seconds=0.5) - datetime.fromtimestamp(middle, timezone.utc)

    # -- reading -------------------------------------------------------------------------------------------------------

    def _netbios(self) -> str:
        partitions = f"CN=Partitions,{self._root_dse()['configurationNamingContext']}"
        for _, values in self._all(partitions, "crossRef", ("nCName", "nETBIOSName")):
            if "nETBIOSName" in values and filters.same_dn(values["nCName"], self._domain.root):
                return str(values["nETBIOSName"])
        return self._domain.name

    def _fine_grained(self) -> tuple[PasswordPolicy, ...]:
        base = f"CN=Password Settings Container,CN=System,{self._domain.root}"
        found = [_fine_policy(values) for _, values in self._all(base, "msDS-PasswordSettings", _FINE)]
        return tuple(sorted(found, key=lambda policy: policy.precedence or 0))

    def _role_owners(self, top: Values) -> dict[str, str]:
        places = {
            "schema": top["schemaNamingContext"],
            "configuration": top["configurationNamingContext"],
            "root": self._domain.root,
        }
        owners = {}
        for role, place in _ROLES.items():
            values = self._read(place.format(**places), ("fSMORoleOwner",), needed=False)
            owners[role] = filters.dn_key(values.get("fSMORoleOwner", ""))
        return owners

    def _root_dse(self) -> Values:
        return self._read(
            "", ("configurationNamingContext", "schemaNamingContext", "rootDomainNamingContext", "currentTime")
        )

    def _read(self, dn: str, attributes: tuple[str, ...], *, needed: bool = True) -> Values:
        entry = self._domain.searcher.read(dn, attributes) if dn or needed else None
        if entry is None and needed:
            raise DirectoryError(f"The service account of the domain {self._domain.name} may not read {dn!r}.")
        return decode.attributes(entry.attributes if entry else {})

    def _all(self, base: str, object_class: str, attributes: tuple[str, ...]) -> list[tuple[str, Values]]:
        condition = filters.equals("objectClass", object_class)
        return [
            (entry.dn, decode.attributes(self._domain.searcher.complete(entry).attributes))
            for page in self._domain.searcher.pages(base, condition, attributes)
            for entry in page
        ]


_POLICY = (
    "minPwdLength",
    "pwdHistoryLength",
    "pwdProperties",
    "minPwdAge",
    "maxPwdAge",
    "lockoutThreshold",
    "lockOutObservationWindow",
    "lockoutDuration",
)
_FINE = (
    "cn",
    "msDS-PasswordSettingsPrecedence",
    "msDS-MinimumPasswordLength",
    "msDS-PasswordHistoryLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordReversibleEncryptionEnabled",
    "msDS-MinimumPasswordAge",
    "msDS-MaximumPasswordAge",
    "msDS-LockoutThreshold",
    "msDS-LockoutObservationWindow",
    "msDS-LockoutDuration",
    "msDS-PSOAppliesTo",
)


def _domain_policy(values: Values) -> PasswordPolicy:
    return PasswordPolicy(
        name="Default Domain Policy",
        min_length=values.get("minPwdLength", 0),
        history=values.get("pwdHistoryLength", 0),
        complex=bool(values.get("pwdProperties", 0) & _COMPLEX),
        reversible=bool(values.get("pwdProperties", 0) & _REVERSIBLE),
        min_age=values.get("minPwdAge") or _NONE,
        max_age=values.get("maxPwdAge") or None,
        lockout_threshold=values.get("lockoutThreshold", 0),
        lockout_window=values.get("lockOutObservationWindow") or _NONE,
        lockout_duration=values.get("lockoutDuration") or None,
    )


def _fine_policy(values: Values) -> PasswordPolicy:
    return PasswordPolicy(
        name=values["cn"],
        min_length=values.get("msDS-MinimumPasswordLength", 0),
        history=values.get("msDS-PasswordHistoryLength", 0),
        complex=values.get("msDS-PasswordComplexityEnabled", False),
        reversible=values.get("msDS-PasswordReversibleEncryptionEnabled", False),
        min_age=values.get("msDS-MinimumPasswordAge") or _NONE,
        max_age=values.get("msDS-MaximumPasswordAge") or None,
        lockout_threshold=values.get("msDS-LockoutThreshold", 0),
        lockout_window=values.get("msDS-LockoutObservationWindow") or _NONE,
        lockout_duration=values.get("msDS-LockoutDuration") or None,
        precedence=values.get("msDS-PasswordSettingsPrecedence", 0),
        applies_to=tuple(decode.several(values.get("msDS-PSOAppliesTo"))),
    )


def _site_of(server: str) -> str:
    """The site that the DN of a server object, CN=DC1,CN=Servers,CN=Site,…, is in."""
    return filters.leaf_name(filters.parent_dn(filters.parent_dn(server)))
