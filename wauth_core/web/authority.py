"""What a person may do now. It follows from all that is known of them, from the settings and the time, and from nothing
else.

Two kinds of front end ask. A front end with users of its own keeps their rights in rows: `refresh` brings a row up to
date and returns whether its user may go on. A front end without rows asks `of_person`, which goes by the last answer of
the directory and by what came with the sign-in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from wauth_core.exceptions import (
    AmbiguousUser,
    ConfigurationError,
    DirectoryOffline,
    DirectoryUnavailable,
    InvalidIdentity,
    UnknownDomain,
    WauthError,
)
from wauth_core.identity import Identity, TransportFacts
from wauth_core.setting_kinds import duration
from wauth_core.sync.freshness import is_due, is_stale
from wauth_core.sync.knowledge import May, Told
from wauth_core.sync.repository import Link, UserRepository
from wauth_core.sync.result import SyncResult, SyncStatus
from wauth_core.user import WindowsUser

if TYPE_CHECKING:
    from wauth_core.service import Wauth

logger = logging.getLogger("wauth.service")

BY_SETTINGS: Any = object()


@dataclass(frozen=True)
class Authority:
    """What a person may do. *reason* is for the log.

    - *error* says why the directory could not be asked, if it could not.
    - *raises* asks for that error as the answer (WAUTH_REQUIRE_RESYNC), or for what WAUTH_ERROR_RESPONSE makes of it.
    - *result* is the sync that was done. With *written* the row may have changed: read it anew.
    - *told* is what the answer rests on, in a front end without rows.
    """

    may: May
    reason: str = ""
    error: WauthError | None = None
    raises: bool = False
    result: SyncResult | None = None
    written: bool = False
    told: Told | None = None

    @property
    def log_level(self) -> int:
        """How loud the log tells of a refusal. That the directory is offline was said once, for everybody."""
        return logging.DEBUG if isinstance(self.error, DirectoryOffline) else logging.WARNING

    @property
    def allows(self) -> bool:
        """Whether the person may go on."""
        return self.may is May.YES

    @property
    def ends(self) -> bool:
        """Whether the person may not, so that the session ends."""
        return self.may is May.NO

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows now: the answer is 503 with Retry-After, and the session is kept."""
        return self.may is May.UNKNOWN

    @property
    def status(self) -> int:
        """The status of the page that answers a NO or an UNKNOWN."""
        return 503 if self.is_unknown else 403

    def refused(self, reason: str) -> Authority:
        """The same as a NO, for *reason*."""
        return replace(self, may=May.NO, reason=reason)

    def as_asked(self) -> Authority:
        """The same for a view that must have a new answer: without one nobody knows."""
        return replace(self, may=May.UNKNOWN, raises=True) if self.allows and self.error is not None else self


YES = Authority(May.YES)


@dataclass(frozen=True)
class Row:
    """A user of the application, as far as a visit depends on it. *link* is None for one of the application's own."""

    key: Hashable
    link: Link | None
    active: bool = True


# -- front ends with users of their own


def refresh(
    wauth: Wauth,
    repository: UserRepository,
    identity: Identity,
    row: Row | None,
    *,
    facts: TransportFacts | None = None,
    delta: timedelta | int | str | None = BY_SETTINGS,
    begins: bool = False,
    required: bool | None = None,
) -> Authority:
    """Whether the user of *identity*, whose row is *row*, may go on. If a sync is due, it is made first.

    A sync is due when *delta* (WAUTH_RESYNC_DELTA by default) has passed, and when a session *begins*. If none is due,
    this costs nothing.

    If a sync fails, the last known rights hold up to WAUTH_MAX_STALENESS. After that they lapse, and the lapse is
    written; with WAUTH_WHEN_STALE="refuse" nobody goes on. With *required* (WAUTH_REQUIRE_RESYNC by default) a sync
    that fails also fails the request. Never raises `WauthError`.
    """
    wanted = wauth.settings.resync_delta if delta is BY_SETTINGS else duration("delta", delta)
    last_sync = row.link.last_sync if row is not None and row.link is not None else None
    if row is not None and not begins and not is_due(last_sync, wanted, wauth.now()):
        return _standing(row)
    at_once = begins or wanted == timedelta(0)
    must = wauth.settings.require_resync if required is None else required
    try:
        result = wauth.sync(
            identity, repository, facts=facts, patient=at_once or must, create=wauth.settings.create_users, brakes=True
        )
    except AmbiguousUser as error:  # the directory answers; but nobody can tell who that is
        _log(identity, error)
        return Authority(May.NO, str(error), error)
    except WauthError as error:
        _log(identity, error)
        return _unanswered(wauth, repository, identity, row, facts, error, must)
    if result.status is SyncStatus.BUSY:
        busy = DirectoryUnavailable(f"Another worker has been asking the directory about {identity} for too long.")
        return replace(_unanswered(wauth, repository, identity, row, facts, busy, must), result=result)
    may = May.YES if result.ok else May.NO
    return Authority(may, result.reason or ("" if result.ok else result.status.value), result=result, written=True)


