"""One connection to one server: opened, encrypted, verified and bound within a deadline.

A `Session` is an ldap3 Connection, so that everything ldap3 offers works on it, with four differences: each operation
has a deadline that a trickling server cannot stretch, a read-only one refuses every write, its repr holds no password,
and our own searches go over it without ldap3's encoder.
"""

from __future__ import annotations

import contextlib
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPConnectionIsReadOnlyError, LDAPExceptionError
from ldap3.strategy.sync import SyncStrategy

from wauth_core.directory import errors, wire
from wauth_core.directory.tracing import operation
from wauth_core.exceptions import BindError, ConfigurationError, DirectoryError, DirectoryUnavailable, ReadOnlyError
from wauth_core.settings import LDAPSettings, names

log = logging.getLogger("wauth.directory")

_WRITES = frozenset({"addRequest", "modifyRequest", "delRequest", "modDNRequest"})
_HARMLESS_EXTENSIONS = frozenset({"1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.3"})  # StartTLS, who am I
_OURS = frozenset({"client_strategy", "auto_bind", "read_only", "collect_usage", "receive_timeout", "lazy"})


class WriteRefused(ReadOnlyError, LDAPConnectionIsReadOnlyError):  # type: ignore[misc]
    """A write on a read-only connection; also the error that ldap3's own users expect."""


class Lost(Exception):
    """The connection broke or fell silent. *timed_out* tells a silent server from a broken connection."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        self.timed_out = timed_out
        super().__init__(message)


@dataclass(frozen=True)
class Endpoint:
    """A server as the settings name it."""

    host: str
    port: int
    tls: bool  # LDAPS; StartTLS is the settings' START_TLS

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"


def endpoints(settings: LDAPSettings) -> tuple[Endpoint, ...]:
    """The servers that SERVER names, in order. Raises `ConfigurationError`."""
    use_ssl = bool(settings.SERVER_OPTIONS.get("use_ssl", settings.USE_SSL and not settings.START_TLS))
    port = settings.SERVER_OPTIONS.get("port")
    found = [_endpoint(str(one).strip(), use_ssl, port) for one in names(settings.SERVER)]
    if not found:
        raise ConfigurationError("SERVER is required: the host name or URL of a domain controller.")
    return tuple(dict.fromkeys(found))


_URL = re.compile(
    r"(?:(?P<scheme>ldaps?)://)?(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)


def _endpoint(text: str, use_ssl: bool, port: int | None) -> Endpoint:
    if not (found := _URL.fullmatch(text)):
        raise ConfigurationError(
            f"SERVER {text!r} is neither a host name nor a URL such as ldaps://dc1.example.local:636."
        )
    tls = found["scheme"].lower() == "ldaps" if found["scheme"] else use_ssl
    return Endpoint(found["host"].strip("[]"), int(found["port"] or port or (636 if tls else 389)), tls)


# -- a socket with a deadline ------------------------------------------------------------------------------------------


class DeadlineSocket:
    """A connected socket whose every send and receive ends at one moment: *deadline*, on the monotonic clock."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self.inner = connected
        self.deadline = deadline

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to *size* octets; raises TimeoutError at the deadline."""
        self.inner.settimeout(self._remaining())
        return self.inner.recv(size, flags)

    def sendall(self, data: bytes) -> None:
        """Send all of *data*; raises TimeoutError at the deadline."""
        self.inner.settimeout(self._remaining())
        self.inner.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        """Nothing: the deadline rules."""

    def is_idle(self) -> bool:
        """Whether the connection stands and nothing waits to be read. An unasked-for message means it is ending."""
        try:
            if isinstance(self.inner, ssl.SSLSocket) and self.inner.pending():
                return False
            if not _ready(self.inner, 0):
                return True
            if not isinstance(self.inner, ssl.SSLSocket):
                return False
            self.inner.settimeout(0)
            self.inner.recv(1)  # a TLS 1.3 session ticket is taken in, and leaves nothing
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
    """Wait until *connected* can be read from (or written to); False when *seconds* are over."""
    if hasattr(select, "poll"):  # no limit of 1,024 descriptors; not on Windows, whose select has no such limit
        poll = select.poll()
        poll.register(connected, select.POLLOUT if to_write else select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    return any(select.select([] if to_write else [connected], [connected] if to_write else [], [], seconds))


# -- ldap3, restrained -------------------------------------------------------------------------------------------------


class _Strategy(SyncStrategy):  # type: ignore[misc]
    """ldap3's synchronous strategy, opening with our own socket, and with a deadline and a guard at each request."""

    def open(self, reset_usage: bool = True, read_server_info: bool = True) -> None:
        session = self.connection
        if not session.closed:
            self.close()
        self._outstanding: dict[int, Any] = {}
        session.tls_started = False
        if session.usage and (reset_usage or not session.usage.initial_connection_start_time):
            session.usage.start()
        session.socket = session.dial()
        session.closed = False
        session.server.current_address = session.socket.getpeername()
        if session.usage:
            session.usage.open_sockets += 1
            session.usage.wrapped_sockets += session.server.ssl
        self._start_listen()
        if read_server_info:
            session.refresh_server_info()

    def send(self, message_type: str, request: Any, controls: Any = None) -> Any:
        session = self.connection
        if session.read_only and _is_write(message_type, request):
            raise WriteRefused(
                f"The domain {session.domain} is read-only. Set READ_ONLY=False in its settings to write to it."
            )
        if session.socket is not None and message_type != "unbindRequest":
            session.socket.deadline = time.monotonic() + session.operation_timeout
        return super().send(message_type, request, controls)


