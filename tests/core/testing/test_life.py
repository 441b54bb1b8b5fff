"""The embedded directory as a thing that starts, serves and ends."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import statistics
import threading
import time
from pathlib import Path

import pytest

from tests.core.testing.client import found, until
from wauth_core.exceptions import ConfigurationError
from wauth_core.testing import EmbeddedDirectory, generate

PEOPLE = {"users": {"alice": {"name": "Alice Liddell"}}}


def test_it_answers_over_verified_tls_and_plain(connect):
    """Both ports speak LDAP, and the certificate verifies against the CA file that it made."""
    with EmbeddedDirectory(PEOPLE) as directory:
        assert connect(directory).bound
        assert connect(directory, secure=False).bound


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "dc1.example.local"])
def test_the_certificate_satisfies_the_strict_rules_of_python_313(name):
    """VERIFY_X509_STRICT, Python 3.13's default, accepts the throw-away CA and the server certificate."""
    with EmbeddedDirectory(PEOPLE) as directory:
        context = ssl.create_default_context(cafile=directory.ca_file)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection((directory.host, directory.tls_port), 5) as raw,
            context.wrap_socket(raw, server_hostname=name) as wrapped,
        ):
            assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


def test_start_tls_upgrades_a_plain_connection(connect):
    """StartTLS works, and a second one is refused."""
    with EmbeddedDirectory(PEOPLE) as directory:
        connection = connect(directory, secure=False, bind=False)
        assert connection.start_tls()
        assert connection.bind()
        assert found(connection, directory.dn("alice"), "(objectClass=*)", "BASE")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.local", ""])
def test_it_refuses_to_listen_on_anything_but_loopback(host):
    """A development server never appears on a network."""
    with pytest.raises(ConfigurationError, match="loopback only"):
        EmbeddedDirectory(PEOPLE, host=host)


def test_closing_leaves_nothing_behind(connect):
    """After close no thread, no port and no file is left, and closing twice is harmless."""
    before = threading.active_count()
    directory = EmbeddedDirectory(PEOPLE)
    connect(directory)
    folder = Path(directory.ca_file).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 or os.name == "nt"
    directory.close()
    directory.close()
    assert not folder.exists()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((directory.host, directory.port), 5)


@pytest.mark.parametrize("tls", [True, False], ids=["ldaps", "ldap"])
def test_closing_does_not_wait_for_silent_clients(tls):
    """A client that connected and says nothing, not even a TLS hello, does not hold up the end."""
    directory = EmbeddedDirectory(PEOPLE)
    before = threading.active_count()
    with socket.create_connection((directory.host, directory.tls_port if tls else directory.port), 5) as client:
        assert until(lambda: threading.active_count() > before)
        started = time.monotonic()
        directory.close()
        assert time.monotonic() - started < 3
        assert client.recv(1) == b""


def test_a_kept_folder_keeps_the_certificate_authority(connect, tmp_path):
    """With tls_folder the next run has the same CA, so that a wauth.toml goes on working."""
    with EmbeddedDirectory(PEOPLE, tls_folder=tmp_path) as directory:
        first = Path(directory.ca_file).read_bytes()
    with EmbeddedDirectory(PEOPLE, tls_folder=tmp_path) as directory:
        assert Path(directory.ca_file).read_bytes() == first
        assert connect(directory).bound


def test_settings_are_ready_for_wauth_domains():
    """settings() has what a domain needs, and takes overrides."""
    with EmbeddedDirectory(PEOPLE, domain="ACME", realm="acme.test") as directory:
        settings = directory.settings(READ_ONLY=False)
        assert settings["SERVER"] == directory.ldaps_url
        assert settings["USERNAME"] == "ACME\\svc_wauth"
        assert settings["SEARCH_BASE"] == "DC=acme,DC=test"
        assert settings["READ_ONLY"] is False
        assert Path(settings["CA_FILE"]).read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_operations_are_logged_with_what_was_asked(connect):
    """A test can assert the exact round trips: operation, base, scope, filter, attributes, result."""
    with EmbeddedDirectory(PEOPLE) as directory:
        connection = connect(directory)
        directory.operations.clear()
        found(connection, directory.base_dn, "(&(objectClass=user)(cn=Al*))", attributes=["cn", "mail"])
        [operation] = directory.operations
        assert (operation.op, operation.base, operation.scope) == ("search", "DC=example,DC=local", "SUBTREE")
        assert operation.filter == "(&(objectClass=user)(cn=Al*))"
        assert operation.attributes == ("cn", "mail")
        assert (operation.result, operation.entries) == (0, 1)
        assert operation.size > 100


def test_no_password_is_in_the_log(connect):
    """Neither the log nor a repr of it shows a password."""
    with EmbeddedDirectory(PEOPLE) as directory:
        connect(directory, "EXAMPLE\\alice", "canary-5f1d")
        assert "canary-5f1d" not in repr(list(directory.operations))
        assert directory.operations[-1].result == 49


def test_many_threads_get_their_own_answers(connect):
    """Eight clients at once: everyone gets the person that was asked for."""
    people = {"users": {f"u{n}": {"name": f"Person {n}"} for n in range(50)}}
    wrong = []
    with EmbeddedDirectory(people) as directory:

        def ask(start: int) -> None:
            connection = connect(directory, secure=False)
            for n in range(start, 50, 8):
                entries = found(connection, directory.base_dn, f"(sAMAccountName=u{n})", attributes=["cn"])
                if [e["attributes"]["cn"] for e in entries] not in ([f"Person {n}"], [[f"Person {n}"]]):
                    wrong.append((n, entries))

        threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(directory.operations.only("search")) == 50
    assert wrong == []


def test_a_search_takes_well_under_a_millisecond(connect):
    """Among 2,000 people a BASE search with tokenGroups costs the server less than a millisecond (median)."""
    with EmbeddedDirectory(generate(2000)) as directory:
        connection = connect(directory, secure=False)
        directory.operations.clear()
        for number in range(100):
            base = f"<GUID={directory.guid(f'user{number:05d}').bytes_le.hex()}>"
            assert found(connection, base, "(objectClass=*)", "BASE", attributes=["mail", "tokenGroups"])
        assert statistics.median(operation.seconds for operation in directory.operations) < 0.001


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x02\x01",
        b"\x30\x05\x02\x01\x01\x63\x00",
        b"\x00" * 64,
    ],
    ids=["http", "four gigabytes", "cut short", "empty search", "zeros"],
)
def test_junk_ends_the_connection_and_nothing_else(connect, data):
    """What is no LDAP is hung up on, and the next client is served."""
    with EmbeddedDirectory(PEOPLE) as directory:
        with socket.create_connection((directory.host, directory.port), 5) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(4096)
            assert answer == b"" or answer[0] == 0x30
        assert connect(directory).bound
