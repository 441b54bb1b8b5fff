"""Signing in to the directory by Kerberos (SASL mechanism GSSAPI, RFC 4752), with no password.

Who signs in:

- On Windows: the account that this process runs as, by SSPI.
- Elsewhere: the owner of the process's ticket, or with ``CLIENT_KEYTAB`` the owner of a key in that file. Tickets from
  a keytab are kept in this process's memory. At a bind MIT Kerberos gets a new one if less than half of the time is
  left.

Over TLS the bind carries the channel binding ``tls-server-end-point`` (RFC 5929 section 4), which domain controllers
can demand (LdapEnforceChannelBinding). Signing and encryption by Kerberos itself are not supported: TLS does that.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
from typing import Any, Protocol

from ldap3.protocol.sasl.sasl import send_sasl_negotiation

from wauth_core.exceptions import BindError, ConfigurationError, SigningRequired
from wauth_core.settings import LDAPSettings

IN_PROGRESS = 14  # saslBindInProgress, RFC 4511 section 4.1.9
NO_LAYER = 1  # RFC 4752 section 3.3
INSTALL = 'pip install "windowsauth[kerberos]"'


class Context(Protocol):
    """A client's security context, of either library."""

    @property
    def complete(self) -> bool:
        """Whether both sides have proved who they are."""

    def step(self, token: bytes | None) -> bytes | None:
        """The token to send in reply to the server's; the first call passes None."""

    def unwrap(self, message: bytes) -> bytes:
        """The content of what the server sent, with its integrity checked."""

    def wrap(self, message: bytes) -> bytes:
        """*message* with its integrity protected."""


def bind(connection: Any, controls: Any, context: Context) -> Any:
    """Sign in. Returns the result of the last bind response in ldap3's form.

    Raises SigningRequired if the server accepts no connection without a security layer.
    """
    token: bytes | None = None
    while True:
        result = send_sasl_negotiation(connection, controls, context.step(token) or b"")
        if result["result"] != IN_PROGRESS:
            return result
        token = result["saslCreds"] or b""
        if context.complete:
            break
    layers = context.unwrap(token)
    if len(layers) != 4 or not layers[0] & NO_LAYER:
        raise SigningRequired(
            f"{connection.endpoint} wants signing or encryption. Use LDAPS (USE_SSL=True) or START_TLS=True."
        )
    return send_sasl_negotiation(connection, controls, context.wrap(bytes((NO_LAYER, 0, 0, 0))))


def context_for(settings: LDAPSettings, host: str, socket: Any) -> Context:
    """A new context, for the service ``ldap`` on *host* over *socket*.

    Raises BindError if there is no library or no ticket, ConfigurationError for settings that do not apply here.
    """
    binding = channel_binding(getattr(socket, "inner", socket))
    if sys.platform == "win32":
        if settings.USERNAME or settings.CLIENT_KEYTAB:
            raise ConfigurationError(
                "On Windows AUTHENTICATION='KERBEROS' signs in as the account that this process runs as: leave "
                "USERNAME and CLIENT_KEYTAB out, and let the application pool, or the task, run as another account."
            )
        return SSPI(host, binding)
    return GSSAPI(host, binding, settings.USERNAME, str(settings.CLIENT_KEYTAB or ""))


class _Library:
    """What both libraries have in common."""

    _context: Any

    @property
    def complete(self) -> bool:
        return bool(self._context.complete)

    def step(self, token: bytes | None) -> bytes | None:
        answer: bytes | None = self._context.step(token)
        return answer


class GSSAPI(_Library):
    """A context of MIT Kerberos, by python-gssapi."""

    def __init__(self, host: str, binding: bytes | None, username: str, keytab: str) -> None:
        try:
            import gssapi
            from gssapi.raw import ChannelBindings
        except (ImportError, OSError) as error:  # OSError: Kerberos' own libraries are missing
            raise BindError(f"KERBEROS cannot be used here: {error}. Install the extra: {INSTALL}") from None
        options: dict[str, Any] = {}
        if username:
            name = gssapi.Name(principal(username), gssapi.NameType.kerberos_principal)
            options["name"] = name
        if keytab:
            options["store"] = {"client_keytab": f"FILE:{keytab}", "ccache": memory_cache(keytab, username)}
        credentials = gssapi.Credentials(usage="initiate", **options) if options else None
        self._context = gssapi.SecurityContext(
            name=gssapi.Name(f"ldap@{host}", gssapi.NameType.hostbased_service),
            mech=gssapi.MechType.kerberos,
            creds=credentials,
            channel_bindings=ChannelBindings(application_data=binding) if binding else None,
        )

    def unwrap(self, message: bytes) -> bytes:
        return bytes(self._context.unwrap(message).message)

    def wrap(self, message: bytes) -> bytes:
        return bytes(self._context.wrap(message, False).message)


class SSPI(_Library):
    """A context of pyspnego: SSPI on Windows. (Elsewhere it uses gssapi, which is how it is tested.)"""

    def __init__(self, host: str, binding: bytes | None) -> None:
        try:
            import spnego
            from spnego.channel_bindings import GssChannelBindings
        except ImportError as error:
            raise BindError(f"KERBEROS cannot be used here: {error}. Install the extra: {INSTALL}") from None
        self._context = spnego.client(
            hostname=host,
            service="ldap",
            protocol="kerberos",
            channel_bindings=GssChannelBindings(application_data=binding) if binding else None,
            context_req=spnego.ContextReq.mutual_auth
            | spnego.ContextReq.sequence_detect
            | spnego.ContextReq.integrity
            | spnego.ContextReq.confidentiality,
        )

    def unwrap(self, message: bytes) -> bytes:
        return bytes(self._context.unwrap(message).data)

    def wrap(self, message: bytes) -> bytes:
        return bytes(self._context.wrap(message, encrypt=False).data)


def principal(username: str) -> str:
    r"""The Kerberos principal of ``EXAMPLE\name`` (in the default realm), ``name`` or ``name@example.local``."""
    name, at, realm = username.rpartition("\\")[2].partition("@")
    return f"{name}@{realm.upper()}" if at else name


def memory_cache(keytab: str, username: str) -> str:
    """The place in memory for the tickets of one key.

    It is the same for each bind, so that tickets are kept. It is another one when the file has changed, so that a new
    key is used.
    """
    try:
        changed = os.stat(keytab).st_mtime_ns
    except OSError:
        changed = 0  # Kerberos reports what is wrong with it
    return "MEMORY:wauth-" + hashlib.sha256(f"{keytab}\0{username}\0{changed}".encode()).hexdigest()[:32]


def channel_binding(socket: Any) -> bytes | None:
    """The channel binding of a sign-in to its TLS connection (RFC 5929 section 4.1); None without TLS.

    The hash is that of the certificate's signature, SHA-256 for MD5 and SHA-1.
    """
    if not isinstance(socket, ssl.SSLSocket):
        return None
    certificate = socket.getpeercert(binary_form=True)
    if not certificate:
        return None
    try:
        from cryptography import x509
    except ImportError as error:
        raise BindError(f"KERBEROS over TLS cannot be used here: {error}. Install the extra: {INSTALL}") from None
    used = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    name = "sha256" if used is None or used.name in ("md5", "sha1") else used.name
    return b"tls-server-end-point:" + hashlib.new(name, certificate).digest()
