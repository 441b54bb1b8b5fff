"""One bound connection.

A `Connection` is an ldap3 Connection, so that everything ldap3 offers works on it. There are five differences:

- Each operation has a deadline, which a server that sends slowly cannot extend.
- A read-only connection refuses every write.
- Its repr holds no password.
- Our own searches do not use ldap3's encoder.
- Its sign-in by Kerberos is ours.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPConnectionIsReadOnlyError

from wauth_core.directory import diagnosis, kerberos, wire, wire_writes
from wauth_core.directory.edits import Edit
from wauth_core.directory.endpoints import Endpoint
from wauth_core.directory.sockets import DeadlineSocket
from wauth_core.directory.strategy import Strategy
from wauth_core.directory.tracing import operation
from wauth_core.exceptions import ReadOnlyError


class WriteRefused(ReadOnlyError, LDAPConnectionIsReadOnlyError):  # type: ignore[misc]
    """A write on a read-only connection; also the error that ldap3's own users expect."""


class Secret:
    """Octets that no repr shows, so that they are in no traceback either."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __repr__(self) -> str:
        return "<secret>"


class Lost(Exception):
    """The connection can no longer be used.

    *timed_out*: the server was silent, and no time is left for another try. *skip*: ask another server, if there is
    one.
    """

    def __init__(self, message: str, *, timed_out: bool = False, skip: bool = False) -> None:
        self.timed_out = timed_out
        self.skip = skip or timed_out
        super().__init__(message)


class Connection(ldap3.Connection):  # type: ignore[misc]
    """A bound connection; see the module. It belongs to one thread at a time: the pool ensures that."""

    socket: Any
    password: Any
    _usage: Any

    def __init__(
        self,
        server: ldap3.Server,
        *,
        domain: str,
        endpoint: Endpoint,
        dial: Callable[[], DeadlineSocket],
        operation_timeout: int,
        **options: Any,
    ) -> None:
        self.domain = domain
        self.endpoint = endpoint
        self.dial = dial
        self.operation_timeout = operation_timeout
        self.kerberos: Callable[[], kerberos.Context] | None = None
        self.opened_at = self.used_at = time.monotonic()
        self._numbers = count(1_000_000_000)  # apart from ldap3's own, which count up from 1
        super().__init__(server, auto_bind=ldap3.AUTO_BIND_NONE, **options)
        self.strategy = Strategy(self)
        for name in ("send", "open", "get_response", "post_send_single_response", "post_send_search"):
            setattr(self, name, getattr(self.strategy, name))

    def __repr__(self) -> str:
        state = "closed" if getattr(self, "closed", True) else "bound" if self.bound else "open"
        return f"<Connection {self.endpoint} {state}>"

    __str__ = __repr__
    repr_with_sensitive_data_stripped = __repr__

    def ask(
        self,
        deadline: float,
        base: str,
        scope: str,
        filter_text: str,
        attributes: tuple[str, ...],
        controls: tuple[wire.Control, ...] = (),
        size_limit: int = 0,
    ) -> tuple[list[wire.RawEntry], wire.Result]:
        """Search, and wait for the whole answer until *deadline*. References to other servers are ignored.

        Raises `Lost` if the connection can no longer be used, and FilterError before anything is sent.
        """
        number = next(self._numbers)
        request = wire.search_request(
            number, base, scope, filter_text, attributes, controls=controls, size_limit=size_limit
        )
        with operation(
            self.domain,
            "search",
            server=str(self.endpoint),
            socket=self.socket,
            base=base,
            scope=scope,
            filter=filter_text,
            attributes=attributes,
            controls=tuple(control.oid for control in controls),
        ) as noted:
            self._transmit(request, deadline, "searchRequest")
            entries, result = self._found(number)
            if noted is not None:
                noted.answered(result.code, entries)
        return entries, result

    def _found(self, number: int) -> tuple[list[wire.RawEntry], wire.Result]:
        entries: list[wire.RawEntry] = []
        try:
            for tag, content, controls_seen in self._answers(number):
                if tag == wire.ENTRY:
                    entries.append(wire.read_entry(content))
                elif tag == wire.DONE:
                    return entries, wire.read_result(content, controls_seen)
                elif tag != wire.REFERENCE:
                    raise wire.WireError("an answer that does not belong to a search")
        except wire.WireError as error:
            raise Lost(f"{self.endpoint} sent {error}") from None
        raise Lost(f"{self.endpoint} ended the connection")

    def bind_simply(self, name: str, password: Secret, deadline: float) -> wire.Result:
        """A simple bind. The password is sent, and kept nowhere. Raises `Lost`."""
        number = next(self._numbers)
        with operation(self.domain, "bind", server=str(self.endpoint), socket=self.socket, base=name) as noted:
            self._transmit(wire.bind_request(number, name, password.octets), deadline, "bindRequest")
            result = self._one_answer(number, wire.BIND_RESPONSE)
            if noted is not None:
                noted.answered(result.code)
        self.bound = result.code == diagnosis.SUCCESS
        return result

    def change(self, edit: Edit, deadline: float) -> wire.Result:
        """Send *edit*, once, and wait for its answer. Raises `Lost` and `ReadOnlyError`.

        After `Lost` nobody knows whether it was made.
        """
        self.may_write()
        number = next(self._numbers)
        with operation(
            self.domain,
            "modifydn" if edit.kind == "rename" else edit.kind,
            server=str(self.endpoint),
            socket=self.socket,
            base=edit.dn,
            controls=tuple(control.oid for control in edit.controls),
            changes=edit.changes,
        ) as noted:
            self._transmit(edit.request(number), deadline, wire_writes.LDAP3_NAMES[edit.kind])
            result = self._one_answer(number, wire_writes.ANSWERS[edit.kind])
            if noted is not None:
                noted.answered(result.code)
        return result

    def _one_answer(self, number: int, wanted: int) -> wire.Result:
        try:
            for tag, content, _ in self._answers(number):
                if tag != wanted:
                    raise wire.WireError("an answer to something else")
                return wire.read_result(content)
        except wire.WireError as error:
            raise Lost(f"{self.endpoint} sent {error}") from None
        raise Lost(f"{self.endpoint} ended the connection")

    def _transmit(self, request: bytes, deadline: float, kind: str) -> None:
        failure = None
        try:
            self.socket.deadline = deadline
            self.socket.sendall(request)
            if self._usage:
                self._usage.update_transmitted_message({"type": kind}, len(request))
        except (OSError, ValueError, AttributeError) as error:
            failure = _lost(self.endpoint, error)
        del request  # it may hold a password, and a traceback shows what a frame holds
        if failure:
            raise failure  # outside the handler, for the same reason

    def _answers(self, number: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield (tag, content, controls) of each message that answers *number*. Raises `Lost` and `WireError`."""
        buffer = bytearray()
        try:
            while True:
                size = wire.message_size(buffer)
                while not size or len(buffer) < size:
                    received = self.socket.recv(262_144)
                    if not received:
                        raise Lost(f"{self.endpoint} ended the connection")
                    buffer += received
                    size = size or wire.message_size(buffer)
                message = bytes(buffer[:size])
                del buffer[:size]
                if self._usage:
                    self._usage.update_received_message(size)
                answered, tag, content, controls = wire.read_message(message)
                if answered == number:
                    yield tag, content, controls
                elif answered == 0:
                    raise Lost(f"{self.endpoint} sent a notice of disconnection")
                else:
                    raise Lost(f"{self.endpoint} answered another request than ours")
        except (OSError, ValueError, AttributeError) as error:
            raise _lost(self.endpoint, error) from None

    def do_sasl_bind(self, controls: Any) -> Any:
        """ldap3's; Kerberos is spoken by ours, if the dialer said how."""
        if self.kerberos is None:
            return super().do_sasl_bind(controls)
        self.sasl_in_progress = True
        try:
            return kerberos.bind(self, controls, self.kerberos())
        finally:
            self.sasl_in_progress = False

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """ldap3's, which forgets to look at ``read_only`` here."""
        self.may_write()
        return super().add(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """ldap3's."""
        self.may_write()
        return super().delete(*args, **kwargs)

    def modify(self, *args: Any, **kwargs: Any) -> Any:
        """ldap3's."""
        self.may_write()
        return super().modify(*args, **kwargs)

    def modify_dn(self, *args: Any, **kwargs: Any) -> Any:
        """ldap3's."""
        self.may_write()
        return super().modify_dn(*args, **kwargs)

    def may_write(self) -> None:
        """Raise `WriteRefused` if the connection is read-only."""
        if self.read_only:
            raise WriteRefused(
                f"The domain {self.domain} is read-only. Set READ_ONLY=False in its settings to write to it."
            )

    def is_idle(self) -> bool:
        """Whether this connection is still open, as far as one can see without sending anything."""
        return bool(self.bound and not self.closed and self.socket is not None and self.socket.is_idle())

    def hang_up(self, *, polite: bool = False) -> None:
        """Close the socket; with *polite*, say goodbye first. Raises nothing."""
        connected, self.socket = self.socket, None
        self.bound, self.closed, self.listening, self.password = False, True, False, None
        self.request = self.response = None
        if connected is None:
            return
        if polite:
            self._say_goodbye(connected)
        if self._usage:
            self._usage.closed_sockets += 1
            self._usage.stop()
        with contextlib.suppress(OSError):
            connected.inner.close()

    def _say_goodbye(self, connected: DeadlineSocket) -> None:
        request = wire.unbind_request(next(self._numbers))
        with (
            contextlib.suppress(OSError, ValueError),
            operation(self.domain, "unbind", server=str(self.endpoint), socket=connected),
        ):
            connected.deadline = time.monotonic() + 0.2
            connected.sendall(request)
            if self._usage:
                self._usage.update_transmitted_message({"type": "unbindRequest"}, len(request))


def _lost(endpoint: Endpoint, error: Exception) -> Lost:
    if isinstance(error, TimeoutError):
        return Lost(f"{endpoint} did not answer in time", timed_out=True)
    return Lost(f"the connection to {endpoint} broke ({error.__class__.__name__}: {error})")
