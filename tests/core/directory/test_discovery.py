"""Finding controllers: SRV records from a DNS server of the test's own, pings of the embedded directory, failover."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nameserver import Nameserver, nameserver
from wauth_core.directory import LDAPManager, Outcome, catalog, cldap, wire
from wauth_core.directory.discovery import LONGEST, SHORTEST, Discovered, Record
from wauth_core.directory.endpoints import Endpoint
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable, TLSError
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

__all__ = ["nameserver"]

ALL = "_ldap._tcp.dc._msdcs.example.local"
CATALOGS = "_ldap._tcp.gc._msdcs.example.local"
LEEDS = "_ldap._tcp.Leeds._sites.dc._msdcs.example.local"


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """The controller that is found."""
    with EmbeddedDirectory() as directory:
        yield directory


def managed(directory: EmbeddedDirectory, **more: Any) -> LDAPManager:
    """A manager that knows the domain's name only."""
    settings = {"SERVER": "dns:example.local", "SERVER_OPTIONS": {"port": directory.tls_port}, **more}
    return LDAPManager(LDAPSettings(**directory.settings(**settings)), "EXAMPLE")


def test_a_controller_is_found(directory: EmbeddedDirectory, nameserver: Nameserver) -> None:
    """By its SRV record; its certificate is verified against the name in the record."""
    nameserver.records[ALL] = [f"0 100 {directory.port} localhost."]
    with managed(directory) as manager:
        assert manager.user("alice").username == "alice"
        assert manager.user("bob").username == "bob"
        assert nameserver.asked == [ALL, f"_ldap._tcp.{'Default-First-Site-Name'}._sites.dc._msdcs.example.local"]


def test_the_name_in_the_record_must_be_in_the_certificate(
    directory: EmbeddedDirectory, nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged record cannot lead to a server of another name, even where that server answers."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if host == "impostor.test" else host, *rest, **more),
    )
    nameserver.records[ALL] = [f"0 100 {directory.port} impostor.test."]
    with managed(directory) as manager, pytest.raises(TLSError, match="another name"):
        manager.user("alice")


def test_the_own_site_comes_first(directory: EmbeddedDirectory, nameserver: Nameserver) -> None:
    """The ping tells the site, whose controllers are asked before the others; doctor shows both."""
    base = f"CN=Sites,CN=Configuration,{directory.base_dn}"
    with LDAPManager(LDAPSettings(**directory.settings(READ_ONLY=False)), "EXAMPLE") as admin:
        admin.connection.add(f"CN=Leeds,{base}", "site")
        admin.connection.add(f"CN=127.0.0.0/8,CN=Subnets,{base}", "subnet", {"siteObject": f"CN=Leeds,{base}"})
    nameserver.records[ALL] = [f"0 100 {directory.port} localhost.", f"5 100 {directory.port} far.example.local."]
    nameserver.records[LEEDS] = [f"0 100 {directory.port} localhost."]
    with managed(directory) as manager:
        assert manager.user("alice")
        checks = {check.name: check for check in manager.doctor()}
    found = checks["discovery of example.local"]
    assert found.outcome is Outcome.OK
    assert found.detail == f"site Leeds: localhost:{directory.tls_port}; others: far.example.local:{directory.tls_port}"


def test_failover(directory: EmbeddedDirectory, nameserver: Nameserver) -> None:
    """A controller that DNS still names, but that is gone, is passed over."""
    nameserver.records[ALL] = [f"0 100 {directory.port} gone.invalid.", f"1 100 {directory.port} localhost."]
    with managed(directory) as manager:
        assert manager.user("alice").username == "alice"


