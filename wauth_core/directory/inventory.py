"""Look-ups of objects that are neither people nor groups: one by its name, or all of a kind, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wauth_core.directory import filters, wire
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryObject, EntryManager
from wauth_core.directory.kinds import DELETED, OBJECT, Kind, object_of
from wauth_core.directory.lookup import ByBase, Dialect, question
from wauth_core.directory.objects import DeletedObject
from wauth_core.directory.resolver import Resolver
from wauth_core.directory.wire_writes import sd_flags_control
from wauth_core.exceptions import Ambiguous, DirectoryError, NotFound

SECURITY = "nTSecurityDescriptor"
WITH_DELETED = (wire.Control(wire.SHOW_DELETED, critical=True), wire.Control(wire.SHOW_RECYCLED, critical=True))


class Inventory:
    """Finds objects. Every method raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile, door: EntryManager) -> None:
        self._domain = domain
        self._door = door
        self._resolver = Resolver(domain)

    def one(self, kind: Kind, x: object, attributes: Iterable[str] = ()) -> DirectoryObject:
        """The one object of *kind* that *x* names. Raises `NotFound` or `Ambiguous`."""
        try:
            asked = question(x)
        except ValueError:
            raise NotFound(x, self._domain.name, kind.word) from None
        dialect = self._domain.settled()
        wanted = self._wanted(kind, dialect, attributes)
        if isinstance(asked, ByBase):
            found = self._resolver.at(asked, dialect, kind.condition, wanted)
        else:
            name = self._resolver.spoken_of(asked)
            found = list(self._resolver.called(kind.names(name), kind.condition, wanted)) if name else []
            if not found and name and kind.name == "ou" and "/" in name:
                found = self._resolver.at(
                    ByBase(filters.unit_dn(name, self._domain.root)), dialect, kind.condition, wanted
                )
        entry = self._resolver.only(x, found, NotFound, Ambiguous, kind.word)
        return object_of(entry, dialect, self._door, kind)

    def all(self, kind: Kind, condition: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryObject]:
        """All objects of *kind* that match *condition*, page by page."""
        dialect = self._domain.settled()
        text = filters.all_of(kind.condition, filters.given(condition))
        wanted = self._wanted(kind, dialect, attributes)
        for page in self._domain.searcher.pages(self._domain.bases, text, wanted):
            for entry in page:
                yield object_of(self._domain.searcher.complete(entry), dialect, self._door, kind)

    def deleted(self, condition: Any = None, attributes: Iterable[str] = ()) -> Iterator[DeletedObject]:
        """The deleted objects that the domain still holds, page by page (MS-ADTS 3.1.1.5.5)."""
        text = filters.all_of(DELETED.condition, filters.given(condition))
        wanted = DELETED.wanted(attributes)
        base = f"CN=Deleted Objects,{self._domain.root}"
        for page in self._domain.searcher.pages(base, text, wanted, scope=wire.LEVEL, controls=WITH_DELETED):
            for entry in page:
                made = object_of(entry, self._domain.dialect, self._door, DELETED)
                if isinstance(made, DeletedObject):
                    yield made

    def deleted_one(self, x: object, attributes: Iterable[str] = ()) -> DeletedObject:
        """The one deleted object that *x* (a GUID, DN, SID or name) names. Raises `NotFound` or `Ambiguous`."""
        try:
            asked = question(x)
        except ValueError:
            raise NotFound(x, self._domain.name, DELETED.word) from None
        guid = x.guid if isinstance(x, DirectoryObject) else filters.as_guid(x)
        if guid is not None:
            condition = filters.equals("objectGUID", guid.bytes_le)
        elif isinstance(asked, ByBase):
            attribute = "objectSid" if filters.is_sid(str(x)) else "distinguishedName"
            condition = filters.equals(attribute, str(x))
        else:
            name = self._resolver.spoken_of(asked) or ""
            listed = [filters.equals(attribute, value) for attribute, value in DELETED.names(name)]
            condition = filters.any_of([*listed, filters.substring("name", initial=f"{name}\nDEL:")])
        found = list(self.deleted(condition, attributes))
        if not found:
            raise NotFound(x, self._domain.name, DELETED.word)
        if len(found) > 1:
            raise Ambiguous(x, self._domain.name, tuple(each.dn for each in found), f"{DELETED.word}s")
        return found[0]

    @property
    def root(self) -> str:
        """The DN of the domain."""
        return self._domain.root

    def well_known(self, guid: str) -> str:
        """The DN of the well-known container *guid* (MS-ADTS 6.1.1.4), also if it was redirected."""
        entry = self._domain.searcher.read(f"<WKGUID={guid},{self.root}>", ("1.1",))
        if entry is None:
            raise DirectoryError(
                f"The domain {self._domain.name} has no default container for such an object: pass an ou."
            )
        return entry.dn

    def descriptors(self, base: str, scope: str) -> Iterator[tuple[str, bytes]]:
        """DN and access list (an nTSecurityDescriptor with the DACL only) of the object *base*, or of all below too."""
        controls = (sd_flags_control(),)
        for page in self._domain.searcher.pages(base, filters.ANY, (SECURITY,), scope=scope, controls=controls):
            for entry in page:
                for values in entry.attributes.values():
                    yield entry.dn, values[0]

    def _wanted(self, kind: Kind, dialect: Dialect, attributes: Iterable[str]) -> tuple[str, ...]:
        wanted = kind.wanted(attributes)
        return dialect.user_attributes(wanted) if kind is OBJECT else wanted
