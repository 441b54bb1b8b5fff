"""Protection from accidental deletion: the only part of access lists that this server applies."""

from __future__ import annotations

import struct

from wauth_core.directory import security

from .entry import Entry
from .values import pack_sid

SECURITY = "ntsecuritydescriptor"

_FULL, _READ = 0x000F01FF, 0x00020094
_ALLOWED = ((_FULL, "S-1-5-32-544"), (_READ, "S-1-5-11"))


def descriptor(entry: Entry) -> bytes:
    """The part of nTSecurityDescriptor that a client may see: the access list, without the owner."""
    found = entry.attrs.get(SECURITY)
    return found if isinstance(found, bytes) else _USUAL


def may_be_deleted(entry: Entry, *, tree: bool) -> bool:
    """Whether the object or its parent allows the deletion; for a tree the object must (MS-ADTS 3.1.1.5.5)."""
    own = descriptor(entry)
    if tree:
        return not security.denies(own, security.DELETE_TREE)
    above = descriptor(entry.parent) if entry.parent is not None else b""
    return not (security.denies(own, security.DELETE) and security.denies(above, security.DELETE_CHILD))


def _usual() -> bytes:
    aces = b""
    for mask, sid in _ALLOWED:
        packed = pack_sid(sid)
        aces += struct.pack("<BBHI", 0, 0, 8 + len(packed), mask) + packed
    header = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20)
    return header + struct.pack("<BBHHH", 4, 0, 8 + len(aces), len(_ALLOWED), 0) + aces


_USUAL = _usual()