def _standing(row: Row) -> Authority:
    return YES if row.active else Authority(May.NO, "the user is not active here")


def _unanswered(
    wauth: Wauth,
    repository: UserRepository,
    identity: Identity,
    row: Row | None,
    facts: TransportFacts | None,
    error: WauthError,
    required: bool,
) -> Authority:
    """What holds after a try that brought no answer."""
    unknown = Authority(May.UNKNOWN, str(error), error)
    if required:
        return replace(unknown, raises=True)
    if isinstance(error, UnknownDomain) and row is None:
        return Authority(May.NO, str(error), error)
    link = row.link if row is not None else None
    if row is None or link is None or link.last_sync is None:
        return unknown
    if facts is not None and link.sid and link.sid != facts.user_sid:
        return unknown  # the name has passed to another person, of whom nothing is known
    if not row.active:
        return replace(_standing(row), error=error)
    lowered = facts is not None  # a ticket may have taken something from the row
    if not is_stale(link.last_sync, wauth.settings, wauth.now()):
        return replace(YES, error=error, written=lowered)
    if wauth.settings.when_stale == "refuse":
        return unknown
    if link.lapsed:
        return replace(YES, error=error, written=lowered)
    try:
        lapsed = wauth.lapse(identity, repository)
    except WauthError as failed:
        logger.error("The rights of %s should lapse, and could not be taken: %s", identity, failed)
        lapsed = False
    return replace(YES, error=error, written=True) if lapsed else unknown


def _log(identity: Identity, error: WauthError) -> None:
    if isinstance(error, DirectoryOffline):  # said once, with a count of what it spares
        logger.debug("Could not sync %s: %s", identity, error)
        return
    told = isinstance(error, ConfigurationError | DirectoryUnavailable)  # its text says all
    logger.error("Could not sync %s: %s", identity, error, exc_info=None if told else error)


# -- front ends without


def of_person_at_once(wauth: Wauth, identity: Identity, facts: TransportFacts | None = None) -> Authority | None:
    """`of_person`, if that needs no network; else None. Never raises `WauthError`."""
    try:
        told = wauth.people.told_at_once(identity, facts)
    except WauthError:
        return None
    return None if told is None or told.may is not May.YES else Authority(told.may, told.reason, told=told)


def of_person(wauth: Wauth, identity: Identity, facts: TransportFacts | None = None) -> Authority:
    """Whether *identity* may come in, by account state, REQUIRE_GROUPS and DENY_GROUPS. Nothing is asked if a young
    ticket, or an answer younger than WAUTH_RESYNC_DELTA, says it; else one search is made. Never raises `WauthError`.
    """
    try:
        told, error = wauth.people.told(identity, facts)
    except WauthError as failed:
        may = May.NO if isinstance(failed, UnknownDomain | AmbiguousUser) else May.UNKNOWN
        return Authority(may, str(failed), failed)
    if told.may is May.NO:
        wauth.end_sessions(identity, facts.user_sid if facts is not None else None)
    return Authority(told.may, told.reason, error, told=told)


# -- all of them


def is_member(user: Callable[[], WindowsUser], groups: Iterable[str]) -> bool | None:
    """Whether a *user* is in one of *groups*. Each is any name that ``in_group`` takes. For a view that asks for a
    group.

    Returns None if nobody knows now: answer 503 with Retry-After. Never raises `WauthError`: the log says what is
    wrong.
    """
    try:
        person = user()
        return any(map(person.in_group, groups))
    except (UnknownDomain, AmbiguousUser, InvalidIdentity) as error:
        logger.error("Somebody is taken to be in no group: %s", error)
        return False
    except WauthError as error:
        logger.error("A group check could not be made: %s", error)
        return None
