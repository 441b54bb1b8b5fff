"""`CacheUserRepository`: users of an application without a database, kept in a `cachelib` cache (memory, Redis, …)."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any

from cachelib import BaseCache, FileSystemCache, SimpleCache

from wauth_core.exceptions import SyncError
from wauth_core.sync import store
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted
from wauth_core.sync.store import as_written, domain_key, link_names, may_write, name_key, same_domain, same_link

WRITING = "wauth:writing"  # the claim of whoever writes
WAIT = 5.0  # seconds to wait for it
KEEP = 7 * 24 * 3600  # seconds; whoever is forgotten is read from the directory again
_errors = partial(store.as_sync_error, Exception)  # each cache has errors of its own
_KEYS = uuid.UUID("6f1f6d0e-0c5e-5c0b-9f3e-6d1b8b0f5a52")  # the namespace of users' keys


class CacheUserRepository:
    """People as they were at their last sync, in *cache*; in this process's memory by default.

    A cache may forget: then a user is simply new again. A user's key follows from the GUID (or the name), so that it is
    the same in every process, and after all was forgotten; in memory, `Link.sessions` follows too, from the key and
    the time of the last new password. What is kept decides what people may do, so nobody else may write there: a
    shared Redis needs a password, and cachelib unpickles what it finds.
    """

    def __init__(self, cache: BaseCache | None = None) -> None:
        self._cache = cache if cache is not None else SimpleCache(threshold=1_000_000, default_timeout=KEEP)
        self._one, self._writing = threading.Lock(), threading.Lock()
        self.forgets = cache is None  # everything, with the process

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """See `UserRepository`."""
        with _errors():
            keys = [self._get(*name) for name in link_names(domain, username, guid)]
            found = [self._snapshot(wanted, key, entry) for key in dict.fromkeys(keys) if (entry := self._user(key))]
        return [user for user in found if same_link(user.link, domain, username, guid)]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`."""
        with _errors():
            held: dict[str, str] = self._get("username", name_key(username)) or {}
            key = held.get(username) or next(iter(held.values()), None)
            entry = self._user(key)
        return self._snapshot(wanted, key, entry) if entry else None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Only those whom the cache has not forgotten."""
        with _errors():
            keys: list[Key] = self._get("domain", domain_key(domain)) or []
        for start in range(0, len(keys), batch):
            with _errors():
                page = [(key, self._user(key)) for key in keys[start : start + batch]]
            found = [self._snapshot(wanted, key, entry) for key, entry in page if entry]
            yield [user for user in found if same_domain(user.link, domain)]

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """See `UserRepository`. All or nothing, but for a process or a cache that dies in the middle."""
        listed = list(changes)
        with self._alone(), _errors():
            writing = _Writing(self)
            keys = [writing.write(change, now) for change in listed]
            for name, value in writing.pending.items():
                self._cache.set(name, value, KEEP) if value is not None else self._cache.delete(name)
            return keys

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """See `UserRepository`."""
        with self._alone(), _errors():
            for key, moment in seen.items():
                entry = self._user(key)
                link = _link(entry) if entry else None
                if entry and link and link.last_sync == moment and store.is_older(moment, now):
                    link = replace(link, last_sync=now)
                    self._cache.set(cache_name("user", key), {**entry, "link": asdict(link)}, KEEP)

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """See `UserRepository`. Holds as far as the cache reaches, and ends as its entries do."""
        name = cache_name("lock", domain_key(domain), name_key(username))
        return store.claiming(partial(self._take, name), partial(self._release, name), wait=wait)

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        name = cache_name("bookmark", domain_key(domain))
        with _errors():
            if value is not None:
                self._cache.set(name, value, KEEP)
                return value
            found: str | None = self._cache.get(name)
            return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, among all processes that share the cache: a cache cannot compare and set."""
        with self._writing:
            if self.forgets:  # nobody shares it
                yield
                return
            take, release = partial(self._take, WRITING), partial(self._release, WRITING)
            with store.claiming(take, release, wait=WAIT) as mine:
                if not mine:
                    raise SyncError("Another worker has been writing to the cache for too long.")
                yield

    def _take(self, name: str, token: str) -> bool:
        with self._one, _errors():  # cachelib's memory cache is not atomic among threads
            if isinstance(self._cache, FileSystemCache) and self._cache.get(name) is None:
                self._cache.delete(name)  # its add() takes an entry that has ended for one that stands
            return bool(self._cache.add(name, token, int(store.lease())))

    def _release(self, name: str, token: str) -> None:
        with self._one, _errors():
            if self._cache.get(name) == token:
                self._cache.delete(name)

    def _user(self, key: Key) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._get("user", key) if key is not None else None
        return found

    def _get(self, *parts: object) -> Any:
        return self._cache.get(cache_name(*parts))

    def _snapshot(self, wanted: Wanted, key: Key, entry: dict[str, Any]) -> UserSnapshot:
        return UserSnapshot(
            key=key,
            link=_link(entry),
            fields={name: entry["fields"].get(name, "") for name in wanted.fields},
            flags={name: entry["flags"].get(name, name == "is_active") for name in wanted.flags},
            groups=frozenset(entry["groups"]) if wanted.groups else frozenset(),
        )


