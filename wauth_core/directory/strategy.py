"""ldap3's side of a connection. Its requests use our socket, with a deadline, a guard against writes, and tracing."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ldap3.core.exceptions import LDAPOperationResult
from ldap3.strategy.sync import SyncStrategy

from wauth_core.directory.tracing import NOT_SHOWN, Operation, begin, is_secret, operation
from wauth_core.directory.wire import SCOPES, RawEntry

START_TLS = "1.3.6.1.4.1.1466.20037"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"

_WRITES = frozenset({"addRequest", "modifyRequest", "delRequest", "modDNRequest"})
_UNANSWERED = frozenset({"abandonRequest", "unbindRequest"})
_KINDS = {
    "abandonRequest": "abandon",
    "addRequest": "add",
    "bindRequest": "bind",
    "compareRequest": "compare",
    "delRequest": "delete",
    "extendedReq": "extended",
    "modDNRequest": "modifydn",
    "modifyRequest": "modify",
    "searchRequest": "search",
    "unbindRequest": "unbind",
}
_CHANGES = ("add", "delete", "replace", "increment")  # RFC 4511 4.6, RFC 4525


class Strategy(SyncStrategy):  # type: ignore[misc]
    """ldap3's synchronous strategy, opening with our own socket, and with a deadline and a guard at each request."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._noted: dict[int, Operation] = {}

    def open(self, reset_usage: bool = True, read_server_info: bool = True) -> None:
        connection = self.connection
        if not connection.closed:
            self.close()
        self._outstanding: dict[int, Any] = {}
        self._noted.clear()
        connection.tls_started = False
        usage = connection.usage
        if usage:
            usage.start(reset=False)
        with operation(connection.domain, "connect", server=str(connection.endpoint)):
            connection.socket = connection.dial()
        connection.closed = False
        connection.server.current_address = connection.socket.getpeername()
        if usage:
            usage.open_sockets += 1
            usage.wrapped_sockets += isinstance(connection.socket.inner, ssl.SSLSocket)
            if connection.socket.sent:
                usage.update_transmitted_message({"type": "extendedReq"}, connection.socket.sent)
                usage.update_received_message(connection.socket.received)
        self._start_listen()
        if read_server_info:
            connection.refresh_server_info()

    def send(self, message_type: str, request: Any, controls: Any = None) -> Any:
        """ldap3's, by a deadline. Raises `ReadOnlyError` if the connection may not write."""
        connection = self.connection
        if _is_write(message_type, request):
            connection.may_write()
        if connection.socket is not None and message_type != "unbindRequest":
            connection.socket.deadline = time.monotonic() + connection.operation_timeout
        noted = begin(
            connection.domain, _KINDS[message_type], server=str(connection.endpoint), socket=connection.socket
        )
        if noted is None:
            return super().send(message_type, request, controls)
        try:
            number = super().send(message_type, request, controls)
        except BaseException as error:
            noted.end(error)
            raise
        _describe(noted, connection.request, controls)
        if message_type in _UNANSWERED:
            noted.end()
        else:
            self._noted[number] = noted
        return number

    def get_response(self, message_id: int, timeout: Any = None, get_request: bool = False) -> Any:
        """ldap3's."""
        noted = self._noted.pop(message_id, None)
        if noted is None:
            return super().get_response(message_id, timeout, get_request)
        try:
            answer = super().get_response(message_id, timeout, get_request)
        except BaseException as error:
            if isinstance(error, LDAPOperationResult):
                noted.answered(error.result)
            noted.end(error)
            raise
        responses, result, *_ = answer
        noted.end()
        noted.answered((result or {}).get("result", 0), _entries(responses))
        return answer


def _is_write(message_type: str, request: Any) -> bool:
    if message_type == "extendedReq":
        return str(request["requestName"]) not in {START_TLS, WHO_AM_I}
    return message_type in _WRITES


def _entries(responses: Iterable[Mapping[str, Any]] | None) -> Iterator[RawEntry]:
    for response in responses or ():
        if response.get("type") == "searchResEntry":
            yield RawEntry(str(response["dn"]), dict(response["raw_attributes"]))


def _describe(noted: Operation, request: Mapping[str, Any] | None, controls: Iterable[Any] | None) -> None:
    """The parts of ldap3's *request* that may be shown: no password of a bind, no secret attribute's value."""
    request = request or {}
    noted.base = str(request.get("base") or request.get("entry") or request.get("name") or "")
    noted.controls = tuple(str(one[0] if isinstance(one, tuple) else one["controlType"]) for one in controls or ())
    match noted.kind:
        case "search":
            noted.scope = next(name for name, number in SCOPES.items() if number == request["scope"])
            noted.filter, noted.attributes = request["filter"], tuple(request["attributes"])
        case "compare":
            name = request["attribute"]
            noted.filter = f"({name}={NOT_SHOWN if is_secret(name) else request['value']})"
        case "add":
            noted.changes = tuple(_change("add", name, values) for name, values in request["attributes"].items())
        case "modify":
            noted.changes = tuple(
                _change(_CHANGES[change["operation"]], change["attribute"]["type"], change["attribute"]["value"])
                for change in request["changes"]
            )
        case "modifydn":
            targets = {"newrdn": request["newRdn"], "newSuperior": request["newSuperior"]}
            noted.changes = tuple(("replace", name, (str(value),)) for name, value in targets.items() if value)
        case "extended" if noted.base == START_TLS:
            noted.kind = "starttls"


def _change(what: str, attribute: str, values: Iterable[Any]) -> tuple[str, str, tuple[str, ...]]:
    if is_secret(attribute):
        return what, attribute, (NOT_SHOWN,)
    return what, attribute, tuple(value if isinstance(value, str) else repr(value) for value in values)
