"""Delete an entry and restore it: tombstones, and the recycle bin."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import result_codes as r
from .distinguished_names import BadName, Rdn, parse_dn
from .entry import Entry
from .messages import Modification
from .tree import INDEXED, Store

if TYPE_CHECKING:
    from .hosted_domain import Domain


def bury(store: Store, entry: Entry, graveyard: Entry) -> None:
    """Delete the entry. A tombstone with GUID, SID and little else remains (MS-ADTS 3.1.1.5.5).

    With the recycle bin it keeps everything. Its links are hidden until it is restored.
    """
    parent_dn = entry.parent.dn if entry.parent is not None else ""
    if store.recycle_bin:
        entry.former = [(entry, name, target) for name in entry.links or {} for target in entry.linked(name)]
        entry.former += [(source, name, entry) for name in entry.back or {} for source in entry.linking(name)]
    for name in list(entry.links or {}):
        for target in list(entry.linked(name)):
            store.unlink(entry, name, target)
    for name in list(entry.back or {}):
        for source in list(entry.linking(name)):
            store.unlink(source, name, entry)
    kept = {"samaccountname", "useraccountcontrol", "grouptype", "objectclass", "instancetype"}
    if store.recycle_bin:
        kept |= {*entry.attrs, *entry.shared}
    attrs = {name: value for name, value in entry.attrs.items() if name in kept}
    shared = {name: value for name, value in entry.shared.items() if name in kept}
    for name in INDEXED:
        if name in entry.attrs and name not in kept:
            store.indexes[name].remove(entry, store.values(entry, name))
    lost = {*entry.attrs, *entry.shared} - {*attrs, *shared}
    entry.attrs, entry.shared = attrs, shared
    entry.attrs["isdeleted"] = b"TRUE"
    if store.recycle_bin:
        entry.attrs["msds-lastknownrdn"] = entry.rdn.value.encode()
    else:
        entry.attrs["isrecycled"] = b"TRUE"
        entry.password = None
    entry.attrs["lastknownparent"] = parent_dn.encode()
    entry.deleted = True
    guid = str(uuid.UUID(bytes_le=entry.guid))
    store.move(entry, graveyard, Rdn(entry.rdn.attribute, f"{entry.rdn.value}\nDEL:{guid}"))
    for name in ("isdeleted", "isrecycled", "lastknownparent", *lost):
        store.touch(entry, name)


def undelete(domain: Domain, entry: Entry, changes: Sequence[Modification]) -> None:
    """*changes* must remove isDeleted and set the new DN, and nothing else here."""
    store = domain.store
    wanted = {change.attribute.lower(): change for change in changes}
    if wanted.keys() != {"isdeleted", "distinguishedname"} or wanted["isdeleted"].operation != 1:
        raise r.unwilling()
    if store.recycle_bin and store.text(entry, "isrecycled") == "TRUE":
        raise r.unwilling()
    [value] = wanted["distinguishedname"].values or (b"",)
    text = value.decode("utf-8", "replace")
    try:
        steps = parse_dn(text)
    except BadName as exc:
        raise r.bad_name(text) from exc
    parent, missing = store.descend(steps[1:])
    if parent is None or missing or parent.deleted:
        raise r.no_object(parent.dn if parent is not None else "")
    rdn = Rdn(entry.rdn.attribute, steps[0].value)
    if rdn.key in (parent.children or {}):
        raise r.already_exists()
    sam = store.text(entry, "samaccountname")
    if sam and store.principal(sam) is not None:
        raise r.already_exists("00000524")
    _bring_back(domain, entry, parent, rdn)


def _bring_back(domain: Domain, entry: Entry, parent: Entry, rdn: Rdn) -> None:
    """Restore a deleted entry, with its links whose other end still exists (MS-ADTS 3.1.1.5.3.7)."""
    store = domain.store
    entry.deleted = False
    if not store.recycle_bin:  # what every object of its class has comes back; the rest is lost
        entry.shared = domain.template(tuple(value.decode() for value in store.classes(entry)))
        if store.values(entry, "useraccountcontrol"):
            entry.attrs["pwdlastset"] = b"0"
    for name in ("isdeleted", "isrecycled", "lastknownparent", "msds-lastknownrdn"):
        if entry.attrs.pop(name, None) is not None:
            store.touch(entry, name)
    store.move(entry, parent, rdn)
    for source, name, target in entry.former or ():
        if not source.deleted and not target.deleted:
            store.link(source, name, target)
    entry.former = None
