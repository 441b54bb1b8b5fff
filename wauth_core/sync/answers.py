"""The directory's last answer about each person: in this process, and in the application's cache."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from cachetools import LRUCache

from wauth_core.cache import SharedCache, cache_key
from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import Identity
from wauth_core.process import PerProcess
from wauth_core.sync.knowledge import Known, joined

PEOPLE_KEPT = 20_000  # people remembered in one process


@dataclass
class _Held:
    people: LRUCache[tuple[str, str, bool], tuple[Known, DirectoryUser | None]] = field(
        default_factory=lambda: LRUCache(PEOPLE_KEPT)
    )
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Answers:
    """The last answer about each person, for *kept* at most. Threads may share it; an older answer never replaces a
    newer one."""

    def __init__(self, cache: SharedCache, kept: timedelta) -> None:
        self._cache = cache
        self._kept = kept
        self._held = PerProcess(_Held)

    def get(self, identity: Identity) -> Known | None:
        """The last answer about *identity* in this process."""
        mine = self._held.here
        with mine.mutex:
            held = mine.people.get(identity.name_key())
        return held[0] if held else None

    def shared(self, identity: Identity) -> Known | None:
        """The last answer in this process or in the application's cache."""
        mine = self.get(identity)
        said = self._cache.get(cache_key("known", *identity.name_key())) if self._cache else None
        theirs = _unpacked(said) if said is not None else None
        if theirs is not None and (mine is None or theirs.as_of > mine.as_of):
            self._keep(identity, theirs, None)
        return joined(mine, theirs)

    def user(self, identity: Identity) -> tuple[Known, DirectoryUser] | None:
        """The last answer in this process with all that it held."""
        mine = self._held.here
        with mine.mutex:
            held = mine.people.get(identity.name_key())
        return (held[0], held[1]) if held is not None and held[1] is not None else None

    def put(self, identity: Identity, known: Known, user: DirectoryUser | None = None) -> None:
        """Remember an answer."""
        self._keep(identity, known, user)
        if self._cache and (told := self.shared(identity)) is not None:
            self._cache.set(cache_key("known", *identity.name_key()), _packed(told), self._kept.total_seconds())

    def forget(self) -> None:
        """Forget what this process knows."""
        mine = self._held.here
        with mine.mutex:
            mine.people.clear()

    def _keep(self, identity: Identity, known: Known, user: DirectoryUser | None) -> None:
        mine = self._held.here
        with mine.mutex:
            held = mine.people.get(identity.name_key())
            newest = joined(held[0] if held else None, known)
            assert newest is not None  # noqa: S101 - *known* is not None
            if held is not None and newest is held[0]:
                user = held[1]
            mine.people[identity.name_key()] = (newest, user)


def _packed(known: Known) -> dict[str, Any]:
    """As plain values, which any cache can keep."""

    def at(time: datetime | None) -> float | None:
        return None if time is None else time.timestamp()

    return {
        "at": at(known.as_of),
        "sid": known.sid,
        "guid": str(known.guid) if known.guid else None,
        "granting": sorted(known.granting),
        "denying": sorted(known.denying - known.granting),
        "usable": known.usable,
        "gone": known.gone,
        "expires": at(known.expires_at),
        "password": at(known.password_set),
        "lowered": at(known.lowered_at),
        "by": known.controller,
    }


def _unpacked(said: Any) -> Known | None:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)

    try:
        granting = frozenset(map(str, said["granting"]))
        known = Known(
            datetime.fromtimestamp(said["at"], timezone.utc),
            said["sid"],
            uuid.UUID(said["guid"]) if said["guid"] else None,
            granting,
            granting | frozenset(map(str, said["denying"])),
            bool(said["usable"]),
            bool(said["gone"]),
            at(said["expires"]),
        )
        lowered, by = at(said["lowered"]), str(said["by"])
        return replace(known, password_set=at(said["password"]), controller=by, lowered_at=lowered)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None  # another version's, or not ours: an answer that cannot be read is none
