"""Bad days on demand."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from ldap3.core.exceptions import (
    LDAPExceptionError,
    LDAPSessionTerminatedByServerError,
    LDAPSocketReceiveError,
)

from tests.core.testing.client import found, until
from wauth_core.testing import EmbeddedDirectory

PEOPLE = {"users": {f"user{n}": {"name": f"Person {n}"} for n in range(30)}}


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """A directory of thirty."""
    with EmbeddedDirectory(PEOPLE) as running:
        yield running


def ask(connection, directory):
    """One person by name."""
    return found(connection, directory.base_dn, "(sAMAccountName=user1)", attributes=["cn"])


def test_delay_makes_an_answer_late(directory, connect):
    """The answer comes, that much later; other operations are not held up."""
    connection = connect(directory)
    with directory.faults.delay(0.2, operation="search"):
        started = time.monotonic()
        assert ask(connection, directory)
        assert time.monotonic() - started >= 0.2
        started = time.monotonic()
        assert connection.rebind()
        assert time.monotonic() - started < 0.2


def test_drop_hangs_up(directory, connect):
    """No answer, and the connection is closed; the next connection is served."""
    connection = connect(directory)
    with directory.faults.drop(operation="search"), pytest.raises(LDAPSessionTerminatedByServerError):
        ask(connection, directory)
    assert ask(connect(directory), directory)


@pytest.mark.parametrize("secure", [True, False], ids=["ldaps", "ldap"])
def test_reset_breaks_off_in_the_middle(directory, connect, secure):
    """Half of the answer arrives, then a RST; once only, where *times* says so."""
    connection = connect(directory, secure=secure)
    directory.faults.reset(operation="search", times=1)
    with pytest.raises((LDAPSocketReceiveError, LDAPSessionTerminatedByServerError)):
        found(connection, directory.base_dn, "(objectClass=user)", attributes=["*"])
    assert ask(connect(directory, secure=secure), directory)


def read_to_the_end(client):
    """Everything until the other side closes."""
    received = b""
    while chunk := client.recv(4096):
        received += chunk
    return received


@pytest.mark.skipif(sys.platform == "win32", reason="Wine ends a connection in good order whatever SO_LINGER says")
def test_reset_sends_a_rst(directory):
    """The client's socket says "connection reset", not merely "closed"."""
    from tests.contract.test_directory_parity_sign_in import bind_message

    with socket.create_connection((directory.host, directory.port), 5) as client:
        directory.faults.reset(operation="bind", times=1)
        client.sendall(bind_message(1, "", b""))
        with pytest.raises(ConnectionResetError):
            read_to_the_end(client)


def test_hang_answers_never(directory, connect):
    """A black hole: the client waits until its own time is over."""
    connection = connect(directory)
    connection.socket.settimeout(0.2)
    with directory.faults.hang(operation="search"), pytest.raises(LDAPExceptionError):
        ask(connection, directory)
    assert ask(connect(directory), directory)


def test_refused_binds(directory, connect):
    """Binds get the result code that was asked for, as long as the fault acts."""
    with directory.faults.refuse_binds(52):
        assert connect(directory).result["result"] == 52
    assert connect(directory).bound


def test_signing_required(directory, connect):
    """Without TLS a simple bind is refused with result 8 and AD's words; with TLS it is not."""
    with directory.faults.signing_required():
        refused = connect(directory, secure=False).result
        assert refused["result"] == 8
        assert "00002028" in refused["message"]
        assert connect(directory).bound
        upgraded = connect(directory, secure=False, bind=False)
        upgraded.start_tls()
        assert upgraded.bind()


def test_size_limit(directory, connect):
    """A search that finds more ends with sizeLimitExceeded."""
    connection = connect(directory)
    with directory.faults.size_limit(10):
        assert len(found(connection, directory.base_dn, "(objectClass=user)")) == 10
        assert connection.result["result"] == 4
        assert ask(connection, directory)


def test_any_operation_may_be_refused(directory, connect):
    """A result code of choice for an operation of choice, so many times."""
    connection = connect(directory)
    directory.faults.refuse(51, operation="search", times=2)
    codes = []
    for _ in range(3):
        ask(connection, directory)
        codes.append(connection.result["result"])
    assert codes == [51, 51, 0]


def test_an_outage_and_the_return(directory, connect):
    """Open connections are reset, new ones refused, and the same ports answer afterwards, several times."""
    ports = (directory.port, directory.tls_port)
    for _ in range(3):
        connection = connect(directory)
        with directory.faults.outage():
            with pytest.raises(LDAPExceptionError):
                ask(connection, directory)
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((directory.host, port), 5)
        assert ask(connect(directory), directory)
    assert (directory.port, directory.tls_port) == ports


def test_clear_ends_everything(directory, connect):
    """After clear() all is well."""
    directory.faults.refuse_binds()
    directory.faults.outage()
    directory.faults.clear()
    assert ask(connect(directory), directory)


def test_closing_ends_those_who_wait(connect):
    """A directory can be closed while a client hangs."""
    directory = EmbeddedDirectory(PEOPLE)
    connection = connect(directory)
    directory.faults.hang(operation="search")
    failed = []

    def wait() -> None:
        try:
            ask(connection, directory)
        except LDAPExceptionError as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert until(lambda: directory.faults.waiting == 1)
    directory.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(failed) == 1


def test_an_unknown_operation_is_a_mistake(directory):
    """A misspelt operation would be a fault that never acts."""
    with pytest.raises(ValueError, match="operation must be one of"):
        directory.faults.delay(1, operation="serach")


def test_no_one_listens_after_close(connect):
    """An outage that was not ended before the close does not come back."""
    directory = EmbeddedDirectory(PEOPLE)
    outage = directory.faults.outage()
    directory.close()
    outage.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((directory.host, directory.port), 5)
