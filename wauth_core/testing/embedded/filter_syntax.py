"""Search filters (RFC 4511 section 4.5.1.7): read from a request, and written as text (RFC 4515) for the log."""

from __future__ import annotations

from dataclasses import dataclass

from . import ber

_MAX_DEPTH = 100


@dataclass(frozen=True)
class And:
    """Every part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Or:
    """Some part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Filter


@dataclass(frozen=True)
class Compare:
    """*operator* is ``=``, ``~=``, ``>=`` or ``<=``."""

    attribute: str
    operator: str
    value: bytes


@dataclass(frozen=True)
class Substrings:
    """Pieces in order. *initial* must be at the start, *final* at the end."""

    attribute: str
    initial: bytes | None
    middle: tuple[bytes, ...]
    final: bytes | None


@dataclass(frozen=True)
class Present:
    """The attribute has some value."""

    attribute: str


@dataclass(frozen=True)
class Extensible:
    """A comparison by a rule named by its OID."""

    attribute: str
    rule: str
    value: bytes
    dn_attributes: bool = False


Filter = And | Or | Not | Compare | Substrings | Present | Extensible

_COMPARISONS = {0xA3: "=", 0xA5: ">=", 0xA6: "<=", 0xA8: "~="}


def read_filter(cursor: ber.Cursor, depth: int = 0) -> Filter:
    """The filter at *cursor*."""
    if depth > _MAX_DEPTH:
        raise ber.BerError("a filter nested too deeply")
    tag = cursor.tag()
    if tag in (0xA0, 0xA1):
        inner = cursor.enter(tag)
        parts = []
        while inner.more:
            parts.append(read_filter(inner, depth + 1))
        return And(tuple(parts)) if tag == 0xA0 else Or(tuple(parts))
    if tag == 0xA2:
        return Not(read_filter(cursor.enter(tag), depth + 1))
    if tag in _COMPARISONS:
        inner = cursor.enter(tag)
        return Compare(inner.text(), _COMPARISONS[tag], inner.take(ber.OCTETS))
    if tag == 0x87:
        return Present(cursor.text(0x87))
    if tag == 0xA4:
        return _read_substrings(cursor.enter(tag))
    if tag == 0xA9:
        return _read_extensible(cursor.enter(tag))
    raise ber.BerError(f"no filter has tag {tag}")


def _read_substrings(inner: ber.Cursor) -> Substrings:
    attribute = inner.text()
    pieces = inner.enter(ber.SEQUENCE)
    initial: bytes | None = None
    final: bytes | None = None
    middle: list[bytes] = []
    while pieces.more:
        tag, value = pieces.any()
        if tag == 0x80 and initial is None and not middle:
            initial = value
        elif tag == 0x81 and final is None:
            middle.append(value)
        elif tag == 0x82 and final is None:
            final = value
        else:
            raise ber.BerError("substrings out of order")
    return Substrings(attribute, initial, tuple(middle), final)


def _read_extensible(inner: ber.Cursor) -> Extensible:
    rule = inner.text(0x81) if inner.tag() == 0x81 else ""
    attribute = inner.text(0x82) if inner.tag() == 0x82 else ""
    value = inner.take(0x83)
    return Extensible(attribute, rule, value, inner.more and inner.take(0x84) != b"\x00")


def filter_text(found: Filter) -> str:
    """The filter as a person would write it."""
    if isinstance(found, And):
        return "(&" + "".join(map(filter_text, found.parts)) + ")"
    if isinstance(found, Or):
        return "(|" + "".join(map(filter_text, found.parts)) + ")"
    if isinstance(found, Not):
        return f"(!{filter_text(found.part)})"
    if isinstance(found, Compare):
        return f"({found.attribute}{found.operator}{_escape(found.value)})"
    if isinstance(found, Present):
        return f"({found.attribute}=*)"
    if isinstance(found, Substrings):
        pieces = [found.initial or b"", *found.middle, found.final or b""]
        return f"({found.attribute}={'*'.join(map(_escape, pieces))})"
    dn = ":dn" if found.dn_attributes else ""
    rule = f":{found.rule}" if found.rule else ""
    return f"({found.attribute}{dn}{rule}:={_escape(found.value)})"


def _escape(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"\\{byte:02x}" for byte in value)
    return "".join(f"\\{ord(c):02x}" if c in "*()\\" or c < " " or c == "\x7f" else c for c in text)
