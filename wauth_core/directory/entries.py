"""What Active Directory holds, as frozen values: `DirectoryUser`, `DirectoryGroup`, `AccountState`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


class Door(Protocol):
    """What an entry asks of the manager it came from."""

    def members(self, group: DirectoryGroup, *, recursive: bool = False) -> Iterator[DirectoryUser]:
        """The users in *group*."""

    def groups_of(self, user: DirectoryUser) -> list[DirectoryGroup]:
        """All security groups of *user*."""

    def is_member(self, user: DirectoryUser, group: object) -> bool:
        """Whether *user* is in *group*, by SID."""


@dataclass(frozen=True)
class AccountState:
    """Whether an account may sign in, and if not, why.

    From userAccountControl (MS-ADTS 2.2.16), accountExpires (2.2.18), lockoutTime and pwdLastSet. ``usable`` is what
    authorisation goes by: neither disabled nor expired. A lock or an old password stops a password sign-in, and
    ends by itself.
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
        """The states that hold, as words for people: ("disabled", "locked"); empty means nothing is wrong."""
        found = {
            "disabled": self.disabled,
            "expired": self.expired,
            "locked": self.locked,
            "password expired": self.password_expired,
            "must change password": self.must_change_password,
        }
        return tuple(name for name, holds in found.items() if holds)


@dataclass(frozen=True)
class DirectoryGroup:
    """A group in the directory. Compared by GUID."""

    dn: str = field(compare=False)
    guid: uuid.UUID | None
    sid: str | None = field(compare=False)
    name: str = field(compare=False)  # sAMAccountName, or cn where the server is not AD
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    manager: Door | None = field(default=None, compare=False, repr=False)

    def members(self, recursive: bool = False) -> Iterator[DirectoryUser]:
        """The users in this group, streamed; with *recursive* those of nested groups too, each once.

        Members by primary group are included (they are in no ``member`` attribute). Raises `DirectoryError`.
        """
        return _door(self.manager).members(self, recursive=recursive)


@dataclass(frozen=True)
class DirectoryUser:
    """A user in the directory. Compared by GUID.

    *attributes* holds every attribute that was read, decoded. *group_sids* are the SIDs of all security groups the
    user is in, nested and primary ones included, where they were read in the same search; else None.
    """

    dn: str = field(compare=False)
    guid: uuid.UUID | None
    sid: str | None = field(compare=False)
    username: str = field(compare=False)  # sAMAccountName as the directory spells it
    upn: str | None = field(default=None, compare=False)
    display_name: str | None = field(default=None, compare=False)
    email: str | None = field(default=None, compare=False)
    state: AccountState = field(default_factory=AccountState, compare=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    group_sids: frozenset[str] | None = field(default=None, compare=False, repr=False)
    manager: Door | None = field(default=None, compare=False, repr=False)

    @property
    def enabled(self) -> bool:
        """Whether the account may be used at all: neither disabled nor expired."""
        return self.state.usable

    def groups(self) -> list[DirectoryGroup]:
        """All security groups the user is in, nested and primary ones included, by name. Raises `DirectoryError`."""
        return _door(self.manager).groups_of(self)

    def in_group(self, group: object) -> bool:
        """Whether the user is in *group* (a name, DN, SID, GUID or `DirectoryGroup`), directly or nested, by SID.

        Raises `GroupNotFound` or `AmbiguousGroup`, and other `DirectoryError`.
        """
        return _door(self.manager).is_member(self, group)


def _door(manager: Door | None) -> Door:
    if manager is None:
        raise ValueError("This object was made without a manager; it cannot ask the directory.")
    return manager


@dataclass(frozen=True)
class DirectoryEntry:
    """Any other object in the directory, as a search gives it. *attributes* are decoded; names compare without case."""

    dn: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
