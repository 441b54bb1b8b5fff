"""What is known of people for whom the application keeps no rows. The directory is asked if it must be."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import field
from datetime import datetime, timedelta

from cachetools import TTLCache

from wauth_core.cache import SharedCache
from wauth_core.directory import limits, membership
from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import AmbiguousUser, DirectoryError, DirectoryOffline, DirectoryUnavailable, UserNotFound
from wauth_core.identity import Identity, TransportFacts
from wauth_core.process import PerProcess
from wauth_core.sync.answers import Answers
from wauth_core.sync.directories import Directories
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
from wauth_core.sync.principals import Principals
from wauth_core.sync.result import SyncResult, SyncStatus
from wauth_core.sync.single import bearer

logger = logging.getLogger("wauth.service")

DELTA = timedelta(minutes=10)  # how long an answer about groups holds where WAUTH_RESYNC_DELTA is None


@dataclasses.dataclass
class _Entries:
    """Who may enter each domain."""

    known: TTLCache[str, Admission] = field(default_factory=lambda: TTLCache(64, GROUPS_TTL))
    mutex: threading.Lock = field(default_factory=threading.Lock)


class People:
    """The people of all domains of one `wauth_core.Wauth`. *ended* is called with those whose sessions must end.

    A front end asks here what somebody may do; `wauth_core.WindowsUser` asks here who they are. Threads may share it.
    """

    def __init__(
        self,
        directories: Directories,
        cache: SharedCache,
        clock: Callable[[], datetime],
        ended: Callable[[Identity, str | None], None],
    ) -> None:
        self.settings = directories.settings
        self._directories = directories
        self._principals = Principals(directories)
        self._cache = cache
        self._clock = clock
        self._ended = ended
        self._delta = self.settings.resync_delta if self.settings.resync_delta is not None else DELTA
        self._answers = Answers(cache, self.settings.max_staleness or timedelta(days=1))
        self._entries = PerProcess(_Entries)

    @limits.in_time
    def canonical(self, identity: Identity) -> Identity:
        """The identity by which links know who comes as *identity*.

        With WAUTH_USE_SPN a UPN's suffix may be any of the forest's: the person is looked for in all configured
        domains, and must be one. Raises `UnknownDomain`, `AmbiguousUser` and other `DirectoryError`.
        """
        return self._principals.canonical(identity) if self.settings.use_spn else identity

    @limits.in_time
    def user(self, identity: Identity) -> DirectoryUser:
        """The person in the directory, at most WAUTH_RESYNC_DELTA old. Raises `DirectoryError`."""
        identity = self.canonical(identity)
        policy, lookups = self._directories.ruled(identity.domain)
        held = self._answers.user(identity)
        if held is not None and not held[0].older_than(self._delta, self._clock()):
            return held[1]
        return self._ask(policy, lookups, identity)

    @limits.in_time
    def group_sids(self, domain: str, group: str, *, user_sid: str | None = None) -> frozenset[str]:
        """The SIDs of *group*, a name by GROUP_ATTRS, DN or SID; none if it is not found or ambiguous.

        *user_sid* is of a user of the same domain, and spares a search.
        """
        if user_sid is not None and self._directories.domains.is_listed(domain):
            own = user_sid.rpartition("-")[0]  # what means a SID by itself, or with the domain's, needs no search
            sid = membership.well_known(group, lambda: own, lambda: "")
            if sid is not None and not sid.startswith("-"):
                return frozenset({sid})
        return self._directories.serving(domain).resolve((group,))[group]

    @limits.in_time
    def builtin_groups(self, domain: str, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Those of the built-in groups *among* (S-1-5-32-…) that somebody who carries *sids* is in."""
        return self._directories.of(domain).builtin_groups(sids, among)

    def told_at_once(self, identity: Identity, facts: TransportFacts | None = None) -> Told | None:
        """What `told` answers, if that needs no network; else None. Raises `UnknownDomain`, `ConfigurationError`."""
        policy, _ = self._directories.ruled(identity.domain)
        entries = self._entries.here
        with entries.mutex:
            entry = entries.known.get(policy.domain)
        if entry is None and (policy.require or policy.deny):
            return None
        entry = entry or Admission()
        if facts is not None and not facts.complete and entry.builtin:
            return None
        now = self._clock()
        told = self._tell(policy, identity, facts, heard_from(facts, now), entry, now)
        return None if told.ask else told

    @limits.in_time
    def told(self, identity: Identity, facts: TransportFacts | None = None) -> tuple[Told, DirectoryError | None]:
        """What *identity* may do now, by the last answer of the directory and by *facts*. The directory is asked again
        if need be.

        If it could not be asked, the error says why, and what is returned goes by older knowledge. Raises
        `UnknownDomain`, `AmbiguousUser`, `ConfigurationError`; and `DirectoryError` if not even the groups that the
        settings name are known.
        """
        identity = self.canonical(identity)
        policy, lookups = self._directories.ruled(identity.domain)
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
        return self._tell(policy, identity, facts, ticket, entry, self._clock(), answered=error is None), error

    def remember(self, identity: Identity, result: SyncResult, heard: Heard) -> None:
        """What a sync has just read answers questions about groups too: they agree, and cost no search of their own."""
        if result.status is SyncStatus.NOT_FOUND or (result.user is not None and result.user.group_sids is not None):
            self._learn(identity, result.user, heard)

    def forget(self) -> None:
        """Forget what this process knows."""
        self._answers.forget()
        entries = self._entries.here
        with entries.mutex:
            entries.known.clear()

    def _ask(self, policy: Policy, lookups: Lookups, identity: Identity) -> DirectoryUser:
        """Ask the directory about a person, by the GUID if it is known, and remember the answer."""
        before, as_of = self._answers.get(identity), self._clock()
        guid = before.guid if before is not None and not before.gone and policy.names_are_unique else None
        try:
            found = bearer(policy, lookups, identity, guid)
            if not policy.answers_to(found, identity.username) and lookups.others_named(identity, found.guid):
                raise UserNotFound(str(identity), policy.domain)  # who has the name now may not come here
        except UserNotFound:
            if before is not None and not before.gone:
                lookups.brake.vanished(identity)
            if not self._learn(identity, None, Heard(as_of, lookups.controller, policy.patience)):
                raise DirectoryUnavailable(
                    f"{lookups.controller} knows nobody named {identity}, and may lag behind another controller."
                ) from None
            raise
        if before is not None:
            lookups.brake.found(identity)
        self._learn(identity, found, Heard(as_of, lookups.controller, policy.patience))
        return found

    def _learn(self, identity: Identity, user: DirectoryUser | None, heard: Heard) -> bool:
        """Remember an answer, if it counts. A new password, and another bearer of the name, end the sessions of the
        former."""
        before = self._answers.shared(identity)
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
        answered: bool = False,
    ) -> Told:
        known = self._answers.get(identity)
        if known is not None and facts is not None and known.sid not in (None, facts.user_sid):
            # It is about another bearer of the name. If it is fresh, that one has the name today.
            is_fresh = answered or not known.older_than(self._delta, now)
            known = Known(known.as_of, facts.user_sid, gone=True) if is_fresh else None
        limits = Limits(self._delta, self.settings.max_staleness, policy.account_state)
        return tell(ticket + Knowledge(known), entry, limits, now)

    def _entry(self, policy: Policy, lookups: Lookups) -> Admission:
        """Who may enter. Raises `DirectoryError` if nobody can tell which groups the settings mean."""
        if not policy.require and not policy.deny:
            return Admission()
        entries = self._entries.here
        with entries.mutex:
            if policy.domain in entries.known:
                return entries.known[policy.domain]
        resolved = lookups.resolve((*policy.require, *policy.deny))
        policy.check(resolved)
        require = frozenset(sid for name in policy.require for sid in resolved[name]) if policy.require else None
        entry = Admission(require, frozenset(sid for name in policy.deny for sid in resolved[name]))
        with entries.mutex:
            entries.known[policy.domain] = entry
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
