"""One change to the directory as plain data: what is sent, and its text as LDIF (RFC 2849)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from wauth_core.directory import decode, wire_writes
from wauth_core.directory.tracing import NOT_SHOWN, is_secret
from wauth_core.directory.wire import Control
from wauth_core.directory.wire_writes import ADD, DELETE, REPLACE

_WORDS = {ADD: "add", DELETE: "delete", REPLACE: "replace"}
_SAFE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x1f\x21-\x39\x3b\x3d-\x7f][\x01-\x09\x0b\x0c\x0e-\x7f]*")


@dataclass(frozen=True)
class Mod:
    """A change of one attribute. *operation* is ADD, DELETE or REPLACE."""

    operation: int
    attribute: str
    values: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Mod({_WORDS[self.operation]} {self.attribute}: {self.shown!r})"

    @property
    def shown(self) -> Any:
        """The values, decoded; never a secret."""
        if is_secret(self.attribute):
            return NOT_SHOWN
        return decode.attribute(self.attribute, list(self.values)) if self.values else None


@dataclass(frozen=True)
class Edit:
    """One request: *kind* is "add", "modify", "delete" or "rename". It happens as a whole or not at all.

    *undo* reverts it, if another request of the same change is refused.
    """

    kind: str
    dn: str
    mods: tuple[Mod, ...] = ()
    new_rdn: str = ""
    new_parent: str | None = None
    controls: tuple[Control, ...] = ()
    undo: Edit | None = field(default=None, repr=False, compare=False)

    def request(self, number: int) -> bytes:
        """The operation as it is sent."""
        if self.kind == "add":
            return wire_writes.add_request(number, self.dn, [(m.attribute, m.values) for m in self.mods], self.controls)
        if self.kind == "modify":
            changes = [(m.operation, m.attribute, m.values) for m in self.mods]
            return wire_writes.modify_request(number, self.dn, changes, self.controls)
        if self.kind == "delete":
            return wire_writes.delete_request(number, self.dn, self.controls)
        return wire_writes.rename_request(number, self.dn, self.new_rdn, self.new_parent, self.controls)

    @property
    def changes(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """The same for traces: (what, attribute, values)."""
        if self.kind == "rename":
            targets = (("newrdn", self.new_rdn), ("newSuperior", self.new_parent))
            return tuple(("replace", name, (value,)) for name, value in targets if value)
        return tuple((_WORDS[m.operation], m.attribute, tuple(map(str, decode.several(m.shown)))) for m in self.mods)

    def ldif(self) -> str:
        """The LDIF change record. A secret is replaced by a comment, so the record cannot be replayed."""
        lines = [_line("dn", self.dn.encode())]
        lines += [f"control: {each.oid}{' true' if each.critical else ''}" for each in self.controls]
        lines.append(f"changetype: {'modrdn' if self.kind == 'rename' else self.kind}")
        if self.kind == "rename":
            lines += [_line("newrdn", self.new_rdn.encode()), "deleteoldrdn: 1"]
            lines += [_line("newsuperior", self.new_parent.encode())] if self.new_parent is not None else []
        for mod in self.mods:
            if self.kind == "modify":
                lines.append(f"{_WORDS[mod.operation]}: {mod.attribute}")
            if is_secret(mod.attribute):
                lines.append(f"# {mod.attribute}: {NOT_SHOWN}")
            else:
                lines += [_line(mod.attribute, value) for value in mod.values]
            if self.kind == "modify":
                lines.append("-")
        return "\n".join(lines) + "\n"


def _line(name: str, value: bytes) -> str:
    if _SAFE.fullmatch(value) and not value.endswith(b" "):
        return _folded(f"{name}: {value.decode('ascii')}")
    return _folded(f"{name}:: {base64.b64encode(value).decode('ascii')}" if value else f"{name}:")


def _folded(line: str) -> str:
    """Break it into lines of at most 76 letters. A continued line begins with a space."""
    rest, lines = line[76:], [line[:76]]
    while rest:
        lines.append(f" {rest[:75]}")
        rest = rest[75:]
    return "\n".join(lines)
