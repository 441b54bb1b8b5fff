"""A tap on the wire: stands between a client and a controller, reads every LDAP message, and makes trouble on demand.

It ends the client's TLS with a certificate of its own choice and opens another to the controller, so that what goes
over the wire is counted where it passes, not where it was meant to be sent.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.ad.certificates import Pair
from tests.ad.samba import DomainController

PATIENCE = 10.0
"""Seconds that the tap itself waits for a peer that must answer."""


@dataclass(frozen=True)
class Seen:
    """One request of the client, as it went over the wire."""

    kind: str
    """`bind`, `search`, `unbind`, `modify` and so on."""
    connection: int
    octets: bytes
    base: str = ""
    scope: str = ""
    attributes: tuple[str, ...] = ()


class Tap:
    """Listens on a port of its own for `host` and relays to `controller`. A context manager."""

    def __init__(self, controller: DomainController, certificate: Pair, host: str = "localhost") -> None:
        self.controller = controller
        self.host = host
        self.seen: list[Seen] = []
        self.accepted = 0
        self.most_open = 0
        self.silent = False
        """While true, nothing is passed on and nothing answered, not even a TLS handshake."""
        self.cuts = 0
        """So many of the next answers are broken off, with a reset, after `cut_after` octets."""
        self.cut_after = 20
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._relays: set[_Relay] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """What a client is to be pointed at."""
        return f"ldaps://{self.host}:{self.port}"

    def __enter__(self) -> Tap:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.cut(reset=True)

    def listen(self) -> None:
        """Accept connections (again, on the same port)."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        if self._listener is not None:
            # closing alone would not wake the thread that accepts
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def cut(self, *, reset: bool) -> None:
        """End all open connections: with a reset, as a broken firewall does, or in good order."""
        with self._lock:
            relays = list(self._relays)
        for relay in relays:
            relay.end(reset=reset)
        for relay in relays:
            relay.thread.join(PATIENCE)

    def drain(self) -> None:
        """Wait until every connection that the client has closed has ended, and all it sent was seen."""
        with self._lock:
            relays = list(self._relays)
        for relay in relays:
            relay.thread.join(PATIENCE)

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._relays)

    def searches(self) -> list[Seen]:
        """The searches seen since the last `forget`."""
        return [request for request in self.seen if request.kind == "search"]

    def forget(self) -> None:
        """Count from nought."""
        self.seen.clear()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """While this lasts the tap is a black hole."""
        self.silent = True
        try:
            yield
        finally:
            self.silent = False
            self.cut(reset=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                relay = _Relay(self, plain, self.accepted)
                self._relays.add(relay)
                self.most_open = max(self.most_open, len(self._relays))
            relay.thread.start()

    def gone(self, relay: _Relay) -> None:
        """A relay has ended."""
        with self._lock:
            self._relays.discard(relay)

    def open_both(self, plain: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
        """Shake hands with the client, and with the controller for it."""
        plain.settimeout(PATIENCE)
        client = self._context.wrap_socket(plain, server_side=True)
        trusted = ssl.create_default_context(cafile=self.controller.ca_file)
        upstream = socket.create_connection((self.controller.address, 636), timeout=PATIENCE)
        for each in (plain, client, upstream):
            with suppress(OSError):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, trusted.wrap_socket(upstream, server_hostname=self.controller.host)


class _Relay:
    """One connection through the tap, in a thread of its own."""

    def __init__(self, tap: Tap, plain: socket.socket, number: int) -> None:
        self.tap = tap
        self.number = number
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._client: socket.socket = plain
        self._upstream: socket.socket | None = None
        self._waker, self._woken = socket.socketpair()
        self._reset = False
        self._requests = bytearray()

    def end(self, *, reset: bool) -> None:
        """Tell the thread to end the connection."""
        self._reset = reset
        with suppress(OSError):
            self._waker.send(b"x")

    def _run(self) -> None:
        try:
            if not self._wait_out_silence():
                return
            with suppress(OSError):  # ssl.SSLError is one: a client that does not trust us hangs up
                self._client, self._upstream = self.tap.open_both(self._client)
                self._relay(self._client, self._upstream)
        finally:
            self._close()
            self.tap.gone(self)

    def _wait_out_silence(self) -> bool:
        """False if the connection ended before it ever spoke."""
        if self.tap.silent:
            select.select([self._woken], [], [])
            return False
        return True

    def _relay(self, client: ssl.SSLSocket, upstream: ssl.SSLSocket) -> None:
        for each in (client, upstream):
            each.setblocking(False)
        while True:
            readable = [each for each in (client, upstream) if each.pending()]
            if not readable:
                readable, _, _ = select.select([client, upstream, self._woken], [], [])
            if self._woken in readable:
                return
            for source in readable:
                try:
                    received = source.recv(65536)
                except ssl.SSLWantReadError:
                    continue
                if not received:
                    return
                if source is client:
                    self._record(received)
                if self.tap.silent:
                    continue
                if source is upstream and self.tap.cuts:
                    self.tap.cuts -= 1
                    _send(client, received[: self.tap.cut_after])
                    self._reset = True
                    return
                _send(upstream if source is client else client, received)

    def _record(self, received: bytes) -> None:
        self._requests += received
        while size := _message_size(self._requests):
            octets = bytes(self._requests[:size])
            del self._requests[:size]
            self.tap.seen.append(_read(octets, self.number))

    def _close(self) -> None:
        if self._reset:
            with suppress(OSError):
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif isinstance(self._client, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                self._client.settimeout(0.2)
                self._client.unwrap()
        for each in (self._client, self._upstream, self._waker, self._woken):
            if each is not None:
                each.close()


def _send(target: ssl.SSLSocket, data: bytes) -> None:
    target.settimeout(PATIENCE)
    target.sendall(data)
    target.setblocking(False)


def _message_size(buffer: bytes | bytearray) -> int:
    """How many octets the first LDAP message takes, 0 while it is not all there."""
    start, length = _extent(buffer)
    return start + length if start and len(buffer) >= start + length else 0


def _extent(buffer: bytes | bytearray) -> tuple[int, int]:
    """Where the content of the first BER element starts, and its length; (0, 0) while that is not known."""
    if len(buffer) < 2:
        return 0, 0
    if buffer[1] < 0x80:
        return 2, buffer[1]
    start = 2 + (buffer[1] & 0x7F)
    if len(buffer) < start:
        return 0, 0
    return start, int.from_bytes(buffer[2:start], "big")


def _elements(octets: bytes) -> list[tuple[int, bytes]]:
    """The tags and contents of BER elements in a row."""
    found = []
    while octets:
        start, length = _extent(octets)
        assert start, f"not BER: {octets!r}"
        found.append((octets[0], octets[start : start + length]))
        octets = octets[start + length :]
    return found


_SCOPES = ("base", "level", "subtree")
_KINDS = {
    0x60: "bind",
    0x42: "unbind",
    0x63: "search",
    0x66: "modify",
    0x68: "add",
    0x4A: "delete",
    0x6C: "rename",
    0x6E: "compare",
    0x50: "abandon",
    0x77: "extended",
}


def _read(octets: bytes, connection: int) -> Seen:
    """Decoded here, with nothing of the code under test (RFC 4511 4.1.1 and 4.5.1)."""
    ((_, message),) = _elements(octets)
    _, (tag, operation), *_ = _elements(message)
    if _KINDS[tag] != "search":
        return Seen(_KINDS[tag], connection, octets)
    base, scope, _aliases, _size, _time, _types, _filter, attributes = (content for _, content in _elements(operation))
    return Seen(
        "search",
        connection,
        octets,
        base=base.decode(),
        scope=_SCOPES[scope[0]],
        attributes=tuple(name.decode() for _, name in _elements(attributes)),
    )
