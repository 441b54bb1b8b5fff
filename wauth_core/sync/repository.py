"""The application's door to its own users: a small Protocol, and the frozen values that pass through it."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

ACTIVE = "is_active"
Key = Hashable  # the primary key of a user in the application's own store


@dataclass(frozen=True)
class Link:
    """Which directory user a user is, and what is known of them. One user has at most one; (domain, guid) and
    (domain, username) are unique.

    - *username* is the sAMAccountName as the site spells it (lower case by default).
    - *guid* is None until the first sync, for a link that was made by hand or by django-windowsauth.
    - *deactivated* says that a sync deactivated the user, so that a sync may activate it again. What an administrator
      deactivated stays so.
    - *lapsed* says that the rights were taken because the directory could not be asked for too long. The next answer
      gives them back.
    - *password_set* is pwdLastSet (MS-ADA3 2.175) as last read: aware, UTC. None if it could not be read.
    - *controller* is the server that answered last. *lowered_at* is when an answer last took a right.
    - *last_sync* is the time at which all this was true in the directory: a lower bound in the site's own clock.
    - *sessions* is the number that a session of this person must hold. It only grows; a store gives a new link a
      random one, so that no older session fits.

    The last two are not compared, and a repository never takes them from a link that it is given.
    """

    domain: str
    username: str
    guid: uuid.UUID | None = None
    sid: str | None = None
    deactivated: bool = False
    lapsed: bool = False
    password_set: datetime | None = None
    controller: str = ""
    lowered_at: datetime | None = None
    last_sync: datetime | None = field(default=None, compare=False)  # aware, UTC
    sessions: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Wanted:
    """Which of a user's fields and flags the settings speak of: a repository reads these and no more.

    *username_field* is the field that holds the name a user goes by in the application. Where *groups* is False no
    setting speaks of groups, and a repository may spare itself the query. *asked* are the names that a setting has been
    given, and not a default: warn (`ConfigurationWarning`) of those that the application's users do not have; "groups"
    among them are the groups.
    """

    fields: tuple[str, ...]
    flags: tuple[str, ...]
    username_field: str = "username"
    groups: bool = True
    asked: frozenset[str] = frozenset()


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

    @property
    def active(self) -> bool:
        """Whether the user may sign in. If the application has no flag for it, the link says so."""
        return self.flags.get(ACTIVE, not (self.link and self.link.deactivated))


@dataclass(frozen=True)
class Change:
    """What to write for one user: only what differs. Made by `wauth_core.sync.plan`, written by a repository.

    *key* is None for a user to be created. *link* is the link as it will be, None to leave it alone. Groups named
    in *groups_add* are created where the application has none of that name. For a user to be created, fields and flags
    that the application's users do not have are passed over.

    *seen* is the link that the change was made from. *answered* says that the change rests on an answer of the
    directory (or of a ticket); without one, ``last_sync`` stays as it is. *end_sessions* adds one to
    ``Link.sessions``, in the same statement.
    """

    key: Key | None
    link: Link | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    groups_add: frozenset[str] = frozenset()
    groups_remove: frozenset[str] = frozenset()
    seen: Link | None = field(default=None, compare=False)
    answered: bool = field(default=True, compare=False)
    end_sessions: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.key is None
            or self.link
            or self.fields
            or self.flags
            or self.groups_add
            or self.groups_remove
            or self.end_sessions
        )


class UserRepository(Protocol):
    """The application's own users. One implementation for each store; these seven methods and no more.

    Domains and user names compare by `wauth_core.sync.store.domain_key` and `name_key`, whatever the database's own
    idea of equal is: what it finds is compared again. Every method raises `wauth_core.exceptions.SyncError`, and no
    error of the store's own.
    """

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """The users linked to (*domain*, *guid*) or to (*domain*, *username*): none, one, or two where the name
        has passed to another person."""

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """The user who goes by *username* in the application (``wanted.username_field``), whether linked or not."""

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """All users linked to *domain*, in batches. `apply` may be called between two batches."""

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """Write all of *changes*, in that order, in one transaction. Return the key of each.

        *now* is the time at which the answer was true that they rest on. A change of a user with a link is a
        compare-and-set:

        - It is written only while the row's ``last_sync`` and ``lapsed`` are those of ``change.seen``, and, if it is
          *answered*, only while ``last_sync`` is older than *now* (or equal, for a change that only takes flags and
          groups away).
        - A ``last_sync`` that lies ahead of now (`wauth_core.sync.freshness.horizon`) counts as older: some clock was
          wrong when it was written.
        - Then an *answered* change makes *now* the ``last_sync``.
        - One that may not be written is passed over: its key is returned as None, the others are written.

        With *seen* None the change is written only while the user has no link. On any error nothing is written; a
        user without a link who is gone is such an error.
        """

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """Note that the directory was asked at *now* and that nothing had changed: ``last_sync`` becomes *now* for
        each key whose ``last_sync`` is still the one in *seen*, and older than *now*."""

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Enter with True if this worker may ask the directory about that user now, False if another one is still at
        it after *wait* seconds. It saves questions and decides nothing. A lock whose worker died is free again after
        `wauth_core.sync.store.lease` seconds by the store's clock, and only its holder frees it."""

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """Where the last bulk sync of *domain* stopped reading changes (an opaque text), None before the first.
        With *value*, keep that one."""
