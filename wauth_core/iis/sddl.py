"""Who may do what with a file: security descriptors in Microsoft's text form (SDDL), and application pools' SIDs.

SDDL is the same in every language of Windows, unlike what ``icacls`` prints.
Source: MS-DTYP 2.5.1.1, https://learn.microsoft.com/en-us/windows/win32/secauthz/ace-strings
"""

from __future__ import annotations

import hashlib
import re
import struct

READ, MODIFY = 0x1200A9, 0x1301BF
_RIGHTS = {
    "FA": 0x1F01FF,
    "FR": 0x120089,
    "FW": 0x120116,
    "FX": 0x1200A0,
    "GA": 0x1F01FF,
    "GR": 0x120089,
    "GW": 0x120116,
    "GX": 0x1200A0,
}
_SIDS = {
    "WD": "S-1-1-0",
    "AU": "S-1-5-11",
    "SU": "S-1-5-6",
    "SY": "S-1-5-18",
    "LS": "S-1-5-19",
    "NS": "S-1-5-20",
    "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545",
    "IS": "S-1-5-32-568",
}
# What every application pool's token holds: Everyone, Authenticated Users, services, Users, IIS_IUSRS
POOL_GROUPS = frozenset(_SIDS[name] for name in ("WD", "AU", "SU", "BU", "IS"))
_ACE = re.compile(r"\(([AD]);([^;]*);([^;]*);[^;]*;[^;]*;([^;)]+)[^)]*\)")


def pool_sid(name: str) -> str:
    """The SID of ``IIS AppPool\\NAME``. It depends on the name only (SHA-1 of the lower-case name in UTF-16)."""
    digest = hashlib.sha1(name.lower().encode("utf-16-le"), usedforsecurity=False).digest()
    return "S-1-5-82-" + "-".join(map(str, struct.unpack("<5I", digest)))


def granted(sddl: str, sids: frozenset[str]) -> int:
    """The rights to the object itself that *sddl* grants to a holder of all *sids*, without those that it denies."""
    allowed = denied = 0
    for kind, flags, rights, who in _ACE.findall(sddl.partition("D:")[2]):
        if "IO" in flags or _SIDS.get(who, who) not in sids:
            continue
        if kind == "A":
            allowed |= _mask(rights)
        else:
            denied |= _mask(rights)
    return allowed & ~denied


def _mask(text: str) -> int:
    if text.lower().startswith("0x"):
        return int(text, 16)
    mask = 0
    for name in re.findall("..", text):
        mask |= _RIGHTS.get(name, 0)
    return mask
