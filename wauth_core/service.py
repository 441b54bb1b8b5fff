"""`Wauth`: the one object that an application holds. Settings, managers and syncs of all domains."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from cachetools import TTLCache

from wauth_core import configfile, passwords
from wauth_core.directory import AuthResult, DirectoryUser, LDAPManager, membership
from wauth_core.directory.manager import OwnReader
from wauth_core.exceptions import ConfigurationError, UnknownDomain
from wauth_core.identity import Identity, Rules, TransportFacts
from wauth_core.principals import Principals
from wauth_core.secrets import Veiled
from wauth_core.settings import ConfigurationWarning, DomainSettings, Options, Problem, duration, unknown_option
from wauth_core.sync import bulk, freshness
from wauth_core.sync.bulk import BulkTask, Progress
from wauth_core.sync.directory import Lookups, OwnAnswers
from wauth_core.sync.freshness import Refreshed, Verdict
from wauth_core.sync.incremental import sync_changes
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import UserRepository, Wanted
from wauth_core.sync.result import BulkResult, SyncResult, SyncStatus
from wauth_core.sync.single import AfterSync, Task, sync_one
from wauth_core.user import WindowsUser, utc_now

logger = logging.getLogger("wauth.service")

PREFIX = "WAUTH_"
PEOPLE_KEPT = 4096  # directory users kept in memory, for WAUTH_RESYNC_DELTA at most
OWN_ANSWERS_KEPT = 30.0  # seconds between a password's check and the sync that uses what it has read
FACTS_AT_LEAST = 10  # seconds that facts are believed where WAUTH_RESYNC_DELTA is less: they belong to one sign-in
_BY_OPTIONS: Any = object()

T = TypeVar("T", bound="Wauth")


class Wauth:
    """Windows sign-ins and directory syncs for one application.

    *domains* is the manual's WAUTH_DOMAINS; every other WAUTH setting is a keyword in lower case. Nothing connects
    before it must. Threads may share it, and a forked child makes its own connections. ``close()`` it, or use it as
    a context manager.

    The option *before_sync* is called with the identity and the `DirectoryUser` before anything is written; a text that
    it returns refuses the user, for that reason. *after_sync* is called with each `SyncResult`, after it is written.

    Raises `ConfigurationError` for an unknown or impossible option.
    """

    def __init__(
        self,
        domains: Mapping[str, Any] | None = None,
        *,
        after_sync: AfterSync | None = None,
        clock: Callable[[], datetime] = utc_now,
        **options: Any,
    ) -> None:
        self.domains = DomainSettings(domains)
        del domains  # a debug page shows the values of local variables
        self.options = Options.from_keywords(options)
        self._after_sync = after_sync
        self._clock = clock
        self._lookups: dict[str, Lookups] = {}
        self._parents: dict[str, Lookups] = {}
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        delta = self.options.resync_delta
        self._people_ttl = (delta if delta is not None else timedelta(minutes=10)).total_seconds()
        self._people: TTLCache[Identity, DirectoryUser] = TTLCache(PEOPLE_KEPT, self._people_ttl)
        self._own: TTLCache[Identity, OwnAnswers] = TTLCache(PEOPLE_KEPT, OWN_ANSWERS_KEPT)
        self._principals = Principals(self, self._people_ttl)

    @classmethod
    def from_mapping(cls: type[T], config: Mapping[str, Any], **more: Any) -> T:
        """Read ``WAUTH_DOMAINS``, ``WAUTH_USE_SPN`` and so on out of a configuration that may hold other things too.

        A name that starts with ``WAUTH_`` and means nothing is warned of. *more* are keywords of `Wauth`.
        """
        given = Veiled({key.removeprefix(PREFIX).lower(): config[key] for key in config if key.startswith(PREFIX)})
        del config  # a debug page shows local variables
        return cls._from_options(given, more)

    @classmethod
    def from_toml(cls: type[T], path: str | os.PathLike[str], **more: Any) -> T:
        """Read a TOML file: options at the top (``use_spn = true``), then a table for each domain
        (``[domains.EXAMPLE]``), secrets as `wauth_core.secrets.from_toml` reads them.

        Raises `ConfigurationError` when the file cannot be read.
        """
        given = Veiled({key.removeprefix(PREFIX).lower(): value for key, value in configfile.read(Path(path)).items()})
        return cls._from_options(given, more)

    @classmethod
    def _from_options(cls: type[T], given: Veiled, more: Mapping[str, Any]) -> T:
        domains = Veiled(given.pop("domains", None) or {})
        known = Options.names()
        for name in [name for name in given if name not in known]:
            del given[name]
            if not given.get("ignore_setting_warnings"):
                warnings.warn(unknown_option(name, (*known, "domains")), ConfigurationWarning, stacklevel=3)
        return cls(domains, **{**given, **more})

    @property
    def rules(self) -> Rules:
        """How the names of front ends are read."""
        return Rules(use_spn=self.options.use_spn, lowercase=self.options.lowercase_username)

    def problems(self) -> list[Problem]:
        """What looks wrong in the settings, of all domains."""
        return self.domains.problems()

    # -- the directory

    def manager(self, domain: str) -> LDAPManager:
        """The manager of *domain*: always the same one. Raises `UnknownDomain` or `ConfigurationError`."""
        return self._of(domain).manager

    def usage(self) -> Mapping[str, Any]:
        """ldap3's usage counters of each domain that has been used so far and has COLLECT_METRICS on."""
        if self._pid != os.getpid():
            self._start_anew()
        with self._mutex:
            managers = {name: each.manager for name, each in self._lookups.items()}
        counted = {name: manager.get_usage() for name, manager in managers.items()}
        return {name: usage for name, usage in counted.items() if usage is not None}

    def authenticate(self, username: str, password: str, domain: str | None = None) -> AuthResult:
        r"""Check a password by an LDAP bind. *username* is ``DOMAIN\user``, a UPN, or a name in *domain*, which may be
        left out where one domain alone is configured.

        What a person typed never raises: a name in no configured domain is nobody's. Raises `ConfigurationError`.
        """
        return passwords.check(self, username, password, domain)

    def own_reader(self, domain: str) -> OwnReader:
        """What to read over a person's own connection, for the sync of their sign-in."""
        return OwnAnswers.reader(self._policy(domain)[0])

    def keep_own_answers(self, identity: Identity, answers: OwnAnswers) -> None:
        """Let the next sync of *identity*, if it follows at once, be by what their own connection has read."""
        with self._mutex:
            self._own[identity] = answers

    def domain_of(self, name: str) -> str | None:
        r"""The domain that a typed name speaks of: ``DOMAIN`` in ``DOMAIN\user``, whether configured or not; for a UPN
        the listed domain whose name, or whose SEARCH_BASE, is its suffix. None where it speaks of none."""
        return passwords.domain_of(self, name)

    def logon_name(self, user: DirectoryUser, domain: str) -> str:
        """How front ends and links spell *user*, who is of *domain*."""
        return self._policy(domain)[0].logon_name(user)

    def canonical(self, identity: Identity) -> Identity:
        """The identity by which links know who comes as *identity*.

        With WAUTH_USE_SPN a UPN's suffix may be any of the forest's: the person is looked for in all configured
        domains, and must be one. Raises `UnknownDomain`, `AmbiguousUser` and other `DirectoryError`.
        """
        return self._principals.canonical(identity) if self.options.use_spn else identity

    def upn_suffixes(self, domain: str) -> frozenset[str]:
        """The UPN suffixes of the forest that *domain* is in, at most ten minutes old. Raises `DirectoryError`."""
        return self._of(domain).upn_suffixes()

    def find(self, identity: Identity) -> DirectoryUser:
        """Who bears that name now, asked of the directory, by the rules of a sign-in. Raises `DirectoryError`."""
        return self._serving(identity.domain).person(guid=None, identity=identity, attributes=(), groups=False)

    def directory_user(self, identity: Identity) -> DirectoryUser:
        """The person in the directory, at most WAUTH_RESYNC_DELTA old. Raises `DirectoryError`."""
        identity = self.canonical(identity)
        policy, lookups = self._policy(identity.domain)
        with self._mutex:
            known = self._people.get(identity)
        if known is not None:
            return known
        found = lookups.person(guid=None, identity=identity, attributes=policy.attributes)
        if self._people_ttl > 0:
            with self._mutex:
                self._people[identity] = found
        return found

    def _remember(self, identity: Identity, result: SyncResult) -> None:
        """What a sync has just read answers questions about groups too: they agree, and cost no search of their own."""
        if result.status is SyncStatus.BUSY:
            return
        with self._mutex:
            self._people.pop(identity, None)
            if result.user is not None and result.user.group_sids is not None and self._people_ttl > 0:
                self._people[identity] = result.user

    def windows_user(
        self, identity: Identity | None, facts: TransportFacts | None = None, sid: str | None = None
    ) -> WindowsUser:
        """The lazy user for *identity*, who has *sid* where that is known; asks the directory nothing yet."""
        return WindowsUser(self, identity, facts, sid)

    def group_sids(self, domain: str, group: str, *, user_sid: str | None = None) -> frozenset[str]:
        """The SIDs of *group*, a name by GROUP_ATTRS, DN or SID; none where it is not found or ambiguous.

        *user_sid* is of a user of the same domain, and spares a search.
        """
        if user_sid is not None and self.domains.is_listed(
            domain
        ):  # what means a SID by itself, or with the domain's, needs no search
            own = user_sid.rpartition("-")[0]
            sid = membership.well_known(group, lambda: own, lambda: "")
            if sid is not None and not sid.startswith("-"):
                return frozenset({sid})
        return self._serving(domain).resolve((group,))[group]

    def facts_hold(self, facts: TransportFacts | None) -> bool:
        """Whether what a token or ticket says is still believed: for WAUTH_RESYNC_DELTA."""
        if facts is None:
            return False
        return not freshness.is_due(facts.at, timedelta(seconds=max(self._people_ttl, FACTS_AT_LEAST)), self._clock())

    def facts_in(self, domain: str, facts: TransportFacts, wanted: frozenset[str]) -> bool:
        """Whether the owner of *facts* is in one of the groups *wanted* (SIDs)."""
        own = facts.group_sids | {facts.user_sid}
        if not wanted.isdisjoint(own):
            return True
        builtin = frozenset(sid for sid in wanted if sid.startswith("S-1-5-32-"))
        return bool(not facts.complete and builtin and self._of(domain).builtin_groups(own, builtin))

    # -- the application's users

    def sync(
        self,
        identity: Identity,
        repository: UserRepository,
        *,
        facts: TransportFacts | None = None,
        dry_run: bool = False,
        patient: bool = False,
        create: bool = True,
    ) -> SyncResult:
        """Bring the user of *identity* in step with the directory; make the user if there is none, unless *create* is
        off.

        With *facts* no group is looked up. With *dry_run* nothing is written. Where another worker is at it, the
        answer is what was known before; *patient*, for a sign-in, waits a while: the name may just pass to another.
        Raises `WauthError` where the directory cannot be asked or the settings cannot work; nothing is written then.
        """
        identity = self.canonical(identity)
        policy, lookups = self._policy(identity.domain)
        with self._mutex:
            own = None if dry_run else self._own.pop(identity, None)
        task = Task(
            identity=identity,
            policy=policy,
            directory=own or lookups,
            repository=repository,
            now=self._clock(),
            facts=facts if self.facts_hold(facts) else None,
            sid=facts.user_sid if facts is not None else None,
            patient=patient,
            dry_run=dry_run,
            create=create,
            before=self.options.before_sync,
            after=self._after_sync,
        )
        result = sync_one(task)
        self._remember(identity, result)
        if result.changed and not dry_run:
            logger.info("Synced %s: %s.", identity, result.status.value)
        elif not result.ok:
            logger.warning("Synced %s: %s (%s).", identity, result.status.value, result.reason)
        return result

    def sync_all(
        self,
        repository: UserRepository,
        domain: str,
        *,
        incremental: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
        max_deactivations: float = 0.1,
        create: bool = True,
    ) -> BulkResult:
        """Bring all users of *domain* in step with the directory; make those who are missing, unless *create* is off.

        With *incremental* only those are looked at about whom the directory has news since the last incremental run;
        the first one looks at everybody. *progress* is called now and then with the number of people looked at. No
        more than the share *max_deactivations* of the domain's users is deactivated at once. What goes wrong with one
        user is in the answer, and stops nobody else. Raises `BulkDeactivationRefused`, `DirectoryError` or
        `ConfigurationError`; nothing is written then.
        """
        policy, lookups = self._policy(domain)
        task = BulkTask(
            policy=policy,
            directory=lookups,
            repository=repository,
            now=self._clock(),
            dry_run=dry_run,
            create=create,
            max_deactivations=max_deactivations,
            progress=progress,
            before=self.options.before_sync,
            after=self._after_sync,
        )
        result = sync_changes(task) if incremental else bulk.sync_all(task)
        logger.info("Synced the domain %s: %s.", policy.domain, result)
        return result

    def refresh(
        self,
        identity: Identity,
        repository: UserRepository,
        *,
        last_sync: datetime | None,
        delta: timedelta | int | str | None = _BY_OPTIONS,
        facts: TransportFacts | None = None,
        required: bool | None = None,
    ) -> Refreshed:
        """`sync`, if *delta* (else WAUTH_RESYNC_DELTA) has passed since *last_sync*; else nothing, with no I/O.

        Never raises `WauthError`: the answer's verdict says what to do. *required*, else WAUTH_REQUIRE_RESYNC, makes
        a failed sync fail the request.
        """
        wanted = self.options.resync_delta if delta is _BY_OPTIONS else duration("delta", delta)
        refreshed = freshness.refresh(
            lambda: self.sync(
                identity, repository, facts=facts, patient=wanted == timedelta(0), create=self.options.create_users
            ),
            self.options,
            last_sync=last_sync,
            delta=wanted,
            now=self._clock(),
            required=self.options.require_resync if required is None else required,
        )
        if refreshed.error is not None and facts is not None and self._is_another(identity, repository, facts):
            refreshed = dataclasses.replace(refreshed, verdict=Verdict.REFUSE)
        if refreshed.error is not None:
            told = isinstance(refreshed.error, ConfigurationError)  # its text says all; a stranger's domain is one, too
            logger.error("Could not sync %s: %s", identity, refreshed.error, exc_info=None if told else refreshed.error)
        return refreshed

    @staticmethod
    def _is_another(identity: Identity, repository: UserRepository, facts: TransportFacts) -> bool:
        """Whether the application's user of that name is somebody else than the owner of *facts*."""
        known = repository.find(Wanted((), (), groups=False), domain=identity.domain, username=identity.username)
        return any(user.link and user.link.sid and user.link.sid != facts.user_sid for user in known)

    # -- its own life

    def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        if self._pid != os.getpid():
            self._start_anew()
        with self._mutex:
            lookups, self._lookups = self._lookups, {}
            self._people.clear()
        for each in lookups.values():
            each.manager.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Wauth {', '.join(getattr(self, 'domains', ())) or 'with no domain'}>"

    def _of(self, domain: str) -> Lookups:
        name = self.domains.canonical(domain)
        if self._pid != os.getpid():
            self._start_anew()
        with self._mutex:
            if name not in self._lookups:
                self._lookups[name] = Lookups(self._make_manager(name), use_spn=self.options.use_spn)
            return self._lookups[name]

    def _serving(self, domain: str) -> Lookups:
        """`_of`, where that is the domain's own directory. Raises `UnknownDomain` where ``__default__`` serves it by
        another domain's: its people would be taken for those who bear the same names there."""
        lookups = self._of(domain)
        if not self.domains.is_listed(domain) and not lookups.manager.goes_by(domain):
            server = lookups.manager.settings.search_bases[0]
            raise UnknownDomain(domain, tuple(self.domains), default=f"its directory, {server}, is of another domain")
        return lookups

    def _start_anew(self) -> None:
        """In a forked child: the parent's connections are the parent's, and its lock may have been held.

        The parent's objects are kept, since an end of theirs might say goodbye on a socket that is the parent's.
        """
        self._parents = self._lookups
        self._mutex = threading.Lock()
        self._lookups = {}
        self._people = TTLCache(PEOPLE_KEPT, self._people_ttl)
        self._pid = os.getpid()

    def _make_manager(self, domain: str) -> LDAPManager:
        settings, problems = self.domains.resolve(domain)
        if not self.options.ignore_setting_warnings:
            for problem in problems:
                warnings.warn(problem.message, ConfigurationWarning, stacklevel=4)
        return LDAPManager(settings, domain)

    def _policy(self, domain: str) -> tuple[Policy, Lookups]:
        lookups = self._serving(domain)
        return Policy.of(domain, lookups.manager.settings, self.options), lookups
