"""LDAP filters and DNs are built from values here and nowhere else. Everything is escaped (RFC 4515, RFC 4514)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from wauth_core.directory.wire import FilterError as FilterError
from wauth_core.directory.wire import encode_filter
from wauth_core.exceptions import ConfigurationError

IN_CHAIN = "1.2.840.113556.1.4.1941"  # MS-ADTS 3.1.1.3.4.4.3
ANY = "(objectClass=*)"
NOBODY = "(!(objectClass=*))"

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;@=+$%#'\"&/{}[]|!?<>^~`")
_SID = re.compile(r"[Ss]-1-[0-9]{1,15}(?:-[0-9]{1,10}){0,15}")
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")


def escaped(value: str | bytes) -> str:
    """*value* for the right side of a condition. Each octet that is not plain ASCII text becomes ``\\xx``."""
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in raw)


def equals(attribute: str, value: str | bytes) -> str:
    """``(attribute=value)``."""
    return f"({attribute}={escaped(value)})"


def substring(attribute: str, *, initial: str = "", within: str = "", final: str = "") -> str:
    """``(attribute=initial*within*final)``."""
    if "\x00" in initial + within + final:
        return NOBODY
    middle = f"*{escaped(within)}*" if within else "*"
    return f"({attribute}={escaped(initial)}{middle}{escaped(final)})"


def has_bits(attribute: str, bits: int) -> str:
    """Rule 803: all *bits* are set (MS-ADTS 3.1.1.3.4.4.1)."""
    return f"({attribute}:1.2.840.113556.1.4.803:={bits})"


def present(attribute: str) -> str:
    """``(attribute=*)``: it has a value."""
    return f"({attribute}=*)"


def at_least(attribute: str, value: int | str) -> str:
    """``(attribute>=value)``."""
    return f"({attribute}>={escaped(str(value))})"


def at_most(attribute: str, value: int | str) -> str:
    """``(attribute<=value)``."""
    return f"({attribute}<={escaped(str(value))})"


def in_chain(attribute: str, dn: str) -> str:
    """Rule 1941: the server follows *attribute* through nested groups. Slow on a large directory."""
    return f"({attribute}:{IN_CHAIN}:={escaped(dn)})"


def all_of(*conditions: str) -> str:
    """``(&…)``. Empty ones are left out; a single one stays as it is."""
    return _joined("&", [c for c in conditions if c])


def any_of(conditions: Iterable[str]) -> str:
    """``(|…)``. A single one stays as it is. At least one is needed: an empty "or" is false on nearly every server."""
    listed = list(dict.fromkeys(conditions))
    if not listed:
        raise ValueError("any_of() needs a condition")
    return _joined("|", listed)


def _joined(operator: str, conditions: list[str]) -> str:
    if len(conditions) == 1:
        return conditions[0]
    return f"({operator}{''.join(conditions)})"


@runtime_checkable
class FilterTerm(Protocol):
    """A condition that knows how to write itself: see `wauth_core.directory.query`."""

    def for_attribute(self, name: str | None) -> str:
        """The filter for attribute *name*; None for a whole one."""


def given(setting: Any) -> str:
    """A filter that an operator or a programmer wrote: its text, or a mapping of attribute to value(s) or terms.

    - A text is checked and used as it is.
    - The values of a mapping are escaped. Several values mean any of them; ``"*"`` alone means "has a value".
    - None becomes "".

    Raises `ConfigurationError`.
    """
    if setting is None or setting == "":
        return ""
    if isinstance(setting, FilterTerm):
        text = setting.for_attribute(None)
    elif isinstance(setting, Mapping):
        conditions = [_given_pair(str(name), value) for name, value in setting.items()]
        text = all_of(*conditions) if conditions else ""
    else:
        text = str(setting).strip()
        if not text.startswith("("):
            text = f"({text})"
    try:
        if text:
            encode_filter(text)
    except FilterError as error:
        raise ConfigurationError(f"{error}. See RFC 4515; a mapping of attribute to value needs no escaping.") from None
    return text


def _given_pair(name: str, value: Any) -> str:
    if isinstance(value, FilterTerm):
        return value.for_attribute(name)
    if isinstance(value, list | tuple | set | frozenset):
        return any_of(_given_pair(name, one) for one in value)
    if value == "*":
        return present(name)
    if isinstance(value, bool):
        value = "TRUE" if value else "FALSE"
    text = value if isinstance(value, bytes) else str(value)
    if isinstance(text, str) and "\x00" in text:
        return NOBODY  # a server may read up to the NUL only, and find something else
    return equals(name, text)


# -- DNs, GUIDs and SIDs as the base of a search -----------------------------------------------------------------------


def guid_base(guid: uuid.UUID) -> str:
    """``<GUID=…>``: AD's alternative form of a DN (MS-ADTS 3.1.1.3.1.2.4)."""
    return f"<GUID={guid}>"


def sid_base(sid: str) -> str:
    """``<SID=…>``. Raises ValueError for what is not a SID's text."""
    if not is_sid(sid):
        raise ValueError(f"{sid!r} is not a SID")
    return f"<SID={sid.upper()}>"


def is_sid(text: str) -> bool:
    """Whether *text* is a SID written out (MS-DTYP 2.4.2.1)."""
    return bool(_SID.fullmatch(text))


def as_guid(value: object) -> uuid.UUID | None:
    """*value* as a GUID, if it is one: a UUID, or the text of one with its hyphens."""
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, str) and _GUID.fullmatch(value):
        return uuid.UUID(value)
    return None


