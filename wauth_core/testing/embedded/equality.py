"""When two values of an attribute are equal, by its syntax (MS-ADTS 3.1.1.2.2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import schema as syntax
from .distinguished_names import BadName, fold, parse_dn
from .entry import Key
from .schema import Attribute
from .values import is_sid, pack_sid, parse_generalized_time, parse_int

if TYPE_CHECKING:
    from .tree import Store


def comparable(store: Store, attribute: Attribute, value: bytes) -> Key | None:
    """A key that is the same for equal values, by the attribute's syntax; None if the value does not fit the syntax."""
    kind = attribute.syntax
    if kind in (syntax.UNICODE, 4):
        return fold(value.decode("utf-8", "replace"))
    if kind in (syntax.INTEGER, syntax.INTEGER8):
        return parse_int(value)
    if kind == syntax.DN:
        return _normal_dn(store, attribute, value)
    if kind == syntax.OID:
        return _normal_oid(store, value)
    if kind == syntax.BOOLEAN:
        return {b"TRUE": True, b"FALSE": False}.get(value)
    if kind == syntax.TIME:
        return parse_generalized_time(value)
    if kind == syntax.SID and not is_sid(value):
        try:
            return pack_sid(value.decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            return None
    return value


def _normal_dn(store: Store, attribute: Attribute, value: bytes) -> str | None:
    text = value.decode("utf-8", "replace")
    if attribute.name == "objectCategory" and text.lower() in store.schema.classes:
        text = store.category_dn(text)
    try:
        target = store.find(text)
        if target is not None:
            text = target.dn
        return ",".join(step.key for step in parse_dn(text))
    except BadName:
        return None


def _normal_oid(store: Store, value: bytes) -> str:
    text = value.decode("utf-8", "replace").lower()
    known = store.schema.classes.get(text) or store.schema.attributes.get(text)
    return known.name.lower() if known else text
