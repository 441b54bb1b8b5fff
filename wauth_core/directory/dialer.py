"""Opening a connection to one server: encrypted, verified and bound within a deadline."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPExceptionError

from wauth_core.cache import SharedCache
from wauth_core.directory import diagnosis
from wauth_core.directory.addresses import Addresses
from wauth_core.directory.connection import Connection, Lost, Secret
from wauth_core.directory.endpoints import Endpoint
from wauth_core.directory.kerberos import context_for
from wauth_core.directory.refusals import Refusals
from wauth_core.directory.sockets import DeadlineSocket, connected, handshake, start_tls
from wauth_core.directory.tracing import operation
from wauth_core.exceptions import BindError, ConfigurationError, DirectoryError, DirectoryUnavailable, WauthError
from wauth_core.secrets import Veiled
from wauth_core.settings import LDAPSettings, as_names

log = logging.getLogger("wauth.directory")

_OURS = frozenset({"client_strategy", "auto_bind", "read_only", "collect_usage", "receive_timeout", "lazy"})


class Dialer:
    """Opens and binds connections for one domain. All of them share one TLS context."""

    def __init__(self, settings: LDAPSettings, domain: str, stores: tuple[SharedCache, ...] = ()) -> None:
        self.settings = settings
        self.domain = domain
        self._context: tuple[ssl.SSLContext, object] | None = None
        self._addresses = Addresses()
        self.refusals = Refusals(str(settings.USERNAME), (domain, *as_names(settings.SERVER)), stores)
        self.discard: Callable[[Connection], None] = Connection.hang_up
        """What becomes of a connection on which nobody could sign in."""

    def service_connection(self, endpoint: Endpoint, deadline: float, *, for_users: bool = False) -> Connection:
        """A connection bound as the service account.

        *for_users*: the application uses it through ldap3, so get_info of SERVER_OPTIONS applies. Raises
        `DirectoryUnavailable` (or `TLSError`), `BindError` or `ConfigurationError`.
        """
        if authentication(self.settings) == "NTLM" or self._is_simple_with_account:
            self._password()  # a missing one is reported before anything is tried
        connection = self.open(endpoint, deadline, for_users=for_users)
        try:
            self._bind(connection, deadline)
            if for_users:
                _read_server_info(connection)
        except BaseException:
            self.discard(connection)
            raise
        connection.used_at = time.monotonic()
        return connection

    def open(self, endpoint: Endpoint, deadline: float, *, for_users: bool = False) -> Connection:
        """An open connection, encrypted if the settings say so, not bound. Raises as `service_connection` does."""
        connection = self._unopened(endpoint, for_users=for_users)
        connection.dial, later = lambda: self._dial(endpoint, deadline), connection.dial
        try:
            connection.open(read_server_info=False)
        finally:
            connection.dial = later
        return connection

    def _unopened(self, endpoint: Endpoint, *, for_users: bool) -> Connection:
        settings = self.settings
        ours = {"port", "use_ssl", "tls", "connect_timeout"} | (set() if for_users else {"get_info"})
        server_options = Veiled({name: value for name, value in settings.SERVER_OPTIONS.items() if name not in ours})
        server_options.setdefault("get_info", ldap3.NONE)
        try:
            return Connection(
                ldap3.Server(endpoint.host, port=endpoint.port, use_ssl=endpoint.tls, **server_options),
                domain=self.domain,
                endpoint=endpoint,
                dial=lambda: self._dial(endpoint, time.monotonic() + settings.CONNECT_TIMEOUT),
                operation_timeout=settings.OPERATION_TIMEOUT,
                **self._connection_options(),
            )
        except (TypeError, LDAPExceptionError) as error:
            raise ConfigurationError(
                f"Domain {self.domain}: SERVER_OPTIONS or CONNECTION_OPTIONS are not what ldap3 takes: {error}."
            ) from None

    def _connection_options(self) -> dict[str, Any]:
        settings = self.settings
        given = Veiled(settings.CONNECTION_OPTIONS)
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
        """Connect, with TLS if the endpoint wants it. Every resolved address is tried."""
        plain = connected(endpoint, deadline, self._addresses)
        try:
            # Without it each small request waits 40 ms for the acknowledgement of the one before (Nagle).
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if endpoint.tls:
                return DeadlineSocket(self._encrypted(plain, endpoint, deadline), deadline)
            opened = DeadlineSocket(plain, deadline)
            if self.settings.START_TLS:
                with operation(self.domain, "starttls", server=str(endpoint), socket=opened):
                    start_tls(opened, endpoint)
                opened.inner = self._encrypted(plain, endpoint, deadline)
            return opened
        except BaseException:
            plain.close()
            raise

    def _encrypted(self, plain: socket.socket, endpoint: Endpoint, deadline: float) -> ssl.SSLSocket:
        tls = self.settings.SERVER_OPTIONS.get("tls")
        name = (tls and (tls.sni or next(iter(as_names(tls.valid_names)), None))) or endpoint.host
        wrapped = self.context().wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        try:
            handshake(wrapped, deadline)
            return wrapped
        except (OSError, ValueError) as error:
            wrapped.close()
            if isinstance(error, TimeoutError):
                raise DirectoryUnavailable(f"{endpoint} took the connection but did not answer TLS in time.") from None
            if isinstance(error, ConnectionError) or "EOF" in str(error):
                raise DirectoryUnavailable(
                    f"{endpoint} ended the connection during the TLS handshake. "
                    f"Does that port speak LDAPS, and has the server a certificate?"
                ) from None
            raise diagnosis.tls_failed(error, host=endpoint.host, ca_file=self.settings.CA_FILE) from error

    def context(self) -> ssl.SSLContext:
        """The TLS context, kept until a file changes: reading the system's store takes longer than a handshake."""
        seen = _stamps(self.settings)
        known = self._context
        if known is None or known[1] != seen:
            try:
                known = self._context = _tls_context(self.settings, self.domain), seen
            except ConfigurationError as error:
                if known is None:
                    raise
                log.warning("%s What it held before is used.", error)  # it may just be written
        return known[0]

    def is_encrypted(self, endpoint: Endpoint) -> bool:
        """Whether what goes to *endpoint* is encrypted."""
        return endpoint.tls or self.settings.START_TLS

    def refuse_plaintext(self, endpoint: Endpoint) -> None:
        """Raise `ConfigurationError` if a password would cross the network in the clear."""
        if not self.is_encrypted(endpoint) and not self.settings.ALLOW_INSECURE_PLAINTEXT_BIND:
            raise ConfigurationError(
                f"Domain {self.domain}: a password would go to {endpoint} unencrypted. Use USE_SSL=True or "
                f"START_TLS=True, or AUTHENTICATION='KERBEROS'. ALLOW_INSECURE_PLAINTEXT_BIND=True allows it."
            )

    @property
    def _is_simple_with_account(self) -> bool:
        return authentication(self.settings) == "SIMPLE" and bool(self.settings.USERNAME)

    def _bind(self, connection: Connection, deadline: float) -> None:
        method = authentication(self.settings)
        account = self.settings.USERNAME
        if method == "SIMPLE":
            code, message = self._bind_with_password(connection, account, deadline)
        elif method == "NTLM":
            code, message = self.refusals.bind(
                self._password(), deadline, lambda: self._bind_with_ldap3(connection, method, account, deadline)
            )
        else:
            code, message = self._bind_with_ldap3(connection, method, account, deadline)
        if code != diagnosis.SUCCESS:
            raise diagnosis.bind_failed(code, message, account=account, server=str(connection.endpoint))

    def _bind_with_password(self, connection: Connection, account: str, deadline: float) -> tuple[int, str]:
        if not account:
            result = connection.bind_simply("", Secret(b""), deadline)  # an anonymous bind: no password is sent
            return result.code, result.message
        password = self._password()
        self.refuse_plaintext(connection.endpoint)

        def bind() -> tuple[int, str]:
            try:
                result = connection.bind_simply(account, password, deadline)
            except Lost as error:
                raise DirectoryUnavailable(f"Signing in to the directory failed: {error}.") from None
            return result.code, result.message

        return self.refusals.bind(password, deadline, bind)

    def _bind_with_ldap3(self, connection: Connection, method: str, account: str, deadline: float) -> tuple[int, str]:
        connection.user = account or None
        connection.authentication = ldap3.NTLM if method == "NTLM" else ldap3.SASL
        if method == "NTLM":
            connection.password = self._password().octets.decode()
        elif method == "KERBEROS":
            connection.sasl_mechanism = ldap3.KERBEROS
            if not connection.sasl_credentials and not connection.cred_store:  # which ask for ldap3's own bind
                host = connection.endpoint.host
                connection.kerberos = lambda: context_for(self.settings, host, connection.socket)
        connection.operation_timeout = max(1, int(deadline - time.monotonic() + 0.5))
        failure: WauthError | None = None
        try:
            connection.bind(read_server_info=False)
        except WauthError as error:
            failure = error
        except Exception as error:  # ldap3, gssapi and OpenSSL have no common root
            failure = _bind_error(error, method, connection.endpoint)
        finally:
            connection.operation_timeout = self.settings.OPERATION_TIMEOUT
            connection.password = connection.request = None
        if failure:
            raise failure  # outside the handler: its frames may hold the password
        result = connection.result or {}
        return (0 if connection.bound else int(result.get("result") or 49)), str(result.get("message") or "")

    def _password(self) -> Secret:
        password = self.settings.password()
        octets = password.encode() if isinstance(password, str) else bytes(password or b"")
        if not octets.strip():
            raise ConfigurationError(f"Domain {self.domain}: PASSWORD is empty, so USERNAME cannot sign in.")
        return Secret(octets)


