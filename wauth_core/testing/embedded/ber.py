"""The few BER shapes that LDAP uses (RFC 4511 section 5.1), read and written with nothing but bytes.

Only definite lengths, which RFC 4511 demands, and tag numbers up to 30: it uses no others.
"""

from __future__ import annotations

SEQUENCE = 0x30
SET = 0x31
BOOLEAN = 0x01
INTEGER = 0x02
OCTETS = 0x04
ENUMERATED = 0x0A

_SHORT = [bytes((n,)) for n in range(128)]


class BerError(ValueError):
    """The input is not BER as LDAP allows it."""


def length(size: int) -> bytes:
    """The length octets for *size*."""
    if size < 128:
        return _SHORT[size]
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def tlv(tag: int, payload: bytes) -> bytes:
    """One element."""
    return bytes((tag,)) + length(len(payload)) + payload


def octets(value: bytes) -> bytes:
    """An OCTET STRING."""
    return b"\x04" + length(len(value)) + value


def integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER (or ENUMERATED, by *tag*)."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def boolean(value: bool) -> bytes:
    """A BOOLEAN."""
    return b"\x01\x01\xff" if value else b"\x01\x01\x00"


def element(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """The element at *position*: its tag, and where its content starts and stops."""
    if position + 2 > end:
        raise BerError("an element is cut short")
    tag = data[position]
    if tag & 0x1F == 0x1F:
        raise BerError("a tag number above 30")
    size = data[position + 1]
    start = position + 2
    if size >= 128:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > end:
            raise BerError("a length LDAP does not allow")
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + size > end:
        raise BerError("an element is longer than what holds it")
    return tag, start, start + size


def elements(data: bytes, position: int, end: int) -> list[tuple[int, int, int]]:
    """All elements between *position* and *end*."""
    found = []
    while position < end:
        item = element(data, position, end)
        found.append(item)
        position = item[2]
    return found


def whole_length(data: bytes) -> int | None:
    """How many bytes the element at the start of *data* takes, or None if that is not known yet."""
    if len(data) < 2:
        return None
    size = data[1]
    if size < 128:
        return size + 2
    count = size & 0x7F
    if not 1 <= count <= 4:
        raise BerError("a length LDAP does not allow")
    if len(data) < 2 + count:
        return None
    return int.from_bytes(data[2 : 2 + count], "big") + 2 + count


class Cursor:
    """Reads elements one after another. Each must have the expected tag."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self.position < self.end

    def tag(self) -> int | None:
        """The next element's tag, without reading it."""
        return self.data[self.position] if self.more else None

    def any(self) -> tuple[int, bytes]:
        """The next element, whatever its tag."""
        tag, start, stop = element(self.data, self.position, self.end)
        self.position = stop
        return tag, self.data[start:stop]

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have *tag*."""
        found, content = self.any()
        if found != tag:
            raise BerError(f"tag {found:#x} where {tag:#x} belongs")
        return content

    def enter(self, tag: int) -> Cursor:
        """A cursor over the inside of the next element."""
        found, start, stop = element(self.data, self.position, self.end)
        if found != tag:
            raise BerError(f"tag {found:#x} where {tag:#x} belongs")
        self.position = stop
        return Cursor(self.data, start, stop)

    def integer(self, tag: int = INTEGER) -> int:
        """The next element as a number."""
        content = self.take(tag)
        if not 1 <= len(content) <= 8:
            raise BerError("a number of a size LDAP does not allow")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self) -> bool:
        """The next element as a truth value."""
        return self.take(BOOLEAN) != b"\x00"

    def text(self, tag: int = OCTETS) -> str:
        """The next element as UTF-8 text."""
        try:
            return self.take(tag).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise BerError("text that is not UTF-8") from exc
