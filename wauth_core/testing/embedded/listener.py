"""Sockets and threads: one thread listens on each port, one serves each connection."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from . import ber
from .conversation import Conversation, Reply, operation_name
from .faults import Faults
from .forest import CatalogSession
from .hosted_domain import Domain
from .log import OperationLog
from .messages import disconnection_message, read_message
from .reading import SearchLimits
from .result_codes import PROTOCOL_ERROR

_MAX_MESSAGE = 10 * 1024 * 1024  # MaxReceiveBuffer
_LOOK_UP = 0.25  # seconds
_LINGER_NONE = struct.pack("ii", 1, 0)
Result = TypeVar("Result")


class Listener:
    """Listens on two ports of one loopback address, plain LDAP (with StartTLS) and LDAPS."""

    def __init__(
        self,
        domain: Domain,
        context: ssl.SSLContext,
        *,
        host: str,
        port: int,
        tls_port: int,
        log: OperationLog,
        limits: SearchLimits,
        faults: Faults | None = None,
        catalog: bool = False,
    ) -> None:
        self.domain = domain
        self.catalog = catalog
        self.context = context
        self.host = host
        self.log = log
        self.limits = limits
        self.faults = faults or Faults(self._cut_off, self._come_back)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._connections: set[ClientConnection] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = False
        self._listeners = [(_bound(host, port), False), (_bound(host, tls_port), True)]
        self.port: int = self._listeners[0][0].getsockname()[1]
        self.tls_port: int = self._listeners[1][0].getsockname()[1]

    def start(self) -> None:
        """Listen."""
        for listener, secure in self._listeners:
            listener.listen(128)
            listener.settimeout(_LOOK_UP)
            self._spawn(self._accept, listener, secure)

    def close(self) -> None:
        """Close all connections, and wait until all threads have ended."""
        self._closing = True
        self.faults.clear()
        for listener, _ in self._listeners:
            _stop_listening(listener)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.shut()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(5)

    def _accept(self, listener: socket.socket, secure: bool) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue  # some systems do not wake an accept() when its socket is closed
            except OSError:
                return  # closed: the end, or an outage
            connection = ClientConnection(self, client, next(self._numbers), implicit_tls=secure)
            with self._lock:
                self._connections.add(connection)
            if listener.fileno() == -1:  # the end, or an outage that began before this one was listed
                connection.reset()
            self._spawn(connection.serve)

    def _spawn(self, target: object, *args: object) -> None:
        def run() -> None:
            try:
                target(*args)  # type: ignore[operator]
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name="wauth-directory", daemon=True)
        with self._lock:  # a thread that is not started cannot be joined: close() must not see one
            self._threads.add(thread)
            thread.start()

    def forget(self, connection: ClientConnection) -> None:
        """The connection has ended."""
        with self._lock:
            self._connections.discard(connection)

    def _cut_off(self) -> None:
        """An outage: both ports stay reserved, but nobody listens on them. Open connections are reset."""
        ports = [listener.getsockname()[1] for listener, _ in self._listeners]
        for listener, _ in self._listeners:
            _stop_listening(listener)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.reset()
        self._listeners = [
            (_bound(self.host, port, patience=5), secure)
            for port, (_, secure) in zip(ports, self._listeners, strict=True)
        ]

    def _come_back(self) -> None:
        if not self._closing:
            self.start()


class ClientConnection:
    """One client's socket."""

    def __init__(self, server: Listener, client: socket.socket, number: int, *, implicit_tls: bool) -> None:
        self.server = server
        self.socket = client
        self.raw = client
        self.implicit_tls = implicit_tls
        self.ended = False
        session = CatalogSession if server.catalog else Conversation
        self.session = session(number, server.domain, server.faults, server.log, server.limits, secure=implicit_tls)

    def serve(self) -> None:
        """Answer until the client leaves."""
        try:
            self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.implicit_tls:
                self._wrap()
            self._converse()
        except (OSError, ValueError):
            pass  # the client is gone, or did not speak TLS
        finally:
            self.server.forget(self)
            with contextlib.suppress(OSError):
                self.socket.close()

    def shut(self) -> None:
        """End the conversation from another thread."""
        self.ended = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.raw, socket.SHUT_RDWR)  # SSLSocket's own method would disturb its reader

    def reset(self) -> None:
        """End it with a RST instead of a FIN."""
        self.ended = True
        with contextlib.suppress(OSError):
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            socket.socket.shutdown(self.raw, socket.SHUT_RD)  # wakes its thread, whose close() sends the RST

    def _wrap(self) -> None:
        wrapped = self.server.context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket = self.raw = wrapped  # before the handshake, so that shut() can end a hanging one
        self._looking_up(wrapped.do_handshake)  # shut() may have used the socket before it was wrapped
        self.session.secure = True

    def _looking_up(self, wait: Callable[[], Result]) -> Result:
        """What *wait* returns, unless the conversation ends first: Windows does not wake a thread that reads.

        https://github.com/python/cpython/issues/91913
        """
        while not self.ended:
            self.socket.settimeout(_LOOK_UP)
            try:
                return wait()
            except TimeoutError:
                continue
            finally:
                self.socket.settimeout(None)  # an answer may take its reader longer
        raise ConnectionAbortedError

    def _converse(self) -> None:
        buffer = b""
        while True:
            size = ber.whole_length(buffer)
            while size is None or len(buffer) < size:
                if size is not None and size > _MAX_MESSAGE:
                    raise ValueError("a message longer than MaxReceiveBuffer")
                received = self._looking_up(lambda: self.socket.recv(65536))
                if not received:
                    return
                buffer += received
                size = ber.whole_length(buffer)
            message, buffer = buffer[:size], buffer[size:]
            if not self._exchange(message):
                return

    def _exchange(self, data: bytes) -> bool:
        """Answer one PDU; whether to go on."""
        try:
            message = read_message(data)
        except ber.BerError:
            self.socket.sendall(disconnection_message(PROTOCOL_ERROR, "the message is not LDAP"))
            return False
        operation = operation_name(message.request)
        faults = self.server.faults
        delay = faults.take("delay", operation)
        if delay is not None:
            faults.wait(delay.number)
        if faults.take("drop", operation) is not None or faults.active("outage"):
            return False  # in an outage: this request was read before the end of the connection
        if faults.take("hang", operation) is not None:
            faults.wait(None)
            return False
        answer = self.session.answer(message)
        if faults.take("reset", operation) is not None:
            self._reset_midway(answer)
            return False
        if answer.chunks:
            self.socket.sendall(b"".join(answer.chunks))
        if answer.start_tls:
            self._wrap()
        return not answer.hang_up

    def _reset_midway(self, answer: Reply) -> None:
        whole = b"".join(answer.chunks)
        self.socket.sendall(whole[: len(whole) // 2])
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)


def _bound(host: str, port: int, *, patience: float = 0) -> socket.socket:
    """A socket on that port. On some systems a port is free only after a while: *patience* is in seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _bound_now(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def _bound_now(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows this option would let another process share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _stop_listening(listener: socket.socket) -> None:
    """Wake the thread in ``accept`` and close."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