def _is_write(message_type: str, request: Any) -> bool:
    if message_type == "extendedReq":
        return str(request["requestName"]) not in _HARMLESS_EXTENSIONS
    return message_type in _WRITES


class Session(ldap3.Connection):  # type: ignore[misc]
    """A bound connection; see the module. It belongs to one thread at a time: the pool sees to that."""

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
        self.opened_at = self.used_at = time.monotonic()
        self._numbers = count(1_000_000_000)  # apart from ldap3's own, which count up from 1
        super().__init__(server, auto_bind=ldap3.AUTO_BIND_NONE, **options)
        self.strategy = _Strategy(self)
        for name in ("send", "open", "get_response", "post_send_single_response", "post_send_search"):
            setattr(self, name, getattr(self.strategy, name))

    def __repr__(self) -> str:
        state = "closed" if self.closed else "bound" if self.bound else "open"
        return f"<Session {self.endpoint} {state}>"

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

        Raises `Lost` where the connection is of no more use, and FilterError before anything is sent.
        """
        number = next(self._numbers)
        request = wire.search_request(
            number, base, scope, filter_text, attributes, controls=controls, size_limit=size_limit
        )
        self._transmit(request, deadline, "searchRequest")
        entries: list[wire.RawEntry] = []
        for tag, content, controls_seen in self._answers(number):
            if tag == wire.ENTRY:
                entries.append(wire.read_entry(content))
            elif tag == wire.DONE:
                return entries, wire.read_result(content, controls_seen)
            elif tag != wire.REFERENCE:
                raise Lost(f"{self.endpoint} sent an answer that does not belong to a search")
        raise Lost(f"{self.endpoint} ended the connection")

    def bind_simply(self, name: str, password: bytes, deadline: float) -> wire.Result:
        """A simple bind. The password goes into the socket and nowhere else. Raises `Lost`."""
        number = next(self._numbers)
        self._transmit(wire.bind_request(number, name, password), deadline, "bindRequest")
        for tag, content, _ in self._answers(number):
            if tag == wire.BIND_RESPONSE:
                result = wire.read_result(content)
                self.bound = result.code == errors.SUCCESS
                return result
            raise Lost(f"{self.endpoint} sent an answer that does not belong to a bind")
        raise Lost(f"{self.endpoint} ended the connection")

    def _transmit(self, request: bytes, deadline: float, kind: str) -> None:
        failure = None
        try:
            self.socket.deadline = deadline
            self.socket.sendall(request)
        except (OSError, ValueError, AttributeError) as error:
            failure = _lost(self.endpoint, error)
        if failure:
            raise failure  # outside the handler: the frames below hold the request, which may hold a password
        if self._usage:
            self._usage.update_transmitted_message({"type": kind}, len(request))

    def _answers(self, number: int) -> Any:
        """Yield (tag, content, controls) of each message that answers *number*."""
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
        except wire.WireError as error:
            raise Lost(f"{self.endpoint} sent {error}") from None
        except (OSError, ValueError, AttributeError) as error:
            raise _lost(self.endpoint, error) from None

    def is_idle(self) -> bool:
        """Whether this connection still stands, as far as can be told without sending anything."""
        return bool(self.bound and not self.closed and self.socket is not None and self.socket.is_idle())

    def hang_up(self, *, polite: bool = False) -> None:
        """Close the socket; with *polite*, say goodbye first. Raises nothing."""
        connected, self.socket = self.socket, None
        self.bound, self.closed, self.listening, self.password = False, True, False, None
        self.request = self.response = None
        if connected is None:
            return
        if self._usage:
            self._usage.closed_sockets += 1
            self._usage.stop()
        try:
            if polite:
                connected.deadline = time.monotonic() + 0.2
                connected.sendall(wire.unbind_request(next(self._numbers)))
        except (OSError, ValueError):
            pass
        with contextlib.suppress(OSError):
            connected.inner.close()


def _lost(endpoint: Endpoint, error: Exception) -> Lost:
    if isinstance(error, TimeoutError):
        return Lost(f"{endpoint} did not answer in time", timed_out=True)
    return Lost(f"the connection to {endpoint} broke ({error.__class__.__name__}: {error})")


# -- opening -----------------------------------------------------------------------------------------------------------


class Dialer:
    """Opens and binds connections for one domain. Keeps what all of them share: the TLS context."""

    def __init__(self, settings: LDAPSettings, domain: str) -> None:
        self.settings = settings
        self.domain = domain
        self._context: ssl.SSLContext | None = None

    def service_session(self, endpoint: Endpoint, deadline: float, *, for_users: bool = False) -> Session:
        """A connection bound as the service account.

        *for_users*: it is handed to a user of ldap3, with SERVER_OPTIONS's get_info honoured.
        Raises `DirectoryUnavailable` (or `TLSError`), `BindError` or `ConfigurationError`.
        """
        session = self.open(endpoint, deadline, for_users=for_users)
        try:
            with operation(self.domain, "bind", server=str(endpoint)):
                self._bind(session, deadline)
            if for_users:
                session.refresh_server_info()
        except BaseException:
            session.hang_up()
            raise
        session.used_at = time.monotonic()
        return session

    def open(self, endpoint: Endpoint, deadline: float, *, for_users: bool = False) -> Session:
        """An open connection, encrypted where it shall be, not bound. Raises as `service_session` does."""
        settings = self.settings
        session = Session(
            ldap3.Server(
                endpoint.host,
                port=endpoint.port,
                use_ssl=endpoint.tls,
                **{
                    "get_info": ldap3.NONE,
                    **{
                        name: value
                        for name, value in settings.SERVER_OPTIONS.items()
                        if name not in {"port", "use_ssl", "tls", "connect_timeout"}
                        and (for_users or name != "get_info")
                    },
                },
            ),
            domain=self.domain,
            endpoint=endpoint,
            dial=lambda: self._dial(endpoint, time.monotonic() + settings.CONNECT_TIMEOUT),
            operation_timeout=settings.OPERATION_TIMEOUT,
            **self._connection_options(),
        )
        with operation(self.domain, "connect", server=str(endpoint)):
            session.dial, later = lambda: self._dial(endpoint, deadline), session.dial
            try:
                session.open(read_server_info=False)
            finally:
                session.dial = later
        return session

    def _connection_options(self) -> dict[str, Any]:
        settings = self.settings
        given = dict(settings.CONNECTION_OPTIONS)
        strategy = given.get("client_strategy", ldap3.SYNC)
        if strategy != ldap3.SYNC:
            raise ConfigurationError(
                f"CONNECTION_OPTIONS: client_strategy {strategy!r} cannot be used. Connections are pooled, retried and "
                f"used by one thread at a time already; leave it out."
            )
        if given.get("auto_referrals"):
            raise ConfigurationError(
                "CONNECTION_OPTIONS: auto_referrals=True would send the service account's password to any server "
                "that a referral names. Configure the other domain in WAUTH_DOMAINS instead."
            )
        for name in ("user", "password", "authentication", *_OURS):
            given.pop(name, None)
        return {
            **given,
            "auto_referrals": False,
            "read_only": settings.READ_ONLY,
            "collect_usage": settings.COLLECT_METRICS,
            "receive_timeout": settings.OPERATION_TIMEOUT,
        }

    def _dial(self, endpoint: Endpoint, deadline: float) -> DeadlineSocket:
        """Connect, and speak TLS where the endpoint wants it. Every resolved address is tried."""
        connected = _connected(endpoint, deadline)
        try:
            # Without it each small request waits for the acknowledgement of the one before (Nagle): 40 ms apiece.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if endpoint.tls:
                return DeadlineSocket(self._encrypted(connected, endpoint, deadline), deadline)
            plain = DeadlineSocket(connected, deadline)
            if self.settings.START_TLS:
                _start_tls(plain, endpoint)
                plain.inner = self._encrypted(connected, endpoint, deadline)
            return plain
        except BaseException:
            connected.close()
            raise

    def _encrypted(self, connected: socket.socket, endpoint: Endpoint, deadline: float) -> ssl.SSLSocket:
        tls = self.settings.SERVER_OPTIONS.get("tls")
        name = (tls and (tls.sni or next(iter(names(tls.valid_names)), None))) or endpoint.host
        wrapped = None
        try:
            wrapped = self.context().wrap_socket(connected, server_hostname=name, do_handshake_on_connect=False)
            _handshake(wrapped, deadline)
            return wrapped
        except TimeoutError:
            raise DirectoryUnavailable(f"{endpoint} took the connection but did not answer TLS in time.") from None
        except (OSError, ValueError) as error:
            if wrapped is not None:
                wrapped.close()
            if isinstance(error, ConnectionError) or "EOF" in str(error):
                raise DirectoryUnavailable(
                    f"{endpoint} ended the connection during the TLS handshake. "
                    f"Does that port speak LDAPS, and has the server a certificate?"
                ) from None
            raise errors.tls_failed(error, host=endpoint.host, ca_file=self.settings.CA_FILE) from error

    def context(self) -> ssl.SSLContext:
        """The TLS context, made once: reading the system's store costs more than a handshake."""
        if self._context is None:
            self._context = _tls_context(self.settings, self.domain)
        return self._context

    def is_encrypted(self, endpoint: Endpoint) -> bool:
        """Whether what goes to *endpoint* is encrypted."""
        return endpoint.tls or self.settings.START_TLS

    def refuse_plaintext(self, endpoint: Endpoint) -> None:
        """Raise `ConfigurationError` where a password would cross the network readable by anyone."""
        if not self.is_encrypted(endpoint) and not self.settings.ALLOW_INSECURE_PLAINTEXT_BIND:
            raise ConfigurationError(
                f"Domain {self.domain}: a password would go to {endpoint} unencrypted. Use USE_SSL=True or "
                f"START_TLS=True, or AUTHENTICATION='KERBEROS'. ALLOW_INSECURE_PLAINTEXT_BIND=True allows it."
            )

    def _bind(self, session: Session, deadline: float) -> None:
        method = authentication(self.settings)
        account = self.settings.USERNAME
        if method == "SIMPLE":
            code, message = self._bind_with_password(session, account, deadline)
        else:
            code, message = self._bind_with_ldap3(session, method, account, deadline)
        if code != errors.SUCCESS:
            raise errors.bind_failed(code, message, account=account, server=str(session.endpoint))

    def _bind_with_password(self, session: Session, account: str, deadline: float) -> tuple[int, str]:
        if not account:
            result = session.bind_simply("", b"", deadline)  # an anonymous bind: no password is sent
            return result.code, result.message
        password = self._password()
        self.refuse_plaintext(session.endpoint)
        try:
            result = session.bind_simply(account, password.octets, deadline)
        except Lost as error:
            raise DirectoryUnavailable(f"Signing in to the directory failed: {error}.") from None
        return result.code, result.message

    def _bind_with_ldap3(self, session: Session, method: str, account: str, deadline: float) -> tuple[int, str]:
        session.user = account or None
        session.authentication = ldap3.NTLM if method == "NTLM" else ldap3.SASL
        if method == "NTLM":
            session.password = self._password().octets.decode()
        elif session.sasl_mechanism is None:
            session.sasl_mechanism = ldap3.KERBEROS
        session.operation_timeout = max(1, int(deadline - time.monotonic() + 0.5))
        failure: DirectoryError | None = None
        try:
            session.bind(read_server_info=False)
        except Exception as error:  # ldap3, gssapi and OpenSSL have no common root
            failure = _bind_error(error, method, session.endpoint)
        finally:
            session.operation_timeout = self.settings.OPERATION_TIMEOUT
            session.password = session.request = None
        if failure:
            raise failure  # outside the handler: frames below may hold the password
        result = session.result or {}
        return (0 if session.bound else int(result.get("result") or 49)), str(result.get("message") or "")

    def _password(self) -> Secret:
        password = self.settings.PASSWORD
        octets = password.encode() if isinstance(password, str) else bytes(password or b"")
        if not octets.strip():
            raise ConfigurationError(f"Domain {self.domain}: PASSWORD is empty, so USERNAME cannot sign in.")
        return Secret(octets)