def test_global_catalogs_are_found(
    directory: EmbeddedDirectory, nameserver: Nameserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the records of the forest's catalogs, on their own port; the controllers are found by theirs."""
    url = directory.global_catalog()
    monkeypatch.setattr(catalog, "TLS_PORT", int(url.rpartition(":")[2]))
    nameserver.records[ALL] = [f"0 100 {directory.port} localhost."]
    nameserver.records[CATALOGS] = ["0 100 3268 gone.invalid.", "1 100 3268 localhost."]
    with managed(directory, GC="dns:example.local") as manager:
        assert manager.global_catalog.user("alice") == manager.user("alice")
        assert {ALL, CATALOGS} <= set(nameserver.asked)
        assert manager.global_catalog._whole.controller == url.replace("127.0.0.1", "localhost")


def test_no_records(directory: EmbeddedDirectory, nameserver: Nameserver) -> None:
    """A domain that DNS does not know is unavailable, with advice, and doctor says it too."""
    with managed(directory) as manager:
        with pytest.raises(DirectoryUnavailable, match=r"_ldap\._tcp"):
            manager.user("alice")
        [check, *_] = manager.doctor()
        assert check.outcome is Outcome.FAILED


@pytest.mark.parametrize("server", ["dns:", "dns:example", "dns:a b.c", ["dns:a.b", "dc1"], "dns:a.b/c", "dns:a..b"])
def test_what_is_no_domain(server: Any) -> None:
    """A misspelt domain is an error at once."""
    with pytest.raises(ConfigurationError, match=r"dns:example\.local"):
        LDAPManager(LDAPSettings(SERVER=server, SEARCH_BASE="DC=a"), "EXAMPLE")


# -- order and time ----------------------------------------------------------------------------------------------------


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def discovered(answers: dict[str, Any], clock: Clock, **more: Any) -> Discovered:
    """A discovery whose DNS is *answers*; an exception there is raised."""

    def lookup(name: str, timeout: float) -> tuple[list[Record], float]:
        found = answers.get(name, [])
        if isinstance(found, Exception):
            raise found
        return found, answers.get("ttl", 600)

    options = {"ask": lambda *_: None, "chance": random.Random(1), **more}
    return Discovered(
        "Example.Local.",
        lambda host, port: Endpoint(host, port, False),
        1.0,
        lookup=lookup,
        clock=clock,
        **options,  # type: ignore[arg-type]
    )


def test_priority_and_weight() -> None:
    """A lower priority always first; within one, the heavier more often first; weight 0 seldom but not never."""
    records = [Record("late", 389, 10, 100), Record("heavy", 389, 0, 90), Record("light", 389, 0, 10)]
    first = {"heavy": 0, "light": 0}
    chance = random.Random(7)
    for _ in range(300):
        hosts = [each.host for each in discovered({ALL: records}, Clock(), chance=chance).current()]
        assert hosts[-1] == "late"
        first[hosts[0]] += 1
    assert 230 < first["heavy"] < 300


def test_kept_and_renewed() -> None:
    """DNS is asked once for as long as the TTL says, within bounds."""
    for ttl, kept in ((0, SHORTEST), (600, 600), (10**6, LONGEST)):
        clock, answers = Clock(), {ALL: [Record("one", 389, 0, 0)], "ttl": ttl}
        found = discovered(answers, clock)
        assert [each.host for each in found.current()] == ["one"]
        answers[ALL] = [Record("two", 389, 0, 0)]
        clock.now += kept - 1
        assert [each.host for each in found.current()] == ["one"]
        clock.now += 2
        assert [each.host for each in found.current()] == ["two"]


def test_dns_fails_later() -> None:
    """What was known stays, and DNS is asked again soon; at first there is nothing to stay with."""
    clock, answers = Clock(), {ALL: DirectoryUnavailable("DNS is down")}
    found = discovered(answers, clock)
    with pytest.raises(DirectoryUnavailable):
        found.current()
    answers[ALL] = [Record("one", 389, 0, 0)]
    assert found.current()
    answers[ALL] = DirectoryUnavailable("DNS is down")
    clock.now += 700
    assert [each.host for each in found.current()] == ["one"]
    answers[ALL] = [Record("two", 389, 0, 0)]
    clock.now += 31
    assert [each.host for each in found.current()] == ["two"]


@pytest.mark.parametrize("site", ["../x", "a.b", "", "x" * 64, "a\0b", "*"])
def test_a_site_that_is_no_label(site: str) -> None:
    """A strange answer to a ping never becomes a part of a DNS name."""
    pong = cldap.Pong(0, "example.local", "example.local", "x", "y", site)
    found = discovered({ALL: [Record("one", 389, 0, 0)]}, Clock(), ask=lambda *_: pong)
    assert found.found().site == ""


def test_another_domain_answers() -> None:
    """A ping's answer about another domain tells nothing."""
    pong = cldap.Pong(0, "other.local", "other.local", "x", "y", "Leeds")
    assert discovered({ALL: [Record("one", 389, 0, 0)]}, Clock(), ask=lambda *_: pong).found().site == ""


# -- the ping ----------------------------------------------------------------------------------------------------------


def test_ping(directory: EmbeddedDirectory) -> None:
    """The embedded controller says who it is; about another domain, and in an outage, it says nothing."""
    found = cldap.ping("127.0.0.1", directory.port, "example.local", 2)
    assert found is not None
    assert (found.domain, found.forest, found.host) == ("example.local", "example.local", "dc1.example.local")
    assert (found.site, found.client_site) == ("Default-First-Site-Name", "Default-First-Site-Name")
    assert cldap.ping("127.0.0.1", directory.port, "other.local", 0.2) is None
    directory.faults.outage()
    assert cldap.ping("127.0.0.1", directory.port, "example.local", 0.2) is None
    assert cldap.ping("no.such.host.invalid", 389, "example.local", 0.2) is None


@given(st.binary(max_size=80))
def test_any_datagram_may_come(datagram: bytes) -> None:
    """Noise is no answer, and no error."""
    assert cldap.pong(datagram) is None
    entry = wire.tlv(0x30, b"\x02\x01\x01" + wire.tlv(0x64, wire.tlv(4, b"") + wire.tlv(0x30, _netlogon(datagram))))
    found = cldap.pong(entry)
    assert found is None or isinstance(found.client_site, str)


def _netlogon(rest: bytes) -> bytes:
    value = struct.pack("<HHI", 23, 0, 1) + bytes(16) + rest
    return wire.tlv(0x30, wire.tlv(4, b"netlogon") + wire.tlv(0x31, wire.tlv(4, value)))


def test_a_name_that_points_at_itself() -> None:
    """Compressed names end, however they point."""
    with pytest.raises(ValueError, match="end"):
        cldap._name(b"\xc0\x00", 0)
    assert cldap._name(b"\x01a\x01b\x00\x01c\xc0\x00", 5) == ("c.a.b", 9)
