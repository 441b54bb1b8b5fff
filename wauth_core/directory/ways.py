"""Why somebody is in each group: the way through nested groups."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wauth_core.directory.decode import several
from wauth_core.directory.entries import DirectoryGroup, DirectoryUser
from wauth_core.directory.filters import dn_key

if TYPE_CHECKING:
    from wauth_core.directory.manager import LDAPManager


@dataclass(frozen=True)
class Way:
    """One group of a person. *through* names the groups between, the person's own first; empty for a direct member.

    *through* is None if the directory does not tell the way: for groups of other domains, or without memberOf.
    """

    group: DirectoryGroup
    through: tuple[str, ...] | None

    @property
    def identity(self) -> str:
        """What the group is compared by: its SID; its DN if the directory is not AD."""
        return self.group.sid or dn_key(self.group.dn)


def ways(manager: LDAPManager, user: DirectoryUser) -> list[Way]:
    """All security groups of *user*, each with the shortest way that leads there; direct ones first.

    It takes two searches, and a third if *user* has no group SIDs yet. Raises `DirectoryError`.
    """
    found = manager.groups_of(user, ("memberOf",))
    person = manager.user(user, ("memberOf",))
    direct = {dn_key(dn) for dn in several(person.attributes.get("memberOf"))}
    primary = f"{(user.sid or '').rpartition('-')[0]}-{person.attributes.get('primaryGroupID')}"
    through = _through(found, {dn_key(group.dn) for group in found if group.sid == primary} | direct)
    each = [Way(group, through.get(dn_key(group.dn))) for group in found]
    return sorted(each, key=lambda way: (way.through is None, len(way.through or ()), way.group.name.casefold()))


def _through(groups: Iterable[DirectoryGroup], direct: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names between the person and each group, by key; *direct* are the keys of the person's own groups."""
    named = {dn_key(group.dn): group for group in groups}
    inside: dict[str, list[str]] = {}
    for key, group in named.items():
        for above in several(group.attributes.get("memberOf")):
            inside.setdefault(key, []).append(dn_key(above))
    found: dict[str, tuple[str, ...]] = {key: () for key in sorted(direct) if key in named}
    waiting = deque(found)
    while waiting:
        key = waiting.popleft()
        for above in sorted(inside.get(key, ())):
            if above in named and above not in found:
                found[above] = (*found[key], named[key].name)
                waiting.append(above)
    return found
