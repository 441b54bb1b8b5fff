"""The sync of one user: find the row, fetch the person, plan, apply. One transaction; no change, no write."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from itertools import chain

from wauth_core.directory import limits
from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import DirectoryError, DirectoryUnavailable, UserNotFound, WauthError
from wauth_core.identity import Identity, TransportFacts, fold_username
from wauth_core.sync.freshness import is_due
from wauth_core.sync.knowledge import Heard, with_builtin
from wauth_core.sync.plan import Plan, plan, plan_lowering, plan_missing, plan_ticket
from wauth_core.sync.policy import Policy, call_hook
from wauth_core.sync.repository import Key, UserRepository, UserSnapshot
from wauth_core.sync.result import SyncResult, SyncStatus
from wauth_core.sync.rights import Resolved, Rights, entitle, of_groups
from wauth_core.sync.task import BeforeSync, Directory, Task

TRIES = 3  # how often a user is read anew whom others write at the same time
FIRST_SYNC_WAIT = 5.0  # seconds a worker waits for another one that is just making the same new user


def sync_one(task: Task) -> SyncResult:
    """Bring one user in step with the directory.

    Raises `DirectoryError` and `ConfigurationError` if nothing can be known, and `SyncError` if the store refuses. Then
    nothing is written, except that a ticket that is newer than the row may take rights away.
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
        with task.repository.lock(domain, username, wait=limits.remaining(FIRST_SYNC_WAIT)) as mine:
            if mine:
                return _sync(task)
        known = _known(task)
    elif not is_due(known.link.last_sync if known.link else None, task.delta, task.clock()):
        return SyncResult(SyncStatus.UNCHANGED, task.identity, known.key, known)  # the other worker has just answered
    return _busy(task, known)


def _known(task: Task) -> UserSnapshot | None:
    """The user of that name as it stands, unless it is known to be another person's."""
    found = task.repository.find(task.policy.wanted, domain=task.policy.domain, username=task.identity.username)
    known = found[0] if found else None
    link = known.link if known is not None else None
    return None if link and link.sid and task.told and link.sid != task.told else known


def _sync(task: Task) -> SyncResult:
    """Read, compare, write; anew where somebody else wrote meanwhile. A newer answer than ours stands."""
    began = task.clock()
    for _ in range(TRIES):
        result, written = _attempt(task)
        if written:
            return result
    stands = _known(task)
    if stands is None or stands.link is None or stands.link.last_sync is None or stands.link.last_sync < began:
        return _busy(task, stands)
    status = SyncStatus.UNCHANGED if stands.active else SyncStatus.REFUSED
    reason = "" if stands.active else "the user is not active here"
    return SyncResult(status, task.identity, stands.key, stands, user=result.user, reason=reason)


def _busy(task: Task, known: UserSnapshot | None) -> SyncResult:
    key = known.key if known is not None else None
    return SyncResult(SyncStatus.BUSY, task.identity, key, known, reason="another worker is at it")


