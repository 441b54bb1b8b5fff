"""LDAP messages (RFC 4511): requests as dataclasses, read from bytes; answers written to bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from . import ber
from .filter_syntax import Filter, read_filter

START_TLS = "1.3.6.1.4.1.1466.20037"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"


@dataclass(frozen=True)
class MessageControl:
    """A control, received or to be sent."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(frozen=True)
class BindRequest:
    """*mechanism* is ``simple``, the name of a SASL mechanism, or ``sicily``."""

    version: int
    name: str
    mechanism: str
    credentials: bytes = field(repr=False)


@dataclass(frozen=True)
class UnbindRequest:
    """The client says goodbye."""


@dataclass(frozen=True)
class SearchRequest:
    """*scope*: 0 base, 1 one level, 2 subtree."""

    base: str
    scope: int
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Modification:
    """*operation*: 0 add, 1 delete, 2 replace."""

    operation: int
    attribute: str
    values: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class ModifyRequest:
    """Changes to one entry, all or none."""

    dn: str
    changes: tuple[Modification, ...]


@dataclass(frozen=True)
class AddRequest:
    """A new entry."""

    dn: str
    attributes: tuple[tuple[str, tuple[bytes, ...]], ...] = field(repr=False)


@dataclass(frozen=True)
class DeleteRequest:
    """An entry to delete."""

    dn: str


@dataclass(frozen=True)
class ModifyDNRequest:
    """An entry to rename or move."""

    dn: str
    new_rdn: str
    delete_old: bool
    new_superior: str | None


@dataclass(frozen=True)
class CompareRequest:
    """Does this attribute have this value?"""

    dn: str
    attribute: str
    value: bytes


@dataclass(frozen=True)
class AbandonRequest:
    """Stop the operation of message *message_id*."""

    message_id: int


@dataclass(frozen=True)
class ExtendedRequest:
    """An operation named by an OID."""

    name: str
    value: bytes | None


Request = (
    BindRequest
    | UnbindRequest
    | SearchRequest
    | ModifyRequest
    | AddRequest
    | DeleteRequest
    | ModifyDNRequest
    | CompareRequest
    | AbandonRequest
    | ExtendedRequest
)


@dataclass(frozen=True)
class Message:
    """The content of one PDU."""

    id: int
    request: Request
    controls: tuple[MessageControl, ...] = ()


def read_message(data: bytes) -> Message:
    """The request in *data*, exactly one PDU; raises `ber.BerError`."""
    outer = ber.Cursor(data).enter(ber.SEQUENCE)
    message_id = outer.integer()
    tag = outer.tag()
    reader = _READERS.get(-1 if tag is None else tag)
    if reader is None:
        raise ber.BerError(f"no request has tag {tag}")
    request = reader(outer)
    controls = _read_controls(outer.enter(0xA0)) if outer.tag() == 0xA0 else ()
    return Message(message_id, request, controls)


def _read_controls(cursor: ber.Cursor) -> tuple[MessageControl, ...]:
    controls = []
    while cursor.more:
        inner = cursor.enter(ber.SEQUENCE)
        oid = inner.text()
        critical = inner.boolean() if inner.tag() == ber.BOOLEAN else False
        controls.append(MessageControl(oid, critical, inner.take(ber.OCTETS) if inner.more else None))
    return tuple(controls)


def _read_bind(outer: ber.Cursor) -> BindRequest:
    inner = outer.enter(0x60)
    version, name = inner.integer(), inner.text()
    tag = inner.tag()
    if tag == 0x80:
        return BindRequest(version, name, "simple", inner.take(0x80))
    if tag == 0xA3:
        sasl = inner.enter(0xA3)
        mechanism = sasl.text()
        return BindRequest(version, name, mechanism, sasl.take(ber.OCTETS) if sasl.more else b"")
    return BindRequest(version, name, "sicily", inner.any()[1])


def _read_unbind(outer: ber.Cursor) -> UnbindRequest:
    outer.any()
    return UnbindRequest()


def _read_search(outer: ber.Cursor) -> SearchRequest:
    inner = outer.enter(0x63)
    base, scope = inner.text(), inner.integer(ber.ENUMERATED)
    inner.integer(ber.ENUMERATED)  # aliases: AD has none to dereference
    size_limit, time_limit, types_only = inner.integer(), inner.integer(), inner.boolean()
    parsed = read_filter(inner)
    names = inner.enter(ber.SEQUENCE)
    attributes = []
    while names.more:
        attributes.append(names.text())
    return SearchRequest(base, scope, size_limit, time_limit, types_only, parsed, tuple(attributes))


def _read_values(cursor: ber.Cursor) -> tuple[bytes, ...]:
    inner = cursor.enter(ber.SET)
    values = []
    while inner.more:
        values.append(inner.take(ber.OCTETS))
    return tuple(values)


