"""The sync of a whole domain: everything is read and compared first, then written in batches.

People come in pages, groups once; who is in which is computed in memory. Nothing is written before all is known, so
that a directory that goes away in the middle, or a search base that is suddenly empty, deactivates nobody.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from wauth_core.directory import DirectoryUser
from wauth_core.exceptions import BulkDeactivationRefused, InvalidIdentity, SyncError, WauthError
from wauth_core.identity import Identity, fold_username
from wauth_core.sync.knowledge import Heard
from wauth_core.sync.manager_answers import Lookups
from wauth_core.sync.plan import Plan, plan, plan_missing
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import Key, UserRepository
from wauth_core.sync.result import BulkResult, SyncResult, SyncStatus
from wauth_core.sync.rights import Resolved, Rights
from wauth_core.sync.roster import Roster
from wauth_core.sync.single import judge
from wauth_core.sync.task import AfterSync, BeforeSync

logger = logging.getLogger("wauth.sync")

BATCH = 500  # users to a transaction
Failures = list[tuple[str, WauthError]]


class Progress(Protocol):
    """Called now and then with the number of people looked at so far."""

    def __call__(self, done: int, /) -> object: ...


@dataclass(frozen=True)
class BulkTask:
    """What to sync and by what rules. *now* is when the run began: nothing that it reads is older.

    *max_deactivations* is the share of the domain's users that may be deactivated at once; a single one always may.
    With *create* False nobody new is made. *go_on* is called now and then, so that the run keeps its turn.
    """

    policy: Policy
    directory: Lookups
    repository: UserRepository
    now: datetime
    dry_run: bool = False
    create: bool = True
    max_deactivations: float = 0.1
    progress: Progress | None = None
    before: BeforeSync | None = None
    after: AfterSync | None = None
    go_on: Callable[[], None] = lambda: None


def sync_all(task: BulkTask) -> BulkResult:
    """Bring all users of a domain in step with the directory.

    Raises `BulkDeactivationRefused`, `DirectoryError` or `ConfigurationError`; nothing is written then.
    """
    started = time.perf_counter()
    resolved = task.directory.resolve(task.policy.group_names)
    task.policy.check(resolved)
    groups = task.directory.groups()
    names = groups.names or task.directory.all_groups() if task.policy.mirrors else None
    comparison = Comparison(task, resolved, names)
    for user in task.directory.people(task.policy, groups, resolved):
        comparison.person(user)
    comparison.missing()
    return finish(task, comparison, started)


def finish(task: BulkTask, comparison: Comparison, started: float, *, incremental: bool = False) -> BulkResult:
    """Write what *comparison* found, unless it is too much or a dry run."""
    roster = comparison.roster
    deactivated = len(roster.deactivated())
    if deactivated > 1 and deactivated > task.max_deactivations * (total := roster.total()):
        raise BulkDeactivationRefused(deactivated, total, task.max_deactivations)
    results, failures, counts = comparison.results, comparison.failures, comparison.counts
    again = frozenset(comparison.failed)
    if not task.dry_run:
        planned = Counter(result.status for result in results)
        results, failed = _write(task, results)
        failures = failures + [(str(result.identity), error) for result, error in failed]
        again = again | {guid for result, _ in failed if (guid := _guid(result)) is not None}
        counts.subtract(planned)
        counts.update(result.status for result in results)
        told = (SyncStatus.NAME_TAKEN, SyncStatus.NOT_FOUND)
        results = [result for result in results if result.changes or result.status in told]
        for batch in _batches(list(comparison.untouched.items())):
            task.repository.touch(dict(batch), now=task.now)
    if task.after is not None and not task.dry_run:
        for result in results:
            task.after(result)
    return BulkResult(
        domain=task.policy.domain,
        counts={status: count for status, count in counts.items() if count},
        results=tuple(results),
        failures=tuple(failures),
        again=again,
        deactivated=deactivated,
        dry_run=task.dry_run,
        incremental=incremental,
        elapsed=time.perf_counter() - started,
    )


class Comparison:
    """The application's users against the directory's people, one after the other. Writes nothing."""

    def __init__(
        self,
        task: BulkTask,
        resolved: Resolved,
        directory_groups: Mapping[str, str] | None,
        roster: Roster | None = None,
    ) -> None:
        self.roster = roster or Roster(task.policy, task.repository)
        self.results: list[SyncResult] = []
        self.failures: Failures = []
        self.failed: set[UUID] = set()
        self.untouched: dict[Key, datetime | None] = {}  # with the time of what is known of them
        self.counts: Counter[SyncStatus] = Counter()
        self._task = task
        self._resolved = resolved
        self._directory_groups = directory_groups
        self._done = 0

    def person(self, user: DirectoryUser) -> None:
        """Compare one person of the directory. What is wrong with one stops nobody else."""
        try:
            self._person(user)
        except WauthError as error:
            logger.warning("Could not sync %r: %s", user.dn, error)
            self.failures.append((user.username or user.dn, error))
            self.failed |= {user.guid} if user.guid is not None else set()
        self._task.go_on()
        self._done += 1
        if self._task.progress is not None and self._done % 100 == 0:
            self._task.progress(self._done)

    def missing(self, keys: Iterable[Key] | None = None) -> None:
        """Go through the users whom no person of the directory answered to; of those in *keys*, if given."""
        known = frozenset(map(fold_username, (self._directory_groups or {}).values()))
        policy = self._task.policy
        for snapshot in self.roster.unseen(keys):
            assert snapshot.link is not None  # noqa: S101 - the roster holds linked users only
            planned = plan_missing(policy, snapshot, self._heard(), known)
            if planned.unsure:
                logger.warning("%s stays as it was: %s.", snapshot.link.username, planned.reason)
                continue
            try:
                identity = policy.identity(snapshot.link.username)
            except InvalidIdentity as error:  # a link made by hand, or of a former site: it is nobody's
                logger.warning("The link of the user %r stays as it is: %s", snapshot.key, error)
                self.counts[SyncStatus.NOT_FOUND] += 1
                continue
            self._note(identity, planned, None, Rights())
        if self._task.progress is not None:
            self._task.progress(self._done)

    def _person(self, user: DirectoryUser) -> None:
        task, policy = self._task, self._task.policy
        identity = policy.identity(policy.logon_name(user))
        mine, former = self.roster.rows(user)
        if mine is None and not task.create:
            return
        sids = user.group_sids or frozenset()
        rights = judge(policy, identity, user, sids, self._resolved, self._directory_groups, task.before)
        username = policy.username(user)
        taken = None
        if rights.status is None and (mine is None or mine.fields.get(policy.username_field, username) != username):
            taken = self.roster.named(username)
        planned = plan(policy, user, rights, self._heard(), mine=mine, former=former, taken=taken)
        if planned.status is SyncStatus.CREATED and not self.roster.claim(username):
            planned = Plan(SyncStatus.NAME_TAKEN, reason=f"the name {username!r} belongs to another new person")
        self._note(identity, planned, user, rights)

    def _note(self, identity: Identity, planned: Plan, user: DirectoryUser | None, rights: Rights) -> None:
        self.counts[planned.status] += 1
        before = self.roster.get(planned.mine)
        self.roster.take(planned, self._task.now)
        never_known = before is not None and before.link is not None and before.link.guid is None
        if (
            planned.changes
            or planned.status is SyncStatus.NAME_TAKEN
            or (never_known and planned.status is SyncStatus.NOT_FOUND)
        ):
            self.results.append(
                SyncResult(
                    planned.status,
                    identity,
                    planned.mine,
                    before,
                    planned.changes,
                    user,
                    planned.reason,
                    rights.flags,
                    rights.groups,
                    rights.why,
                    dry_run=self._task.dry_run,
                )
            )
        elif planned.mine is not None:
            self.untouched[planned.mine] = planned.seen.last_sync if planned.seen else None

    def _heard(self) -> Heard:
        return Heard(self._task.now, self._task.directory.controller, self._task.policy.patience)


def _write(
    task: BulkTask, results: Sequence[SyncResult]
) -> tuple[list[SyncResult], list[tuple[SyncResult, SyncError]]]:
    """Apply in batches; if a batch is refused, one user at a time, so that one stops nobody else."""
    written: list[SyncResult] = []
    failed: list[tuple[SyncResult, SyncError]] = []
    for batch in _batches(results):
        task.go_on()
        try:
            written += _apply(task, batch)
        except SyncError:
            for result in batch:
                try:
                    written += _apply(task, [result])
                except SyncError as error:
                    logger.warning("Could not write %s: %s", result.identity, error)
                    failed.append((result, error))
    return written, failed


def _apply(task: BulkTask, batch: Sequence[SyncResult]) -> list[SyncResult]:
    changes = [change for result in batch for change in result.changes]
    keys = iter(task.repository.apply(changes, now=task.now) if changes else ())
    done = []
    for result in batch:
        own = [next(keys) for _ in result.changes]
        if result.changes and all(key is None for key in own):  # a newer answer stands
            result = replace(result, status=SyncStatus.UNCHANGED, changes=(), flags={}, groups=frozenset(), why={})
        done.append(replace(result, key=own[-1]) if result.status is SyncStatus.CREATED else result)
    return done


def _guid(result: SyncResult) -> UUID | None:
    if result.user is not None:
        return result.user.guid
    link = result.before.link if result.before is not None else None
    return link.guid if link is not None else None


T = TypeVar("T")


def _batches(items: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])
