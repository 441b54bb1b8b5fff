"""DirSync: what changed in a naming context since a cookie (MS-ADTS 3.1.1.3.4.1.3)."""

from __future__ import annotations

from collections.abc import Iterator

from .controls import INCREMENTAL_VALUES, OBJECT_SECURITY, RequestControls
from .entry import Entry, Values
from .hosted_domain import Domain
from .matching import compile_filter
from .messages import SearchRequest, entry_message
from .rendering import HIDDEN, shown_dn
from .result_codes import PROTOCOL_ERROR, UNWILLING_TO_PERFORM, bad_control, no_rights
from .schema import Attribute

_ALWAYS = ("objectguid", "instancetype")
_NAMING = ("cn", "ou", "dc")  # only ``name`` replicates; these follow from it


def dir_sync(
    domain: Domain,
    message_id: int,
    request: SearchRequest,
    options: RequestControls,
    base: Entry,
    *,
    may_replicate: bool,
) -> list[bytes]:
    """The changed entries, with tombstones, in the order of their changes."""
    sync = options.dir_sync
    if sync is None:
        raise bad_control(PROTOCOL_ERROR)
    by_access = bool(sync.flags & OBJECT_SECURITY)
    if not base.is_naming_context:
        raise bad_control(UNWILLING_TO_PERFORM) if by_access else no_rights()
    if not by_access and not may_replicate:
        raise no_rights()
    store = domain.store
    test = compile_filter(store, request.filter)
    changed = [entry for entry in base.walk() if entry.usn_changed > sync.since and test(entry)]
    changed.sort(key=lambda entry: entry.usn_changed)
    wanted: set[str] | None = None
    if request.attributes and "*" not in request.attributes:
        found = (store.schema.attribute(name) for name in request.attributes)
        wanted = {attribute.name.lower() for attribute in found if attribute is not None}
    incremental = bool(sync.flags & INCREMENTAL_VALUES)
    chunks = []
    for entry in changed:
        attributes = list(_changed(domain, entry, wanted, sync.since, incremental=incremental))
        if attributes:
            attributes += [(store.schema.attributes[name].name, store.values(entry, name)) for name in _ALWAYS]
            chunks.append(entry_message(message_id, shown_dn(entry, options), attributes))
    return chunks


def _changed(
    domain: Domain, entry: Entry, wanted: set[str] | None, since: int, *, incremental: bool
) -> Iterator[tuple[str, Values]]:
    store = domain.store
    is_new = entry.usn_created > since
    meta = entry.meta or {}
    for name in dict.fromkeys([*store.names(entry), *meta]):
        attribute = store.schema.attributes[name]
        unsent = attribute.constructed or attribute.local or name in HIDDEN or name in _ALWAYS or name in _NAMING
        if unsent or (wanted is not None and name not in wanted):
            continue
        if not is_new and meta.get(name, 0) <= since:
            continue
        if attribute.link is not None and incremental:
            yield from _changed_links(entry, attribute, since)
            continue
        values = store.values(entry, name)
        if values or not is_new:
            yield attribute.name, values
        if name == "name" and wanted is None and entry.parent is not None:
            yield "parentGUID", (entry.parent.guid,)


def _changed_links(entry: Entry, attribute: Attribute, since: int) -> Iterator[tuple[str, Values]]:
    """With INCREMENTAL_VALUES: added values as range 1-1, removed ones as range 0-0."""
    name = attribute.name.lower()
    added = [target.dn.encode() for target, usn in entry.linked(name).items() if usn > since]
    gone = [dn.encode() for dn, usn in (entry.unlinked or {}).get(name, {}).items() if usn > since]
    if added:
        yield f"{attribute.name};range=1-1", tuple(added)
    if gone and since:
        yield f"{attribute.name};range=0-0", tuple(gone)
