"""Linked attributes (member and the like), set as a whole."""

from __future__ import annotations

from collections.abc import Collection

from .entry import Entry
from .tree import Store


def relink(store: Store, entry: Entry, name: str, wanted: Collection[Entry]) -> None:
    """Set the links of *entry* under *name* to *wanted*, in that order."""
    for target in list(entry.linked(name)):
        if target not in wanted:
            store.unlink(entry, name, target)
    for target in wanted:
        if target not in entry.linked(name):
            store.link(entry, name, target)
