"""LDAP on the wire, for what we send most: a search and a simple bind (RFC 4511), encoded and decoded by hand.

ldap3's pyasn1 encoder and schema-aware decoder take more time than the directory itself, and decode values differently
depending on the schema. Here values stay bytes, and a message that is not understood is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

BASE, LEVEL, SUBTREE = "base", "level", "subtree"
SCOPES = {BASE: 0, LEVEL: 1, SUBTREE: 2}

PAGED = "1.2.840.113556.1.4.319"  # RFC 2696
DIRSYNC = "1.2.840.113556.1.4.841"  # MS-ADTS 3.1.1.3.4.1.3
SHOW_DELETED = "1.2.840.113556.1.4.417"  # MS-ADTS 3.1.1.3.4.1.14
SHOW_RECYCLED = "1.2.840.113556.1.4.2064"  # MS-ADTS 3.1.1.3.4.1.26
EXTENDED_DN = "1.2.840.113556.1.4.529"  # MS-ADTS 3.1.1.3.4.1.5
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"  # RFC 4511 4.4.1

MAX_MESSAGE = 256 * 1024 * 1024  # octets; a longer one is a broken or hostile server


class WireError(Exception):
    """The server sent something that is not LDAP."""


class FilterError(ValueError):
    """A text that is not an LDAP filter (RFC 4515)."""


@dataclass(frozen=True)
class Control:
    """A request control: its OID, its BER value, and whether a server that does not know it must refuse."""

    oid: str
    value: bytes | None = None
    critical: bool = False


@dataclass(frozen=True)
class RawEntry:
    """One search result entry: attribute descriptions as the server spelled them, values as octets."""

    dn: str
    attributes: dict[str, list[bytes]]


@dataclass(frozen=True)
class Result:
    """The end of an operation: RFC 4511 4.1.9."""

    code: int
    matched: str
    message: str
    controls: dict[str, bytes] = field(default_factory=dict)


# -- requests ----------------------------------------------------------------------------------------------------------


def search_request(
    message_id: int,
    base: str,
    scope: str,
    filter_text: str,
    attributes: tuple[str, ...],
    *,
    size_limit: int = 0,
    time_limit: int = 0,
    controls: Iterable[Control] = (),
) -> bytes:
    """A SearchRequest (RFC 4511 4.5.1), aliases never followed. Raises `FilterError`."""
    body = b"".join(
        (
            tlv(0x04, base.encode()),
            tlv(0x0A, bytes((SCOPES[scope],))),
            b"\x0a\x01\x00",  # neverDerefAliases
            tlv(0x02, integer(size_limit)),
            tlv(0x02, integer(time_limit)),
            b"\x01\x01\x00",  # typesOnly: FALSE
            encode_filter(filter_text),
            _attribute_list(attributes),
        )
    )
    return message(message_id, tlv(0x63, body), controls)


def bind_request(message_id: int, name: str, password: bytes) -> bytes:
    """A simple BindRequest (RFC 4511 4.2). The caller must check that *password* is not empty."""
    return message(message_id, tlv(0x60, b"\x02\x01\x03" + tlv(0x04, name.encode()) + tlv(0x80, password)), ())


def unbind_request(message_id: int) -> bytes:
    """An UnbindRequest (RFC 4511 4.3)."""
    return message(message_id, b"\x42\x00", ())


def paged_control(size: int, cookie: bytes = b"") -> Control:
    """Ask for a page of *size* entries after *cookie* (RFC 2696)."""
    return Control(PAGED, tlv(0x30, tlv(0x02, integer(size)) + tlv(0x04, cookie)))


def dirsync_control(cookie: bytes = b"", *, flags: int = 0, size: int = 0x100000) -> Control:
    """Ask for what changed since *cookie* (MS-ADTS 3.1.1.3.4.1.3)."""
    value = tlv(0x02, integer(flags)) + tlv(0x02, integer(size)) + tlv(0x04, cookie)
    return Control(DIRSYNC, tlv(0x30, value), critical=True)


def page_cookie(result: Result) -> bytes:
    """The cookie for the next page; empty after the last. Raises `WireError`."""
    value = result.controls.get(PAGED)
    return _within(value)[1][1] if value else b""


def dirsync_cookie(result: Result) -> tuple[bool, bytes]:
    """Whether there is more, and the cookie for the next request. Raises `WireError`."""
    found = _within(result.controls.get(DIRSYNC, b""))
    return any(found[0][1]), found[-1][1]


def _within(value: bytes) -> list[tuple[int, bytes]]:
    """The elements of a response control's value, two at least."""
    try:
        [(_, body)] = _elements(value)
        found = _elements(body)
    except (ValueError, IndexError):
        raise WireError("a malformed control") from None
    if len(found) < 2:
        raise WireError("a malformed control")
    return found


