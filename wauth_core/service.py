"""`Wauth`: the one object that an application holds. Settings, managers and syncs of all domains."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from cachetools import TTLCache

from wauth_core import configfile, passwords
from wauth_core.cache import Cache, FileCache, SharedCache
from wauth_core.directory import AuthResult, LDAPManager, limits
from wauth_core.domain_settings import DomainSettings, Problem
from wauth_core.identity import Identity, NameRules, TransportFacts
from wauth_core.secrets import Veiled
from wauth_core.session_numbers import CachedNumbers, NumbersUnavailable, SessionNumbers, person_key
from wauth_core.settings import ConfigurationWarning
from wauth_core.site_settings import PREFIX, SiteSettings, unknown_site_setting
from wauth_core.sync import bulk, lapse, turn
from wauth_core.sync.bulk import BulkTask, Progress
from wauth_core.sync.directories import Directories
from wauth_core.sync.incremental import sync_changes
from wauth_core.sync.knowledge import Heard
from wauth_core.sync.manager_answers import OwnAnswers
from wauth_core.sync.people import People
from wauth_core.sync.repository import UserRepository
from wauth_core.sync.result import BulkResult, SyncResult
from wauth_core.sync.single import sync_one
from wauth_core.sync.task import AfterSync, Task

logger = logging.getLogger("wauth.service")

OWN_ANSWERS_KEPT = 30.0  # seconds between a password's check and the sync that uses what it has read

T = TypeVar("T", bound="Wauth")


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(timezone.utc)


class Wauth:
    """Windows sign-ins and directory syncs for one application.

    *domains* is the manual's WAUTH_DOMAINS; every other WAUTH setting is a keyword in lower case. Nothing connects
    before it must. Threads may share it, and a forked child makes its own connections. ``close()`` it, or use it as
    a context manager.

    The option *before_sync* is called with the identity and the `DirectoryUser` before anything is written; a text that
    it returns refuses the user, for that reason. *after_sync* is called with each `SyncResult`, after it is written.
    *name_field* is the field of the application's users that holds their name, if it has but one.

    *cache* is one that all workers of the application share, Django's or one of cachelib: it carries what one worker
    has heard to the others. *session_numbers* end the sessions of front ends that have no users of their own; by
    default they are in *cache*, or in a file that the processes of this machine share.

    Raises `ConfigurationError` for an unknown or impossible option.
    """

    def __init__(
        self,
        domains: Mapping[str, Any] | None = None,
        *,
        after_sync: AfterSync | None = None,
        name_field: str | None = None,
        cache: Cache | None = None,
        session_numbers: SessionNumbers | None = None,
        clock: Callable[[], datetime] = utc_now,
        **settings: Any,
    ) -> None:
        self.domains = DomainSettings(domains)
        del domains  # a debug page shows the values of local variables
        self.settings = SiteSettings.from_keywords(settings)
        self._after_sync = after_sync
        self._clock = clock
        self._guard = passwords.Guard(cache)
        self.session_numbers = session_numbers or CachedNumbers(FileCache() if cache is None else cache)
        shared = SharedCache(cache)
        self.directories = Directories(self.domains, self.settings, shared, name_field)
        self.people = People(self.directories, shared, clock, self.end_sessions)
        self._own: TTLCache[Identity, tuple[OwnAnswers, datetime]] = TTLCache(4096, OWN_ANSWERS_KEPT)
        self._mutex = threading.Lock()

    def now(self) -> datetime:
        """The time, aware."""
        return self._clock()

    @classmethod
    def from_mapping(cls: type[T], config: Mapping[str, Any], **more: Any) -> T:
        """Read ``WAUTH_DOMAINS``, ``WAUTH_USE_SPN`` and so on out of a configuration that may hold other things too.

        A name that starts with ``WAUTH_`` and means nothing is warned of. *more* are keywords of `Wauth`.
        """
        given = Veiled({key.removeprefix(PREFIX).lower(): config[key] for key in config if key.startswith(PREFIX)})
        del config  # a debug page shows local variables
        return cls._from_settings(given, more)

    @classmethod
    def from_toml(cls: type[T], path: str | os.PathLike[str], **more: Any) -> T:
        """Read a TOML file: settings of the site at the top (``use_spn = true``), then a table for each domain
        (``[domains.EXAMPLE]``), secrets as `wauth_core.secrets.from_toml` reads them. Raises `ConfigurationError`."""
        given = Veiled({key.removeprefix(PREFIX).lower(): value for key, value in configfile.read(Path(path)).items()})
        return cls._from_settings(given, more)

    @classmethod
    def _from_settings(cls: type[T], given: Veiled, more: Mapping[str, Any]) -> T:
        domains = Veiled(given.pop("domains", None) or {})
        known = SiteSettings.names()
        for name in [name for name in given if name not in known]:
            del given[name]
            if not given.get("ignore_setting_warnings"):
                warnings.warn(unknown_site_setting(name, (*known, "domains")), ConfigurationWarning, stacklevel=3)
        return cls(domains, **{**given, **more})

    @property
    def rules(self) -> NameRules:
        """How the names of front ends are read."""
        return NameRules(by_upn=self.settings.use_spn, lowercase=self.settings.lowercase_username)

    def problems(self) -> list[Problem]:
        """What looks wrong in the settings, of all domains."""
        return self.domains.problems()

    # -- the directory

    def manager(self, domain: str) -> LDAPManager:
        """The manager of *domain*: always the same one. Raises `UnknownDomain` or `ConfigurationError`."""
        return self.directories.of(domain).manager

    def usage(self) -> Mapping[str, Any]:
        """ldap3's usage counters of each domain that has been used so far and has COLLECT_METRICS on."""
        return self.directories.usage()

    def authenticate(
        self, username: str, password: str, domain: str | None = None, *, peer: str | None = None
    ) -> AuthResult:
        r"""Check a password by one LDAP bind. *username* is ``DOMAIN\user``, a UPN, or a name in *domain*, which may be
        left out if one domain alone is configured. Too many attempts by a name or from *peer*, an address, are refused
        without asking (`AuthReason.THROTTLED`). What a person typed never raises. Raises `ConfigurationError`.
        """
        typed = passwords.Typed(username, password, domain)
        del password  # a debug page shows local variables
        began = self.now()
        with limits.within(self.settings.request_deadline):
            result = self._guard.check(self.directories, typed, peer)
        if result.identity is not None and result.own is not None:  # for the sync that follows
            with self._mutex:
                self._own[result.identity] = result.own, began
        return result

    def identity(self, domain: str, username: str) -> Identity:
        """The identity of a name that a link holds, or that this site's front ends give. Raises `InvalidIdentity`."""
        return Identity(domain, username, self.settings.use_spn)

    # -- sessions

    def end_sessions(self, identity: Identity, sid: str | None = None) -> None:
        """End the sessions of *identity* that no row keeps: those of the wrappers. Logs what it cannot do.

        `wauth_core.web.end_sessions` ends them all.

        :meta private:
        """
        try:
            for person in {person_key(identity), person_key(identity, sid)}:
                self.session_numbers.end(person)
        except NumbersUnavailable as error:
            logger.error("The sessions of %s could not be ended: %s", identity, error)

    # -- the application's users

    @limits.in_time
    def sync(
        self,
        identity: Identity,
        repository: UserRepository,
        *,
        facts: TransportFacts | None = None,
        dry_run: bool = False,
        patient: bool = False,
        create: bool = True,
        brakes: bool = False,
    ) -> SyncResult:
        """Bring the user of *identity* in step with the directory; make one if there is none, unless *create* is off.

        With *facts* of a young ticket no group is looked up, and nothing of somebody who is known. With *dry_run*
        nothing is written. If another worker is at it, the answer is what was known before; *patient*, for a sign-in,
        waits a while. With *brakes*, for requests, nobody more is deactivated if many who come are not found any more.
        Raises `WauthError` if the directory cannot be asked or the settings cannot work; nothing is written then.
        """
        identity = self.people.canonical(identity)
        policy, lookups = self.directories.ruled(identity.domain)
        as_of = self.now()
        with self._mutex:
            own, clock = None if dry_run else self._own.pop(identity, None), self._clock
        if own is None and (facts is None or facts.true_at(as_of) is None):  # a young ticket needs no directory
            lookups.manager.pass_by_if_offline()
        if own is not None:
            as_of = own[1]
            clock = lambda: as_of  # noqa: E731 - what was read with the password is as old as that
        task = Task(
            identity=identity,
            policy=policy,
            directory=own[0] if own is not None else lookups,
            repository=repository,
            clock=clock,
            facts=facts,
            delta=self.settings.resync_delta,
            patient=patient,
            dry_run=dry_run,
            create=create,
            before=self.settings.before_sync,
            after=self._after_sync,
            brake=lookups.brake if brakes else None,
        )
        result = sync_one(task)
        self.people.remember(identity, result, Heard(as_of, lookups.controller, policy.patience))
        if not dry_run and any(change.end_sessions for change in result.changes):
            link = result.before.link if result.before is not None else None
            self.end_sessions(identity, link.sid if link is not None else None)
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
        user is in the answer, and stops nobody else. Raises `BulkDeactivationRefused`, `BulkRunning`,
        `DirectoryError` or `ConfigurationError`; nothing is written then.
        """
        policy, lookups = self.directories.ruled(domain)
        with contextlib.nullcontext(lambda: None) if dry_run else turn.taken(repository, policy.domain) as go_on:
            task = BulkTask(
                policy=policy,
                directory=lookups,
                repository=repository,
                now=self._clock(),
                dry_run=dry_run,
                create=create,
                max_deactivations=max_deactivations,
                progress=progress,
                before=self.settings.before_sync,
                after=self._after_sync,
                go_on=go_on,
            )
            result = sync_changes(task) if incremental else bulk.sync_all(task)
        logger.info("Synced the domain %s: %s.", policy.domain, result)
        return result

    def lapse(self, identity: Identity, repository: UserRepository) -> bool:
        """Take from the user of *identity* the flags and groups that the settings own, since too long nobody could ask
        the directory about them. The next answer gives them back.

        Return whether it is so now; False if it cannot be told which groups the directory owns. Raises `SyncError`.

        :meta private:
        """
        return lapse.take(*self.directories.ruled(identity.domain), repository, identity, self.now())

    # -- its own life

    def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        self.people.forget()
        self.directories.close()

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Wauth {', '.join(getattr(self, 'domains', ())) or 'with no domain'}>"
