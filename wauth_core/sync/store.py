"""What every store of users needs, once: keys of names, when a change may be written, the claim, and fitting text."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from wauth_core.directory import limits
from wauth_core.exceptions import SyncError, WauthError
from wauth_core.identity import canonical_domain, fold_username
from wauth_core.sync.freshness import horizon
from wauth_core.sync.repository import Change, Key, Link

logger = logging.getLogger("wauth.sync")

LOCK_SECONDS = 30.0  # how long a claim holds at most whose worker died
WRITING = 2.0  # seconds that a sync may write after its deadline, which is for questions
LOCK_POLL = 0.05  # seconds between two tries to get a claim
TOUCHED_AT_ONCE = 200  # keys in one statement


def domain_key(domain: str) -> str:
    """What a domain is compared by, in every store: equal texts mean the same domain, and no others do."""
    return canonical_domain(domain)


def name_key(username: str) -> str:
    """What a user name is compared by, in every store."""
    return fold_username(username)


def same_domain(link: Link | None, domain: str) -> bool:
    """Whether *link* belongs to *domain*."""
    return link is not None and domain_key(link.domain) == domain_key(domain)


def same_link(link: Link | None, domain: str, username: str, guid: uuid.UUID | None = None) -> bool:
    """Whether *link* is the one of (*domain*, *guid*) or (*domain*, *username*). A database's collation may say so of
    links that differ; this decides."""
    if link is None or not same_domain(link, domain):
        return False
    return (guid is not None and link.guid == guid) or name_key(link.username) == name_key(username)


def link_names(domain: str, username: str, guid: uuid.UUID | None) -> list[tuple[Hashable, ...]]:
    """What a link is found by, and what no other link may have: for stores that keep an index of their own."""
    key = domain_key(domain)
    return [("name", key, name_key(username)), *([("guid", key, guid)] if guid else [])]


def may_write(stored: Link | None, change: Change, now: datetime) -> bool:
    """Whether *change*, by an answer of *now*, may be written over the row whose link is *stored*.

    The rule of `UserRepository.apply`, for stores that compare in Python. Others say the same in SQL.
    """
    if change.seen is None or stored is None:
        return change.seen is None and stored is None
    if stored.last_sync != change.seen.last_sync or stored.lapsed != change.seen.lapsed:
        return False
    return not change.answered or is_older(stored.last_sync, now) or (stored.last_sync == now and only_lowers(change))


def is_older(moment: datetime | None, now: datetime) -> bool:
    """Whether a row of *moment* may be written by an answer of *now*: see `wauth_core.sync.freshness.horizon`."""
    return moment is None or moment < now or moment > horizon()


def as_written(stored: Link | None, change: Change, now: datetime) -> Link | None:
    """The link as it stands after *change*, for stores that compute it in Python."""
    link = change.link or stored
    if link is None:
        return None
    before = stored.last_sync if stored else None
    sessions = stored.sessions + change.end_sessions if stored else new_sessions()
    return replace(link, last_sync=now if change.answered else before, sessions=sessions)


def new_sessions() -> int:
    """The first `Link.sessions` of a link: random, so that no session of an earlier link fits."""
    return secrets.randbelow(2**31)


def by_last_sync(seen: Mapping[Key, datetime | None]) -> Iterator[dict[datetime | None, list[Key]]]:
    """*seen* of `UserRepository.touch`, turned round, in parts that one SQL statement can hold."""
    remaining = iter(seen.items())
    while part := list(islice(remaining, TOUCHED_AT_ONCE)):
        turned: dict[datetime | None, list[Key]] = {}
        for key, moment in part:
            turned.setdefault(moment, []).append(key)
        yield turned


def only_lowers(change: Change) -> bool:
    """Whether *change* gives nobody anything: it only takes flags and groups away."""
    return not change.groups_add and not any(change.flags.values())


def lease() -> float:
    """How many seconds a claim holds that is made now: until the deadline of what it is made for, if it has one."""
    return min(LOCK_SECONDS, limits.remaining(LOCK_SECONDS) + WRITING)


@contextmanager
def claiming(take: Callable[[str], bool], release: Callable[[str], None], *, wait: float = 0.0) -> Iterator[bool]:
    """`UserRepository.lock` for a store: *take* gets a token and tries once to write the claim, *release* takes away
    the claim of that token and no other."""
    token, until = uuid.uuid4().hex, time.monotonic() + wait
    while not (mine := take(token)) and time.monotonic() < until:
        time.sleep(LOCK_POLL)
    try:
        yield mine
    finally:
        if mine:
            try:
                release(token)
            except SyncError as error:  # the work is done, and the claim ends by itself
                logger.warning("A claim could not be released: %s", error)


@contextmanager
def as_sync_error(*errors: type[Exception]) -> Iterator[None]:
    """Raise *errors*, which are a store's own, as `SyncError`."""
    try:
        yield
    except WauthError:
        raise
    except errors as error:
        raise SyncError(f"The users' store failed: {type(error).__name__}: {error}") from error


def fitted(value: Any, limit: int | None, what: str, *, whole: bool = False) -> Any:
    """*value*; if it is a text of more than *limit* letters, its beginning, and a line in the log.

    *what* names the column. If *whole* is true (a name that identifies somebody), a text that is too long raises
    `SyncError` instead.
    """
    if limit is None or not isinstance(value, str) or len(value) <= limit:
        return value
    if whole:
        raise SyncError(f"{what}: {value[:40]!r}… is longer than the column allows ({limit}).")
    logger.warning("%s: %r… is cut to %d letters.", what, value[:40], limit)
    return value[:limit]
