"""Accepting Kerberos tickets: by GSSAPI on Linux and macOS, by SSPI on Windows, behind one small Protocol."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from wauth_core.exceptions import ConfigurationError

LOGON_INFO, CLIENT_INFO = b"urn:mspac:logon-info", b"urn:mspac:client-info"  # MIT krb5, src/lib/krb5/krb/pac.c


class HandshakeFailed(Exception):
    """The token signs nobody in. The text is for the log."""


@dataclass(frozen=True)
class Accepted:
    """A ticket that was accepted. *reply* proves our own identity to the client (mutual authentication).

    *lifetime* is how long the ticket lasts, if that is known. *logon_info* and *client_info* are those buffers of
    the ticket's PAC, if it has one whose signatures were checked.
    """

    principal: str
    lifetime: timedelta | None = None
    reply: bytes | None = field(default=None, repr=False)
    logon_info: bytes | None = field(default=None, repr=False)
    client_info: bytes | None = field(default=None, repr=False)


class Acceptor(Protocol):
    """The service's side of SPNEGO (RFC 4178), in one leg. Safe to share between threads.

    *realms* are those it has keys of, as far as it knows; *shows_pac* says whether it can tell a ticket's groups.
    """

    realms: tuple[str, ...]
    shows_pac: bool

    def accept(self, token: bytes) -> Accepted:
        """Raises `HandshakeFailed`: junk, NTLM, a replay, a ticket for another service, a second leg wanted."""


def system_acceptor(keytab: str | os.PathLike[str] | None, service: str | None) -> Acceptor:
    """SSPI on Windows (the account that the process runs as holds the key), GSSAPI elsewhere."""
    if os.name == "nt":
        if keytab is not None or service is not None:
            raise ConfigurationError(
                "On Windows Negotiate takes neither keytab nor service: the process's own account has the key, "
                "and every SPN of that account is accepted."
            )
        return SSPIAcceptor()
    return GSSAPIAcceptor(keytab, service)


class GSSAPIAcceptor:
    """Tickets for the keys in *keytab* (or the system's default one), and for *service* alone where it is given:
    a Kerberos principal such as ``HTTP/intranet.example.local@EXAMPLE.LOCAL``.

    The replay cache stays on. Raises `ConfigurationError` if the key cannot be read.
    """

    shows_pac = True

    def __init__(self, keytab: str | os.PathLike[str] | None = None, service: str | None = None) -> None:
        self._gssapi = _gssapi()
        if keytab is not None and not Path(keytab).is_file():
            raise ConfigurationError(f"There is no keytab {os.fspath(keytab)!r}.")
        self._credentials = self._acquire(keytab, service)
        self.realms = own_realms(keytab, service)

    def _acquire(self, keytab: str | os.PathLike[str] | None, service: str | None) -> Any:
        gssapi = self._gssapi
        kerberos, spnego = gssapi.MechType.kerberos, gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        try:
            name = None if service is None else gssapi.Name(service, gssapi.NameType.kerberos_principal)
            store = None if keytab is None else {b"keytab": os.fsencode(keytab)}
            arguments = {"name": name, "mechs": [spnego, kerberos], "usage": "accept"}
            credentials = gssapi.Credentials(store=store, **arguments)
            gssapi.raw.set_neg_mechs(credentials, [kerberos])
        except gssapi.exceptions.GSSError as error:
            raise ConfigurationError(
                f"No key to accept Kerberos tickets with (keytab {keytab or 'of the system'}, "
                f"service {service or 'any'}): {error}"
            ) from error
        return credentials

    def accept(self, token: bytes) -> Accepted:
        gssapi = self._gssapi
        try:
            # The raw call: one round through the library, and a replay is an error here rather than at a later use.
            result = gssapi.raw.accept_sec_context(token, self._credentials)
            if result.more_steps:
                raise HandshakeFailed("the client wants another leg (NTLM, or no ticket for this service)")
            if result.mech != gssapi.MechType.kerberos:
                raise HandshakeFailed("it is not Kerberos")
            client = result.initiator_name
            return Accepted(
                gssapi.raw.display_name(client, name_type=False).name.decode("utf-8"),
                timedelta(seconds=max(0, result.lifetime)),
                result.token or None,
                self._attribute(client, LOGON_INFO),
                self._attribute(client, CLIENT_INFO),
            )
        except HandshakeFailed:
            raise
        except Exception as error:  # the library raises ValueError, AttributeError and more for hostile tokens
            raise HandshakeFailed(f"{type(error).__name__}: {str(error)[:300]}") from error

    def _attribute(self, name: Any, attribute: bytes) -> bytes | None:
        try:
            found = self._gssapi.raw.get_name_attribute(name, attribute)
        except self._gssapi.exceptions.GSSError:
            return None
        if not (found.authenticated and found.complete and found.values):
            return None
        return bytes(found.values[0])


class SSPIAcceptor:
    """Tickets for the account that this Windows process runs as. SSPI does not hand out the PAC."""

    realms: tuple[str, ...] = ()
    shows_pac = False

    def __init__(self) -> None:
        try:
            import spnego
        except ImportError as error:
            raise ConfigurationError(
                'Negotiate needs pyspnego on Windows: pip install "windowsauth[kerberos]"'
            ) from error
        self._spnego = spnego

    def accept(self, token: bytes) -> Accepted:
        try:
            context = self._spnego.server(protocol="negotiate")
            reply = context.step(token)
            if not context.complete:
                raise HandshakeFailed("the client wants another leg (NTLM, or no ticket for this service)")
            if context.negotiated_protocol != "kerberos":
                raise HandshakeFailed(f"it is {context.negotiated_protocol}, not Kerberos")
            return Accepted(str(context.client_principal), reply=reply or None)
        except HandshakeFailed:
            raise
        except Exception as error:
            raise HandshakeFailed(f"{type(error).__name__}: {str(error)[:300]}") from error


def _gssapi() -> Any:
    try:
        import gssapi
        import gssapi.raw
    except ImportError as error:
        raise ConfigurationError('Negotiate needs gssapi: pip install "windowsauth[kerberos]"') from error
    return gssapi


def own_realms(keytab: str | os.PathLike[str] | None, service: str | None) -> tuple[str, ...]:
    """The realms of *service*, or of the keys in *keytab*; none if the keytab is no file that can be read."""
    if service is not None and "@" in service:
        return (service.rpartition("@")[2],)
    path = os.fspath(keytab or os.environ.get("KRB5_KTNAME", "/etc/krb5.keytab")).removeprefix("FILE:")
    try:
        return keytab_realms(Path(path).read_bytes())
    except (OSError, struct.error, UnicodeDecodeError):
        return ()


def keytab_realms(data: bytes) -> tuple[str, ...]:
    """The realms in a keytab file, in order (https://web.mit.edu/kerberos/krb5-devel/doc/formats/keytab_file_format.html).

    Raises struct.error or UnicodeDecodeError for what is none.
    """
    if data[:2] != b"\x05\x02":
        raise struct.error("not a keytab of version 2")
    found: dict[str, None] = {}
    position = 2
    while position < len(data):
        (size,) = struct.unpack_from(">i", data, position)
        if size > 0:  # a negative size is a hole
            (length,) = struct.unpack_from(">H", data, position + 6)
            found[data[position + 8 : position + 8 + length].decode()] = None
        position += 4 + abs(size)
    return tuple(found)
