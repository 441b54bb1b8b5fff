"""Check the way to a directory step by step, to answer the question "Why can't I sign in?"."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import islice

from wauth_core.directory import decode, diagnosis, filters, wire
from wauth_core.directory.addresses import Addresses
from wauth_core.directory.breaker import BreakerState, Report
from wauth_core.directory.connection import Connection, Lost
from wauth_core.directory.dialer import authentication
from wauth_core.directory.discovery import Discovered
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.endpoints import Endpoint
from wauth_core.directory.groups import Groups
from wauth_core.directory.pool import Pool
from wauth_core.directory.sockets import connected
from wauth_core.directory.users import TOKEN_GROUPS, Users
from wauth_core.exceptions import BindError, ConfigurationError, DirectoryError, DirectoryUnavailable, WauthError
from wauth_core.settings import LDAPSettings, as_names, mapped_attributes

CLOCK_TOLERANCE = timedelta(minutes=5)  # Kerberos refuses more (RFC 4120 1.6)
CERTIFICATE_WARNING = timedelta(days=14)


class Outcome(Enum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One step: its name, how it went, what was seen, and what to do about it (empty if nothing)."""

    name: str
    outcome: Outcome
    detail: str = ""
    advice: str = ""


def examine(pool: Pool, domain: DomainProfile, groups: Groups, people: Users) -> list[Check]:
    """All checks of one domain. If an earlier step failed, the steps that need it are skipped."""
    checks: list[Check] = []
    if isinstance(servers := pool.rotation.servers, Discovered):
        checks += _guarded(f"discovery of {servers.domain}", lambda: _discovery(servers))
        if checks[-1].outcome is Outcome.FAILED:
            return checks
    if pool.breaker is not None:
        checks.append(_state(pool.breaker.report()))
    for endpoint in pool.rotation.endpoints:
        checks += _server(pool, endpoint)
    if not any(check.name.startswith("sign in") and check.outcome is Outcome.OK for check in checks):
        return [*checks, Check("directory", Outcome.SKIPPED, "No server let the service account sign in.")]
    base = _guarded("search base", lambda: _search_base(domain))
    checks += base
    if base[-1].outcome is not Outcome.OK:
        return checks
    for name, step in (
        ("group memberships", lambda: _memberships(domain, groups)),
        ("configured groups", lambda: _configured_groups(domain, groups)),
        ("people", lambda: _people(domain, people)),
    ):
        checks += _guarded(name, step)
    return checks


def _state(found: Report) -> Check:
    """What the processes of this machine have found out recently."""
    if found.state is BreakerState.ONLINE:
        return Check("state", Outcome.OK, found.state.value)
    spared = f"; {found.spared} questions were spared" if found.spared else ""
    return Check("state", Outcome.WARNING, f"{found.state.value} for {found.since:.0f} s{spared}. {found.reason}")


