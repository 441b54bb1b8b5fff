"""Objects of Active Directory as frozen values: `DirectoryObject`, `DirectoryUser`, `DirectoryGroup`, their state."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol


class EntryManager(Protocol):
    """What an entry asks of the manager it came from."""

    @property
    def global_catalog(self) -> Any:
        """Look-ups across the forest."""

    def members(self, group: object, *, recursive: bool = False) -> Iterator[DirectoryUser]:
        """The users in *group*."""

    def groups_of(self, user: object) -> list[DirectoryGroup]:
        """All security groups of *user*."""

    def is_member(self, user: object, group: object) -> bool:
        """Whether *user* is in *group*, by SID."""

    def find(self, x: object, attributes: tuple[str, ...] = ()) -> DirectoryObject:
        """The one object that *x* names."""

    def users(self, filter: Any = None) -> Iterator[DirectoryUser]:
        """All users that match."""


@dataclass(frozen=True)
class AccountState:
    """Whether an account may sign in, and if not, why.

    It comes from userAccountControl (MS-ADTS 2.2.16), accountExpires (2.2.18), lockoutTime and pwdLastSet.
    Authorisation depends on ``usable``: neither disabled nor expired. A lock or an old password only stops sign-ins by
    password.
    """

    disabled: bool = False
    expired: bool = False
    locked: bool = False
    password_expired: bool = False
    must_change_password: bool = False
    expires_at: datetime | None = None  # aware, UTC

    @property
    def usable(self) -> bool:
        """Neither disabled nor expired."""
        return not (self.disabled or self.expired)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The states that apply, as words for people: ("disabled", "locked"). Empty if nothing is wrong."""
        found = {
            "disabled": self.disabled,
            "expired": self.expired,
            "locked": self.locked,
            "password expired": self.password_expired,
            "must change password": self.must_change_password,
        }
        return tuple(name for name, holds in found.items() if holds)


@dataclass(frozen=True, kw_only=True)
class DirectoryObject:
    """Any object in the directory. Compared by GUID.

    *attributes* holds every attribute that was read, decoded.
    """

    dn: str = field(compare=False)
    guid: uuid.UUID | None
    sid: str | None = field(default=None, compare=False)
    name: str = field(default="", compare=False)  # what people call it; the leaf of the DN if nothing better is known
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    door: EntryManager | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> str:
        """ "user", "group", "computer", "ou", …; for anything else its class in the schema."""
        classes = self.attributes.get("objectClass")
        return str(classes[-1]) if classes else "object"

    def as_row(self) -> dict[str, Any]:
        """Names, identifiers and all attributes that were read, as a flat mapping for `csv`, `json` or pandas.

        Values are texts, numbers, bools or None: times in ISO 8601, octets in base64, several values joined by "; ".
        """
        own = {"name": self.name, "kind": self.kind, "dn": self.dn, "guid": self.guid, "sid": self.sid, **self._facts()}
        read = {key: value for key, value in self.attributes.items() if key not in ("objectGUID", "objectSid", "name")}
        return {key: _plain(value) for key, value in (own | read).items()}

    def _facts(self) -> dict[str, Any]:
        return {}

    def _read(self, name: str) -> Any:
        """The attribute *name*. If it was not read before, the directory is asked."""
        if name in self.attributes or self.door is None:
            return self.attributes.get(name)
        return self.door.find(self, (name,)).attributes.get(name)


@dataclass(frozen=True, kw_only=True)
class DirectoryGroup(DirectoryObject):
    """A group in the directory. *name* is its sAMAccountName, or cn where the server is not AD."""

    @property
    def kind(self) -> str:
        """ "group"."""
        return "group"

    def members(self, recursive: bool = False) -> Iterator[DirectoryUser]:
        """The users in this group, streamed; with *recursive* those of nested groups too, each once.

        Members by primary group are included (they are in no ``member`` attribute). For members of other kinds use
        `LDAPManager.members` with *kinds*. Raises `DirectoryError`.
        """
        return _door(self.door).members(self, recursive=recursive)