class Secret:
    """Octets that no repr shows."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __repr__(self) -> str:
        return "<secret>"


def authentication(settings: LDAPSettings) -> str:
    """ "SIMPLE", "KERBEROS", "NTLM" or "SASL": AUTHENTICATION, or what CONNECTION_OPTIONS says in ldap3's words."""
    given = settings.CONNECTION_OPTIONS.get("authentication")
    if given is None or given == ldap3.SIMPLE:
        return str(settings.AUTHENTICATION)
    if given == ldap3.ANONYMOUS:
        return "SIMPLE"
    if given == ldap3.SASL and settings.CONNECTION_OPTIONS.get("sasl_mechanism") in {None, ldap3.KERBEROS}:
        return "KERBEROS"
    return str(given)


def _bind_error(error: Exception, method: str, endpoint: Endpoint) -> DirectoryError:
    kind = type(error).__name__
    text = str(error).split("\n")[0][:300]
    if "gssapi" in text or kind in {"LDAPPackageUnavailableError", "ModuleNotFoundError", "ImportError"}:
        return BindError(
            f"{method} cannot be used here: {text}. Install the extra: pip install 'windowsauth[kerberos]' cryptography"
        )
    if method == "KERBEROS" and not isinstance(error, LDAPExceptionError):
        return BindError(
            f"No Kerberos ticket for {endpoint}: {text}. Check kinit (or KRB5_CLIENT_KTNAME), krb5.conf, the clocks, "
            f"and that SERVER is the name in the controller's ldap/… service principal."
        )
    if "terminated" in text or "socket" in text.lower() or isinstance(error, OSError):
        if method == "NTLM":
            return BindError(f"{endpoint} ended the connection at the NTLM bind: it may not allow NTLM. ({text})")
        return DirectoryUnavailable(f"{endpoint} ended the connection at the {method} bind ({text}).")
    return BindError(f"The {method} bind to {endpoint} failed: {text}.")


