"""One sync of one user: whom, by what rules, and whom it asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import Identity, TransportFacts
from wauth_core.sync.brake import Brake
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import UserRepository
from wauth_core.sync.result import SyncResult
from wauth_core.sync.rights import Resolved

BeforeSync = Callable[[Identity, DirectoryUser], "str | None"]
AfterSync = Callable[[SyncResult], None]


class Directory(Protocol):
    """What a sync asks of a domain's directory."""

    @property
    def controller(self) -> str:
        """The server that answered last."""

    def person(
        self, *, guid: uuid.UUID | None, identity: Identity, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """The one person with that GUID, or by that name where *guid* is None, with the SIDs of all groups."""

    def others_named(self, identity: Identity, guid: uuid.UUID | None) -> tuple[str, ...]:
        """The DNs of all in the whole domain who have the name of *identity* and are not the user *guid*."""

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The SIDs of the groups that settings name."""

    def all_groups(self) -> Mapping[str, str]:
        """SID and name of every security group of the domain."""

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Those of the built-in groups *among* that somebody with *sids* is in."""


@dataclass(frozen=True)
class Task:
    """Whom to sync and by what rules.

    - *clock* tells the time, aware. An answer is true at the moment before its question was sent.
    - *facts* are those of a ticket or a token. They are believed for *delta* (or what they say themselves).
    - *patient* waits for another worker who is at the same user.
    - *before* is called with the identity and the directory user; a text that it returns refuses the user, for that
      reason.
    - *after* is called with the result, when everything is written; never in a dry run.
    - *brake* is asked before somebody known is deactivated because the directory finds nobody.
    """

    identity: Identity
    policy: Policy
    directory: Directory
    repository: UserRepository
    clock: Callable[[], datetime]
    facts: TransportFacts | None = None
    delta: timedelta | None = None
    patient: bool = False
    dry_run: bool = False
    create: bool = True
    before: BeforeSync | None = None
    after: AfterSync | None = None
    brake: Brake | None = None

    @property
    def told(self) -> str | None:
        """The SID of whoever signed in. It holds for longer than the groups beside it."""
        return self.facts.user_sid if self.facts is not None else None

    def true_at(self, now: datetime) -> datetime | None:
        """When the facts were true; None if there are none, or of unknown age."""
        return self.facts.true_at(now) if self.facts is not None else None
