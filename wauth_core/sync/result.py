"""What a sync answers: `SyncResult` for one user, `BulkResult` for a domain."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity
from wauth_core.sync.repository import Change, Key, UserSnapshot


class SyncStatus(enum.Enum):
    """How a sync ended. With the first four, and with BUSY for a user who is known already, the user may sign in."""

    CREATED = "created"
    ADOPTED = "adopted"  # a local user of that name was linked (WAUTH_ADOPT_EXISTING_USERS)
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    BUSY = "busy"  # another worker is at it: go on with what is known
    REFUSED = "refused"  # by REQUIRE_GROUPS, DENY_GROUPS, a hook, or a ticket that is another person's
    NOT_FOUND = "not found"  # the directory knows nobody of that name, or no longer
    DISABLED = "disabled"  # the directory's account is disabled or expired
    NAME_TAKEN = "name taken"  # another user of the application goes by that name


_OK = frozenset({SyncStatus.CREATED, SyncStatus.ADOPTED, SyncStatus.UPDATED, SyncStatus.UNCHANGED})


@dataclass(frozen=True)
class SyncResult:
    """What a sync of one user did, or with *dry_run* would do.

    *changes* are what was written: empty means nothing was. *flags* and *groups* are what the directory gives the
    user, *why* the directory groups that gave each of them. *key* is the user's primary key; None if there is no
    user. *elapsed* is in seconds.
    """

    status: SyncStatus
    identity: Identity
    key: Key | None = None
    before: UserSnapshot | None = None
    changes: tuple[Change, ...] = ()
    user: DirectoryUser | None = None
    reason: str = ""
    flags: Mapping[str, bool] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    why: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dry_run: bool = False
    elapsed: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the user may sign in, as far as the directory and these settings go.

        Whether the user is active is for the application to ask: ACTIVE_GROUPS, or an administrator, may say no.
        """
        return self.status in _OK or (self.status is SyncStatus.BUSY and self.key is not None)

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.changes)


@dataclass(frozen=True)
class BulkResult:
    """What a sync of a whole domain did, or with *dry_run* would do.

    *results* holds every user with whom something happened: those who changed, and new people whose name is taken;
    *counts* counts all. *failures* names users whose own sync failed, and why; the others went on. *deactivated* is
    how many users lost their activity. *again* are the GUIDs of those in *failures*, as far as they are known.
    *elapsed* is in seconds.
    """

    domain: str
    counts: Mapping[SyncStatus, int]
    results: tuple[SyncResult, ...] = ()
    failures: tuple[tuple[str, WauthError], ...] = ()
    again: frozenset[UUID] = frozenset()
    deactivated: int = 0
    dry_run: bool = False
    incremental: bool = False
    elapsed: float = 0.0

    @property
    def total(self) -> int:
        """How many users were looked at."""
        return sum(self.counts.values()) + len(self.failures)

    @property
    def ok(self) -> bool:
        """Whether no user's sync failed."""
        return not self.failures

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(result.changed for result in self.results)

    def __str__(self) -> str:
        """Such as "2 created, 1 disabled, 1998 unchanged; 1 failed"."""
        listed = ", ".join(f"{self.counts[status]} {status.value}" for status in SyncStatus if self.counts.get(status))
        failed = f"; {len(self.failures)} failed" if self.failures else ""
        return f"{listed or 'nobody'}{failed}{' (dry run)' if self.dry_run else ''}"
