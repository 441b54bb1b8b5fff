"""Values as AD stores them: SIDs, GUIDs, times, and the well-known numbers."""

from __future__ import annotations

import calendar
import struct
import time
import uuid

NEVER = 9223372036854775807
_EPOCH = 116444736000000000  # 1970 in 100 ns steps since 1601

# userAccountControl (MS-ADTS 2.2.16)
DISABLED = 0x0002
PASSWORD_NOT_REQUIRED = 0x0020
NORMAL_ACCOUNT = 0x0200
WORKSTATION_ACCOUNT = 0x1000
SERVER_ACCOUNT = 0x2000
DONT_EXPIRE_PASSWORD = 0x10000
LOCKED_OUT = 0x0010
PASSWORD_EXPIRED = 0x800000

# groupType (MS-ADTS 2.2.12)
BUILTIN_LOCAL = -2147483643
SECURITY = 0x80000000
GROUP_SCOPES = {"global": 2, "local": 4, "universal": 8}

# systemFlags (MS-ADTS 2.2.10)
DISALLOW_RENAME = 0x08000000
PROTECTED = -1946157056  # neither delete, nor move, nor rename

# sAMAccountType (MS-SAMR 2.2.1.9)
TYPE_USER = 805306368
TYPE_COMPUTER = 805306369
_TYPE_GROUP = {(2, True): 268435456, (8, True): 268435456, (4, True): 536870912}
_TYPE_GROUP |= {(2, False): 268435457, (8, False): 268435457, (4, False): 536870913}


def group_account_type(group_type: int) -> int:
    """The sAMAccountType that goes with a groupType."""
    scope = group_type & 0xE
    return _TYPE_GROUP.get((scope, bool(group_type & SECURITY)), 268435456)


def filetime(seconds: float) -> int:
    """Unix seconds as a FILETIME."""
    return int(seconds * 10_000_000) + _EPOCH


def generalized_time(seconds: float) -> bytes:
    """Unix seconds as AD writes whenChanged."""
    return time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(seconds)).encode()


def parse_generalized_time(value: bytes) -> int | None:
    """Whole Unix seconds, or None if it is no time."""
    digits = value.split(b".")[0].rstrip(b"Z").decode("ascii", "replace")
    try:
        if len(digits) == 12:
            return calendar.timegm(time.strptime(digits, "%y%m%d%H%M%S"))
        return calendar.timegm(time.strptime(digits, "%Y%m%d%H%M%S"))
    except ValueError:
        return None


def pack_sid(text: str) -> bytes:
    """``S-1-…`` as bytes; raises ValueError."""
    parts = text.upper().split("-")
    if len(parts) < 3 or parts[0] != "S":
        raise ValueError(text)
    revision, authority, *rest = (int(part, 16 if part.startswith("0X") else 10) for part in parts[1:])
    if not 0 <= revision < 256 or len(rest) > 15 or any(not 0 <= part < 2**32 for part in rest):
        raise ValueError(text)
    return struct.pack(f"<BB6s{len(rest)}I", revision, len(rest), authority.to_bytes(6, "big"), *rest)


def sid_text(value: bytes) -> str:
    """The bytes of a SID as ``S-1-…``."""
    count = value[1]
    rest = struct.unpack(f"<{count}I", value[8 : 8 + 4 * count])
    return "-".join(["S", str(value[0]), str(int.from_bytes(value[2:8], "big")), *map(str, rest)])


def is_sid(value: bytes) -> bool:
    """Whether the bytes have the shape of a SID."""
    return len(value) >= 8 and value[0] == 1 and len(value) == 8 + 4 * value[1]


def guid_text(value: bytes) -> str:
    """The bytes of a GUID as people write it."""
    return str(uuid.UUID(bytes_le=value))


def parse_int(value: bytes) -> int | None:
    """A number, or None."""
    try:
        return int(value)
    except ValueError:
        return None
