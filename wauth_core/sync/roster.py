"""The application's users of one domain as they will stand when the changes planned so far are written."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from wauth_core.directory import DirectoryUser
from wauth_core.identity import fold_username
from wauth_core.sync.plan import Plan
from wauth_core.sync.policy import ACTIVE, Policy
from wauth_core.sync.repository import Change, Key, UserRepository, UserSnapshot
from wauth_core.sync.single import by_key


class Roster:
    """All linked users of a domain, in memory; or with *everybody* False those that `load` fetched.

    Names and GUIDs lead to them; `take` plays a plan through.

    So the plan for one person sees what was planned for the persons before: two who swap their names keep their
    accounts, in whichever order they come.
    """

    def __init__(self, policy: Policy, repository: UserRepository, *, everybody: bool = True) -> None:
        self._policy = policy
        self._repository = repository
        self._wanted = policy.wanted
        self._users: dict[Key, UserSnapshot] = {}
        self._by_guid: dict[Any, Key] = {}
        self._by_name: dict[str, Key] = {}
        self._by_key: dict[str, list[Key]] = {}  # of those whose link was made by hand
        self._claimed: set[str] = set()
        self._seen: set[Key] = set()
        self._active: set[Key] = set()
        self._everybody = everybody
        if everybody:
            for batch in repository.linked(self._wanted, policy.domain):
                for snapshot in batch:
                    self._meet(snapshot)

    def total(self) -> int:
        """How many users are linked to the domain."""
        if self._everybody:
            return len(self._users)
        return sum(map(len, self._repository.linked(self._wanted, self._policy.domain)))

    def load(self, guid: uuid.UUID, username: str = "") -> list[Key]:
        """Fetch the users linked to *guid* or to that logon name. Return the keys of those linked to *guid*."""
        found = self._repository.find(self._wanted, domain=self._policy.domain, username=username, guid=guid)
        for snapshot in found:
            if snapshot.key not in self._users:
                self._meet(snapshot)
        return [snapshot.key for snapshot in found if snapshot.link and snapshot.link.guid == guid]

    def get(self, key: Key | None) -> UserSnapshot | None:
        """The user of that key, if linked to this domain."""
        return self._users.get(key) if key is not None else None

    def rows(self, user: DirectoryUser) -> tuple[UserSnapshot | None, UserSnapshot | None]:
        """The user linked to this very person, and another one who is linked under the person's logon name."""
        mine = self.get(self._by_guid.get(user.guid)) if user.guid else None
        other = self.get(self._by_name.get(fold_username(self._policy.logon_name(user))))
        if other is not None and (other is mine or other.link is None):
            other = None
        if mine is None and other is not None and other.link is not None and (not other.link.guid or not user.guid):
            mine, other = other, None
        if mine is not None and not self._policy.recognises(user, mine):
            mine = None
        if mine is None and self._policy.has_own_key:
            mine = self._made_by_hand(user)
        if mine is not None:
            self._seen.add(mine.key)
        return mine, other

    def _made_by_hand(self, user: DirectoryUser) -> UserSnapshot | None:
        """The one user whose link has no GUID and names *user* by USER_QUERY_FIELD."""
        if not self._everybody:
            return by_key(self._policy, self._repository, user)
        keys = self._by_key.get(fold_username(self._policy.key_of(user)), ())
        found = [each for key in keys if (each := self._users[key]).link is not None and each.link.guid is None]
        return found[0] if len(found) == 1 else None

    def named(self, username: str) -> UserSnapshot | None:
        """Who goes by that name in the application, once all is written."""
        found = self._repository.named(self._wanted, username)
        if found is None or found.key not in self._users:
            return found
        known = self._users[found.key]
        name = known.fields.get(self._wanted.username_field)
        return known if name is not None and fold_username(str(name)) == fold_username(username) else None

    def claim(self, username: str) -> bool:
        """Keep *username* for somebody new; False if somebody new has it already."""
        name = fold_username(username)
        if name in self._claimed:
            return False
        self._claimed.add(name)
        return True

    def take(self, planned: Plan, now: datetime) -> None:
        """Let *planned* have been written, by an answer of *now*."""
        for change in planned.changes:
            if change.key in self._users:
                self._keep(_after(self._users[change.key], change, now))

    def unseen(self, keys: Iterable[Key] | None = None) -> Iterator[UserSnapshot]:
        """The users for whom `rows` was not asked yet."""
        for key in list(self._users) if keys is None else keys:
            if key in self._users and key not in self._seen:
                yield self._users[key]

    def deactivated(self) -> set[Key]:
        """The users who were active, and will not be."""
        return {key for key in self._active if not self._users[key].flags.get(ACTIVE)}

    def _meet(self, snapshot: UserSnapshot) -> None:
        self._keep(snapshot)
        if snapshot.flags.get(ACTIVE):
            self._active.add(snapshot.key)
        value = str(snapshot.fields.get(self._policy.query_field) or "")
        if self._policy.has_own_key and snapshot.link is not None and snapshot.link.guid is None and value:
            self._by_key.setdefault(fold_username(value), []).append(snapshot.key)

    def _keep(self, snapshot: UserSnapshot) -> None:
        before = self._users.get(snapshot.key)
        if before is not None and before.link is not None:
            name = fold_username(before.link.username)
            if self._by_name.get(name) == snapshot.key:
                del self._by_name[name]
        self._users[snapshot.key] = snapshot
        if snapshot.link is not None:
            self._by_name[fold_username(snapshot.link.username)] = snapshot.key
            if snapshot.link.guid is not None:
                self._by_guid[snapshot.link.guid] = snapshot.key


def _after(snapshot: UserSnapshot, change: Change, now: datetime) -> UserSnapshot:
    link = change.link or snapshot.link
    if link is not None and change.answered:
        link = replace(link, last_sync=now)
    return replace(
        snapshot,
        link=link,
        fields={**snapshot.fields, **{k: v for k, v in change.fields.items() if k in snapshot.fields}},
        flags={**snapshot.flags, **{k: v for k, v in change.flags.items() if k in snapshot.flags}},
        groups=(snapshot.groups | change.groups_add) - change.groups_remove,
    )
