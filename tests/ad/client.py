"""A plain ldap3 connection for the tests' own use: verified, writable, closed at the end."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import ldap3
from ldap3.core.exceptions import LDAPExceptionError


@contextmanager
def connected(host: str, port: int, ca_file: str, user: str, password: str) -> Iterator[ldap3.Connection]:
    """A bound connection over verified LDAPS, which raises on errors."""
    server = ldap3.Server(
        host, port=port, use_ssl=True, tls=VerifiedTls(ca_file), get_info=ldap3.NONE, connect_timeout=10
    )
    connection = ldap3.Connection(
        server,
        user=user,
        password=password.encode(),
        raise_exceptions=True,
        receive_timeout=30,
        auto_referrals=False,
    )
    try:
        connection.bind()
        yield connection
    finally:
        with suppress(LDAPExceptionError):
            connection.unbind()
        if connection.socket is not None:
            connection.socket.close()


class VerifiedTls(ldap3.Tls):  # type: ignore[misc]
    """TLS whose host name OpenSSL checks: ldap3's own check calls a function that Python 3.12 took away."""

    def __init__(self, ca_file: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = False) -> None:
        """Wrap and shake hands at once."""
        context = ssl.create_default_context(cafile=self.ca_certs_file)
        # without this a connection of three small packets takes 40 ms longer
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)