def _read_server_info(connection: Connection) -> None:
    """What SERVER_OPTIONS's get_info asks for."""
    try:
        connection.refresh_server_info()
    except LDAPExceptionError as error:
        raise DirectoryUnavailable(f"{connection.endpoint} did not tell what get_info asks for: {error}.") from error


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
            f'{method} cannot be used here: {text}. Install the extra: pip install "windowsauth[kerberos]"'
        )
    if "md4" in text.lower():
        return BindError("NTLM needs MD4, which this Python has not: pip install pycryptodome. Better use KERBEROS.")
    if method == "KERBEROS" and not isinstance(error, LDAPExceptionError):
        return BindError(
            f"No Kerberos ticket for {endpoint}: {text}. Check who signs in (CLIENT_KEYTAB or kinit; on Windows the "
            f"account of the process, which LOCAL SERVICE cannot be), krb5.conf, the clocks, and that SERVER is the "
            f"name in the controller's ldap/… service principal."
        )
    if "terminated" in text or "socket" in text.lower() or isinstance(error, OSError):
        if method == "NTLM":
            return BindError(f"{endpoint} ended the connection at the NTLM bind: it may not allow NTLM. ({text})")
        return DirectoryUnavailable(f"{endpoint} ended the connection at the {method} bind ({text}).")
    return BindError(f"The {method} bind to {endpoint} failed: {text}.")


def _stamps(settings: LDAPSettings) -> tuple[object, ...]:
    """A value that changes when one of the TLS files changes."""
    tls = settings.SERVER_OPTIONS.get("tls")
    files = [settings.CA_FILE]
    if tls is not None:
        files += [tls.ca_certs_file, tls.certificate_file, tls.private_key_file]
    stamps: list[object] = []
    for each in files:
        try:
            stat = os.stat(each) if each else None
            stamps.append(stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError:
            stamps.append(None)
    return tuple(stamps)


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
    context.hostname_checks_common_name = False  # RFC 9525 6.3: a name counts as a subjectAltName only
    if not settings.TLS_VERIFY:
        log.warning("Domain %s: TLS_VERIFY is off. Anyone on the network can pose as the domain controller.", domain)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