def is_dn(text: str) -> bool:
    """Whether *text* can be a DN with at least one part. A logon name cannot: it holds no "="."""
    try:
        return bool(split_dn(text))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def split_dn(dn: str) -> tuple[tuple[str, str], ...]:
    """The parts of *dn* (RFC 4514), leaf first, as (type, value), unescaped, both folded for comparing.

    Raises ValueError for what is not a DN.
    """
    parts = []
    for rdn in _split(dn, ",;"):
        pairs = []
        for pair in _split(rdn, "+"):
            kind, equals_sign, value = pair.partition("=")
            if not equals_sign or not kind.strip() or not re.fullmatch(r"[A-Za-z0-9.-]+", kind.strip()):
                raise ValueError(f"{dn!r} is not a DN")
            pairs.append((kind.strip().lower(), _dn_value(value).lower()))
        pairs.sort()
        parts.append(("+".join(kind for kind, _ in pairs), "+".join(value for _, value in pairs)))
    return tuple(parts)


def same_dn(one: str, other: str) -> bool:
    """Whether two DNs name the same entry. Case, spaces around parts and ways of escaping do not matter."""
    return one == other or split_dn(one) == split_dn(other)


def dn_key(dn: str) -> str:
    """A text that is equal for equal DNs; *dn* in lower case if it cannot be read."""
    try:
        return ",".join(f"{kind}={dn_escaped(value)}" for kind, value in split_dn(dn))
    except ValueError:
        return dn.lower()


def is_under(dn: str, base: str) -> bool:
    """Whether *dn* is *base* or below it."""
    inner, outer = split_dn(dn), split_dn(base)
    return len(inner) >= len(outer) and inner[len(inner) - len(outer) :] == outer


def domain_root(dn: str) -> str:
    """The ``DC=…`` end of *dn*: the root of its domain. *dn* itself if it has none."""
    parts = _split(dn, ",;")
    for at in range(len(parts)):
        if all(part.strip().lower().startswith("dc=") for part in parts[at:]):
            return ",".join(part.strip() for part in parts[at:])
    return dn


def dns_domain(dn: str) -> str:
    """``example.local`` of ``…,DC=example,DC=local``; "" if there is no DC."""
    try:
        return ".".join(value for kind, value in split_dn(dn) if kind == "dc")
    except ValueError:
        return ""


def leaf_name(dn: str) -> str:
    """The value of the first part of *dn*, unescaped; *dn* itself if it is no DN."""
    try:
        return _dn_value(_split(_split(dn, ",;")[0], "+")[0].partition("=")[2]) or dn
    except ValueError:
        return dn


def leaf_rdn(dn: str) -> str:
    """The first part of *dn*, as it is written there."""
    return _split(dn, ",;")[0].strip()


def rdn(kind: str, value: str) -> str:
    """``CN=value``, escaped. Raises `ConfigurationError` for a value that cannot be a name."""
    if not value.strip() or "\x00" in value or "\n" in value:
        raise ConfigurationError(f"{value!r} cannot be the name of an object.")
    return f"{kind}={dn_escaped(value)}"


def parent_dn(dn: str) -> str:
    """*dn* without its first part; "" if nothing is left."""
    return ",".join(_split(dn, ",;")[1:])


def unit_dn(path: str, root: str) -> str:
    """The DN of the organizational unit ``Staff/Sales`` in the domain *root*. The path may begin with the DNS name."""
    steps = [step for step in path.split("/") if step]
    if steps and steps[0].lower() == dns_domain(root):
        steps = steps[1:]
    return ",".join([*("OU=" + dn_escaped(step) for step in reversed(steps)), root])


def dn_escaped(value: str) -> str:
    """*value* for the right side of a DN's part (RFC 4514 2.4)."""
    out = "".join(f"\\{c}" if c in ',+"\\<>;=' else f"\\{ord(c):02x}" if ord(c) < 0x20 else c for c in value)
    if out[:1] in {" ", "#"}:
        out = "\\" + out
    if len(value) > 1 and value[-1] == " ":
        out = out[:-1] + "\\ "
    return out


def _split(text: str, separators: str) -> list[str]:
    """Split at separators that are neither escaped nor quoted."""
    parts, start, at, quoted = [], 0, 0, False
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 1
        elif letter == '"':
            quoted = not quoted
        elif letter in separators and not quoted:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def _dn_value(text: str) -> str:
    text = text.lstrip(" ")
    bare = text.rstrip(" ")
    escapes = len(bare) - len(bare.rstrip("\\"))
    text = text[: len(bare) + 1] if escapes % 2 and len(text) > len(bare) else bare
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if "\\" not in text:
        return text
    out, at, raw = bytearray(), 0, text.encode()
    while at < len(raw):
        if raw[at] != 0x5C:
            out.append(raw[at])
            at += 1
        elif re.fullmatch(rb"[0-9a-fA-F]{2}", raw[at + 1 : at + 3]):
            out.append(int(raw[at + 1 : at + 3], 16))
            at += 3
        elif raw[at + 1 : at + 2] and raw[at + 1] in b' "#+,;<=>\\?':  # Samba escapes the question mark, too
            out += raw[at + 1 : at + 2]
            at += 2
        else:
            raise ValueError(f"{text!r} has a backslash that escapes nothing")
    return out.decode()
