"""From Python values to the octets of an attribute: the reverse of `decode`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from wauth_core.directory import decode
from wauth_core.directory.entries import DirectoryObject
from wauth_core.exceptions import ConfigurationError


def values(name: str, value: Any) -> tuple[bytes, ...]:
    """The octets of *value* for attribute *name*: one value, several (a list, tuple or set), or none (None, "").

    Times must be aware. A `DirectoryObject` is written as its DN. Raises `ConfigurationError`.
    """
    if value is None or value == "" or value == b"":
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(dict.fromkeys(octets for one in value for octets in values(name, one)))
    return (_one(name, value),)


def attributes(given: Mapping[str, Any]) -> dict[str, tuple[bytes, ...]]:
    """The octets of several attributes. Each name must occur once only, whatever its case."""
    found: dict[str, tuple[bytes, ...]] = {}
    seen: set[str] = set()
    for name, value in given.items():
        if not name or not name.replace("-", "").replace(";", "").isalnum() or not name.isascii():
            raise ConfigurationError(f"{name!r} is not an attribute's name.")
        if name.lower() in seen:
            raise ConfigurationError(f"The attribute {name!r} is given twice.")
        seen.add(name.lower())
        found[name] = values(name, value)
    return found


def _one(name: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, DirectoryObject):
        return value.dn.encode()
    if isinstance(value, uuid.UUID):
        return value.bytes_le
    if isinstance(value, datetime):
        return _moment(name, value)
    if isinstance(value, timedelta):
        return b"%d" % -(value // timedelta(microseconds=1) * 10)
    raise ConfigurationError(f"{name}: a {type(value).__name__} cannot be written to a directory.")


def _text(name: str, value: str) -> bytes:
    if "\x00" in value:
        raise ConfigurationError(f"{name}: a value cannot hold the character NUL.")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name}: {value!r} is not text.") from None


def _moment(name: str, value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ConfigurationError(
            f"{name}: {value.isoformat()} has no time zone. Add one, such as tzinfo=datetime.timezone.utc."
        )
    if decode.is_filetime(name):
        return b"%d" % decode.ticks(value)
    return value.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S.0Z").encode()