def _read_modify(outer: ber.Cursor) -> ModifyRequest:
    inner = outer.enter(0x66)
    dn = inner.text()
    listed = inner.enter(ber.SEQUENCE)
    changes = []
    while listed.more:
        change = listed.enter(ber.SEQUENCE)
        operation = change.integer(ber.ENUMERATED)
        attribute = change.enter(ber.SEQUENCE)
        changes.append(Modification(operation, attribute.text(), _read_values(attribute)))
    return ModifyRequest(dn, tuple(changes))


def _read_add(outer: ber.Cursor) -> AddRequest:
    inner = outer.enter(0x68)
    dn = inner.text()
    listed = inner.enter(ber.SEQUENCE)
    attributes = []
    while listed.more:
        attribute = listed.enter(ber.SEQUENCE)
        attributes.append((attribute.text(), _read_values(attribute)))
    return AddRequest(dn, tuple(attributes))


def _read_delete(outer: ber.Cursor) -> DeleteRequest:
    return DeleteRequest(outer.text(0x4A))


def _read_modify_dn(outer: ber.Cursor) -> ModifyDNRequest:
    inner = outer.enter(0x6C)
    dn, rdn, delete_old = inner.text(), inner.text(), inner.boolean()
    return ModifyDNRequest(dn, rdn, delete_old, inner.text(0x80) if inner.more else None)


def _read_compare(outer: ber.Cursor) -> CompareRequest:
    inner = outer.enter(0x6E)
    dn = inner.text()
    assertion = inner.enter(ber.SEQUENCE)
    return CompareRequest(dn, assertion.text(), assertion.take(ber.OCTETS))


def _read_abandon(outer: ber.Cursor) -> AbandonRequest:
    return AbandonRequest(outer.integer(0x50))


def _read_extended(outer: ber.Cursor) -> ExtendedRequest:
    inner = outer.enter(0x77)
    return ExtendedRequest(inner.text(0x80), inner.take(0x81) if inner.more else None)


_READERS: dict[int, Callable[[ber.Cursor], Request]] = {
    0x60: _read_bind,
    0x42: _read_unbind,
    0x63: _read_search,
    0x66: _read_modify,
    0x68: _read_add,
    0x4A: _read_delete,
    0x6C: _read_modify_dn,
    0x6E: _read_compare,
    0x50: _read_abandon,
    0x77: _read_extended,
}

_ANSWER_TAGS: dict[type, int] = {
    BindRequest: 0x61,
    SearchRequest: 0x65,
    ModifyRequest: 0x67,
    AddRequest: 0x69,
    DeleteRequest: 0x6B,
    ModifyDNRequest: 0x6D,
    CompareRequest: 0x6F,
    ExtendedRequest: 0x78,
}


def result_message(
    message_id: int,
    request: Request,
    code: int = 0,
    *,
    matched_dn: str = "",
    text: str = "",
    referral: str | None = None,
    controls: Sequence[MessageControl] = (),
    extra: bytes = b"",
) -> bytes:
    """The LDAPResult that ends the answer to *request*."""
    content = ber.integer(code, ber.ENUMERATED) + ber.octets(matched_dn.encode()) + ber.octets(text.encode())
    if referral is not None:
        content += ber.tlv(0xA3, ber.octets(referral.encode()))
    return _message(message_id, ber.tlv(_ANSWER_TAGS[type(request)], content + extra), controls)


def extended_extra(name: str | None, value: bytes | None) -> bytes:
    """The name and the value that an extended answer carries."""
    head = b"" if name is None else ber.tlv(0x8A, name.encode())
    return head + (b"" if value is None else ber.tlv(0x8B, value))


def entry_message(
    message_id: int,
    dn: str,
    attributes: Iterable[tuple[str, Iterable[bytes]]],
    controls: Sequence[MessageControl] = (),
) -> bytes:
    """A SearchResultEntry."""
    octets, tlv = ber.octets, ber.tlv
    parts = [tlv(0x30, octets(name.encode()) + tlv(0x31, b"".join(map(octets, values)))) for name, values in attributes]
    return _message(message_id, tlv(0x64, octets(dn.encode()) + tlv(0x30, b"".join(parts))), controls)


def reference_message(message_id: int, url: str) -> bytes:
    """A SearchResultReference: another place to search. Careful clients do not follow it."""
    return _message(message_id, ber.tlv(0x73, ber.octets(url.encode())), ())


def disconnection_message(code: int, text: str) -> bytes:
    """The notice that a server sends before it closes the connection."""
    content = ber.integer(code, ber.ENUMERATED) + ber.octets(b"") + ber.octets(text.encode())
    return _message(0, ber.tlv(0x78, content + extended_extra(NOTICE_OF_DISCONNECTION, None)), ())


def _message(message_id: int, operation: bytes, controls: Sequence[MessageControl]) -> bytes:
    content = ber.integer(message_id) + operation
    if controls:
        content += ber.tlv(0xA0, b"".join(map(_control, controls)))
    return ber.tlv(ber.SEQUENCE, content)


def _control(control: MessageControl) -> bytes:
    content = ber.octets(control.oid.encode())
    if control.critical:
        content += ber.boolean(True)
    if control.value is not None:
        content += ber.octets(control.value)
    return ber.tlv(ber.SEQUENCE, content)
