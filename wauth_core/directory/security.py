"""Protection from accidental deletion: the only part of a security descriptor that we read and write.

Administrators' tools protect an object by an entry that denies Everyone the rights Delete and Delete Subtree. On its
parent they deny Everyone the right Delete All Child Objects. Bytes: MS-DTYP 2.4.4 to 2.4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

DELETE = 0x00010000
DELETE_TREE = 0x00000040
DELETE_CHILD = 0x00000002

_DENY = 0x01
_INHERIT_ONLY = 0x08
_DACL_PRESENT = 0x0004
_SELF_RELATIVE = 0x8000
_EVERYONE = bytes.fromhex("010100000000000100000000")  # S-1-1-0
_EMPTY_DACL = struct.pack("<BBHHH", 4, 0, 8, 0, 0)


def is_protected(descriptor: bytes) -> bool:
    """Whether *descriptor* denies Everyone the deletion of its object."""
    return denies(descriptor, DELETE)


def denies(descriptor: bytes, rights: int) -> bool:
    """Whether *descriptor* denies Everyone all of *rights* on its object."""
    return any(_is_ours(ace, rights) for ace in _aces(_dacl(descriptor)))


def denying(descriptor: bytes, rights: int) -> bytes:
    """A descriptor with *descriptor*'s DACL, and before its entries one that denies Everyone *rights*.

    Raises ValueError for a descriptor without a DACL: a DACL with that entry alone would shut everybody out.
    """
    if _dacl(descriptor) == _EMPTY_DACL:
        raise ValueError("the permissions could not be read")
    ace = struct.pack("<BBHI", _DENY, 0, 8 + len(_EVERYONE), rights) + _EVERYONE
    return _with_aces(descriptor, [ace, *_aces(_dacl(descriptor))])


def allowing(descriptor: bytes, rights: int) -> bytes:
    """A descriptor with *descriptor*'s DACL, without entries that deny Everyone *rights*."""
    return _with_aces(descriptor, [ace for ace in _aces(_dacl(descriptor)) if not _is_ours(ace, rights)])


def _is_ours(ace: bytes, rights: int) -> bool:
    kind, flags, _, mask = struct.unpack_from("<BBHI", ace)
    return kind == _DENY and not flags & _INHERIT_ONLY and mask & rights == rights and ace[8:] == _EVERYONE


def _dacl(descriptor: bytes) -> bytes:
    if len(descriptor) < 20:
        return _EMPTY_DACL
    *_, offset = struct.unpack_from("<BBHIIII", descriptor)
    if not offset:
        return _EMPTY_DACL
    size = struct.unpack_from("<H", descriptor, offset + 2)[0]
    return descriptor[offset : offset + size]


def _aces(dacl: bytes) -> Iterator[bytes]:
    at = 8
    for _ in range(struct.unpack_from("<H", dacl, 4)[0]):
        size = struct.unpack_from("<H", dacl, at + 2)[0]
        yield dacl[at : at + size]
        at += size


def _with_aces(descriptor: bytes, aces: list[bytes]) -> bytes:
    revision = _dacl(descriptor)[0]
    control = struct.unpack_from("<H", descriptor, 2)[0] if len(descriptor) >= 20 else 0
    body = b"".join(aces)
    header = struct.pack("<BBHIIII", 1, 0, control | _DACL_PRESENT | _SELF_RELATIVE, 0, 0, 0, 20)
    return header + struct.pack("<BBHHH", revision, 0, 8 + len(body), len(aces), 0) + body
