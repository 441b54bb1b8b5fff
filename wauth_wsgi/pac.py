"""Reading the Privilege Attribute Certificate that a domain controller puts into each Kerberos ticket (MS-PAC).

The bytes come from a ticket whose signatures the Kerberos library checked. They are read all the same as if an enemy
had written them: bounded counts, nothing beyond the end, one error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")

MAX_BYTES = 128 * 1024  # twice Windows' MaxTokenSize
MAX_GROUPS = 4096  # a token holds 1,015 SIDs (MS KB 328889); resource groups and history are counted apart
MAX_SUB_AUTHORITIES = 15  # MS-DTYP 2.4.2.2

SE_GROUP_ENABLED = 0x4  # MS-PAC 2.2.1
SE_GROUP_USE_FOR_DENY_ONLY = 0x10
EXTRA_SIDS_PRESENT = 0x20  # UserFlags, MS-PAC 2.5
RESOURCE_GROUPS_PRESENT = 0x200

_HEADER = b"\x01\x10\x08\x00"  # MS-RPCE 2.2.6.1: version 1, little-endian, eight bytes


class BadPac(ValueError):
    """The bytes are no PAC buffer of the kind wanted."""


@dataclass(frozen=True)
class LogonInfo:
    """What matters of a KERB_VALIDATION_INFO. *group_sids* are the enabled ones, without deny-only groups."""

    username: str
    domain: str  # NetBIOS
    user_sid: str
    group_sids: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class UpnInfo:
    """A UPN_DNS_INFO (MS-PAC 2.10). *upn* is None where the account has none and it was made up."""

    upn: str | None
    dns_domain: str


def read_logon_info(data: bytes) -> LogonInfo:
    """Read ``urn:mspac:logon-info``: an NDR-encoded KERB_VALIDATION_INFO (MS-PAC 2.5). Raises `BadPac`."""
    return _guarded(_read_logon_info, data)


def read_upn_info(data: bytes) -> UpnInfo:
    """Read ``urn:mspac:upn-dns-info`` (MS-PAC 2.10). Raises `BadPac`."""
    return _guarded(_read_upn_info, data)


def _guarded(read: Callable[[bytes], _T], data: bytes) -> _T:
    if len(data) > MAX_BYTES:
        raise BadPac("it is too long")
    try:
        return read(data)
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise BadPac(f"it ends early or is not what it says: {error}") from None


def _read_logon_info(data: bytes) -> LogonInfo:
    if data[:4] != _HEADER:
        raise BadPac("it does not start as a serialized structure does")
    ndr = _Reader(data, 16)
    if not ndr.u32():
        raise BadPac("it is a null pointer")
    fixed = _Fixed(ndr)
    # What the pointers point to follows in the order of the pointers.
    strings = [ndr.string(pointer) for pointer in fixed.first_strings]
    groups = ndr.memberships(fixed.groups, fixed.group_count)
    server_and_domain = [ndr.string(pointer) for pointer in fixed.second_strings]
    domain_sid = ndr.sid_at(fixed.domain_sid)
    extra = ndr.sids_and_attributes(fixed.extra_sids, fixed.extra_count)
    resource_domain = ndr.sid_at(fixed.resource_domain)
    resources = ndr.memberships(fixed.resources, fixed.resource_count)

    username, domain = strings[0], server_and_domain[1]
    if not domain_sid or not username or not domain:
        raise BadPac("it names no user or no domain")
    if not fixed.flags & EXTRA_SIDS_PRESENT:
        extra = []
    if fixed.user_rid:
        user_sid = f"{domain_sid}-{fixed.user_rid}"
    elif extra:
        user_sid = extra.pop(0)[0]  # MS-PAC 2.5, UserId
    else:
        raise BadPac("it holds no user's SID")
    sids = [(f"{domain_sid}-{rid}", attributes) for rid, attributes in groups] + extra
    if fixed.primary_rid not in {rid for rid, _ in groups}:
        sids.append((f"{domain_sid}-{fixed.primary_rid}", SE_GROUP_ENABLED))
    if fixed.flags & RESOURCE_GROUPS_PRESENT and resource_domain:
        sids += [(f"{resource_domain}-{rid}", attributes) for rid, attributes in resources]
    return LogonInfo(username, domain, user_sid, _enabled(sids))


def _enabled(sids: list[tuple[str, int]]) -> frozenset[str]:
    denied = {sid for sid, attributes in sids if attributes & SE_GROUP_USE_FOR_DENY_ONLY}
    return frozenset(sid for sid, attributes in sids if attributes & SE_GROUP_ENABLED) - denied


class _Fixed:
    """The part of KERB_VALIDATION_INFO that has a fixed size, up to its pointers."""

    def __init__(self, ndr: _Reader) -> None:
        ndr.skip(6 * 8)  # six FILETIMEs
        self.first_strings = [ndr.string_pointer() for _ in range(6)]  # EffectiveName is the first
        ndr.skip(2 * 2)  # LogonCount, BadPasswordCount
        self.user_rid, self.primary_rid, self.group_count, self.groups = (ndr.u32() for _ in range(4))
        self.flags = ndr.u32()
        ndr.skip(16)  # UserSessionKey
        self.second_strings = [ndr.string_pointer() for _ in range(2)]  # LogonServer, LogonDomainName
        self.domain_sid = ndr.u32()
        ndr.skip(8 + 4 + 4 + 8 + 8 + 4 + 4)  # Reserved1 … FailedILogonCount, Reserved3
        self.extra_count, self.extra_sids = ndr.u32(), ndr.u32()
        self.resource_domain, self.resource_count, self.resources = ndr.u32(), ndr.u32(), ndr.u32()


class _Reader:
    """Little-endian NDR (C706 chapter 14), forward only. Reading past the end raises struct.error."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def skip(self, count: int) -> None:
        self._position += count

    def u16(self) -> int:
        return self._unpack("<H", 2)

    def u32(self) -> int:
        self._position += -self._position % 4
        return self._unpack("<I", 4)

    def string_pointer(self) -> tuple[int, int]:
        """An RPC_UNICODE_STRING: its length in bytes, and whether there is one."""
        length, _maximum = self.u16(), self.u16()
        return length, self.u32()

    def string(self, pointer: tuple[int, int]) -> str:
        length, present = pointer
        if not present:
            return ""
        _maximum, offset, count = self.u32(), self.u32(), self.u32()
        if offset or count * 2 != length:
            raise BadPac("a text has two lengths")
        return self._take(length).decode("utf-16-le")

    def memberships(self, pointer: int, count: int) -> list[tuple[int, int]]:
        """An array of GROUP_MEMBERSHIP: RID and attributes."""
        if not self._array(pointer, count):
            return []
        return [(self.u32(), self.u32()) for _ in range(count)]

    def sids_and_attributes(self, pointer: int, count: int) -> list[tuple[str, int]]:
        """An array of KERB_SID_AND_ATTRIBUTES."""
        if not self._array(pointer, count):
            return []
        pointers = [(self.u32(), self.u32()) for _ in range(count)]
        found = [(self.sid_at(sid), attributes) for sid, attributes in pointers]
        return [(sid, attributes) for sid, attributes in found if sid]

    def sid_at(self, pointer: int) -> str | None:
        """An RPC_SID (MS-DTYP 2.4.2.3) as text."""
        if not pointer:
            return None
        announced = self.u32()
        revision, count = self._take(2)
        if revision != 1 or count != announced or count > MAX_SUB_AUTHORITIES:
            raise BadPac("a SID is not one")
        authority = int.from_bytes(self._take(6), "big")
        parts = [self.u32() for _ in range(count)]
        return "-".join(["S-1", str(authority), *map(str, parts)])

    def _array(self, pointer: int, count: int) -> bool:
        if not pointer:
            if count:
                raise BadPac("a list is announced and missing")
            return False
        if count > MAX_GROUPS or self.u32() != count:
            raise BadPac("a list has two lengths, or is too long")
        return True

    def _unpack(self, layout: str, size: int) -> int:
        (value,) = struct.unpack_from(layout, self._data, self._position)
        self._position += size
        return int(value)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) != count:
            raise BadPac("it ends early")
        self._position += count
        return taken


def _read_upn_info(data: bytes) -> UpnInfo:
    upn_length, upn_at, dns_length, dns_at, flags = struct.unpack_from("<HHHHI", data)

    def text(at: int, length: int) -> str:
        if at + length > len(data):
            raise BadPac("a text lies beyond the end")
        return data[at : at + length].decode("utf-16-le")

    upn = text(upn_at, upn_length)
    made_up = bool(flags & 1)  # the "U" flag: the account has no userPrincipalName
    return UpnInfo(None if made_up or not upn else upn, text(dns_at, dns_length))
