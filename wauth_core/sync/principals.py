"""Which person a user principal name means. A person has one UPN for each UPN suffix of the forest, and is one user
under all of them."""

from __future__ import annotations

import threading

from cachetools import TTLCache

from wauth_core.directory import DirectoryUser
from wauth_core.exceptions import AmbiguousUser, UnknownDomain, UserNotFound
from wauth_core.identity import Identity, canonical_domain
from wauth_core.sync.directories import Directories

KEPT = 4096  # names
SECONDS = 600.0  # how long what a name means is kept


class Principals:
    """Finds the one person of all configured domains who has a UPN (WAUTH_USE_SPN). Threads may share it.

    Answers are kept for ten minutes: the sync that follows asks for the person by GUID anyway.
    """

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._known: TTLCache[Identity, Identity] = TTLCache(KEPT, SECONDS)
        self._mutex = threading.Lock()

    def canonical(self, identity: Identity) -> Identity:
        """See `wauth_core.sync.people.People.canonical`."""
        listed = list(self._directories.domains)
        if [canonical_domain(name) for name in listed] == [identity.domain]:
            return identity  # the one domain, by its own name: whoever is meant is found there, or nowhere
        with self._mutex:
            known = self._known.get(identity)
        if known is None:
            known = self._found(identity, listed)
            with self._mutex:
                self._known[identity] = known
        return known

    def _found(self, identity: Identity, listed: list[str]) -> Identity:
        upn = identity.upn()
        found: dict[str, DirectoryUser] = {}
        for domain in listed:
            if identity.domain in {canonical_domain(domain), *self._directories.of(domain).upn_suffixes()}:
                try:
                    found[domain] = self._directories.of(domain).manager.user(upn)
                except UserNotFound:
                    continue
        if not found:
            if identity.domain in self._directories.domains:
                return identity
            raise UnknownDomain(identity.domain, tuple(listed))
        if len(found) > 1:
            raise AmbiguousUser(upn, " and ".join(found), tuple(user.dn for user in found.values()))
        [(domain, user)] = found.items()
        if canonical_domain(domain) == identity.domain:
            return identity
        policy, _ = self._directories.ruled(domain)
        named = policy.identity(policy.logon_name(user))
        other = self._directories.user(named)
        if other.guid != user.guid:  # that name is somebody else's, by an explicit UPN
            raise AmbiguousUser(upn, domain, (user.dn, other.dn))
        return named
