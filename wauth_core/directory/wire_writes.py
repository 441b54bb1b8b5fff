"""LDAP on the wire, for writes: add, modify, delete, modify DN (RFC 4511 4.6 to 4.9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wauth_core.directory.wire import Control, integer, message, tlv

ADD, DELETE, REPLACE = 0, 1, 2  # RFC 4511 4.6

ANSWERS = {"add": 0x69, "modify": 0x67, "delete": 0x6B, "rename": 0x6D}
LDAP3_NAMES = {"add": "addRequest", "modify": "modifyRequest", "delete": "delRequest", "rename": "modDNRequest"}

TREE_DELETE = "1.2.840.113556.1.4.805"  # MS-ADTS 3.1.1.3.4.1.15
PERMISSIVE_MODIFY = "1.2.840.113556.1.4.1413"  # MS-ADTS 3.1.1.3.4.1.8
SD_FLAGS = "1.2.840.113556.1.4.801"  # MS-ADTS 3.1.1.3.4.1.11
DACL_ONLY = 0x4

Values = Sequence[bytes]


def add_request(
    message_id: int, dn: str, attributes: Iterable[tuple[str, Values]], controls: Iterable[Control] = ()
) -> bytes:
    """An AddRequest."""
    listed = b"".join(_attribute(name, values) for name, values in attributes)
    return message(message_id, tlv(0x68, tlv(0x04, dn.encode()) + tlv(0x30, listed)), controls)


def modify_request(
    message_id: int, dn: str, changes: Iterable[tuple[int, str, Values]], controls: Iterable[Control] = ()
) -> bytes:
    """A ModifyRequest: (ADD, DELETE or REPLACE; attribute; values), all of them or none."""
    listed = b"".join(
        tlv(0x30, tlv(0x0A, bytes((operation,))) + _attribute(name, values)) for operation, name, values in changes
    )
    return message(message_id, tlv(0x66, tlv(0x04, dn.encode()) + tlv(0x30, listed)), controls)


def delete_request(message_id: int, dn: str, controls: Iterable[Control] = ()) -> bytes:
    """A DelRequest."""
    return message(message_id, tlv(0x4A, dn.encode()), controls)


def rename_request(
    message_id: int, dn: str, new_rdn: str, new_parent: str | None, controls: Iterable[Control] = ()
) -> bytes:
    """A ModifyDNRequest that removes the old name."""
    body = tlv(0x04, dn.encode()) + tlv(0x04, new_rdn.encode()) + b"\x01\x01\xff"
    if new_parent is not None:
        body += tlv(0x80, new_parent.encode())
    return message(message_id, tlv(0x6C, body), controls)


def sd_flags_control(flags: int = DACL_ONLY) -> Control:
    """Says which parts of nTSecurityDescriptor are meant."""
    return Control(SD_FLAGS, tlv(0x30, tlv(0x02, integer(flags))), critical=True)


def _attribute(name: str, values: Values) -> bytes:
    return tlv(0x30, tlv(0x04, name.encode()) + tlv(0x31, b"".join(tlv(0x04, value) for value in values)))
