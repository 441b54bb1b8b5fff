"""The directories of one application: each domain's, connected when it is first needed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from wauth_core.cache import SharedCache
from wauth_core.directory import DirectoryUser, LDAPManager, limits
from wauth_core.domain_settings import DomainSettings
from wauth_core.exceptions import UnknownDomain
from wauth_core.identity import Identity
from wauth_core.process import PerProcess
from wauth_core.settings import ConfigurationWarning
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.manager_answers import Lookups
from wauth_core.sync.policy import Policy

POLICIES_KEPT = 256


@dataclass
class _Connected:
    lookups: dict[str, Lookups] = field(default_factory=dict)
    policies: LRUCache[str, Policy] = field(default_factory=lambda: LRUCache(POLICIES_KEPT))
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Directories:
    """The directories of all *domains*. Threads may share it, and a forked child makes its own connections.

    *name_field* is the field of the application's users that holds their name, if it has but one.
    """

    def __init__(
        self, domains: DomainSettings, settings: SiteSettings, shared: SharedCache, name_field: str | None = None
    ) -> None:
        self.domains = domains
        self.settings = settings
        self._shared = shared
        self._name_field = name_field
        self._parents: list[_Connected] = []  # kept: an end of theirs might say goodbye on a socket of the parent's
        self._connected = PerProcess(_Connected, self._parents.append)

    def of(self, domain: str) -> Lookups:
        """The directory of *domain*: always the same one. Raises `UnknownDomain` or `ConfigurationError`."""
        name, connected = self.domains.canonical(domain), self._connected.here
        with connected.mutex:
            if name not in connected.lookups:
                connected.lookups[name] = Lookups(self._manager(name))
            return connected.lookups[name]

    def serving(self, domain: str) -> Lookups:
        """`of`, if that is the domain's own directory. Raises `UnknownDomain` if ``__default__`` serves it by
        another domain's: its people would be taken for those who have the same names there."""
        lookups = self.of(domain)
        if not self.domains.is_listed(domain) and not lookups.manager.goes_by(domain):
            server = lookups.manager.settings.search_bases[0]
            raise UnknownDomain(domain, tuple(self.domains), default=f"its directory, {server}, is of another domain")
        return lookups

    def policy(self, domain: str) -> Policy:
        """What the settings of *domain* make of its people. Raises `UnknownDomain` or `ConfigurationError`."""
        return self.ruled(domain)[0]

    def ruled(self, domain: str) -> tuple[Policy, Lookups]:
        """What the settings of *domain* make of its people, and its directory. Raises as `serving`."""
        lookups, connected = self.serving(domain), self._connected.here
        with connected.mutex:
            if (policy := connected.policies.get(domain)) is None:  # each request asks
                policy = Policy.of(domain, lookups.manager.settings, self.settings, self._name_field)
                connected.policies[domain] = policy
        return policy, lookups

    @limits.in_time
    def user(self, identity: Identity) -> DirectoryUser:
        """Who has that name now, asked of the directory, by the rules of a sign-in. Raises `DirectoryError`."""
        return self.serving(identity.domain).person(guid=None, identity=identity, attributes=(), groups=False)

    def usage(self) -> Mapping[str, Any]:
        """See `wauth_core.Wauth.usage`."""
        connected = self._connected.here
        with connected.mutex:
            counted = {name: each.manager.get_usage() for name, each in connected.lookups.items()}
        return {name: usage for name, usage in counted.items() if usage is not None}

    def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        connected = self._connected.here
        with connected.mutex:
            closing, connected.lookups = connected.lookups, {}
            connected.policies.clear()
        for each in closing.values():
            each.manager.close()

    def _manager(self, domain: str) -> LDAPManager:
        settings, problems = self.domains.resolve(domain)
        if not self.settings.ignore_setting_warnings:
            for problem in problems:
                warnings.warn(problem.message, ConfigurationWarning, stacklevel=4)
        return LDAPManager(settings, domain, shared=self._shared, max_staleness=self.settings.max_staleness)
