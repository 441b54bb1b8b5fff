"""What is known of people, for whom the application keeps no rows: asked of the directory when it must be."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from cachetools import TTLCache

from wauth_core.cache import SharedCache
from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import AmbiguousUser, DirectoryError, DirectoryOffline, DirectoryUnavailable, UserNotFound
from wauth_core.identity import Identity, TransportFacts
from wauth_core.settings import SiteSettings
from wauth_core.sync.answers import Answers
from wauth_core.sync.knowledge import (
    Admission,
    Heard,
    Knowledge,
    Known,
    Limits,
    Told,
    heard_from,
    of_user,
    settled,
    tell,
    with_builtin,
)
from wauth_core.sync.manager_answers import GROUPS_TTL, Lookups
from wauth_core.sync.plan import password_set
from wauth_core.sync.policy import Policy
from wauth_core.sync.result import SyncResult, SyncStatus

logger = logging.getLogger("wauth.service")

DELTA = timedelta(minutes=10)  # how long an answer about groups holds where WAUTH_RESYNC_DELTA is None


class People:
    """The people of all domains of one `wauth_core.Wauth`. *ended* is called with those whose sessions must end."""

    def __init__(
        self,
        cache: SharedCache,
        site: SiteSettings,
        clock: Callable[[], datetime],
        ended: Callable[[Identity, str | None], None],
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._ended = ended
        self._delta = site.resync_delta if site.resync_delta is not None else DELTA
        self._max_staleness = site.max_staleness
        self._answers = Answers(cache, site.max_staleness or timedelta(days=1))
        self._entries: TTLCache[str, Admission] = TTLCache(64, GROUPS_TTL)
        self._mutex = threading.Lock()

    def user(self, policy: Policy, lookups: Lookups, identity: Identity) -> DirectoryUser:
        """The person in the directory, at most WAUTH_RESYNC_DELTA old. Raises `DirectoryError`."""
        held = self._answers.user(identity)
        if held is not None and not held[0].older_than(self._delta, self._clock()):
            return held[1]
        return self._ask(policy, lookups, identity)

    def told_at_once(self, policy: Policy, identity: Identity, facts: TransportFacts | None) -> Told | None:
        """What `told` answers, where that needs no network; else None."""
        with self._mutex:
            entry = self._entries.get(policy.domain)
        if entry is None and (policy.require or policy.deny):
            return None
        entry = entry or Admission()
        if facts is not None and not facts.complete and entry.builtin:
            return None
        now = self._clock()
        told = self._tell(policy, identity, facts, heard_from(facts, now), entry, now)
        return None if told.ask else told

    def told(
        self, policy: Policy, lookups: Lookups, identity: Identity, facts: TransportFacts | None
    ) -> tuple[Told, DirectoryError | None]:
        """See `wauth_core.Wauth.told`."""
        entry = self._entry(policy, lookups)
        now = self._clock()
        ticket = _completed(heard_from(facts, now), entry, lookups)
        told = self._tell(policy, identity, facts, ticket, entry, now)
        if told.ask and self._cache and self._answers.shared(identity) is not None:
            told = self._tell(policy, identity, facts, ticket, entry, now)
        if not told.ask:
            return told, None
        error: DirectoryError | None = None
        try:
            self._ask(policy, lookups, identity)
        except AmbiguousUser:
            raise
        except UserNotFound:
            pass
        except DirectoryError as failed:
            level = logging.DEBUG if isinstance(failed, DirectoryOffline) else logging.ERROR
            logger.log(level, "Could not ask the directory about %s: %s", identity, failed)
            error = failed
        return self._tell(policy, identity, facts, ticket, entry, self._clock()), error

    def remember(self, identity: Identity, result: SyncResult, heard: Heard) -> None:
        """What a sync has just read answers questions about groups too: they agree, and cost no search of their own."""
        if result.status is SyncStatus.NOT_FOUND or (result.user is not None and result.user.group_sids is not None):
            self._learn(identity, result.user, heard)

    def forget(self) -> None:
        """Forget what this process knows."""
        self._answers.forget()
        with self._mutex:
            self._entries.clear()

    def renew(self) -> None:
        """In a forked child: the parent's locks may have been held."""
        self._mutex = threading.Lock()
        self._entries = TTLCache(64, GROUPS_TTL)
        self._answers.renew()

    def _ask(self, policy: Policy, lookups: Lookups, identity: Identity) -> DirectoryUser:
        """Ask the directory about a person, by the GUID if it is known, and remember the answer."""
        before, as_of = self._answers.get(identity), self._clock()
        guid = before.guid if before is not None and not before.gone and policy.names_are_unique else None
        try:
            found = lookups.person(guid=guid, identity=identity, attributes=policy.attributes)
            if guid is not None and not policy.is_surely(found, identity.username):
                found = lookups.person(guid=None, identity=identity, attributes=policy.attributes)
        except UserNotFound:
            if not self._learn(identity, None, Heard(as_of, lookups.controller, policy.patience)):
                raise DirectoryUnavailable(
                    f"{lookups.controller} knows nobody named {identity}, and may lag behind another controller."
                ) from None
            raise
        self._learn(identity, found, Heard(as_of, lookups.controller, policy.patience))
        return found

    def _learn(self, identity: Identity, user: DirectoryUser | None, heard: Heard) -> bool:
        """Remember an answer, if it counts. A new password, and another bearer of the name, end the sessions of the
        former."""
        before = self._answers.get(identity)
        told = of_user(user, heard, password_set(user)) if user is not None else None
        known = settled(before, told or Known(heard.as_of, None, gone=True, controller=heard.controller), heard)
        if known is None:
            return False
        self._answers.put(identity, known, user)
        if before is None or before.as_of >= known.as_of:
            return True
        another = before.sid is not None and known.sid is not None and before.sid != known.sid
        new_password = before.password_set is not None and known.password_set not in (None, before.password_set)
        if another or new_password or (before.usable and not known.usable) or (known.gone and not before.gone):
            self._ended(identity, before.sid)
        return True

    def _tell(
        self,
        policy: Policy,
        identity: Identity,
        facts: TransportFacts | None,
        ticket: Knowledge,
        entry: Admission,
        now: datetime,
    ) -> Told:
        known = self._answers.get(identity)
        if known is not None and facts is not None and known.sid not in (None, facts.user_sid):
            # It is about another bearer of the name. If it is fresh, that one has the name today.
            is_fresh = not known.older_than(self._delta, now)
            known = Known(known.as_of, facts.user_sid, gone=True) if is_fresh else None
        limits = Limits(self._delta, self._max_staleness, policy.account_state)
        return tell(ticket + Knowledge(known), entry, limits, now)

    def _entry(self, policy: Policy, lookups: Lookups) -> Admission:
        """Who may enter. Raises `DirectoryError` where nobody can tell which groups the settings mean."""
        if not policy.require and not policy.deny:
            return Admission()
        with self._mutex:
            if policy.domain in self._entries:
                return self._entries[policy.domain]
        resolved = lookups.resolve((*policy.require, *policy.deny))
        policy.check(resolved)
        require = frozenset(sid for name in policy.require for sid in resolved[name]) if policy.require else None
        entry = Admission(require, frozenset(sid for name in policy.deny for sid in resolved[name]))
        with self._mutex:
            self._entries[policy.domain] = entry
        return entry


def _completed(knowledge: Knowledge, entry: Admission, lookups: Lookups) -> Knowledge:
    """*knowledge*, whose ticket tells all groups on which *entry* depends."""
    ticket = knowledge.ticket
    if ticket is None or knowledge.complete or not entry.builtin:
        return knowledge
    sids = with_builtin(ticket.granting, knowledge.complete, entry.sids, lookups.builtin_groups)
    return dataclasses.replace(
        knowledge, ticket=dataclasses.replace(ticket, granting=sids, denying=sids), complete=True
    )