class _Writing:
    """What one `apply` will put into the cache, so that a refused change leaves nothing behind."""

    def __init__(self, repository: CacheUserRepository) -> None:
        self._repository = repository
        self.pending: dict[str, Any] = {}

    def write(self, change: Change, now: datetime) -> Key | None:
        key = self._new_key(change.link) if change.key is None else change.key
        before: dict[str, Any] | None = {"link": None, "fields": {}, "flags": {}, "groups": []}
        if change.key is not None:
            before = self._get("user", key)
            if before is None and change.seen is None:
                raise SyncError(f"The user {key!r} is gone from the cache.")
            if before is None or not may_write(_link(before), change, now):
                return None
        assert before is not None  # noqa: S101
        stored = _link(before)
        link = as_written(stored, change, now)
        if link and self._repository.forgets:
            link = replace(link, sessions=max(link.sessions if stored else 0, _number(key, link)))
        entry: dict[str, Any] = {
            "link": asdict(link) if link else None,
            "fields": {**before["fields"], **change.fields},
            "flags": {**before["flags"], **change.flags},
            "groups": sorted((set(before["groups"]) - change.groups_remove) | change.groups_add),
        }
        self._set(entry, "user", key)
        self._index(key, stored, link)
        self._name_index(key, before["fields"].get("username"), entry["fields"].get("username"))
        return key

    def _new_key(self, link: Link | None) -> str:
        if link is not None:
            key = str(uuid.uuid5(_KEYS, f"{domain_key(link.domain)}/{link.guid or name_key(link.username)}"))
            if self._get("user", key) is None:
                return key
        return str(uuid.uuid4())

    def _index(self, key: Key, before: Link | None, after: Link | None) -> None:
        if before == after or after is None:
            return
        for parts in _names(before) if before else []:
            if self._get(*parts) == key:
                self._set(None, *parts)
        for parts in _names(after):
            holder = self._get(*parts)
            if holder not in (None, key) and self._get("user", holder):
                raise SyncError(f"Another user is linked to {after.domain}\\{after.username} already.")
            self._set(key, *parts)
        domain = domain_key(after.domain)
        members = self._get("domain", domain) or []
        if key not in members:
            self._set([*members, key], "domain", domain)

    def _name_index(self, key: Key, before: str | None, after: str | None) -> None:
        if before == after:
            return
        for name in (before, after):
            if name is None:
                continue
            held = {n: k for n, k in (self._get("username", name_key(name)) or {}).items() if k != key}
            if name == after:
                if name in held and self._get("user", held[name]):
                    raise SyncError(f"Another user goes by the name {name!r} already.")
                held[name] = key
            self._set(held or None, "username", name_key(name))

    def _get(self, *parts: object) -> Any:
        name = cache_name(*parts)
        return self.pending[name] if name in self.pending else self._repository._get(*parts)

    def _set(self, value: Any, *parts: object) -> None:
        self.pending[cache_name(*parts)] = value


def _number(key: Key, link: Link) -> int:
    """The least `Link.sessions` of that user: the same in every worker, and greater after a new password."""
    since = link.password_set.timestamp() if link.password_set is not None else 0
    return uuid.uuid5(_KEYS, str(key)).int % 2**31 + max(0, int(since * 1000))


def _names(link: Link) -> list[tuple[Hashable, ...]]:
    return link_names(link.domain, link.username, link.guid)


def _link(entry: dict[str, Any]) -> Link | None:
    """The link of an entry; what an earlier version kept knows less of it."""
    return Link(**entry["link"]) if entry["link"] else None


def cache_name(*parts: object) -> str:
    """A key that every cache can take, whatever letters people's names have."""
    return f"wauth:{parts[0]}:{hashlib.sha256(repr(parts).encode()).hexdigest()[:40]}"
