"""What is known of one domain: whether it is AD, its SID, its NetBIOS name. Each is asked when it is first needed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from wauth_core.directory import decode, filters
from wauth_core.directory.authenticate import UNREADABLE, Lockout
from wauth_core.directory.lookup import Dialect, name_attribute
from wauth_core.directory.search import Searcher
from wauth_core.exceptions import ConfigurationError, DirectoryError
from wauth_core.identity import canonical_domain
from wauth_core.settings import LDAPSettings

AD_CAPABILITY = b"1.2.840.113556.1.4.800"  # LDAP_CAP_ACTIVE_DIRECTORY_OID, MS-ADTS 3.1.1.3.4.3

_LOCKOUT = ("lockoutThreshold", "lockOutObservationWindow")
_FINE_LOCKOUT = ("msDS-LockoutThreshold", "msDS-LockoutObservationWindow")
_NO_TIME = timedelta(0)
_POLICY_LASTS = 600.0  # seconds

log = logging.getLogger("wauth.directory")

Found = TypeVar("Found")


class DomainProfile:
    """Facts about the domain behind one manager. Learning the same fact twice in two threads does no harm."""

    def __init__(self, settings: LDAPSettings, name: str, searcher: Searcher) -> None:
        self.settings = settings
        self.name = name
        self.searcher = searcher
        self.bases = _apart(settings.search_bases, name)
        self._is_ad: bool | None = True if settings.MEMBERSHIP == "tokenGroups" else None
        self._sid: str | None = None
        self._names: frozenset[str] | None = None
        self._lockouts: dict[str, tuple[Lockout, float]] = {}

    @property
    def dialect(self) -> Dialect:
        """AD's dialect, until the server turns out not to be AD."""
        is_ad = self._is_ad is not False
        return Dialect(is_ad, name_attribute(self.settings, is_ad=is_ad))

    def asking(self, ask: Callable[[Dialect], Found]) -> Found:
        """Ask as one asks AD. If nothing comes back, and the server's kind is not known, find it out and ask again.

        So AD, the common case, is never asked what it is. Another server is asked once.
        """
        found = ask(self.dialect)
        if self._is_ad is None:
            self._is_ad = True if found else self.settled().is_ad
            if not self._is_ad:
                return ask(self.dialect)
        return found

    def settled(self) -> Dialect:
        """The dialect, known for sure."""
        if self._is_ad is None:
            root = self.searcher.read("", ("supportedCapabilities",))
            self._is_ad = bool(root and AD_CAPABILITY in root.attributes.get("supportedCapabilities", []))
        return self.dialect

    @property
    def root(self) -> str:
        """The DN of the domain: the ``DC=…`` end of SEARCH_BASE."""
        return filters.domain_root(self.bases[0])

    @property
    def dns_name(self) -> str:
        """``example.local``."""
        return filters.dns_domain(self.root)

    @property
    def sid(self) -> str:
        """The domain's SID. Raises `DirectoryError` if it cannot be read."""
        if self._sid is None:
            entry = self.searcher.read(self.root, ("objectSid",))
            values = entry.attributes.get("objectSid") if entry else None
            if not values:
                raise DirectoryError(
                    f"The SID of the domain {self.name} cannot be read at {self.root!r}. Check SEARCH_BASE, and that "
                    f"the server is Active Directory"
                )
            self._sid = decode.sid(values[0])
        return self._sid

    def lockout(self, policy: str | None = None) -> Lockout:
        """When accounts are locked, by the fine-grained *policy* (a DN), else by the domain's own.

        If the domain's own cannot be read, the answer is never; if a fine-grained one cannot, `UNREADABLE`.
        """
        at, names = (policy, _FINE_LOCKOUT) if policy else (self.root, _LOCKOUT)
        known = self._lockouts.get(at)
        if known is None or known[1] < time.monotonic():
            entry = self.searcher.read(at, names)
            values = decode.attributes(entry.attributes) if entry else {}
            threshold, window = (values.get(name) for name in names)
            if policy and threshold is None:
                log.warning("The password policy %r cannot be read: three wrong passwords are taken to lock.", policy)
                found = UNREADABLE
            else:
                found = Lockout(threshold or 0, window if isinstance(window, timedelta) else _NO_TIME)
            known = self._lockouts[at] = found, time.monotonic() + _POLICY_LASTS
        return known[0]

    def learn_sid(self, dn: str, sid: str | None) -> None:
        """Derive the domain's SID from that of one of its users, which saves a search."""
        if (
            self._sid is None
            and sid
            and sid.startswith("S-1-5-21-")
            and filters.same_dn(filters.domain_root(dn), self.root)
        ):
            self._sid = sid.rpartition("-")[0]

    def forest_root_sid(self) -> str:
        """The SID of the forest's root domain, which "Enterprise Admins" is relative to. Raises `DirectoryError`."""
        root = self.searcher.read("", ("rootDomainNamingContext",))
        values = root.attributes.get("rootDomainNamingContext") if root else None
        top = values[0].decode() if values else self.root
        if filters.same_dn(top, self.root):
            return self.sid
        trusts = self.searcher.find(
            f"CN=System,{self.root}",
            filters.all_of(
                filters.equals("objectClass", "trustedDomain"),
                filters.equals("trustPartner", filters.dns_domain(top)),
            ),
            ("securityIdentifier",),
        )
        found = [value for trust in trusts for value in trust.attributes.get("securityIdentifier", [])]
        if not found:
            raise DirectoryError(
                f"The SID of the forest's root domain {filters.dns_domain(top)} is not known to the domain {self.name}."
            )
        return decode.sid(found[0])

    def is_ours(self, domain: str) -> bool:
        """Whether *domain* (NetBIOS or DNS name) is this one. People of other domains are not looked up here."""
        wanted = canonical_domain(domain)
        if wanted in {canonical_domain(self.name), canonical_domain(self.dns_name)}:
            return True
        return wanted in self._known_names()

    def goes_by(self, name: str) -> bool:
        """Whether SEARCH_BASE's domain really has that NetBIOS or DNS name, whatever the settings call it."""
        wanted = canonical_domain(name)
        if not wanted or not self.dns_name:
            return False
        if wanted == canonical_domain(self.dns_name):
            return True
        return wanted in (self._known_names() or {self.dns_name.partition(".")[0].upper()})

    def _known_names(self) -> frozenset[str]:
        """The NetBIOS and DNS names that the forest's configuration gives this domain (MS-ADTS 6.1.1.2.1.1.1)."""
        if self._names is None:
            root = self.searcher.read("", ("configurationNamingContext",))
            values = root.attributes.get("configurationNamingContext") if root else None
            found: set[str] = set()
            if values:
                for entry in self.searcher.find(
                    f"CN=Partitions,{values[0].decode()}",
                    filters.all_of(filters.equals("objectClass", "crossRef"), filters.equals("nCName", self.root)),
                    ("nETBIOSName", "dnsRoot"),
                ):
                    for listed in entry.attributes.values():
                        found.update(canonical_domain(one.decode()) for one in listed)
            self._names = frozenset(found)
        return self._names

    def is_home(self, dn: str) -> bool:
        """Whether the person *dn* is under SEARCH_BASE, and in no child domain (a Global Catalog holds those)."""
        return self.within(dn) and (self._is_ad is False or filters.same_dn(filters.domain_root(dn), self.root))

    def within(self, dn: str) -> bool:
        """Whether *dn* is under SEARCH_BASE."""
        return any(_is_under(dn, base) for base in self.bases)


def _is_under(dn: str, base: str) -> bool:
    try:
        return filters.is_under(dn, base)
    except ValueError:
        return False


def _apart(bases: tuple[str, ...], name: str) -> tuple[str, ...]:
    """*bases* without those that are below another one, so that nobody is found twice. Raises `ConfigurationError`."""
    kept: list[str] = []
    root = filters.dn_key(filters.domain_root(bases[0]))
    for base in sorted(bases, key=len):
        if filters.dn_key(filters.domain_root(base)) != root:
            raise ConfigurationError(f"Domain {name}: SEARCH_BASE lists places of two domains. Give each an entry.")
        if not any(_is_under(base, other) for other in kept):
            kept.append(base)
    return tuple(kept)
