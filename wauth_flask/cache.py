"""`CacheUserRepository`: users of an application without a database, kept in a `cachelib` cache (memory, Redis, …)."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from cachelib import BaseCache, SimpleCache

from wauth_core.exceptions import SyncError
from wauth_core.identity import canonical_domain, fold_username
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted

KEEP = 7 * 24 * 3600  # seconds; whoever is forgotten is read from the directory again
LOCK_LEASE = 60  # seconds
LOCK_POLL = 0.05  # seconds


class CacheUserRepository:
    """People as they were at their last sync, in *cache*; in this process's memory by default.

    A cache may forget: then a user is simply new again. Its content decides what people may do, so nobody else may
    write there: a shared Redis needs a password, and cachelib unpickles what it finds.
    """

    def __init__(self, cache: BaseCache | None = None) -> None:
        self._cache = cache if cache is not None else SimpleCache(threshold=1_000_000, default_timeout=KEEP)
        self._one = threading.RLock()
        self.forgets = cache is None  # everything, with the process

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """See `UserRepository`."""
        domain = canonical_domain(domain)
        keys = [self._get("link", domain, fold_username(username)), self._get("guid", domain, guid) if guid else None]
        return [self._snapshot(wanted, key, entry) for key in dict.fromkeys(keys) if (entry := self._user(key))]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`."""
        held: dict[str, str] = self._get("name", fold_username(username)) or {}
        key = held.get(username) or next(iter(held.values()), None)
        entry = self._user(key)
        return self._snapshot(wanted, key, entry) if entry else None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Only those whom the cache has not forgotten."""
        keys: list[Key] = self._get("domain", canonical_domain(domain)) or []
        for start in range(0, len(keys), batch):
            page = [(key, self._user(key)) for key in keys[start : start + batch]]
            yield [self._snapshot(wanted, key, entry) for key, entry in page if entry]

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key]:
        """See `UserRepository`. All or nothing within this process."""
        with self._one:
            writing = _Writing(self)
            keys = [writing.write(change, now) for change in changes]
            for name, value in writing.pending.items():
                self._cache.set(name, value, KEEP) if value is not None else self._cache.delete(name)
            return keys

    def touch(self, keys: Sequence[Key], *, now: datetime) -> None:
        """See `UserRepository`."""
        with self._one:
            for key in keys:
                if (entry := self._user(key)) and entry["link"]:
                    self._cache.set(cache_name("user", key), {**entry, "last_sync": now}, KEEP)

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Iterator[bool]:
        """See `UserRepository`. Holds as far as the cache reaches."""
        name, token = cache_name("lock", canonical_domain(domain), fold_username(username)), uuid.uuid4().hex
        give_up = monotonic() + wait
        while not (mine := self._add(name, token)) and monotonic() < give_up:
            sleep(LOCK_POLL)
        try:
            yield mine
        finally:
            if mine and self._cache.get(name) == token:
                self._cache.delete(name)

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        name = cache_name("bookmark", canonical_domain(domain))
        if value is not None:
            self._cache.set(name, value, KEEP)
            return value
        found: str | None = self._cache.get(name)
        return found

    def _user(self, key: Key) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._get("user", key) if key is not None else None
        return found

    def _get(self, *parts: object) -> Any:
        return self._cache.get(cache_name(*parts))

    def _add(self, name: str, token: str) -> bool:
        with self._one:  # cachelib's memory cache is not atomic among threads
            return bool(self._cache.add(name, token, LOCK_LEASE))

    def _snapshot(self, wanted: Wanted, key: Key, entry: dict[str, Any]) -> UserSnapshot:
        return UserSnapshot(
            key=key,
            link=Link(**entry["link"], last_sync=entry["last_sync"]) if entry["link"] else None,
            fields={name: entry["fields"].get(name, "") for name in wanted.fields},
            flags={name: entry["flags"].get(name, name == "is_active") for name in wanted.flags},
            groups=frozenset(entry["groups"]),
        )


class _Writing:
    """What one `apply` will put into the cache, so that a refused change leaves nothing behind."""

    def __init__(self, repository: CacheUserRepository) -> None:
        self._repository = repository
        self.pending: dict[str, Any] = {}

    def write(self, change: Change, now: datetime) -> Key:
        if change.key is None:
            key: Key = uuid.uuid4().hex
            before: dict[str, Any] = {"link": None, "last_sync": None, "fields": {}, "flags": {}, "groups": []}
        else:
            key, found = change.key, self._get("user", change.key)
            if found is None:
                raise SyncError(f"The user {key!r} is gone from the cache.")
            before = found
        entry: dict[str, Any] = {
            "link": _as_dict(change.link) if change.link else before["link"],
            "last_sync": now,
            "fields": {**before["fields"], **change.fields},
            "flags": {**before["flags"], **change.flags},
            "groups": sorted((set(before["groups"]) - change.groups_remove) | change.groups_add),
        }
        self._set(entry, "user", key)
        self._index(key, before["link"], entry["link"])
        self._name_index(key, before["fields"].get("username"), entry["fields"].get("username"))
        return key

    def _index(self, key: Key, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if before == after or after is None:
            return
        old, new = (_index_names(link) if link else [] for link in (before, after))
        for parts in old:
            if self._get(*parts) == key:
                self._set(None, *parts)
        for parts in new:
            holder = self._get(*parts)
            if holder not in (None, key) and self._get("user", holder):
                raise SyncError(f"Another user is linked to {after['domain']}\\{after['username']} already.")
            self._set(key, *parts)
        domain = canonical_domain(after["domain"])
        members = self._get("domain", domain) or []
        if key not in members:
            self._set([*members, key], "domain", domain)

    def _name_index(self, key: Key, before: str | None, after: str | None) -> None:
        if before == after:
            return
        for name in (before, after):
            if name is None:
                continue
            held = {n: k for n, k in (self._get("name", fold_username(name)) or {}).items() if k != key}
            if name == after:
                if name in held and self._get("user", held[name]):
                    raise SyncError(f"Another user goes by the name {name!r} already.")
                held[name] = key
            self._set(held or None, "name", fold_username(name))

    def _get(self, *parts: object) -> Any:
        name = cache_name(*parts)
        return self.pending[name] if name in self.pending else self._repository._get(*parts)

    def _set(self, value: Any, *parts: object) -> None:
        self.pending[cache_name(*parts)] = value


def _index_names(link: dict[str, Any]) -> list[tuple[object, ...]]:
    domain = canonical_domain(link["domain"])
    names: list[tuple[object, ...]] = [("link", domain, fold_username(link["username"]))]
    return [*names, ("guid", domain, link["guid"])] if link["guid"] else names


def _as_dict(link: Link) -> dict[str, Any]:
    names = ("domain", "username", "guid", "sid", "deactivated")
    return {name: getattr(link, name) for name in names}


def cache_name(*parts: object) -> str:
    """A key that every cache can take, whatever letters people's names have."""
    text = "\0".join(str(part) for part in parts)
    return f"wauth:{parts[0]}:{hashlib.sha256(text.encode()).hexdigest()[:40]}"