@lru_cache(maxsize=256)
def _attribute_list(attributes: tuple[str, ...]) -> bytes:
    return tlv(0x30, b"".join(tlv(0x04, name.encode()) for name in attributes))


def message(message_id: int, operation: bytes, controls: Iterable[Control]) -> bytes:
    """One LDAPMessage (RFC 4511 4.1.1)."""
    encoded = b"".join(
        tlv(
            0x30,
            tlv(0x04, control.oid.encode())
            + (b"\x01\x01\xff" if control.critical else b"")
            + (tlv(0x04, control.value) if control.value is not None else b""),
        )
        for control in controls
    )
    return tlv(0x30, tlv(0x02, integer(message_id)) + operation + (tlv(0xA0, encoded) if encoded else b""))


def tlv(tag: int, content: bytes) -> bytes:
    """One BER element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """The content of a BER INTEGER."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


# -- filters -----------------------------------------------------------------------------------------------------------

_CHOICES = {"&": 0xA0, "|": 0xA1}
_COMPARISONS = {">": 0xA5, "<": 0xA6, "~": 0xA8}
_MAX_DEPTH = 64


@lru_cache(maxsize=512)
def encode_filter(text: str) -> bytes:
    """Turn a filter's text (RFC 4515) into its BER. Raises `FilterError`."""
    encoded, end = _filter(text, 0, 0)
    if end != len(text):
        raise FilterError(f"{text!r} is not an LDAP filter: something follows after character {end}")
    return encoded


def _filter(text: str, at: int, depth: int) -> tuple[bytes, int]:
    if depth > _MAX_DEPTH:
        raise FilterError(f"{text[:80]!r}… is nested too deeply for an LDAP filter")
    if text[at : at + 1] != "(":
        raise FilterError(f"{text!r} is not an LDAP filter: '(' is expected at character {at}")
    kind = text[at + 1 : at + 2]
    if kind in _CHOICES:
        parts, at = [], at + 2
        while text[at : at + 1] == "(":
            part, at = _filter(text, at, depth + 1)
            parts.append(part)
        return tlv(_CHOICES[kind], b"".join(parts)), _closed(text, at)
    if kind == "!":
        inner, at = _filter(text, at + 2, depth + 1)
        return tlv(0xA2, inner), _closed(text, at)
    end = text.find(")", at)
    if end < 0:
        raise FilterError(f"{text!r} is not an LDAP filter: ')' is missing")
    return _item(text[at + 1 : end]), end + 1


def _closed(text: str, at: int) -> int:
    if text[at : at + 1] != ")":
        raise FilterError(f"{text!r} is not an LDAP filter: ')' is expected at character {at}")
    return at + 1


def _item(item: str) -> bytes:
    left, equals, value = item.partition("=")
    if not equals or not left or "(" in item:
        raise FilterError(f"{item!r} is not a condition of an LDAP filter")
    if left[-1] == ":":
        return _extensible(left[:-1], value)
    if left[-1] in _COMPARISONS:
        return tlv(_COMPARISONS[left[-1]], tlv(0x04, _name(left[:-1])) + tlv(0x04, _unescaped(value)))
    name = _name(left)
    if value == "*":
        return tlv(0x87, name)
    if "*" in value:
        first, *middle, last = (_unescaped(part) for part in value.split("*"))
        pieces = [(0x80, first), *((0x81, part) for part in middle), (0x82, last)]
        return tlv(0xA4, tlv(0x04, name) + tlv(0x30, b"".join(tlv(t, p) for t, p in pieces if p)))
    return tlv(0xA3, tlv(0x04, name) + tlv(0x04, _unescaped(value)))


