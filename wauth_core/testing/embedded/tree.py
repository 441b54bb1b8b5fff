"""The tree of entries, its indexes, and the graph of links: a domain controller's database.

Hold `Store.lock` to read or write.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping

from .distinguished_names import BadName, Rdn, parse_dn
from .entry import Entry, Index, Values
from .equality import comparable
from .schema import Schema
from .values import SECURITY, generalized_time, pack_sid

INDEXED = ("samaccountname", "userprincipalname", "mail", "displayname", "serviceprincipalname", "employeeid")


class Store:
    """The tree under one domain, and its indexes."""

    def __init__(self, base_dn: str, domain_sid: bytes, schema: Schema, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.schema = schema
        self.clock = clock
        self.base_dn = base_dn
        self.domain_sid = domain_sid
        self.usn = 1
        self.invocation_id = uuid.uuid4().bytes_le
        self.by_guid: dict[bytes, Entry] = {}
        self.by_sid: dict[bytes, Entry] = {}
        self.indexes = {name: Index() for name in (*INDEXED, "name")}
        self.next_rid = 1103
        self.wellknown: dict[bytes, Entry] = {}
        self.base_keys = [step.key for step in reversed(parse_dn(base_dn))]
        self.recycle_bin = False
        self.root = Entry(Rdn("", base_dn), None, {})
        self.root.is_naming_context = True
        self._stamp_new(self.root)
        self.root.sid = domain_sid
        self.by_sid[domain_sid] = self.root
        self._keep(self.root)
        self._computed: dict[str, Callable[[Entry], Values]] = {
            "distinguishedname": lambda e: (e.dn.encode(),),
            "name": lambda e: (self._name(e),),
            "cn": lambda e: (e.rdn.value.encode(),) if e.rdn.attribute == "CN" else (),
            "ou": lambda e: (e.rdn.value.encode(),) if e.rdn.attribute == "OU" else (),
            "dc": lambda e: (self._name(e),) if e is self.root or e.rdn.attribute == "DC" else (),
            "objectguid": lambda e: (e.guid,),
            "objectsid": lambda e: () if e.sid is None else (e.sid,),
            "usncreated": lambda e: (b"%d" % e.usn_created,),
            "usnchanged": lambda e: (b"%d" % e.usn_changed,),
            "whencreated": lambda e: (generalized_time(e.created),),
            "whenchanged": lambda e: (generalized_time(e.changed),),
        }

    # --- finding ---

    def find(self, dn: str) -> Entry | None:
        """The entry that a DN, ``<GUID=…>``, ``<SID=…>`` or ``<WKGUID=…>`` names; raises `BadName`."""
        if dn.startswith("<"):
            return self._find_special(dn)
        entry, missing = self.descend(parse_dn(dn))
        return None if missing else entry

    def descend(self, steps: list[Rdn]) -> tuple[Entry | None, int]:
        """The closest existing entry on the way to *steps*, and how many steps are missing (None: not ours)."""
        keys = [step.key for step in reversed(steps)]
        depth = len(self.base_keys)
        if keys[:depth] != self.base_keys:
            return None, len(keys)
        entry = self.root
        for position, key in enumerate(keys[depth:]):
            child = (entry.children or {}).get(key)
            if child is None:
                return entry, len(keys) - depth - position
            entry = child
        return entry, 0

    def _find_special(self, dn: str) -> Entry | None:
        if not dn.endswith(">") or "=" not in dn:
            raise BadName(dn)
        kind, value = dn[1:-1].split("=", 1)
        try:
            if kind.upper() == "GUID":
                raw = bytes.fromhex(value) if len(value) == 32 else uuid.UUID(value).bytes_le
                return self.by_guid.get(raw)
            if kind.upper() == "SID":
                raw = pack_sid(value) if value[:2].upper() == "S-" else bytes.fromhex(value)
                return self.by_sid.get(raw)
            if kind.upper() == "WKGUID":
                guid, _, below = value.partition(",")
                return self.wellknown.get(bytes.fromhex(guid)) if self.find(below) is self.root else None
        except ValueError as exc:
            raise BadName(dn) from exc
        raise BadName(dn)

    def lookup(self, name: str, value: bytes) -> list[Entry] | None:
        """All entries that may have this value, by an index; None if there is none for the attribute."""
        index = self.indexes.get("name" if name in ("cn", "ou") else name)
        if name == "objectguid":
            return _as_list(self.by_guid.get(value))
        attribute = self.schema.attribute(name)
        if attribute is None:
            return None
        key = comparable(self, attribute, value)
        if name == "objectsid" and isinstance(key, bytes):
            return _as_list(self.by_sid.get(key))
        if index is not None and isinstance(key, str):
            return index.get(key)
        if attribute.link is not None:
            target = self.resolve(value)
            if target is None:
                return []
            if attribute.is_back_link:
                return list(target.linked(self.schema.forward_of.get(name, "")))
            return list(target.linking(name))
        if name == "distinguishedname":
            target = self.resolve(value)
            return [] if target is None else [target]
        return None

    def principal(self, sam: str) -> Entry | None:
        """The account of this sAMAccountName."""
        found = self.lookup("samaccountname", sam.encode()) or []
        return next((entry for entry in found if not entry.deleted), None)

    def by_rid(self, rid: int) -> Entry | None:
        """The domain's account with this RID."""
        return self.by_sid.get(self.domain_account_sid(rid))

    def domain_account_sid(self, rid: int) -> bytes:
        """The SID of the domain's account with this RID."""
        head = self.domain_sid
        return head[:1] + bytes((head[1] + 1,)) + head[2:] + rid.to_bytes(4, "little")

    # --- values ---

    def values(self, entry: Entry, name: str) -> Values:
        """All values of an attribute that is not constructed; *name* is lower-cased."""
        computed = self._computed.get(name)
        if computed is not None:
            return computed(entry)
        found = entry.attrs.get(name)
        if found is None:
            found = entry.shared.get(name)
        if found is not None:
            return found if isinstance(found, tuple) else (found,)
        if entry.links is not None and name in entry.links:
            return tuple(target.dn.encode() for target in entry.links[name])
        if entry.back is not None:
            forward = self.schema.forward_of.get(name)
            if forward is not None:
                return tuple(source.dn.encode() for source in entry.linking(forward))
        return ()

    def is_computed(self, name: str) -> bool:
        """Whether the attribute is computed from the entry, and cannot be set."""
        return name in self._computed

    def names(self, entry: Entry) -> list[str]:
        """The lower-cased names of all attributes with a value, constructed ones aside."""
        found = ["objectclass", *self._computed]
        found += [name for name in entry.shared if name not in entry.attrs]
        found += entry.attrs
        found += [name for name, targets in (entry.links or {}).items() if targets]
        backs = {forward: back for back, forward in self.schema.forward_of.items()}
        found += [backs[name] for name, sources in (entry.back or {}).items() if sources and name in backs]
        return [name for name in dict.fromkeys(found) if self.values(entry, name)]

    def number(self, entry: Entry, name: str, default: int = 0) -> int:
        """A numeric attribute."""
        values = self.values(entry, name)
        return int(values[0]) if values else default

    def text(self, entry: Entry, name: str) -> str:
        """A text attribute, or the empty text."""
        values = self.values(entry, name)
        return values[0].decode("utf-8", "replace") if values else ""

    def classes(self, entry: Entry) -> Values:
        """objectClass, ``top`` first."""
        return self.values(entry, "objectclass")

    def resolve(self, value: bytes) -> Entry | None:
        """The entry that a DN-valued attribute's value names, if it is there."""
        try:
            return self.find(value.decode("utf-8", "replace"))
        except BadName:
            return None

    def category_dn(self, class_name: str) -> str:
        """What ``objectCategory=person`` stands for."""
        category = self.schema.classes[class_name.lower()].object_category
        return f"CN={category},CN=Schema,CN=Configuration,{self.base_dn}"

    def _name(self, entry: Entry) -> bytes:
        return (self.base_keys[-1][3:] if entry is self.root else entry.rdn.value).encode()

    # --- membership ---

    def is_security_group(self, entry: Entry) -> bool:
        """Whether the entry is a group that counts for rights."""
        return bool(self.number(entry, "grouptype") & SECURITY)

    def token_groups(self, entry: Entry) -> dict[Entry, None]:
        """Every security group that the entry is in: nested ones and the primary group included."""
        start = [group for group in entry.linking("member") if self.is_security_group(group)]
        primary = self.by_rid(self.number(entry, "primarygroupid"))
        if primary is not None:
            start.insert(0, primary)
        found = dict.fromkeys(start)
        while start:
            for group in start.pop().linking("member"):
                if group not in found and self.is_security_group(group):
                    found[group] = None
                    start.append(group)
        return found

    # --- writing ---

    def new_sid(self) -> bytes:
        """The next account's SID."""
        self.next_rid += 1
        return self.domain_account_sid(self.next_rid)

    def create(
        self,
        parent: Entry,
        rdn: Rdn,
        shared: Mapping[str, bytes | Values],
        attrs: dict[str, bytes | Values],
        *,
        sid: bytes | None = None,
        guid: bytes | None = None,
    ) -> Entry:
        """Add an entry. The caller must check that its names are free."""
        entry = Entry(rdn, parent, shared)
        entry.attrs = attrs
        entry.sid = sid
        if parent.children is None:
            parent.children = {}
        parent.children[rdn.key] = entry
        self._stamp_new(entry, guid)
        self._keep(entry)
        return entry

    def _stamp_new(self, entry: Entry, guid: bytes | None = None) -> None:
        self.usn += 1
        entry.usn_created = entry.usn_changed = self.usn
        entry.created = entry.changed = self.clock()
        entry.guid = guid or uuid.uuid4().bytes

    def _keep(self, entry: Entry) -> None:
        self.by_guid[entry.guid] = entry
        if entry.sid is not None:
            self.by_sid[entry.sid] = entry
        self.indexes["name"].add(entry, (entry.rdn.value.encode(),))
        for name in INDEXED:
            value = entry.attrs.get(name)
            if value is not None:
                self.indexes[name].add(entry, value if isinstance(value, tuple) else (value,))

    def touch(self, entry: Entry, name: str) -> None:
        """Note that the attribute changed now."""
        self.usn += 1
        entry.usn_changed = self.usn
        entry.changed = self.clock()
        if entry.meta is None:
            entry.meta = {}
        entry.meta[name] = self.usn

    def put(self, entry: Entry, name: str, values: Values) -> None:
        """Set the values of an attribute that is neither link nor computed. Without a change there is no new USN."""
        if self.values(entry, name) == values:
            return
        if name in self.indexes:
            self.indexes[name].remove(entry, self.values(entry, name))
            self.indexes[name].add(entry, values)
        if values or name in entry.shared:
            entry.attrs[name] = values[0] if len(values) == 1 else values
        else:
            entry.attrs.pop(name, None)
        self.touch(entry, name)

    def link(self, source: Entry, name: str, target: Entry) -> None:
        """Point *source*'s forward link *name* at *target*."""
        self.touch(source, name)
        self.load_link(source, name, target)
        if source.unlinked is not None:
            source.unlinked.get(name, {}).pop(target.dn, None)

    def load_link(self, source: Entry, name: str, target: Entry) -> None:
        """The same while the first people are loaded: it counts as no change."""
        if source.links is None:
            source.links = {}
        if target.back is None:
            target.back = {}
        source.links.setdefault(name, {})[target] = self.usn
        target.back.setdefault(name, {})[source] = self.usn

    def unlink(self, source: Entry, name: str, target: Entry) -> None:
        """Remove *target* from *source*'s forward link *name*."""
        self.touch(source, name)
        del source.linked(name)[target]
        del target.linking(name)[source]
        if source.unlinked is None:
            source.unlinked = {}
        source.unlinked.setdefault(name, {})[target.dn] = self.usn

    def move(self, entry: Entry, parent: Entry, rdn: Rdn) -> None:
        """Rename the entry, or move it, or both."""
        if entry.parent is not None and entry.parent.children is not None:
            del entry.parent.children[entry.rdn.key]
        self.indexes["name"].remove(entry, (entry.rdn.value.encode(),))
        entry.parent, entry.rdn = parent, rdn
        if parent.children is None:
            parent.children = {}
        parent.children[rdn.key] = entry
        self.indexes["name"].add(entry, (rdn.value.encode(),))
        self.touch(entry, "name")

    def is_below(self, entry: Entry, ancestor: Entry) -> bool:
        """Whether *entry* is *ancestor*, or below it."""
        at: Entry | None = entry
        while at is not None:
            if at is ancestor:
                return True
            at = at.parent
        return False


def _as_list(found: Entry | None) -> list[Entry]:
    return [] if found is None else [found]


def system_clock() -> float:
    """The time of day."""
    return time.time()
