"""Distinguished names and the comparison of texts, as Active Directory has them."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_SPECIAL = ',+"\\<>;='
_ATTRIBUTE = re.compile(r"\s*(?:OID\.)?([A-Za-z][\w-]*|\d+(?:\.\d+)*)\s*=", re.ASCII)


class BadName(ValueError):
    """Text that is no distinguished name."""


class Rdn(NamedTuple):
    """One step of a distinguished name; AD has no multi-valued ones."""

    attribute: str
    value: str

    @property
    def key(self) -> str:
        """A key that is equal for all spellings of one name."""
        return f"{self.attribute.lower()}={fold(self.value)}"

    @property
    def text(self) -> str:
        """As AD writes it, escapes included."""
        return f"{self.attribute}={escape(self.value)}"


def fold(text: str) -> str:
    """A key that is equal for texts which AD takes as equal.

    AD ignores case, accents, width and the kind of kana (MS-ADTS 3.1.1.2.2.4.13 and 6.5), so ``Zoe`` finds ``Zoë``.
    Samba respects accents. This server does as Windows.
    """
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(c for c in unicodedata.normalize("NFKD", spread) if unicodedata.category(c) != "Mn")
    return "".join(chr(ord(c) - 0x60) if "\u30a1" <= c <= "\u30f6" else c for c in kept)


def escape(value: str) -> str:
    """*value* escaped for a DN (RFC 4514 section 2.4; AD escapes ``=`` too)."""
    if value.isalnum():
        return value
    out = [f"\\{c}" if c in _SPECIAL else f"\\{ord(c):02X}" if c < " " or c == "\x7f" else c for c in value]
    if value[:1] in (" ", "#"):
        out[0] = "\\" + value[0]
    if value[-1:] == " " and len(value) > 1:
        out[-1] = "\\ "
    return "".join(out)


def parse_dn(text: str) -> list[Rdn]:
    """The steps of *text*, the entry's own first; raises `BadName`."""
    if not text.strip():
        return []
    steps = []
    position = 0
    while True:
        match = _ATTRIBUTE.match(text, position)
        if match is None:
            raise BadName(text)
        value, position = _read_value(text, match.end())
        if not value:
            raise BadName(text)
        steps.append(Rdn(match[1], value))
        if position >= len(text):
            return steps
        position += 1


def _read_value(text: str, position: int) -> tuple[str, int]:
    out = bytearray()
    firm = 0  # trailing spaces beyond this were not escaped
    while position < len(text) and text[position] == " ":
        position += 1
    if text[position : position + 1] == '"':
        return _read_quoted(text, position + 1)
    while position < len(text) and text[position] not in ",;":
        char = text[position]
        if char == "\\":
            if re.match(r"[0-9A-Fa-f]{2}", text[position + 1 : position + 3]):
                out.append(int(text[position + 1 : position + 3], 16))
                position += 3
            elif position + 1 < len(text):
                out += text[position + 1].encode()
                position += 2
            else:
                raise BadName(text)
            firm = len(out)
            continue
        if char in '+"<>':
            raise BadName(text)
        out += char.encode()
        position += 1
        if char != " ":
            firm = len(out)
    return _decode(bytes(out[:firm]), text), position


def _read_quoted(text: str, position: int) -> tuple[str, int]:
    out = ""
    while position < len(text) and text[position] != '"':
        if text[position] == "\\":
            position += 1
        out += text[position : position + 1]
        position += 1
    if position >= len(text):
        raise BadName(text)
    position += 1
    while position < len(text) and text[position] == " ":
        position += 1
    if position < len(text) and text[position] not in ",;":
        raise BadName(text)
    return out, position


def _decode(value: bytes, text: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadName(text) from exc
