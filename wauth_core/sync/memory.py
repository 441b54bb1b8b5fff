"""`MemoryUserRepository`: users in this process's memory, for tests and for applications that keep no users."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from wauth_core.exceptions import SyncError
from wauth_core.sync import store
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted
from wauth_core.sync.store import as_written, domain_key, link_names, may_write, name_key


@dataclass
class MemoryUser:
    """A user of the application."""

    fields: dict[str, Any] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=lambda: {"is_active": True})
    groups: set[str] = field(default_factory=set)
    link: Link | None = None


class MemoryUserRepository:
    """Users in memory; nothing is kept. Implements `wauth_core.sync.UserRepository`.

    *writes* counts the changes that were written, *touches* the users that were checked and found unchanged,
    *transactions* the calls of `apply`. Names in *username_field* are unique, as in most applications. Threads may
    share it. A look-up costs the same however many users there are.
    """

    def __init__(self, username_field: str = "username") -> None:
        self.username_field = username_field
        self.users: dict[int, MemoryUser] = {}
        self.groups: set[str] = set()
        self.bookmarks: dict[str, str] = {}
        self.writes = 0
        self.touches = 0
        self.transactions = 0
        self._last_key = 0
        self._linked: dict[Hashable, int] = {}  # by domain and name, by domain and GUID
        self._domains: dict[str, dict[int, None]] = {}
        self._named: dict[str, dict[int, str]] = {}
        self._claims: dict[Hashable, tuple[str, float]] = {}  # whose, and until when by the monotonic clock
        self._mutex = threading.RLock()

    def add(
        self,
        username: str,
        *,
        link: Link | None = None,
        groups: Iterable[str] = (),
        flags: Mapping[str, bool] | None = None,
    ) -> int:
        """Make a user by hand, as an application would. Return its key."""
        user = MemoryUser({self.username_field: username}, {"is_active": True, **(flags or {})}, set(groups), link)
        with self._mutex:
            self._last_key += 1
            self._put(self._last_key, user)
            self.groups |= user.groups
            return self._last_key

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """See `UserRepository`."""
        with self._mutex:
            keys = {self._linked[name] for name in link_names(domain, username, guid) if name in self._linked}
            return [self._snapshot(key, wanted) for key in sorted(keys)]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`."""
        with self._mutex:
            found = self._named.get(name_key(username), {})
            if wanted.username_field != self.username_field:
                fields = {key: str(user.fields.get(wanted.username_field) or "") for key, user in self.users.items()}
                found = {key: value for key, value in fields.items() if name_key(value) == name_key(username)}
            key = min(found, key=lambda key: (found[key] != username, key), default=None)
            return None if key is None else self._snapshot(key, wanted)

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`."""
        with self._mutex:
            keys = sorted(self._domains.get(domain_key(domain), ()))
        for start in range(0, len(keys), batch):
            with self._mutex:
                page = [self._snapshot(key, wanted) for key in keys[start : start + batch] if key in self.users]
            yield page

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """See `UserRepository`."""
        listed = list(changes)
        with self._mutex:
            before: dict[int, MemoryUser | None] = {}
            try:
                keys = [self._write(change, now, before) for change in listed]
            except Exception:
                for key in before:  # all go before any comes back: a name may have moved among them
                    self._put(key, None)
                for key, user in before.items():
                    self._put(key, user)
                raise
            for change, written in zip(listed, keys, strict=True):
                self.groups |= change.groups_add if written is not None else frozenset()
            self.writes += sum(key is not None for key in keys)
            self.transactions += 1
            return list(keys)

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """See `UserRepository`."""
        with self._mutex:
            for key, moment in seen.items():
                user = self.users.get(key)  # type: ignore[call-overload]
                link = user.link if user else None
                if link and link.last_sync == moment and store.is_older(moment, now):
                    user.link = replace(link, last_sync=now)
            self.touches += len(seen)

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """See `UserRepository`."""
        key = (domain_key(domain), name_key(username))
        return store.claiming(lambda token: self._take(key, token), lambda token: self._release(key, token), wait=wait)

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        if value is not None:
            self.bookmarks[domain_key(domain)] = value
        return self.bookmarks.get(domain_key(domain))

    def _take(self, key: Hashable, token: str) -> bool:
        now = time.monotonic()
        with self._mutex:
            if key in self._claims and self._claims[key][1] > now:
                return False
            self._claims[key] = (token, now + store.lease())
            return True

    def _release(self, key: Hashable, token: str) -> None:
        with self._mutex:
            if key in self._claims and self._claims[key][0] == token:
                del self._claims[key]

    def _snapshot(self, key: int, wanted: Wanted) -> UserSnapshot:
        user = self.users[key]
        return UserSnapshot(
            key,
            user.link,
            {name: user.fields.get(name, "") for name in wanted.fields},
            {name: user.flags.get(name, False) for name in wanted.flags},
            frozenset(user.groups) if wanted.groups else frozenset(),
        )

    def _write(self, change: Change, now: datetime, before: dict[int, MemoryUser | None]) -> int | None:
        if change.key is None:
            self._last_key += 1
            key, stored, user = self._last_key, None, MemoryUser()
        else:
            key = change.key  # type: ignore[assignment]
            stored = self.users.get(key)
            if stored is None and change.seen is None:
                raise SyncError(f"There is no user {key} any more.")
            if stored is None or not may_write(stored.link, change, now):
                return None
            user = MemoryUser(dict(stored.fields), dict(stored.flags), set(stored.groups), stored.link)
        user.fields.update(change.fields)
        user.flags.update(change.flags)
        user.groups = (user.groups | change.groups_add) - change.groups_remove
        user.link = as_written(user.link, change, now)
        self._refuse_twins(key, user)
        before.setdefault(key, stored)
        self._put(key, user)
        return key

    def _refuse_twins(self, key: int, user: MemoryUser) -> None:
        name = user.fields.get(self.username_field)
        same = self._named.get(name_key(str(name)), {}) if name is not None else {}
        if any(other != key and spelling == name for other, spelling in same.items()):
            raise SyncError(f"There is a user of the name {name!r} already.")
        if user.link and any(self._linked.get(found, key) != key for found in _names(user.link)):
            raise SyncError(f"There is a user linked to {user.link.domain}\\{user.link.username} already.")

    def _put(self, key: int, user: MemoryUser | None) -> None:
        """Make *user* the one of *key*, None to take them out, in all indexes."""
        if (old := self.users.pop(key, None)) is not None:
            _drop(self._named, name_key(self._name(old)), key)
            if old.link:
                _drop(self._domains, domain_key(old.link.domain), key)
                for name in _names(old.link):
                    self._linked.pop(name, None)
        if user is not None:
            self.users[key] = user
            self._named.setdefault(name_key(self._name(user)), {})[key] = self._name(user)
            if user.link:
                self._domains.setdefault(domain_key(user.link.domain), {})[key] = None
                self._linked.update(dict.fromkeys(_names(user.link), key))

    def _name(self, user: MemoryUser) -> str:
        return str(user.fields.get(self.username_field, ""))


def _names(link: Link) -> list[tuple[Hashable, ...]]:
    return link_names(link.domain, link.username, link.guid)


def _drop(index: dict[str, dict[int, Any]], name: str, key: int) -> None:
    index[name].pop(key, None)
    if not index[name]:
        del index[name]
