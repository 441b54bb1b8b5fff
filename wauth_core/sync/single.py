"""The sync of one user: find the row, fetch the person, plan, apply. One transaction; no change, no write."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import UserNotFound
from wauth_core.identity import Identity, TransportFacts, fold_username
from wauth_core.sync.plan import Plan, Resolved, Rights, entitle, plan, plan_missing
from wauth_core.sync.policy import Policy, call_hook
from wauth_core.sync.repository import Key, UserRepository, UserSnapshot
from wauth_core.sync.result import SyncResult, SyncStatus

FIRST_SYNC_WAIT = 5.0  # seconds a worker waits for another one that is just making the same new user

BeforeSync = Callable[[Identity, DirectoryUser], "str | None"]
AfterSync = Callable[[SyncResult], None]


class Directory(Protocol):
    """What a sync asks of a domain's directory."""

    def person(
        self, *, guid: uuid.UUID | None, identity: Identity, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """The one person with that GUID, or by that name where *guid* is None, with the SIDs of all groups."""

    def others_named(self, identity: Identity, guid: uuid.UUID | None) -> tuple[str, ...]:
        """The DNs of all in the whole domain who bear the name of *identity* and are not the user *guid*."""

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The SIDs of the groups that settings name."""

    def all_groups(self) -> Mapping[str, str]:
        """SID and name of every security group of the domain."""

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Those of the built-in groups *among* that somebody with *sids* is in."""


@dataclass(frozen=True)
class Task:
    """Whom to sync and by what rules. *facts* are trusted as they are: their age was checked before. *sid* is that of
    whoever signed in, where the sign-in told. *patient* waits for another worker who is at the same user.

    *before* is called with the identity and the directory user; a text that it returns refuses the user, for that
    reason. *after* is called with the result, when everything is written; never in a dry run.
    """

    identity: Identity
    policy: Policy
    directory: Directory
    repository: UserRepository
    now: datetime
    facts: TransportFacts | None = None
    sid: str | None = None
    patient: bool = False
    dry_run: bool = False
    create: bool = True
    before: BeforeSync | None = None
    after: AfterSync | None = None

    @property
    def told(self) -> str | None:
        """The SID of whoever signed in. It holds for longer than the groups beside it."""
        return self.sid or (self.facts.user_sid if self.facts is not None else None)


def sync_one(task: Task) -> SyncResult:
    """Bring one user in step with the directory.

    Raises `DirectoryError` and `ConfigurationError` where nothing can be known, and `SyncError` where the store
    refuses; nothing is written then.
    """
    started = time.perf_counter()
    result = _sync(task) if task.dry_run else _sync_locked(task)
    result = dataclasses.replace(result, dry_run=task.dry_run, elapsed=time.perf_counter() - started)
    if task.after is not None and not task.dry_run and result.status is not SyncStatus.BUSY:
        task.after(result)
    return result


def _sync_locked(task: Task) -> SyncResult:
    domain, username = task.policy.domain, task.identity.username
    with task.repository.lock(domain, username) as mine:
        if mine:
            return _sync(task)
    known = _known(task)
    if known is None or task.patient:
        with task.repository.lock(domain, username, wait=FIRST_SYNC_WAIT) as mine:
            if mine:
                return _sync(task)
        known = _known(task)
    key = known.key if known is not None else None
    return SyncResult(SyncStatus.BUSY, task.identity, key, known, reason="another worker is at it")


def _known(task: Task) -> UserSnapshot | None:
    """The user of that name as it stands, unless it is known to be another person's."""
    found = task.repository.find(task.policy.wanted, domain=task.policy.domain, username=task.identity.username)
    known = found[0] if found else None
    link = known.link if known is not None else None
    return None if link and link.sid and task.told and link.sid != task.told else known


def _sync(task: Task) -> SyncResult:
    policy, repository = task.policy, task.repository
    known = repository.find(policy.wanted, domain=policy.domain, username=task.identity.username)
    by_name = known[0] if known else None
    user = _fetch(task, by_name.link.guid if by_name and by_name.link else None)
    resolved = task.directory.resolve(policy.group_names)  # after the user, whose SID tells the domain's
    policy.check(resolved)
    if user is None:
        groups = task.directory.all_groups() if policy.mirrors and by_name else {}
        known_groups = frozenset(fold_username(name) for name in groups.values())
        return _finish(task, plan_missing(policy, by_name, known_groups), by_name, None, Rights())
    if task.told is not None and user.sid is not None and task.told != user.sid:
        reason = f"the sign-in came with the SID of another person, {task.told}"
        return SyncResult(SyncStatus.REFUSED, task.identity, user=user, reason=reason)
    # A person who was renamed is let in under the old name while nobody else has it: tickets outlive a renaming. The
    # link keeps that name, so that the next request finds it, until the new one comes.
    linked = by_name is not None and by_name.link is not None and by_name.link.guid == user.guid is not None
    old_name = task.identity.username if linked and not policy.answers_to(user, task.identity.username) else None
    if old_name and task.directory.others_named(task.identity, user.guid):
        return SyncResult(SyncStatus.REFUSED, task.identity, reason="the name is now of somebody who may not come here")
    mine, former = (by_name, None) if old_name else _rows(task, user, by_name)
    rights = _rights(task, user, resolved)
    taken = None
    username = policy.username(user)
    if rights.status is None and (mine is None or mine.fields.get(policy.username_field, username) != username):
        taken = repository.named(policy.wanted, username)
    planned = plan(
        policy, user, rights, mine=mine, former=former, taken=taken, signed_in_as=old_name, create=task.create
    )
    before = mine if mine is not None else taken if planned.status is SyncStatus.ADOPTED else None
    return _finish(task, planned, before, user, rights)


def _fetch(task: Task, guid: uuid.UUID | None) -> DirectoryUser | None:
    """Who bears the name now. The account's GUID is asked first; but whoever is signed in under a name is the one who
    has that name today, not the one who had it when the account was linked."""

    def ask(guid: uuid.UUID | None) -> DirectoryUser | None:
        attributes, groups = task.policy.attributes, task.facts is None
        try:
            return task.directory.person(guid=guid, identity=task.identity, attributes=attributes, groups=groups)
        except UserNotFound:
            return None

    linked = ask(guid) if guid is not None else None
    if linked is not None and task.policy.is_surely(linked, task.identity.username):
        return linked
    return ask(None) or linked


def _rows(
    task: Task, user: DirectoryUser, by_name: UserSnapshot | None
) -> tuple[UserSnapshot | None, UserSnapshot | None]:
    """The person's own row, and the row of another person that is linked under the same logon name."""
    policy = task.policy
    name = policy.logon_name(user)
    link = by_name.link if by_name else None
    if link and user.guid and link.guid == user.guid and fold_username(link.username) == fold_username(name):
        return by_name, None
    rows = task.repository.find(policy.wanted, domain=policy.domain, username=name, guid=user.guid)
    by_guid = next((row for row in rows if row.link and user.guid and row.link.guid == user.guid), None)
    others = [row for row in rows if row is not by_guid]
    if by_guid is None and others and others[0].link and (others[0].link.guid is None or user.guid is None):
        return others[0], None
    return by_guid, others[0] if others else None


def _rights(task: Task, user: DirectoryUser, resolved: Resolved) -> Rights:
    policy, facts = task.policy, task.facts
    sids = user.group_sids or frozenset()
    if facts is not None:
        sids = facts.group_sids
        if not facts.complete:
            named = frozenset(sid for found in resolved.values() for sid in found if sid.startswith("S-1-5-32-"))
            own = sids | {facts.user_sid}
            sids |= task.directory.builtin_groups(own, named) if named else frozenset()
    directory_groups = task.directory.all_groups() if policy.mirrors else None
    return judge(policy, task.identity, user, sids, resolved, directory_groups, task.before)


def judge(
    policy: Policy,
    identity: Identity,
    user: DirectoryUser,
    sids: frozenset[str],
    resolved: Resolved,
    directory_groups: Mapping[str, str] | None,
    before: BeforeSync | None,
) -> Rights:
    """`entitle`, and what the hook *before* says to it. Raises `SyncError` where the hook raises."""
    rights = entitle(policy, user, sids, resolved, directory_groups)
    reason = call_hook("before_sync", before, identity, user) if before is not None and rights.status is None else None
    if not reason:
        return rights
    flags = dict.fromkeys(policy.flags, False)
    return Rights(flags, status=SyncStatus.REFUSED, reason=reason, known_groups=rights.known_groups)


def _finish(
    task: Task, planned: Plan, before: UserSnapshot | None, user: DirectoryUser | None, rights: Rights
) -> SyncResult:
    key = planned.mine
    if not task.dry_run:
        key = _write(task, planned)
    return SyncResult(
        planned.status,
        task.identity,
        key,
        before,
        planned.changes,
        user,
        planned.reason,
        flags=rights.flags,
        groups=rights.groups,
        why=rights.why,
    )


def _write(task: Task, planned: Plan) -> Key | None:
    if planned.changes:
        keys = task.repository.apply(planned.changes, now=task.now)
        if planned.status is SyncStatus.CREATED:
            return keys[-1]
        if planned.mine not in keys and planned.mine is not None:
            task.repository.touch([planned.mine], now=task.now)
    elif planned.mine is not None:
        task.repository.touch([planned.mine], now=task.now)
    return planned.mine