def _attempt(task: Task) -> tuple[SyncResult, bool]:
    policy, repository = task.policy, task.repository
    known = repository.find(policy.wanted, domain=policy.domain, username=task.identity.username)
    by_name = known[0] if known else None
    if by_name is not None and (told := _by_ticket(task, by_name)) is not None:
        return told
    as_of = task.clock()
    try:
        user = _fetch(task, by_name.link.guid if by_name and by_name.link else None)
        resolved = task.directory.resolve(policy.group_names)  # after the user, whose SID tells the domain's
    except DirectoryError:
        if by_name is not None and not task.dry_run:
            _take_what_the_ticket_lacks(task, by_name)
        raise
    heard = Heard(as_of, task.directory.controller, policy.patience)
    policy.check(resolved)
    if task.brake is not None and by_name is not None and by_name.link is not None:
        if user is not None:
            task.brake.found(task.identity)
        elif by_name.active:
            task.brake.vanished(task.identity)
    if user is None:
        groups = task.directory.all_groups() if policy.mirrors and by_name else {}
        known_groups = frozenset(fold_username(name) for name in groups.values())
        planned = plan_missing(policy, by_name, heard, known_groups)
        if planned.unsure:
            raise DirectoryUnavailable(planned.reason)
        return _finish(task, planned, by_name, None, Rights(), as_of)
    if task.told is not None and user.sid is not None and task.told != user.sid:
        reason = f"the sign-in came with the SID of another person, {task.told}"
        return SyncResult(SyncStatus.REFUSED, task.identity, user=user, reason=reason), True
    # A person who was renamed is let in under the old name while nobody else has it: tickets outlive a renaming. The
    # link keeps that name, so that the next request finds it, until the new one comes.
    linked = by_name is not None and by_name.link is not None and by_name.link.guid == user.guid is not None
    old_name = task.identity.username if linked and not policy.answers_to(user, task.identity.username) else None
    if old_name and task.directory.others_named(task.identity, user.guid):
        reason = "the name is now of somebody who may not come here"
        return SyncResult(SyncStatus.REFUSED, task.identity, reason=reason), True
    mine, former = (by_name, None) if old_name else _rows(task, user, by_name)
    if mine is not None and not policy.recognises(user, mine):
        field, said = policy.query_field, mine.fields.get(policy.query_field)
        reason = f"the link of that name is of somebody else by {field}, {said!r}"
        return SyncResult(SyncStatus.REFUSED, task.identity, mine.key, mine, user=user, reason=reason), True
    mine = mine or by_key(policy, repository, user)
    rights = _rights(task, user, resolved)
    taken = None
    username = policy.username(user)
    if rights.status is None and (mine is None or mine.fields.get(policy.username_field, username) != username):
        taken = repository.named(policy.wanted, username)
    planned = plan(
        policy,
        user,
        rights,
        heard,
        mine=mine,
        former=former,
        taken=taken,
        signed_in_as=old_name,
        create=task.create,
    )
    before = mine if mine is not None else taken if planned.status is SyncStatus.ADOPTED else None
    return _finish(task, planned, before, user, rights, as_of)


# -- what a ticket says


def _by_ticket(task: Task, mine: UserSnapshot) -> tuple[SyncResult, bool] | None:
    """The sync of a known person by a ticket alone, with no search. None if the directory must be asked.

    A controller gives tickets to usable accounts only, so a young ticket is the controller's word of that time. It does
    not overrule a "no" of the directory: neither a row that is as new, nor a user who is not active.
    """
    now = task.clock()
    facts, at, link = task.facts, task.true_at(now), mine.link
    if facts is None or at is None or link is None:
        return None
    limit = facts.believed_for if facts.believed_for is not None else task.delta
    if limit is None or now - at > limit:
        return None
    if link.sid != facts.user_sid or not mine.active or link.last_sync is None or task.before is not None:
        return None
    if at <= link.last_sync:
        fresh = task.delta is not None and not is_due(link.last_sync, task.delta, now) and not link.lapsed
        return (SyncResult(SyncStatus.UNCHANGED, task.identity, mine.key, mine), True) if fresh else None
    resolved = task.directory.resolve(task.policy.group_names)
    task.policy.check(resolved)
    rights = _rights_by(task, facts, resolved)
    return _finish(task, plan_ticket(task.policy, rights, mine, at), mine, None, rights, at)


def _take_what_the_ticket_lacks(task: Task, mine: UserSnapshot) -> None:
    """If the directory cannot be asked: a ticket that is newer than the row gives nothing. But a right that the ticket
    lacks is taken from the row."""
    facts, at, link = task.facts, task.true_at(task.clock()), mine.link
    if facts is None or at is None or link is None or link.sid != facts.user_sid:
        return
    if link.last_sync is not None and at <= link.last_sync:
        return
    try:
        rights = _rights_by(task, facts, task.directory.resolve(task.policy.group_names))
    except WauthError:
        return  # which groups the settings mean is not known either
    planned = plan_lowering(task.policy, rights, mine, at)
    if planned.changes:
        task.repository.apply(planned.changes, now=at)


