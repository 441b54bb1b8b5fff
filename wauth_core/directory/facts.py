"""What is known of a domain, its forest, controllers, sites and trusts, as frozen values. Names for AD's numbers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

# msDS-Behavior-Version, MS-ADTS 6.1.4.2 to 6.1.4.4
LEVELS = {
    0: "Windows 2000",
    1: "Windows Server 2003 mixed",
    2: "Windows Server 2003",
    3: "Windows Server 2008",
    4: "Windows Server 2008 R2",
    5: "Windows Server 2012",
    6: "Windows Server 2012 R2",
    7: "Windows Server 2016",
    10: "Windows Server 2025",
}

# trustAttributes, MS-ADTS 6.1.6.7.9
NON_TRANSITIVE = 0x1
QUARANTINED = 0x4
FOREST_TRANSITIVE = 0x8
SELECTIVE = 0x10
WITHIN_FOREST = 0x20

DIRECTIONS = {0: "disabled", 1: "inbound", 2: "outbound", 3: "both"}  # trustDirection, MS-ADTS 6.1.6.7.12


def level_name(level: int) -> str:
    """The name of a functional level."""
    return LEVELS.get(level, f"level {level}")


@dataclass(frozen=True, kw_only=True)
class PasswordPolicy:
    """What passwords must be, and when an account locks: the domain's, or a fine-grained one.

    - *max_age* None: passwords do not expire.
    - *lockout_threshold* 0: nobody is locked.
    - *lockout_duration* None: a lock lasts until an administrator ends it.
    - *precedence* (the lowest wins) and *applies_to* (DNs of people and groups): of fine-grained policies only.
    """

    name: str
    min_length: int
    history: int
    complex: bool
    reversible: bool
    min_age: timedelta
    max_age: timedelta | None
    lockout_threshold: int
    lockout_window: timedelta
    lockout_duration: timedelta | None
    precedence: int | None = None
    applies_to: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DomainInfo:
    """A domain. *policies* are the fine-grained ones that the service account may read, by precedence."""

    dn: str
    dns_name: str
    netbios: str
    sid: str
    guid: uuid.UUID
    level: int
    machine_account_quota: int
    policy: PasswordPolicy
    policies: tuple[PasswordPolicy, ...]

    @property
    def level_name(self) -> str:
        """The functional level in words."""
        return level_name(self.level)


@dataclass(frozen=True, kw_only=True)
class ForestInfo:
    """A forest. *domains* are DNS names, the root first; *upn_suffixes* those beside the domains' own."""

    dns_name: str
    level: int
    domains: tuple[str, ...]
    upn_suffixes: tuple[str, ...]
    recycle_bin: bool
    schema_version: int

    @property
    def level_name(self) -> str:
        """The functional level in words."""
        return level_name(self.level)


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A domain controller. *roles* are those that only one controller has (FSMO)."""

    name: str
    host: str
    dn: str  # of its computer account
    site: str
    is_global_catalog: bool
    is_read_only: bool
    operating_system: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site: networks that are near to one another, and their controllers, of any domain of the forest."""

    name: str
    dn: str
    subnets: tuple[str, ...]
    controllers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Trust:
    """A trust. *direction* is "inbound" (they trust us), "outbound" (we trust them), "both" or "disabled"."""

    partner: str
    netbios: str
    sid: str | None
    direction: str
    attributes: int

    @property
    def kind(self) -> str:
        """ "forest", "in the forest" or "external"."""
        if self.attributes & WITHIN_FOREST:
            return "in the forest"
        return "forest" if self.attributes & FOREST_TRANSITIVE else "external"

    @property
    def is_transitive(self) -> bool:
        """Whether the trust includes those whom the partner trusts (transitive)."""
        return bool(self.attributes & (FOREST_TRANSITIVE | WITHIN_FOREST)) and not self.attributes & NON_TRANSITIVE

    @property
    def filters_sids(self) -> bool:
        """Whether SIDs of other domains are removed from its tickets (quarantine)."""
        return bool(self.attributes & QUARANTINED)

    @property
    def is_selective(self) -> bool:
        """Whether its people need the right "Allowed to authenticate" on each server."""
        return bool(self.attributes & SELECTIVE)