def _guarded(name: str, step: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(step())
    except WauthError as error:
        return [Check(name, Outcome.FAILED, str(error))]


def _discovery(servers: object) -> Iterator[Check]:
    """The controllers that DNS names, and our site."""
    if isinstance(servers, Discovered):
        found = servers.found()
        names = [f"{each.host}:{each.port}" for each in found.endpoints]
        near = f"site {found.site}: {', '.join(names[: found.near]) or 'no controller'}; " if found.site else ""
        rest = ", ".join(names[found.near :]) or "none"
        yield Check(
            f"discovery of {servers.domain}", Outcome.OK, f"{near}{'others' if near else 'controllers'}: {rest}"
        )


# -- one server --------------------------------------------------------------------------------------------------------


def _server(pool: Pool, endpoint: Endpoint) -> Iterator[Check]:
    settings = pool.dialer.settings
    deadline = time.monotonic() + settings.CONNECT_TIMEOUT
    try:
        found = Addresses().of(endpoint, deadline)
    except DirectoryUnavailable as error:
        yield Check(
            f"name {endpoint.host}", Outcome.FAILED, str(error), "Let this machine ask the domain's DNS servers."
        )
        return
    addresses = sorted({str(address[4][0]) for address in found})
    yield Check(f"name {endpoint.host}", Outcome.OK, ", ".join(addresses))
    try:
        connected(endpoint, deadline).close()
    except DirectoryUnavailable as error:
        yield Check(
            f"port {endpoint.port} of {endpoint.host}",
            Outcome.FAILED,
            str(error),
            "Check the firewall, and that the controller runs. LDAPS is 636, LDAP and StartTLS 389.",
        )
        return
    yield Check(f"port {endpoint.port} of {endpoint.host}", Outcome.OK)
    try:
        connection = pool.dialer.open(endpoint, time.monotonic() + settings.CONNECT_TIMEOUT)
    except WauthError as error:
        yield Check(f"TLS with {endpoint.host}", Outcome.FAILED, str(error))
        return
    try:
        yield _tls(pool, connection)
    finally:
        connection.hang_up(polite=True)
    yield from _signed_in(pool, endpoint)
    yield _signing(endpoint, settings)


def _tls(pool: Pool, connection: Connection) -> Check:
    name = f"TLS with {connection.endpoint.host}"
    inner = connection.socket.inner
    if not isinstance(inner, ssl.SSLSocket):
        return Check(name, Outcome.WARNING, "The connection is not encrypted.", "Set USE_SSL=True or START_TLS=True.")
    if not pool.dialer.settings.TLS_VERIFY:
        return Check(
            name,
            Outcome.WARNING,
            f"{inner.version()}, but the certificate is not verified.",
            "Set TLS_VERIFY=True, and CA_FILE to your domain's certificate authority.",
        )
    expires = ssl.cert_time_to_seconds(str((inner.getpeercert() or {})["notAfter"]))
    left = timedelta(seconds=expires - time.time())
    day = datetime.fromtimestamp(expires, timezone.utc).date().isoformat()
    if left < CERTIFICATE_WARNING:
        return Check(name, Outcome.WARNING, f"The certificate expires on {day}.", "Renew it on the controller.")
    return Check(name, Outcome.OK, f"{inner.version()}, certificate valid until {day}")


def _signed_in(pool: Pool, endpoint: Endpoint) -> Iterator[Check]:
    settings = pool.dialer.settings
    name = f"sign in to {endpoint.host}"
    if endpoint == pool.rotation.endpoints[0]:
        pool.dialer.refusals.forget()  # one try more, for all servers together
    try:
        connection = pool.dialer.service_connection(endpoint, time.monotonic() + settings.CONNECT_TIMEOUT)
    except BindError as error:
        yield Check(name, Outcome.FAILED, str(error), "Try the same account with `wauth login`, or on a workstation.")
        return
    except (WauthError, Lost) as error:
        yield Check(name, Outcome.FAILED, str(error))
        return
    if pool.breaker is not None:
        pool.breaker.answered()
    try:
        who = settings.USERNAME or (
            "the Kerberos ticket's owner" if authentication(settings) == "KERBEROS" else "nobody"
        )
        yield Check(name, Outcome.OK, f"as {who}, {authentication(settings)}")
        if not settings.USERNAME and authentication(settings) == "SIMPLE":
            yield Check("account", Outcome.WARNING, "USERNAME is empty: the bind is anonymous.", "Set USERNAME.")
        yield _clock(connection, settings)
    except Lost as error:
        yield Check(f"clock of {endpoint.host}", Outcome.FAILED, str(error))
    finally:
        connection.hang_up(polite=True)


def _clock(connection: Connection, settings: LDAPSettings) -> Check:
    name = f"clock of {connection.endpoint.host}"
    deadline = time.monotonic() + settings.OPERATION_TIMEOUT
    entries, _ = connection.ask(deadline, "", wire.BASE, "(objectClass=*)", ("currentTime",))
    here = datetime.now(timezone.utc)
    values = entries[0].attributes.get("currentTime") if entries else None
    there = decode.generalized_time(values[0]) if values else None
    if there is None:
        return Check(name, Outcome.SKIPPED, "The server does not tell its time.")
    skew = abs(there - here)
    if skew > CLOCK_TOLERANCE:
        return Check(
            name,
            Outcome.FAILED,
            f"It differs from this machine's by {int(skew.total_seconds())} seconds.",
            "Kerberos allows five minutes. Let this machine take its time from the domain.",
        )
    return Check(name, Outcome.OK, f"within {int(skew.total_seconds()) + 1} s")


def _signing(endpoint: Endpoint, settings: LDAPSettings) -> Check:
    """Whether the controller accepts unencrypted simple binds. The check sends one with an invented name."""
    name = f"signing policy of {endpoint.host}"
    plain = Endpoint(endpoint.host, 389 if endpoint.tls else endpoint.port, tls=False)
    probe = wire.bind_request(1, "CN=wauth-doctor,CN=nobody", b"-")
    deadline = time.monotonic() + min(2, settings.CONNECT_TIMEOUT)
    try:
        with connected(plain, deadline) as opened:
            opened.settimeout(2)
            opened.sendall(probe)
            answer = opened.recv(65536)
        _, tag, content, _ = wire.read_message(answer[: wire.message_size(answer)])
        code = wire.read_result(content).code if tag == wire.BIND_RESPONSE else -1
    except (DirectoryUnavailable, OSError, wire.WireError):
        return Check(name, Outcome.SKIPPED, f"Port {plain.port} does not answer, so it could not be asked.")
    if code in {diagnosis.STRONGER_AUTH_REQUIRED, diagnosis.CONFIDENTIALITY_REQUIRED}:
        return Check(name, Outcome.OK, "Unencrypted simple binds are refused, as they should be.")
    return Check(
        name,
        Outcome.WARNING,
        f"Unencrypted simple binds are taken ({diagnosis.code_name(code)}): other programs may send passwords so.",
        'Set "Domain controller: LDAP server signing requirements" to "Require signing".',
    )


# -- the directory behind it -------------------------------------------------------------------------------------------


def _search_base(domain: DomainProfile) -> Iterator[Check]:
    for base in domain.bases:
        entry = domain.searcher.read(base, ("1.1",))
        if entry is None:
            yield Check(
                "search base", Outcome.FAILED, f"{base!r} is not there, or may not be read.", domain.searcher.held()
            )
            continue
        kind = "Active Directory" if domain.settled().is_ad else "another LDAP server, not Active Directory"
        yield Check("search base", Outcome.OK, f"{entry.dn} ({kind})")


def _memberships(domain: DomainProfile, groups: Groups) -> Iterator[Check]:
    dialect = domain.settled()
    if not dialect.is_ad or not groups.by_token:
        yield Check("group memberships", Outcome.OK, "by walking upwards through the groups")
        return
    some = domain.searcher.find(domain.bases, dialect.people, ("sAMAccountName",), limit=5)
    if not some:
        yield Check("group memberships", Outcome.SKIPPED, "There is nobody to try it with.")
        return
    for entry in some:
        read = domain.searcher.read(entry.dn, (TOKEN_GROUPS,))
        if read is None or not read.attributes:
            yield Check(
                "group memberships",
                Outcome.FAILED,
                f"tokenGroups of {entry.dn!r} may not be read.",
                "Put the service account into 'Windows Authorization Access Group', or set MEMBERSHIP='memberOf'.",
            )
            return
    yield Check("group memberships", Outcome.OK, "tokenGroups may be read")


def _configured_groups(domain: DomainProfile, groups: Groups) -> Iterator[Check]:
    wanted = configured_names(domain.settings)
    if not wanted:
        yield Check("configured groups", Outcome.OK, "none are configured")
        return
    groups.forget_names()
    resolved = groups.resolve(wanted)
    for problem in resolved.problems:
        yield Check("configured groups", Outcome.FAILED, problem, "Write the group's DN or SID, or correct its name.")
    if not resolved.problems:
        yield Check("configured groups", Outcome.OK, f"all {len(wanted)} are known")


def configured_names(settings: LDAPSettings) -> tuple[str, ...]:
    """Every group name in the settings of a domain."""
    listed = [
        *as_names(settings.SUPERUSER_GROUPS),
        *as_names(settings.STAFF_GROUPS),
        *as_names(settings.ACTIVE_GROUPS),
        *as_names(settings.REQUIRE_GROUPS),
        *as_names(settings.DENY_GROUPS),
        *(name for mapped in settings.GROUP_MAP.values() for name in as_names(mapped)),
        *(name for mapped in settings.FLAG_MAP.values() for name in as_names(mapped)),
    ]
    return tuple(dict.fromkeys(listed))


def _people(domain: DomainProfile, people: Users) -> Iterator[Check]:
    try:
        found = list(islice(people.users(domain.settings.USER_QUERY_FILTER), 5))
    except ConfigurationError as error:
        yield Check("people", Outcome.FAILED, str(error), "Correct USER_QUERY_FILTER.")
        return
    except DirectoryError as error:
        yield Check("people", Outcome.FAILED, str(error))
        return
    if not found:
        yield Check("people", Outcome.WARNING, "Nobody is found.", "Check SEARCH_BASE and USER_QUERY_FILTER.")
        return
    missing = [name for name in mapped_attributes(domain.settings.USER_FIELD_MAP) if not domain_knows(domain, name)]
    if missing:
        yield Check(
            "people",
            Outcome.WARNING,
            f"Nobody has the attribute {', '.join(map(repr, missing))} of USER_FIELD_MAP.",
            "Check its spelling, and that the service account may read it.",
        )
        return
    yield Check("people", Outcome.OK, f"for example {', '.join(user.username for user in found[:3])}")


def domain_knows(domain: DomainProfile, attribute: str) -> bool:
    """Whether anybody under SEARCH_BASE has *attribute*."""
    condition = filters.all_of(domain.dialect.people, filters.present(attribute))
    return bool(domain.searcher.find(domain.bases, condition, ("1.1",), limit=1))