def _rights_by(task: Task, facts: TransportFacts, resolved: Resolved) -> Rights:
    named = chain.from_iterable(resolved.values())
    sids = with_builtin(facts.group_sids | {facts.user_sid}, facts.complete, named, task.directory.builtin_groups)
    return of_groups(task.policy, sids, resolved, task.directory.all_groups() if task.policy.mirrors else None)


# -- what the directory says


def _fetch(task: Task, guid: uuid.UUID | None) -> DirectoryUser | None:
    with suppress(UserNotFound):
        return bearer(task.policy, task.directory, task.identity, guid)
    return None


def bearer(policy: Policy, directory: Directory, identity: Identity, guid: uuid.UUID | None) -> DirectoryUser:
    """The person who has the name now.

    The account's GUID is asked first. But whoever signs in under a name is the person who has it today, not the one who
    had it when the account was linked. A renamed person still counts as long as nobody else has the old name: tickets
    and sessions outlive a renaming. Raises `UserNotFound` and other `DirectoryError`.
    """
    linked = None
    if guid is not None:
        with suppress(UserNotFound):
            linked = directory.person(guid=guid, identity=identity, attributes=policy.attributes)
        if linked is not None and policy.is_surely(linked, identity.username):
            return linked
    try:
        return directory.person(guid=None, identity=identity, attributes=policy.attributes)
    except UserNotFound:
        if linked is None:
            raise
        return linked


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


def by_key(policy: Policy, repository: UserRepository, user: DirectoryUser) -> UserSnapshot | None:
    """The user whose link was made by hand, has no GUID, and names *user* by USER_QUERY_FIELD (manual 1.14)."""
    key = policy.key_of(user) if policy.has_own_key else ""
    if not key:
        return None
    found = repository.named(dataclasses.replace(policy.wanted, username_field=policy.query_field), key)
    if found is None or found.link is None or found.link.guid is not None:
        return None
    is_meant = fold_username(str(found.fields.get(policy.query_field) or "")) == fold_username(key)
    return found if is_meant and fold_username(found.link.domain) == fold_username(policy.domain) else None


def _rights(task: Task, user: DirectoryUser, resolved: Resolved) -> Rights:
    directory_groups = task.directory.all_groups() if task.policy.mirrors else None
    sids = user.group_sids or frozenset()
    return judge(task.policy, task.identity, user, sids, resolved, directory_groups, task.before)


def judge(
    policy: Policy,
    identity: Identity,
    user: DirectoryUser,
    sids: frozenset[str],
    resolved: Resolved,
    directory_groups: Mapping[str, str] | None,
    before: BeforeSync | None,
) -> Rights:
    """`entitle`, and what the hook *before* says to it. Raises `SyncError` if the hook raises."""
    rights = entitle(policy, user, sids, resolved, directory_groups)
    reason = call_hook("before_sync", before, identity, user) if before is not None and rights.status is None else None
    if not reason:
        return rights
    flags = dict.fromkeys(policy.flags, False)
    return Rights(flags, status=SyncStatus.REFUSED, reason=reason, known_groups=rights.known_groups)


def _finish(
    task: Task,
    planned: Plan,
    before: UserSnapshot | None,
    user: DirectoryUser | None,
    rights: Rights,
    as_of: datetime,
) -> tuple[SyncResult, bool]:
    """Write *planned*. Return the result, and whether it could be written over what had been read."""
    key, written = (planned.mine, True) if task.dry_run else _write(task.repository, planned, as_of)
    result = SyncResult(
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
    return result, written


def _write(repository: UserRepository, planned: Plan, as_of: datetime) -> tuple[Key | None, bool]:
    own = planned.mine
    keys = repository.apply(planned.changes, now=as_of) if planned.changes else []
    if planned.status is SyncStatus.CREATED:
        return keys[-1], True
    if any(key is None for key in keys):
        return own, False
    if own is not None and own not in keys:
        repository.touch({own: planned.seen.last_sync if planned.seen else None}, now=as_of)
    return own, True
