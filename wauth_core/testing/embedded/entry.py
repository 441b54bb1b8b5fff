"""One entry, and an index over many.

Made for 100,000 people: a template holds once what all users share, each name is kept once, and a DN is composed when
it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .distinguished_names import Rdn, fold

Values = tuple[bytes, ...]
Key = str | int | bytes | bool


class Entry:
    """One object. *attrs* holds its own values (one as bytes, several as a tuple), *shared* its template's."""

    __slots__ = (
        "attrs",
        "back",
        "changed",
        "children",
        "created",
        "deleted",
        "former",
        "guid",
        "is_naming_context",
        "links",
        "meta",
        "parent",
        "password",
        "rdn",
        "shared",
        "sid",
        "unlinked",
        "usn_changed",
        "usn_created",
    )

    def __init__(self, rdn: Rdn, parent: Entry | None, shared: Mapping[str, bytes | Values]) -> None:
        self.rdn = rdn
        self.parent = parent
        self.shared = shared
        self.attrs: dict[str, bytes | Values] = {}
        self.children: dict[str, Entry] | None = None
        self.guid = b""
        self.sid: bytes | None = None
        self.links: dict[str, dict[Entry, int]] | None = None
        self.back: dict[str, dict[Entry, int]] | None = None
        self.unlinked: dict[str, dict[str, int]] | None = None
        self.meta: dict[str, int] | None = None
        self.password: str | None = None
        self.usn_created = self.usn_changed = 0
        self.created = self.changed = 0.0
        self.deleted = False
        self.former: list[tuple[Entry, str, Entry]] | None = None  # links, for the recycle bin
        self.is_naming_context = False

    @property
    def dn(self) -> str:
        """The distinguished name as AD writes it."""
        if self.parent is None:
            return self.rdn.value if self.rdn.attribute == "" else self.rdn.text
        return f"{self.rdn.text},{self.parent.dn}"

    def linked(self, name: str) -> dict[Entry, int]:
        """The entries to which the forward link *name* (lower-cased) points."""
        return (self.links or {}).get(name, {})

    def linking(self, name: str) -> dict[Entry, int]:
        """The entries that point here by the forward link *name*."""
        return (self.back or {}).get(name, {})

    def walk(self, *, across: bool = False) -> Iterator[Entry]:
        """This entry and all below; other naming contexts only if *across*."""
        yield self
        for child in (self.children or {}).values():
            if across or not child.is_naming_context:
                if child.children:
                    yield from child.walk(across=across)
                else:
                    yield child


class Index:
    """Entries by a folded text. Most texts have one entry only: it is stored without a list."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[str, Entry | list[Entry]] = {}

    def get(self, key: str) -> list[Entry]:
        """All entries under this key."""
        found = self._found.get(key)
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    def add(self, entry: Entry, values: Iterable[bytes]) -> None:
        """Note that the entry has these values."""
        for value in values:
            key = fold(value.decode("utf-8", "replace"))
            present = self._found.get(key)
            if present is None:
                self._found[key] = entry
            elif isinstance(present, list):
                present.append(entry)
            elif present is not entry:
                self._found[key] = [present, entry]

    def remove(self, entry: Entry, values: Iterable[bytes]) -> None:
        """Note that the entry no longer has these values."""
        for value in values:
            key = fold(value.decode("utf-8", "replace"))
            present = self._found.get(key)
            if present is entry:
                del self._found[key]
            elif isinstance(present, list) and entry in present:
                present.remove(entry)
