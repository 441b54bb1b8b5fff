"""Sockets with one deadline for every step: connecting, TLS, sending, receiving."""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import Any

from wauth_core.directory import diagnosis, wire
from wauth_core.directory.addresses import Addresses
from wauth_core.directory.endpoints import Endpoint
from wauth_core.exceptions import DirectoryUnavailable

LOOK_UP = 0.5  # seconds until a shortened deadline is noticed


class DeadlineSocket:
    """A connected socket. Every send and receive ends by *deadline*, on the monotonic clock.

    *sent* and *received* count the octets of LDAP that went through it.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self.inner = connected
        self.deadline = deadline
        self.sent = self.received = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to *size* octets. Raises TimeoutError at the deadline, which another thread may shorten."""
        while True:
            self.inner.settimeout(min(self._remaining(), LOOK_UP))
            try:
                octets = self.inner.recv(size, flags)
            except TimeoutError as error:
                if error.errno:  # TCP's own
                    raise
            else:
                self.received += len(octets)
                return octets

    def sendall(self, data: bytes) -> None:
        """Send all of *data*; raises TimeoutError at the deadline."""
        self.inner.settimeout(self._remaining())
        self.inner.sendall(data)
        self.sent += len(data)

    def settimeout(self, seconds: float | None) -> None:
        """Does nothing: the deadline counts."""

    def is_idle(self) -> bool:
        """Whether the connection is open and nothing waits to be read. An unexpected message means that it ends."""
        try:
            if isinstance(self.inner, ssl.SSLSocket) and self.inner.pending():
                return False
            if not _ready(self.inner, 0):
                return True
            if not isinstance(self.inner, ssl.SSLSocket):
                return False
            self.inner.settimeout(0)
            self.inner.recv(1)  # a TLS 1.3 connection ticket is taken in, and leaves nothing
        except ssl.SSLWantReadError:
            return True
        except (OSError, ValueError):
            pass
        return False

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        return remaining

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def _ready(connected: socket.socket, seconds: float, *, to_write: bool = False) -> bool:
    """Wait until *connected* can be read from (or written to). Returns False after *seconds*."""
    if hasattr(select, "poll"):  # no limit of 1,024 descriptors; not on Windows, whose select has no such limit
        poll = select.poll()
        poll.register(connected, select.POLLOUT if to_write else select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    return any(select.select([] if to_write else [connected], [connected] if to_write else [], [], seconds))


def connected(endpoint: Endpoint, deadline: float, addresses: Addresses | None = None) -> socket.socket:
    """A TCP connection, tried to each address of the name in turn. Raises `DirectoryUnavailable` at *deadline*."""
    found = (addresses or Addresses()).of(endpoint, deadline)
    failure: OSError = OSError("no address")
    for left, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=False):
        attempt = socket.socket(family, kind, protocol)
        try:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            attempt.settimeout(remaining / left)
            attempt.connect(address)
            return attempt
        except OSError as error:
            attempt.close()
            failure = error
    if isinstance(failure, TimeoutError):
        raise DirectoryUnavailable(f"{endpoint} did not answer in time. Check the address and the firewall.")
    advice = " Nothing listens there. Check SERVER and its port: LDAPS has 636, LDAP and StartTLS 389."
    raise DirectoryUnavailable(
        f"{endpoint} cannot be reached: {failure.strerror or failure}."
        f"{advice if isinstance(failure, ConnectionRefusedError) else ''}"
    )


def handshake(wrapped: ssl.SSLSocket, deadline: float) -> None:
    """A TLS handshake that ends at *deadline*, however slowly the other side sends."""
    wrapped.settimeout(0)
    while True:
        try:
            wrapped.do_handshake()
            return
        except ssl.SSLWantReadError:
            to_write = False
        except ssl.SSLWantWriteError:
            to_write = True
        if not _ready(wrapped, max(0.0, deadline - time.monotonic()), to_write=to_write):
            raise TimeoutError("timed out")


_START_TLS_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"  # RFC 4511 4.14.1


def start_tls(plain: DeadlineSocket, endpoint: Endpoint) -> None:
    """Ask for TLS (RFC 4511 4.14), so that a handshake may follow. Raises `DirectoryUnavailable`."""
    try:
        plain.sendall(_START_TLS_REQUEST)
        buffer = b""
        while not (size := wire.message_size(buffer)) or len(buffer) < size:
            received = plain.recv(1)  # not an octet more: what follows belongs to TLS
            if not received:
                raise DirectoryUnavailable(f"{endpoint} ended the connection at StartTLS.")
            buffer += received
        _, tag, content, _ = wire.read_message(buffer)
        code = wire.read_result(content).code if tag == wire.EXTENDED_RESPONSE else -1
    except wire.WireError as error:
        raise DirectoryUnavailable(f"{endpoint} sent {error} at StartTLS.") from None
    except TimeoutError:
        raise DirectoryUnavailable(f"{endpoint} took the connection but did not answer StartTLS in time.") from None
    except OSError as error:
        raise DirectoryUnavailable(f"The connection to {endpoint} broke at StartTLS ({error}).") from None
    if code != diagnosis.SUCCESS:
        raise diagnosis.tls_failed(
            ConnectionError(f"StartTLS was refused ({diagnosis.code_name(code)})"), host=endpoint.host, ca_file=None
        )
