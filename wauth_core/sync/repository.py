"""The application's door to its own users: a small Protocol, and the frozen values that pass through it."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Key = Hashable  # the primary key of a user in the application's own store


@dataclass(frozen=True)
class Link:
    """Which directory user a user is. One user has at most one; (domain, guid) and (domain, username) are unique.

    *username* is the sAMAccountName as the site spells it (lower case by default). *guid* is None until the first
    sync, for a link that was made by hand or by django-windowsauth. *deactivated* says that it was the sync that
    deactivated the user, so that a sync may activate it again; what an administrator deactivated stays so.
    """

    domain: str
    username: str
    guid: uuid.UUID | None = None
    sid: str | None = None
    deactivated: bool = False
    last_sync: datetime | None = field(default=None, compare=False)  # aware, UTC


@dataclass(frozen=True)
class Wanted:
    """Which of a user's fields and flags the settings speak of: a repository reads these and no more.

    *username_field* is the field that holds the name a user goes by in the application. Where *groups* is False no
    setting speaks of groups, and a repository may spare itself the query.
    """

    fields: tuple[str, ...]
    flags: tuple[str, ...]
    username_field: str = "username"
    groups: bool = True


@dataclass(frozen=True)
class UserSnapshot:
    """A user of the application as it stands, in plain values.

    A wanted field or flag that the application's users do not have at all is left out of *fields* or *flags*; the
    plan then writes nothing to it.
    """

    key: Key
    link: Link | None
    fields: Mapping[str, Any]
    flags: Mapping[str, bool]
    groups: frozenset[str]  # names of all the application's groups the user is in


@dataclass(frozen=True)
class Change:
    """What to write for one user: only what differs. Made by `wauth_core.sync.plan`, written by a repository.

    *key* is None for a user to be created. *link* is the link as it shall stand, None to leave it alone; its
    ``last_sync`` is not looked at. Groups named in *groups_add* are created where the application has none of that
    name. For a user to be created, fields and flags that the application's users do not have are passed over.
    """

    key: Key | None
    link: Link | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    groups_add: frozenset[str] = frozenset()
    groups_remove: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.key is None or self.link or self.fields or self.flags or self.groups_add or self.groups_remove)


class UserRepository(Protocol):
    """The application's own users. One implementation for each store; these seven methods and no more.

    Domains and user names compare without case. Implementations raise `wauth_core.exceptions.SyncError` where a
    constraint of the store refuses a change.
    """

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """The users linked to (*domain*, *guid*) or to (*domain*, *username*): none, one, or two where the name
        has passed to another person."""

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """The user who goes by *username* in the application (``wanted.username_field``), whether linked or not."""

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """All users linked to *domain*, in batches. `apply` may be called between two batches."""

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key]:
        """Write all of *changes*, in that order, in one transaction; *now* becomes their ``last_sync``.

        Gives the key of each. On any error nothing is written.
        """

    def touch(self, keys: Sequence[Key], *, now: datetime) -> None:
        """Note that these users were checked and nothing had changed. A store that keeps this elsewhere, or not
        at all, does nothing."""

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Enter with True if this worker may sync that user now, False if another one is still at it after *wait*
        seconds. A lock whose worker died is free again by itself."""

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """Where the last bulk sync of *domain* stopped reading changes (an opaque text), None before the first.
        With *value*, keep that one."""
