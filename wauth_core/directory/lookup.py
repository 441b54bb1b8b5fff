"""Finding people: by sAMAccountName, ``DOMAIN\\sam``, UPN, GUID, SID or DN; exactly one, or an error."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from wauth_core.directory import decode, filters
from wauth_core.directory.entries import AccountState, DirectoryGroup, DirectoryObject, DirectoryUser, EntryManager
from wauth_core.directory.wire import RawEntry
from wauth_core.identity import Identity
from wauth_core.settings import LDAPSettings

AD_PEOPLE = "(&(objectCategory=person)(objectClass=user))"
OTHER_PEOPLE = "(|(objectClass=person)(objectClass=account)(objectClass=posixAccount))"
AD_GROUPS = "(objectClass=group)"
OTHER_GROUPS = (
    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=groupOfMembers))"
)

AD_USER = (
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "mail",
    "userAccountControl",
    "accountExpires",
    "pwdLastSet",
    "lockoutTime",
    "msDS-User-Account-Control-Computed",
    "primaryGroupID",
)
_OTHER_USER = ("entryUUID", "uid", "cn", "displayName", "mail", "memberOf", "gidNumber", "pwdAccountLockedTime")
AD_GROUP = ("objectGUID", "objectSid", "sAMAccountName", "cn", "groupType")
OTHER_GROUP = ("entryUUID", "cn", "gidNumber")


@dataclass(frozen=True)
class Dialect:
    """What differs between AD and another LDAP server."""

    is_ad: bool
    name_attribute: str  # what a person signs in as

    @property
    def people(self) -> str:
        return AD_PEOPLE if self.is_ad else OTHER_PEOPLE

    @property
    def logon_attribute(self) -> str:
        """The attribute of a bare name: sAMAccountName, or its counterpart elsewhere."""
        return "sAMAccountName" if self.is_ad else self.name_attribute

    @property
    def groups(self) -> str:
        return AD_GROUPS if self.is_ad else OTHER_GROUPS

    def user_attributes(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """What to read of a person: what `DirectoryUser` needs, and *wanted*."""
        return merged(AD_USER if self.is_ad else (*_OTHER_USER, self.name_attribute), tuple(wanted))

    def group_attributes(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """What to read of a group: what `DirectoryGroup` needs, and *wanted*."""
        return merged(AD_GROUP if self.is_ad else OTHER_GROUP, tuple(wanted))


@lru_cache(maxsize=256)
def merged(always: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Names of attributes, each once, whatever its case."""
    found = {name.lower(): name for name in always}
    for name in wanted:
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def name_attribute(settings: LDAPSettings, *, is_ad: bool) -> str:
    """The attribute that holds a logon name: AD has one; elsewhere it is what USER_QUERY_FIELD is mapped to."""
    if is_ad:
        return "sAMAccountName"
    mapped = settings.USER_FIELD_MAP.get(settings.USER_QUERY_FIELD)
    mapped = mapped if isinstance(mapped, str) else None
    return mapped if mapped and mapped.lower() != "samaccountname" else "uid"


# -- which question an x means -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByBase:
    """Read the one entry *base*."""

    base: str


@dataclass(frozen=True)
class ByName:
    """Search for a logon name, bare or after ``DOMAIN\\``."""

    name: str
    domain: str | None = None


@dataclass(frozen=True)
class ByUPN:
    """Search for a user principal name."""

    upn: str


def question(x: object) -> ByBase | ByName | ByUPN:
    """The look-up that *x* asks for. Raises ValueError if *x* cannot name anybody."""
    if isinstance(x, DirectoryObject):
        return ByBase(filters.guid_base(x.guid) if x.guid and "objectGUID" in x.attributes else x.dn)
    if isinstance(x, Identity):
        return ByUPN(x.upn()) if x.is_upn else ByName(x.username, x.domain)
    if guid := filters.as_guid(x):
        return ByBase(filters.guid_base(guid))
    if not isinstance(x, str) or not x.strip() or "\x00" in x:
        raise ValueError("nothing to look for")
    try:
        x.encode()
    except UnicodeEncodeError:
        raise ValueError("not text") from None
    if filters.is_sid(x):
        return ByBase(filters.sid_base(x))
    if "=" in x:
        if not filters.is_dn(x):
            raise ValueError("not a DN")
        return ByBase(x)
    if "\\" in x:
        domain, _, name = x.partition("\\")
        if not domain or not name or "\\" in name:
            raise ValueError("not a logon name")
        return ByName(name, domain)
    if "@" in x:
        return ByUPN(x)
    return ByName(x)


# -- from entries to people and groups ---------------------------------------------------------------------------------


def user_of(
    entry: RawEntry,
    dialect: Dialect,
    door: EntryManager | None,
    groups: frozenset[str] | None = None,
    *,
    now: datetime | None = None,
) -> DirectoryUser:
    """*entry* as a `DirectoryUser`."""
    values = decode.attributes(entry.attributes)
    if dialect.is_ad:
        state = decode.account_state(values, now or datetime.now(timezone.utc))
        name = values.get("sAMAccountName")
        guid = values.get("objectGUID")
    else:
        state = AccountState(disabled="pwdAccountLockedTime" in values)
        name = values.get(dialect.name_attribute) or values.get("uid") or values.get("cn")
        guid = values.get("entryUUID")
    return DirectoryUser(
        dn=entry.dn,
        guid=guid if isinstance(guid, uuid.UUID) else None,
        sid=_text(values.get("objectSid")),
        name=filters.leaf_name(entry.dn),
        username=_text(name) or "",
        upn=_text(values.get("userPrincipalName")),
        display_name=_text(values.get("displayName")),
        email=_text(values.get("mail")),
        state=state,
        attributes=values,
        group_sids=groups,
        door=door,
    )


def group_of(entry: RawEntry, dialect: Dialect, door: EntryManager | None) -> DirectoryGroup:
    """*entry* as a `DirectoryGroup`."""
    values = decode.attributes(entry.attributes)
    guid = values.get("objectGUID" if dialect.is_ad else "entryUUID")
    return DirectoryGroup(
        dn=entry.dn,
        guid=guid if isinstance(guid, uuid.UUID) else None,
        sid=_text(values.get("objectSid")),
        name=(_text(values.get("sAMAccountName")) if dialect.is_ad else None) or _text(values.get("cn")) or "",
        attributes=values,
        door=door,
    )


def _text(value: Any) -> str | None:
    """A single text; the first if the server holds several (mail and cn may, outside AD)."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None


def names_match(values: Mapping[str, Any], attribute: str, asked: str) -> bool:
    """Whether the name in the answer is the one asked for, letter by letter without case.

    AD ignores some accents: a search for "jose" finds "josé", who is another person.
    """
    answered = values.get(attribute)
    listed = answered if isinstance(answered, list) else [answered]
    return any(isinstance(one, str) and decode.fold(one) == decode.fold(asked) for one in listed)
