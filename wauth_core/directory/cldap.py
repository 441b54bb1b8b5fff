"""The LDAP ping: one datagram asks a domain controller who it is, and which site the asking machine is in.

MS-ADTS 6.3.3 (the request), 6.3.1.9 (the answer), RFC 1798 (LDAP over UDP). Nothing secret is sent. The answer decides
only in which order servers are asked: the chosen one must still show a certificate.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from wauth_core.directory import filters, wire

_VERSION = struct.pack("<I", 0x2 | 0x4)  # NETLOGON_NT_VERSION_5 and _5EX, MS-ADTS 6.3.1.1
_LOGON_RESPONSE_EX = 23  # MS-ADTS 6.3.1.3
_MESSAGE_ID = 1


@dataclass(frozen=True)
class Pong:
    """What a controller says of itself. *client_site* is the asking machine's site; "" if its network is in no site."""

    flags: int
    forest: str
    domain: str
    host: str
    site: str
    client_site: str


def ping(host: str, port: int, domain: str, timeout: float) -> Pong | None:
    """Ask *host* about the DNS domain *domain*. Returns None if no fitting answer comes within *timeout* seconds."""
    deadline = time.monotonic() + timeout
    try:
        [(family, kind, number, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        with socket.socket(family, kind, number) as connected:
            connected.connect(address)  # the socket drops answers of others
            connected.send(request(domain))
            while (left := deadline - time.monotonic()) > 0:
                connected.settimeout(left)
                answered = pong(connected.recv(65_535))
                if answered is not None:
                    return answered
    except (OSError, ValueError):
        pass
    return None


def request(domain: str) -> bytes:
    """The datagram that asks about *domain*."""
    condition = filters.all_of(filters.equals("DnsDomain", domain), filters.equals("NtVer", _VERSION))
    return wire.search_request(_MESSAGE_ID, "", wire.BASE, condition, ("NetLogon",))


def pong(datagram: bytes) -> Pong | None:
    """Read an answer; None if it is not one."""
    try:
        if wire.message_size(datagram) > len(datagram):
            return None
        number, tag, content, _ = wire.read_message(datagram[: wire.message_size(datagram)])
        if number != _MESSAGE_ID or tag != wire.ENTRY:
            return None
        values = {name.lower(): found for name, found in wire.read_entry(content).attributes.items()}
        return _read(values["netlogon"][0])
    except (wire.WireError, KeyError, IndexError, ValueError, struct.error):
        return None


def _read(value: bytes) -> Pong | None:
    opcode, _, flags = struct.unpack_from("<HHI", value)
    if opcode != _LOGON_RESPONSE_EX:
        return None
    at = 24  # after opcode, padding, flags and the domain's GUID
    names = []
    for _ in range(8):
        name, at = _name(value, at)
        names.append(name)
    forest, domain, host, _netbios, _computer, _user, site, client_site = names
    return Pong(flags, forest, domain, host, site, client_site)


def _name(value: bytes, at: int) -> tuple[str, int]:
    """Read a compressed DNS name (RFC 1035 4.1.4). Returns it and where the next begins. Raises ValueError."""
    labels: list[bytes] = []
    end = None
    for _ in range(128):  # ends a pointer that points at itself
        size = value[at]
        if size == 0:
            return b".".join(labels).decode(), end or at + 1
        if size & 0xC0 == 0xC0:
            end = end or at + 2
            at = (size & 0x3F) << 8 | value[at + 1]
        else:
            labels.append(value[at + 1 : at + 1 + size])
            at += 1 + size
    raise ValueError("a name without an end")