def _connected(endpoint: Endpoint, deadline: float) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DirectoryUnavailable(
            f"The name {endpoint.host!r} cannot be resolved ({error.strerror or error}). Check SERVER and the DNS."
        ) from None
    failure: OSError = OSError("no address")
    for left, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=False):
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
    raise DirectoryUnavailable(f"{endpoint} cannot be reached: {failure.strerror or failure}.")


def _handshake(wrapped: ssl.SSLSocket, deadline: float) -> None:
    """A TLS handshake that ends at *deadline*, however slowly the other side trickles."""
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


def _start_tls(plain: DeadlineSocket, endpoint: Endpoint) -> None:
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
    if code != errors.SUCCESS:
        raise errors.tls_failed(
            ConnectionError(f"StartTLS was refused ({errors.code_name(code)})"), host=endpoint.host, ca_file=None
        )


def _tls_context(settings: LDAPSettings, domain: str) -> ssl.SSLContext:
    tls = settings.SERVER_OPTIONS.get("tls")
    try:
        if tls is None:
            context = ssl.create_default_context(cafile=settings.CA_FILE)
        else:
            context = ssl.create_default_context(
                cafile=tls.ca_certs_file or settings.CA_FILE, capath=tls.ca_certs_path, cadata=tls.ca_certs_data
            )
            if tls.certificate_file:
                context.load_cert_chain(tls.certificate_file, tls.private_key_file, tls.private_key_password)
            if tls.ciphers:
                context.set_ciphers(tls.ciphers)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"Domain {domain}: CA_FILE {settings.CA_FILE!r} cannot be read as PEM certificates ({error})."
        ) from None
    if not settings.TLS_VERIFY:
        log.warning("Domain %s: TLS_VERIFY is off. Anyone on the network can pose as the domain controller.", domain)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
