"""Who is in which group, and what the group names in settings mean. Everything is compared by SID.

If the directory is not AD, groups have no SID. Their DNs (in one spelling, `filters.dn_key`) are compared instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wauth_core.directory import decode, filters
from wauth_core.directory.lookup import Dialect
from wauth_core.directory.wire import RawEntry

# Groups that mean the same SID in every domain, whatever language it speaks.
# https://learn.microsoft.com/en-us/windows-server/identity/ad-ds/manage/understand-security-identifiers
BUILTIN = {
    "administrators": "S-1-5-32-544",
    "users": "S-1-5-32-545",
    "guests": "S-1-5-32-546",
    "account operators": "S-1-5-32-548",
    "server operators": "S-1-5-32-549",
    "print operators": "S-1-5-32-550",
    "backup operators": "S-1-5-32-551",
    "replicator": "S-1-5-32-552",
    "pre-windows 2000 compatible access": "S-1-5-32-554",
    "remote desktop users": "S-1-5-32-555",
    "network configuration operators": "S-1-5-32-556",
    "performance monitor users": "S-1-5-32-558",
    "performance log users": "S-1-5-32-559",
    "distributed com users": "S-1-5-32-562",
    "iis_iusrs": "S-1-5-32-568",
    "event log readers": "S-1-5-32-573",
    "hyper-v administrators": "S-1-5-32-578",
    "remote management users": "S-1-5-32-580",
}
RELATIVE = {  # to the domain's SID
    "domain admins": 512,
    "domain users": 513,
    "domain guests": 514,
    "domain computers": 515,
    "domain controllers": 516,
    "cert publishers": 517,
    "group policy creator owners": 520,
    "read-only domain controllers": 521,
    "cloneable domain controllers": 522,
    "protected users": 525,
    "key admins": 526,
}
FOREST_ROOT = {"schema admins": 518, "enterprise admins": 519}  # relative to the SID of the forest's root domain


@dataclass(frozen=True)
class ResolvedGroups:
    """What group names mean. *sids* holds the SIDs of each name, as it was written. An unknown or ambiguous name has
    none.

    *ambiguous* holds the DNs that a name fits. *unknown* says why a name means nothing.
    """

    sids: Mapping[str, frozenset[str]]
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> frozenset[str]:
        return self.sids.get(name, frozenset())

    def any_of(self, names: Iterable[str]) -> frozenset[str]:
        """The SIDs of all of *names* together."""
        return frozenset().union(*(self[name] for name in names))

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each name that means nothing."""
        return (
            *(
                f"The group name {name!r} fits {len(dns)} groups and so matches nobody: {'; '.join(dns[:5])}. "
                f"Write its DN or SID instead."
                for name, dns in self.ambiguous.items()
            ),
            *(f"The group {name!r} matches nobody: {why}." for name, why in self.unknown.items()),
        )


def is_well_known(name: str) -> bool:
    """Whether *name* is a SID, or the well-known name of a group whose SID or RID is fixed."""
    key = name.strip().lower()
    return filters.is_sid(name) or key in BUILTIN or key in RELATIVE or key in FOREST_ROOT


def well_known(name: str, domain_sid: Callable[[], str], forest_root_sid: Callable[[], str]) -> str | None:
    """The SID that *name* means in every AD domain; None for an ordinary name. Calls a function only if it needs it."""
    key = name.strip().lower()
    if filters.is_sid(name):
        return name.upper()
    if key in BUILTIN:
        return BUILTIN[key]
    if key in RELATIVE:
        return f"{domain_sid()}-{RELATIVE[key]}"
    if key in FOREST_ROOT:
        return f"{forest_root_sid()}-{FOREST_ROOT[key]}"
    return None


def compared(attributes: Sequence[str], dialect: Dialect) -> tuple[str, ...]:
    """The attributes that a name (no DN) is compared with: GROUP_ATTRS; outside AD "cn" for sAMAccountName."""
    plain = [name for name in attributes if name.lower() != "distinguishedname"]
    if not dialect.is_ad:
        plain = ["cn" if name.lower() == "samaccountname" else name for name in plain]
    return tuple(dict.fromkeys(plain))


def names_filter(names: Sequence[str], attributes: Sequence[str], dialect: Dialect) -> str:
    """One filter for all of *names*: a DN as such, any other name by each of *attributes*. "" if nothing can match."""
    conditions = []
    for name in names:
        if filters.is_dn(name):
            conditions.append(filters.equals("distinguishedName" if dialect.is_ad else "entryDN", name))
        else:
            conditions += [filters.equals(attribute, name) for attribute in attributes]
    return filters.all_of(dialect.groups, filters.any_of(conditions)) if conditions else ""


def assign(
    names: Sequence[str],
    found: Iterable[RawEntry],
    attributes: Sequence[str],
    dialect: Dialect,
    within: Callable[[str], bool] = lambda dn: True,
) -> ResolvedGroups:
    """Which of the groups *found* each name means. Names are compared exactly, but without case.

    A name that is no DN can only mean a group whose DN is *within* SEARCH_BASE.
    """
    decoded = [(entry, decode.attributes(entry.attributes)) for entry in found]
    sids: dict[str, frozenset[str]] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    unknown: dict[str, str] = {}
    for name in names:
        fitting = [(entry, values) for entry, values in decoded if _fits(name, entry, values, attributes, within)]
        rights = [(entry, values) for entry, values in fitting if decode.is_security_group(values)]
        identities = {group_identity(entry, values, dialect): entry.dn for entry, values in rights}
        if len(identities) == 1:
            sids[name] = frozenset(identities)
        elif identities:
            ambiguous[name] = tuple(identities.values())
        elif fitting:
            unknown[name] = "it is a distribution group, which gives no rights"
        else:
            unknown[name] = "there is none of that name under SEARCH_BASE that the service account may read"
    return ResolvedGroups(sids, ambiguous, unknown)


def _fits(
    name: str,
    entry: RawEntry,
    values: Mapping[str, Any],
    attributes: Sequence[str],
    within: Callable[[str], bool],
) -> bool:
    if filters.is_dn(name):
        return filters.dn_key(name) == filters.dn_key(entry.dn)
    if not within(entry.dn):
        return False
    for attribute in attributes:
        value = values.get(attribute)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and decode.fold(one) == decode.fold(name):
                return True
    return False


def group_identity(entry: RawEntry, values: Mapping[str, Any], dialect: Dialect) -> str:
    """What a group is compared by."""
    found = values.get("objectSid")
    return found if dialect.is_ad and isinstance(found, str) else filters.dn_key(entry.dn)


def token_groups(entry: RawEntry) -> frozenset[str] | None:
    """The SIDs in *entry*'s tokenGroups; None if the server gave none (every AD user has at least one)."""
    for name, values in entry.attributes.items():
        if name.lower() == "tokengroups" and values:
            return frozenset(map(decode.sid, values))
    return None


def closure(start: Iterable[str], parents: Callable[[list[str]], Mapping[str, str]]) -> dict[str, str]:
    """All groups above *start*, as ``{dn: identity}``. *parents* returns the groups that hold any of the listed DNs.

    Each DN is asked about once, so cycles end.
    """
    asked: set[str] = set()
    waiting = list(start)
    found: dict[str, str] = {}
    while waiting:
        level = [dn for dn in dict.fromkeys(waiting) if filters.dn_key(dn) not in asked]
        asked.update(map(filters.dn_key, level))
        above = parents(level) if level else {}
        waiting = [dn for dn in above if filters.dn_key(dn) not in asked]
        found.update(above)
    return found
