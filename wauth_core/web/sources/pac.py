"""Reading the Privilege Attribute Certificate that a domain controller puts into each Kerberos ticket (MS-PAC).

The bytes come from a ticket whose signatures the Kerberos library checked. They are read all the same as if an enemy
had written them: bounded counts, nothing beyond the end, one error.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from wauth_core.identity import TransportFacts

MAX_BYTES = 128 * 1024  # twice Windows' MaxTokenSize
MAX_GROUPS = 4096  # a token holds 1,015 SIDs (MS KB 328889); resource groups and history are counted apart
MAX_SUB_AUTHORITIES = 15  # MS-DTYP 2.4.2.2

SE_GROUP_ENABLED = 0x4  # MS-PAC 2.2.1
SE_GROUP_USE_FOR_DENY_ONLY = 0x10
EXTRA_SIDS_PRESENT = 0x20  # UserFlags, MS-PAC 2.5
RESOURCE_GROUPS_PRESENT = 0x200

SERVICE_ASSERTED = "S-1-18-2"  # MS-DTYP 2.4.2.4: no password was shown for this ticket (S4U2Self)
CLOCK_SKEW = timedelta(minutes=5)  # how far Kerberos lets clocks be apart (RFC 4120 1.6)

_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)  # of a FILETIME, MS-DTYP 2.3.3
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


def read_logon_info(data: bytes) -> LogonInfo:
    """Read ``urn:mspac:logon-info``: an NDR-encoded KERB_VALIDATION_INFO (MS-PAC 2.5). Raises `BadPac`."""
    if len(data) > MAX_BYTES:
        raise BadPac("it is too long")
    try:
        return _read_logon_info(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise BadPac(f"it ends early or is not what it says: {error}") from None


def read_client_time(data: bytes) -> datetime | None:
    """When the ticket-granting ticket was given (aware, UTC), from ``urn:mspac:client-info``: a PAC_CLIENT_INFO
    (MS-PAC 2.7). A renewed ticket keeps the time of its first. None for a time that cannot be. Raises `BadPac`."""
    if len(data) < 10:
        raise BadPac("PAC_CLIENT_INFO ends early")
    (ticks,) = struct.unpack_from("<Q", data)
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def facts_of(info: LogonInfo, client_info: bytes | None, believed_for: timedelta | None = None) -> TransportFacts:
    """What a ticket with this PAC says. Its age is unknown without *client_info*, and for one that a service got for
    itself. Raises `BadPac`."""
    known = client_info is not None and SERVICE_ASSERTED not in info.group_sids
    at = read_client_time(client_info) if client_info is not None and known else None
    as_of = None if at is None else at - CLOCK_SKEW
    return TransportFacts(info.user_sid, info.group_sids, as_of, complete=False, believed_for=believed_for)


def _read_logon_info(data: bytes) -> LogonInfo:
    if data[:4] != _HEADER:
        raise BadPac("it does not start as a serialized structure does")
    if not any(data[16:20]):
        raise BadPac("it is a null pointer")
    fixed = _Fixed(data, 20)
    ndr = _Reader(data, 20 + _FIXED.size)
    # What the pointers point to follows in the order of the pointers.
    username = ndr.string(fixed.username)
    for pointer in fixed.more_strings:
        ndr.skip_string(pointer)
    groups = ndr.pairs(fixed.groups, fixed.group_count)
    ndr.skip_string(fixed.server)
    domain = ndr.string(fixed.domain)
    domain_sid = ndr.sid_at(fixed.domain_sid)
    extra = ndr.sids_and_attributes(fixed.extra_sids, fixed.extra_count)
    resource_domain = ndr.sid_at(fixed.resource_domain)
    resources = ndr.pairs(fixed.resources, fixed.resource_count)

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


# The part of KERB_VALIDATION_INFO that has a fixed size, up to where its pointers point. NDR aligns each member to its
# own size, which this layout already does; "x" is what nobody needs here.
_FIXED = struct.Struct(
    "<48x"  # six FILETIMEs
    "HxxI HxxI HxxI HxxI HxxI HxxI"  # six RPC_UNICODE_STRINGs; EffectiveName is the first
    "4x"  # LogonCount, BadPasswordCount
    "IIII"  # UserId, PrimaryGroupId, GroupCount, GroupIds
    "I 16x"  # UserFlags, UserSessionKey
    "HxxI HxxI"  # LogonServer, LogonDomainName
    "I 40x"  # LogonDomainId; Reserved1 … Reserved3
    "II"  # SidCount, ExtraSids
    "III"  # ResourceGroupDomainSid, ResourceGroupCount, ResourceGroupIds
)


class _Fixed:
    """The members of `_FIXED` by name; of a string its length in bytes, and whether there is one."""

    def __init__(self, data: bytes, position: int) -> None:
        members = _FIXED.unpack_from(data, position)
        self.username, *self.more_strings = zip(members[0:12:2], members[1:12:2], strict=True)
        self.user_rid, self.primary_rid, self.group_count, self.groups, self.flags = members[12:17]
        self.server, self.domain = members[17:19], members[19:21]
        self.domain_sid, self.extra_count, self.extra_sids = members[21:24]
        self.resource_domain, self.resource_count, self.resources = members[24:27]


class _Reader:
    """Little-endian NDR (C706 chapter 14), forward only. Reading past the end raises struct.error."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    def string(self, pointer: tuple[int, int]) -> str:
        length, present = pointer
        if not present:
            return ""
        _maximum, offset, count = self._numbers(3)
        if offset or count * 2 != length:
            raise BadPac("a text has two lengths")
        return self._take(length).decode("utf-16-le")

    def skip_string(self, pointer: tuple[int, int]) -> None:
        length, present = pointer
        if present:
            self._numbers(3)
            self._position += length

    def pairs(self, pointer: int, count: int) -> list[tuple[int, int]]:
        """An array of GROUP_MEMBERSHIP (RID and attributes), or the fixed part of one of KERB_SID_AND_ATTRIBUTES."""
        if not pointer:
            if count:
                raise BadPac("a list is announced and missing")
            return []
        if count > MAX_GROUPS or self._numbers(1)[0] != count:
            raise BadPac("a list has two lengths, or is too long")
        numbers = self._numbers(2 * count)
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def sids_and_attributes(self, pointer: int, count: int) -> list[tuple[str, int]]:
        """An array of KERB_SID_AND_ATTRIBUTES."""
        found = [(self.sid_at(sid), attributes) for sid, attributes in self.pairs(pointer, count)]
        return [(sid, attributes) for sid, attributes in found if sid]

    def sid_at(self, pointer: int) -> str | None:
        """An RPC_SID (MS-DTYP 2.4.2.3) as text."""
        if not pointer:
            return None
        (announced,) = self._numbers(1)
        head = self._take(8)
        if head[0] != 1 or head[1] != announced or announced > MAX_SUB_AUTHORITIES:
            raise BadPac("a SID is not one")
        return "-".join(["S-1", str(int.from_bytes(head[2:], "big")), *map(str, self._numbers(announced))])

    def _numbers(self, count: int) -> tuple[int, ...]:
        self._position += -self._position % 4
        found = struct.unpack_from(f"<{count}I", self._data, self._position)
        self._position += 4 * count
        return found

    def _take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) != count:
            raise BadPac("it ends early")
        self._position += count
        return taken