def _extensible(left: str, value: str) -> bytes:
    name, *rest = left.split(":")
    dn_attributes = bool(rest) and rest[0].lower() == "dn"
    rules = rest[1:] if dn_attributes else rest
    if len(rules) > 1 or not (name or rules):
        raise FilterError(f"{left!r} is not the left side of an extensible match")
    return tlv(
        0xA9,
        (tlv(0x81, _name(rules[0])) if rules else b"")
        + (tlv(0x82, _name(name)) if name else b"")
        + tlv(0x83, _unescaped(value))
        + (b"\x84\x01\xff" if dn_attributes else b""),
    )


def _name(text: str) -> bytes:
    text = text.strip()
    if not text or not text.isascii() or not all(c.isalnum() or c in "-.;_" for c in text):
        raise FilterError(f"{text!r} is not an attribute's name")
    return text.encode()


def _unescaped(value: str) -> bytes:
    first, *rest = value.encode("utf-8", "surrogatepass").split(b"\\")
    out = [first]
    for part in rest:
        try:
            out.append(bytes((int(part[:2].decode("ascii"), 16),)) + part[2:])
        except ValueError:
            raise FilterError(f"{value!r} has a backslash that is not followed by two hex digits") from None
        if not part[:2].isalnum() or len(part) < 2:
            raise FilterError(f"{value!r} has a backslash that is not followed by two hex digits")
    return b"".join(out)


# -- answers -----------------------------------------------------------------------------------------------------------


def message_size(buffer: bytes | bytearray) -> int:
    """How many octets the first message in *buffer* takes; 0 if that is not known yet. Raises `WireError`."""
    if len(buffer) < 2:
        return 0
    if buffer[0] != 0x30:
        raise WireError("the server does not speak LDAP")
    if buffer[1] < 0x80:
        return 2 + buffer[1]
    width = buffer[1] & 0x7F
    if not 1 <= width <= 4:
        raise WireError("a message of unusable length")
    if len(buffer) < 2 + width:
        return 0
    size = int.from_bytes(buffer[2 : 2 + width], "big")
    if size > MAX_MESSAGE:
        raise WireError("a message of unusable length")
    return 2 + width + size


ENTRY, DONE, REFERENCE, BIND_RESPONSE, EXTENDED_RESPONSE = 0x64, 0x65, 0x73, 0x61, 0x78


def read_message(message: bytes) -> tuple[int, int, bytes, bytes]:
    """Split one whole message: its id, the operation's tag and content, the controls. Raises `WireError`."""
    try:
        (_, body), *_ = _elements(message)
        (_, number), (tag, content), *rest = _elements(body)
    except (ValueError, IndexError):
        raise WireError("a malformed message") from None
    return int.from_bytes(number, "big"), tag, content, rest[0][1] if rest else b""


def read_entry(content: bytes) -> RawEntry:
    """Decode a SearchResultEntry (RFC 4511 4.5.2). Raises `WireError`."""
    try:
        (_, dn), (_, attributes) = _elements(content)
        found: dict[str, list[bytes]] = {}
        for _, attribute in _elements(attributes):
            (_, name), (_, values) = _elements(attribute)
            found[name.decode()] = [value for _, value in _elements(values)]
        return RawEntry(dn.decode(), found)
    except (ValueError, IndexError):
        raise WireError("a malformed entry") from None


def read_result(content: bytes, controls: bytes = b"") -> Result:
    """Decode an LDAPResult (RFC 4511 4.1.9). Raises `WireError`."""
    try:
        (_, code), (_, matched), (_, message), *_ = _elements(content)
        return Result(
            int.from_bytes(code, "big"),
            matched.decode("utf-8", "replace"),
            message.decode("utf-8", "replace").rstrip("\x00"),
            dict(_controls(controls)) if controls else {},
        )
    except (ValueError, IndexError):
        raise WireError("a malformed result") from None


def _controls(encoded: bytes) -> Iterator[tuple[str, bytes]]:
    for _, control in _elements(encoded):
        (_, oid), *rest = _elements(control)
        yield oid.decode(), next((value for tag, value in rest if tag == 0x04), b"")


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs in *data*, in order. Raises IndexError or ValueError if they do not fill it."""
    found = []
    at, end = 0, len(data)
    while at < end:
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 0x80:
            width = size & 0x7F
            if not width:
                raise ValueError("indefinite length")
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        if at + size > end:
            raise ValueError("runs over")
        found.append((tag, data[at : at + size]))
        at += size
    return found
