"""The Global Catalog: people and groups of every domain of the forest, from one server, read-only.

It holds some attributes of each object. It knows the members of universal groups only (MS-ADTS 3.1.1.1.5).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from wauth_core.directory import filters
from wauth_core.directory.endpoints import CATALOG, DNS
from wauth_core.directory.entries import DirectoryGroup, DirectoryObject, DirectoryUser
from wauth_core.exceptions import UnknownDomain
from wauth_core.identity import canonical_domain
from wauth_core.settings import LDAPSettings

if TYPE_CHECKING:
    from wauth_core.directory.manager import LDAPManager

LDAP_PORT, TLS_PORT = 3268, 3269


class Catalog:
    """Look-ups across the forest. *x* is as for `LDAPManager`; ``DOMAIN\\name`` may be of any domain of the forest.

    If two people of the forest have the same plain name, it raises `AmbiguousUser`.
    """

    def __init__(self, manager: LDAPManager, make: Callable[[LDAPSettings, str], LDAPManager]) -> None:
        self._manager = manager
        self._make = make
        self._managers: dict[str, LDAPManager] = {}
        self._domains: dict[str, str] | None = None

    def domains(self) -> dict[str, str]:
        """The forest's domains: the DN of each by its NetBIOS name, and by its DNS name."""
        if self._domains is None:
            self._domains = self._manager._topology.domains()
        return self._domains

    def domain(self, name: str) -> LDAPManager:
        """A read-only manager of one domain's part of the catalog. Raises `UnknownDomain`."""
        known = {canonical_domain(listed): dn for listed, dn in self.domains().items()}
        if canonical_domain(name) not in known:
            raise UnknownDomain(name, tuple(self.domains()))
        dn = known[canonical_domain(name)]
        manager = self._over(dn, name)
        manager._searcher.only_in = dn
        return manager

    def user(self, x: object, attributes: Iterable[str] = ()) -> DirectoryUser:
        """The one person in the forest. Raises `UserNotFound` or `AmbiguousUser`."""
        return self._asked(x).user(x, attributes)

    def users(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryUser]:
        """The people of the forest that match *filter*."""
        return self._whole.users(filter, attributes)

    def group(self, x: object, attributes: Iterable[str] = ()) -> DirectoryGroup:
        """The one group in the forest. Raises `GroupNotFound` or `AmbiguousGroup`."""
        return self._asked(x).group(x, attributes)

    def groups(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryGroup]:
        """The groups of the forest that match *filter*. Only universal groups have members here."""
        return self._whole.groups(filter, attributes)

    def find(self, x: object, attributes: Iterable[str] = ()) -> DirectoryObject:
        """The one object in the forest."""
        return self._asked(x).find(x, attributes)

    def objects(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryObject]:
        """All objects of the forest that match *filter*."""
        return self._whole.objects(filter, attributes)

    def close(self) -> None:
        """Close all connections."""
        for manager in self._managers.values():
            manager.close()

    @property
    def _whole(self) -> LDAPManager:
        """The manager of the whole forest. A domain in another tree is searched by its own DN."""
        roots = sorted(set(self.domains().values()), key=len)
        tops = [dn for dn in roots if not any(dn != other and filters.is_under(dn, other) for other in roots)]
        return self._over(tops[0] if len(tops) == 1 else tuple(tops), filters.dns_domain(tops[0]))

    def _asked(self, x: object) -> LDAPManager:
        """The manager of the domain that *x* names before a backslash; without one, that of the whole forest."""
        name, backslash, _ = str(x).partition("\\") if isinstance(x, str) and not filters.is_dn(x) else ("", "", "")
        return self.domain(name) if backslash else self._whole

    def _over(self, base: str | tuple[str, ...], domain: str) -> LDAPManager:
        key = f"{base} {domain}"
        if key not in self._managers:
            settings = copy.copy(self._manager.settings)
            options = {name: value for name, value in settings.SERVER_OPTIONS.items() if name != "port"}
            tls = bool(options.get("use_ssl", settings.USE_SSL and not settings.START_TLS))
            changed = {
                "SERVER": _servers(settings.GC),
                "GC": None,
                "SEARCH_BASE": base,
                "READ_ONLY": True,
                "SERVER_OPTIONS": {**options, "port": TLS_PORT if tls else LDAP_PORT},
            }
            for name, value in changed.items():
                object.__setattr__(settings, name, value)
            self._managers[key] = self._make(settings, domain)
        return self._managers[key]


def _servers(given: Any) -> Any:
    """The setting GC, with ``dns:`` replaced by the scheme that finds catalogs instead of controllers."""
    if isinstance(given, str) and given.strip().lower().startswith(DNS):
        return CATALOG + given.strip()[len(DNS) :]
    return given
