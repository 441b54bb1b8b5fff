"""What a sync asks of a manager, with the answers that hold for every user kept for a while."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from cachetools import TTLCache

from wauth_core.directory.entries import DirectoryGroup, DirectoryUser
from wauth_core.sync.plan import Resolved

GROUPS_TTL = 600.0  # seconds

T = TypeVar("T")


class Manager(Protocol):
    """The part of `LDAPManager` that a sync needs."""

    def person(
        self, *, guid: uuid.UUID | None, username: str, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """One person, by GUID or else by name."""

    def resolve_groups(self, names: Iterable[str]) -> Any:
        """The SIDs of groups, by the names that settings give them."""

    def groups(self, filter: Any = None) -> Iterator[DirectoryGroup]:
        """All groups."""

    def group(self, x: object) -> DirectoryGroup:
        """One group."""


class Lookups:
    """A manager as a sync sees it (`wauth_core.sync.single.Directory`). Threads may share it."""

    def __init__(self, manager: Manager, *, ttl: float = GROUPS_TTL) -> None:
        self.manager = manager
        self._cache: TTLCache[str, Any] = TTLCache(64, ttl)
        self._mutex = threading.Lock()

    def person(
        self, *, guid: uuid.UUID | None, username: str, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """The one person with that GUID, or by that name where *guid* is None."""
        return self.manager.person(guid=guid, username=username, attributes=attributes, groups=groups)

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The SIDs of the groups that settings name."""
        listed = tuple(names)
        if not listed:
            return {}
        resolved = self.manager.resolve_groups(listed)
        sids = getattr(resolved, "sids", resolved)
        return {name: frozenset(sids.get(name, ())) for name in listed}

    def all_groups(self) -> Mapping[str, str]:
        """SID and name of every group of the domain, at most ten minutes old."""
        return self._cached("all", lambda: {g.sid: g.name for g in self.manager.groups() if g.sid})

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Those of the built-in groups *among* that somebody with *sids* is in.

        A ticket's PAC leaves the built-in groups out; but whoever carries the SID of a member is in the group.
        """
        return frozenset(sid for sid in among if not sids.isdisjoint(self._member_sids(sid)))

    def _member_sids(self, sid: str) -> frozenset[str]:
        return self._cached(sid, lambda: frozenset(self.manager.member_sids(sid)))  # type: ignore[attr-defined]

    def _cached(self, key: str, make: Callable[[], T]) -> T:
        with self._mutex:
            if key in self._cache:
                return self._cache[key]  # type: ignore[no-any-return]
        made = make()
        with self._mutex:
            self._cache[key] = made
        return made
