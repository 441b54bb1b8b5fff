"""Finding domain controllers as Windows does: by SRV records, our own site's first, by priority and weight.

MS-ADTS 6.3.6, RFC 2782. DNS only decides which controllers are asked. Each must still show a certificate for its own
name.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from wauth_core.directory.cldap import Pong, ping
from wauth_core.directory.endpoints import Endpoint, discovered_domain, endpoints, found_by_dns
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable
from wauth_core.process import PerProcess
from wauth_core.settings import LDAPSettings

log = logging.getLogger("wauth.directory")

SHORTEST, LONGEST = 60.0, 3600.0  # seconds that an answer is kept, whatever its TTL
RETRY = 30.0  # seconds until DNS is asked again after it failed
ASKED_FOR_SITE = 3  # controllers; the first that answers tells our site
PING_TIMEOUT = 1.0  # seconds


@dataclass(frozen=True)
class Record:
    """One SRV record."""

    host: str
    port: int
    priority: int
    weight: int


Lookup = Callable[[str, float], tuple[list[Record], float]]
"""The SRV records of a name, and for how many seconds they hold; none where there is no such name."""


@dataclass(frozen=True)
class Found:
    """The controllers, nearest first. The first *near* of them are in our own *site* ("" if that is not known)."""

    endpoints: tuple[Endpoint, ...]
    site: str
    near: int
    until: float  # on the monotonic clock


class Discovered:
    """The controllers of one DNS domain. Asks DNS when it must. If DNS fails, the last answer holds."""

    def __init__(
        self,
        domain: str,
        endpoint: Callable[[str, int], Endpoint],
        timeout: float,
        *,
        catalog: bool = False,
        lookup: Lookup | None = None,
        ask: Callable[[str, int, str, float], Pong | None] = ping,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self.domain = domain.strip().rstrip(".").lower()
        self._endpoint = endpoint
        self._timeout = timeout
        self._role = "gc" if catalog else "dc"  # MS-ADTS 6.3.2.3
        self._lookup = lookup or lookup_srv
        self._ask = ask
        self._clock = clock
        self._chance = chance or random.Random()
        self._lock = PerProcess(threading.Lock)
        self._found: Found | None = None

    def current(self) -> tuple[Endpoint, ...]:
        """The controllers, nearest first. Raises `DirectoryUnavailable`, and `ConfigurationError` without dnspython."""
        return self.found().endpoints

    def found(self) -> Found:
        """The controllers, and our site. Raises as `controllers`."""
        with self._lock.here:
            known = self._found
            if known is not None and self._clock() < known.until:
                return known
            try:
                self._found = self._discover()
            except DirectoryUnavailable as error:
                if known is None:
                    raise
                log.warning("%s The controllers found before are used: %s", error, ", ".join(map(str, known.endpoints)))
                self._found = Found(known.endpoints, known.site, known.near, self._clock() + RETRY)
            return self._found

    def _discover(self) -> Found:
        name = f"_ldap._tcp.{self._role}._msdcs.{self.domain}"
        everywhere, holds = self._lookup(name, self._timeout)
        if not everywhere:
            raise DirectoryUnavailable(
                f"DNS knows no domain controller of {self.domain!r} (SRV {name}). "
                f"Check SERVER, and that this machine asks the domain's DNS servers."
            )
        far = self._ordered(everywhere)
        site = self._own_site(far)
        near: list[Record] = []
        if site:
            listed, also = self._lookup(f"_ldap._tcp.{site}._sites.{self._role}._msdcs.{self.domain}", self._timeout)
            near, holds = self._ordered(listed), min(holds, also) if listed else holds
        hosts = {record.host for record in near}
        ordered = [*near, *(record for record in far if record.host not in hosts)]
        endpoints = tuple(dict.fromkeys(self._endpoint(record.host, record.port) for record in ordered))
        return Found(endpoints, site, len(near), self._clock() + max(SHORTEST, min(LONGEST, holds)))

    def _own_site(self, records: list[Record]) -> str:
        for record in records[:ASKED_FOR_SITE]:
            port = 389 if record.port == 3268 else record.port  # a Global Catalog answers pings at the LDAP port
            answered = self._ask(record.host, port, self.domain, PING_TIMEOUT)
            if answered is not None and answered.domain.lower() == self.domain:
                return answered.client_site if _is_label(answered.client_site) else ""
        return ""

    def _ordered(self, records: Iterable[Record]) -> list[Record]:
        """By priority; among equals at random, by weight (RFC 2782)."""
        left = sorted(records, key=lambda record: (record.priority, record.weight))
        ordered: list[Record] = []
        while left:
            equals = [record for record in left if record.priority == left[0].priority]
            weights = [record.weight + 0.001 for record in equals]
            [chosen] = self._chance.choices(equals, weights)
            ordered.append(chosen)
            left.remove(chosen)
        return ordered


def servers(settings: LDAPSettings) -> tuple[Endpoint, ...] | Discovered:
    """The servers that SERVER names, or the way to find them. Raises `ConfigurationError`."""
    wanted = discovered_domain(settings)
    if wanted is None:
        return endpoints(settings)
    domain, catalog = wanted
    make = partial(found_by_dns, settings)
    return Discovered(domain, make, float(settings.CONNECT_TIMEOUT), catalog=catalog)


def _is_label(text: str) -> bool:
    """Whether a site's name can be part of a DNS name."""
    return 0 < len(text) <= 63 and all(letter.isalnum() or letter in "-_ " for letter in text)


def lookup_srv(name: str, timeout: float) -> tuple[list[Record], float]:
    """Ask the system's DNS servers. Raises `DirectoryUnavailable`, and `ConfigurationError` without dnspython."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise ConfigurationError('SERVER = "dns:…" needs dnspython: pip install "windowsauth[discovery]".') from None
    try:
        answer = dns.resolver.get_default_resolver().resolve(f"{name}.", "SRV", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return [], SHORTEST
    except (dns.exception.DNSException, OSError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DirectoryUnavailable(f"DNS did not answer about {name}: {text}") from None
    found = [Record(str(each.target).rstrip("."), each.port, each.priority, each.weight) for each in answer]
    return [record for record in found if record.host], float(answer.rrset.ttl if answer.rrset is not None else 0)
