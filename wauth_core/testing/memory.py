"""`MemoryUserRepository`: an application's users in a dictionary, for tests."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from wauth_core.exceptions import SyncError
from wauth_core.identity import fold_username as _folded
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted


@dataclass
class MemoryUser:
    """A user of the application."""

    fields: dict[str, Any] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=lambda: {"is_active": True})
    groups: set[str] = field(default_factory=set)
    link: Link | None = None


class MemoryUserRepository:
    """Users in memory; nothing is kept. Implements `wauth_core.sync.UserRepository`.

    *writes* counts the changes that were applied, *touches* the users that were checked and found unchanged,
    *transactions* the calls of `apply`. Names in *username_field* are unique, as in most applications. Threads may
    share it.
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
        self._busy: set[tuple[str, str]] = set()
        self._free = threading.Condition()
        self._mutex = threading.RLock()

    def add(
        self,
        username: str,
        *,
        link: Link | None = None,
        groups: Iterable[str] = (),
        flags: Mapping[str, bool] | None = None,
    ) -> int:
        """Make a user by hand, as an application would. Gives its key."""
        user = MemoryUser({self.username_field: username}, {"is_active": True, **(flags or {})}, set(groups), link)
        self._last_key += 1
        self.users[self._last_key] = user
        self.groups |= user.groups
        return self._last_key

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """The users linked to (*domain*, *guid*) or to (*domain*, *username*)."""
        with self._mutex:
            return [
                self._snapshot(key, user, wanted)
                for key, user in self.users.items()
                if user.link
                and user.link.domain.casefold() == domain.casefold()
                and ((guid is not None and user.link.guid == guid) or _folded(user.link.username) == _folded(username))
            ]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """The user who goes by *username*."""
        with self._mutex:
            names = {key: str(user.fields.get(wanted.username_field, "")) for key, user in self.users.items()}
            found = [key for key, name in names.items() if _folded(name) == _folded(username)]
            key = min(found, key=lambda key: names[key] != username, default=None)
            return None if key is None else self._snapshot(key, self.users[key], wanted)

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """All users linked to *domain*, in batches."""
        with self._mutex:
            found = [
                self._snapshot(key, user, wanted)
                for key, user in self.users.items()
                if user.link and user.link.domain.casefold() == domain.casefold()
            ]
        for start in range(0, len(found), batch):
            yield found[start : start + batch]

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key]:
        """Write all of *changes*; on any error none. Gives the key of each."""
        with self._mutex:
            listed = list(changes)
            touched = {change.key for change in listed}
            before = {key: copy.deepcopy(user) for key, user in self.users.items() if key in touched}
            last_key, groups = self._last_key, set(self.groups)
            keys: list[Key] = []
            try:
                for change in listed:
                    keys.append(self._write(change, now))
            except Exception:
                for key in range(last_key + 1, self._last_key + 1):
                    self.users.pop(key, None)
                self.users.update(before)
                self._last_key, self.groups = last_key, groups
                raise
            self.writes += len(keys)
            self.transactions += 1
            return keys

    def touch(self, keys: Sequence[Key], *, now: datetime) -> None:
        """Note that these users were checked."""
        with self._mutex:
            for key in keys:
                user = self.users[key]  # type: ignore[index]
                if user.link:
                    user.link = replace(user.link, last_sync=now)
            self.touches += len(keys)

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Iterator[bool]:
        """Enter with True if no other thread is at that user now, or is done within *wait* seconds."""
        name = (domain.casefold(), username.casefold())
        with self._free:
            mine = self._free.wait_for(lambda: name not in self._busy, wait)
            if mine:
                self._busy.add(name)
        try:
            yield mine
        finally:
            if mine:
                with self._free:
                    self._busy.discard(name)
                    self._free.notify_all()

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """Where the last bulk sync of *domain* stopped."""
        if value is not None:
            self.bookmarks[domain.casefold()] = value
        return self.bookmarks.get(domain.casefold())

    def _snapshot(self, key: int, user: MemoryUser, wanted: Wanted) -> UserSnapshot:
        return UserSnapshot(
            key,
            user.link,
            {name: user.fields.get(name, "") for name in wanted.fields},
            {name: user.flags.get(name, False) for name in wanted.flags},
            frozenset(user.groups) if wanted.groups else frozenset(),
        )

    def _write(self, change: Change, now: datetime) -> int:
        if change.key is None:
            self._last_key += 1
            key = self._last_key
            self.users[key] = MemoryUser()
        else:
            key = int(change.key)  # type: ignore[call-overload]
        if key not in self.users:
            raise SyncError(f"There is no user {key} any more.")
        user = self.users[key]
        user.fields.update(change.fields)
        user.flags.update(change.flags)
        user.groups |= change.groups_add
        user.groups -= change.groups_remove
        self.groups |= change.groups_add
        link = change.link or user.link
        user.link = replace(link, last_sync=now) if link else None
        self._check_unique(key, user)
        return key

    def _check_unique(self, key: int, user: MemoryUser) -> None:
        name = user.fields.get(self.username_field)
        for other_key, other in self.users.items():
            if other_key == key:
                continue
            if name is not None and other.fields.get(self.username_field) == name:
                raise SyncError(f"There is a user of the name {name!r} already.")
            if user.link and other.link and _names(user.link) & _names(other.link):
                raise SyncError(f"There is a user linked to {user.link.domain}\\{user.link.username} already.")


def _names(link: Link) -> set[tuple[str, object]]:
    domain = link.domain.casefold()
    return {(domain, _folded(link.username)), *({(domain, link.guid)} if link.guid else ())}
