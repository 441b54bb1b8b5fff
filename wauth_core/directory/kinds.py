"""The kinds of objects: the filter, the attributes and the names of each, and the value that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wauth_core.directory import decode, filters
from wauth_core.directory.entries import DirectoryObject, EntryManager
from wauth_core.directory.lookup import AD_GROUP, AD_GROUPS, AD_PEOPLE, AD_USER, Dialect, group_of, merged, user_of
from wauth_core.directory.objects import (
    WELL_KNOWN,
    DeletedObject,
    DirectoryComputer,
    DirectoryContact,
    ForeignPrincipal,
    OrganizationalUnit,
    ServiceAccount,
)
from wauth_core.directory.wire import RawEntry
from wauth_core.exceptions import ConfigurationError

Names = tuple[tuple[str, str], ...]
"""Conditions (attribute, value) that a name may mean, the better ones first."""

_ALWAYS = ("objectGUID", "objectSid", "objectClass")
_MACHINE = ("sAMAccountName", "dNSHostName", "userAccountControl", "lastLogonTimestamp", "pwdLastSet")


def _plain_names(name: str) -> Names:
    return (("sAMAccountName", name), ("cn", name))


def _machine_names(name: str) -> Names:
    return (("sAMAccountName", name if name.endswith("$") else f"{name}$"), ("dNSHostName", name), ("cn", name))


def _any_names(name: str) -> Names:
    return (("sAMAccountName", name), ("sAMAccountName", f"{name}$"), ("name", name))


@dataclass(frozen=True)
class Kind:
    """One kind. *condition* finds all its objects. *names* says what a bare name may mean."""

    name: str
    word: str  # in errors: "No computer 'x' …"
    condition: str
    attributes: tuple[str, ...]
    names: Callable[[str], Names]
    made: type[DirectoryObject] = DirectoryObject

    def wanted(self, attributes: Iterable[str]) -> tuple[str, ...]:
        """The attributes to read: those that the kind needs, and *attributes*."""
        return merged((*_ALWAYS, *self.attributes), tuple(attributes))


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("user", "user", AD_PEOPLE, AD_USER, _plain_names),
        Kind("group", "group", AD_GROUPS, AD_GROUP, _plain_names),
        Kind(
            "computer",
            "computer",
            "(objectCategory=computer)",
            (*_MACHINE, "operatingSystem"),
            _machine_names,
            DirectoryComputer,
        ),
        Kind(
            "ou",
            "organizational unit",
            "(objectClass=organizationalUnit)",
            ("description",),
            lambda name: (("ou", name),),
            OrganizationalUnit,
        ),
        Kind(
            "contact",
            "contact",
            "(objectClass=contact)",
            ("mail", "displayName"),
            lambda name: (("cn", name), ("mail", name)),
            DirectoryContact,
        ),
        Kind(
            "service_account",
            "service account",
            "(|(objectClass=msDS-GroupManagedServiceAccount)(objectClass=msDS-ManagedServiceAccount)"
            "(objectClass=msDS-DelegatedManagedServiceAccount))",
            (*_MACHINE, "msDS-ManagedPasswordInterval"),
            _machine_names,
            ServiceAccount,
        ),
        Kind(
            "foreign",
            "foreign security principal",
            "(objectClass=foreignSecurityPrincipal)",
            (),
            lambda name: (("cn", name),),
            ForeignPrincipal,
        ),
    )
}
OBJECT = Kind(
    "object",
    "object",
    filters.ANY,
    tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.attributes)),
    _any_names,
)
DELETED = Kind(
    "deleted",
    "deleted object",
    "(isDeleted=TRUE)",
    ("isDeleted", "isRecycled", "lastKnownParent", "whenChanged", "sAMAccountName"),
    _any_names,
    DeletedObject,
)

# The lower-cased class in the schema that decides; the first that fits counts, for a gMSA is a computer, and a
# computer is a user.
_BY_CLASS = {
    "foreignsecurityprincipal": "foreign",
    "contact": "contact",
    "organizationalunit": "ou",
    "group": "group",
    "msds-groupmanagedserviceaccount": "service_account",
    "msds-managedserviceaccount": "service_account",
    "msds-delegatedmanagedserviceaccount": "service_account",
    "computer": "computer",
    "user": "user",
}


def chosen(kinds: Iterable[str] | str) -> tuple[Kind, ...]:
    """The kinds of these names; "all" is every kind. Raises `ConfigurationError`."""
    listed = tuple(KINDS) if kinds == "all" else (kinds,) if isinstance(kinds, str) else tuple(kinds)
    unknown = [name for name in listed if name not in KINDS]
    if unknown or not listed:
        raise ConfigurationError(f"kinds must be some of {', '.join(KINDS)}, or 'all'; not {kinds!r}.")
    return tuple(KINDS[name] for name in listed)


def kind_of(values: Mapping[str, Any]) -> str | None:
    """The name of the kind that an entry with these decoded attributes is of; None for any other class."""
    classes = {str(name).lower() for name in values.get("objectClass", ())}
    return next((kind for name, kind in _BY_CLASS.items() if name in classes), None)


def object_of(
    entry: RawEntry, dialect: Dialect, door: EntryManager | None, kind: Kind | None = None
) -> DirectoryObject:
    """The value that *entry* becomes: by *kind*, or by its classes."""
    values = decode.attributes(entry.attributes)
    named = kind.name if kind is not None and kind is not OBJECT else kind_of(values)
    if named == "user":
        return user_of(entry, dialect, door)
    if named == "group":
        return group_of(entry, dialect, door)
    made = DELETED.made if named == DELETED.name else KINDS[named].made if named else DirectoryObject
    sid = values.get("objectSid")
    guid = values.get("objectGUID") or values.get("entryUUID")
    name = filters.leaf_name(entry.dn)
    if made is ForeignPrincipal:
        name = WELL_KNOWN.get(str(sid), name)
    elif made is DeletedObject:
        name = name.partition("\n")[0]  # the rest is "DEL:" and the GUID (MS-ADTS 3.1.1.5.5.1.1)
    return made(dn=entry.dn, guid=guid, sid=sid, name=name, attributes=values, door=door)
