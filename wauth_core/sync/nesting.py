"""All groups of a domain, read once, and who is in which: nesting is followed in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wauth_core.directory.filters import dn_key


@dataclass(frozen=True)
class GroupEntry:
    """One security group: what it is compared by, its name, and the DNs of the groups that it is in."""

    dn: str
    sid: str
    name: str
    parents: tuple[str, ...] = ()


@dataclass
class GroupGraph:
    """Every security group of a domain.

    A group that is not among them gives no rights and passes none on: a mailing list between two security groups
    joins nobody, as in a logon token (MS-PAC 4.1.2.2; AD's tokenGroups).
    """

    entries: Iterable[GroupEntry]
    names: Mapping[str, str] = field(init=False)  # SID -> name
    _by_key: dict[str, GroupEntry] = field(init=False, repr=False)
    _keys: dict[str, str] = field(init=False, repr=False, default_factory=dict)
    _above: dict[str, frozenset[str]] = field(init=False, repr=False, default_factory=dict)
    _by_sid: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        listed = list(self.entries)
        self.entries = ()
        self.names = {entry.sid: entry.name for entry in listed}
        self._by_key = {self._key(entry.dn): entry for entry in listed}
        self._by_sid = {entry.sid: entry.dn for entry in listed}

    def sids_of(self, direct: Iterable[str], primary: str | None = None) -> frozenset[str]:
        """The SIDs of all groups that somebody is in, who is in those of the DNs *direct* and of the SID *primary*."""
        start = list(direct)
        if primary is not None and primary in self._by_sid:
            start.append(self._by_sid[primary])
        return frozenset().union(*(self._sids_above(self._key(dn)) for dn in start))

    def _sids_above(self, key: str) -> frozenset[str]:
        """The SIDs of the group *key* and of all groups it is in; each group is entered once, so cycles end."""
        known = self._above.get(key)
        if known is not None:
            return known
        seen: dict[str, None] = {}
        waiting = [key]
        while waiting:
            each = waiting.pop()
            entry = self._by_key.get(each)
            if entry is None or each in seen:
                continue
            seen[each] = None
            waiting += [self._key(parent) for parent in entry.parents]
        self._above[key] = found = frozenset(self._by_key[each].sid for each in seen)
        return found

    def _key(self, dn: str) -> str:
        """`dn_key`, which takes its time, once for each spelling."""
        if dn not in self._keys:
            self._keys[dn] = dn_key(dn)
        return self._keys[dn]