@dataclass(frozen=True, kw_only=True)
class DirectoryUser(DirectoryObject):
    """A user in the directory.

    *group_sids* are the SIDs of all security groups the user is in, nested and primary ones included, if they were
    read in the same search; else None.
    """

    username: str = field(compare=False)  # sAMAccountName as the directory spells it
    upn: str | None = field(default=None, compare=False)
    display_name: str | None = field(default=None, compare=False)
    email: str | None = field(default=None, compare=False)
    state: AccountState = field(default_factory=AccountState, compare=False)
    group_sids: frozenset[str] | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> str:
        """ "user"."""
        return "user"

    def _facts(self) -> dict[str, Any]:
        return {
            "username": self.username,
            "display_name": self.display_name,
            "email": self.email,
            "enabled": self.enabled,
            "state": self.state.reasons,
        }

    @property
    def enabled(self) -> bool:
        """Whether the account may be used at all: neither disabled nor expired."""
        return self.state.usable

    @property
    def expires(self) -> datetime | None:
        """When the account ends (aware, UTC); None for never."""
        return self.state.expires_at

    @property
    def password_age(self) -> timedelta | None:
        """How long ago the password was set; None if it was never set, or must be changed at the next sign-in."""
        since = self._read("pwdLastSet")
        return datetime.now(timezone.utc) - since if isinstance(since, datetime) else None

    @property
    def last_logon(self) -> datetime | None:
        """The last sign-in that is known, in UTC; None if there was none.

        The true one may be later. lastLogon is exact, but each controller counts only the sign-ins at itself.
        lastLogonTimestamp is the same everywhere, but AD renews it only when it is 9 to 14 days old (MS-ADA1 2.351). So
        a person has surely been away since a date only if this is more than 14 days before that date.
        """
        read = (self._read("lastLogonTimestamp"), self._read("lastLogon"))
        return max((moment for moment in read if isinstance(moment, datetime)), default=None)

    @property
    def photo(self) -> bytes | None:
        """The picture in thumbnailPhoto, else jpegPhoto, as it is stored (JPEG); None if there is none."""
        for name in ("thumbnailPhoto", "jpegPhoto"):
            found = self._read(name)
            found = found[0] if isinstance(found, list) and found else found
            if isinstance(found, bytes):
                return found
        return None

    @property
    def manager(self) -> DirectoryObject | None:
        """The user's manager: a `DirectoryUser` or a contact; None if there is none. Raises `DirectoryError`."""
        dn = self._read("manager")
        return _door(self.door).find(dn) if dn else None

    @property
    def reports(self) -> tuple[DirectoryUser, ...]:
        """The users who report to this one directly, by name. Raises `DirectoryError`."""
        return tuple(sorted(_door(self.door).users({"manager": self.dn}), key=lambda user: user.name.lower()))

    def groups(self) -> list[DirectoryGroup]:
        """All security groups the user is in, nested and primary ones included, by name. Raises `DirectoryError`."""
        return _door(self.door).groups_of(self)

    def in_group(self, group: object) -> bool:
        """Whether the user is in *group* (a name, DN, SID, GUID or `DirectoryGroup`), directly or nested, by SID.

        Raises `GroupNotFound` or `AmbiguousGroup`, and other `DirectoryError`.
        """
        return _door(self.door).is_member(self, group)


def _plain(value: Any) -> Any:
    """*value* as a text, number, bool or None."""
    if isinstance(value, list | tuple):
        return "; ".join(str(_plain(one)) for one in value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _door(door: EntryManager | None) -> EntryManager:
    if door is None:
        raise ValueError("This object was made without a manager; it cannot ask the directory.")
    return door


@dataclass(frozen=True)
class DirectoryEntry:
    """Any other object in the directory, as a search returns it. *attributes* are decoded; their names have no case."""

    dn: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
