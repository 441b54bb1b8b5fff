"""What changed in a domain since the last time: by the DirSync control (MS-ADTS 3.1.1.3.4.1.3)."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from wauth_core.directory import decode, diagnosis, filters, wire
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.groups import Groups
from wauth_core.directory.members import Members
from wauth_core.directory.wire import RawEntry
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable, OperationFailed

_OBJECT_SECURITY = 0x1  # what the account may read, with no right to replicate
_INCREMENTAL_VALUES = -0x80000000  # of "member", only what was added and what was removed

_PEOPLE = "(&(objectClass=user)(!(objectClass=computer)))"
_GROUPS = "(objectClass=group)"
_WATCHED = (
    "objectGUID",
    "isDeleted",
    "name",  # stamped anew by a move as well
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "accountExpires",
    "primaryGroupID",
)
_AT_ONCE = 100


@dataclass(frozen=True)
class ChangeSet:
    """Who must be looked at again.

    - *people* are the GUIDs of everybody whose watched attributes or group membership (nested too) changed, or whose
      account's expiry date passed. A few may be no users of the application.
    - *gone* are the GUIDs of deleted people.
    - *cookie* goes into the next call.
    - *complete* means that everybody is in *people*, as in a first call.
    - *sees_deletions* is False if the service account lacks the right "Replicating Directory Changes". Then deleted
      people and groups are not reported, and only a full run finds them.
    - *full_needed*: a group was deleted, and nobody knows any more who its members were.
    """

    people: frozenset[uuid.UUID]
    gone: frozenset[uuid.UUID]
    cookie: str
    complete: bool = False
    sees_deletions: bool = True
    full_needed: bool = False


@dataclass(frozen=True)
class _Cookie:
    """Where the next call continues: one DirSync cookie for people, one for groups, and the time of the last call."""

    people: bytes
    groups: bytes
    at: float
    secured: bool  # read with _OBJECT_SECURITY

    def text(self) -> str:
        packed = {
            "people": base64.b64encode(self.people).decode(),
            "groups": base64.b64encode(self.groups).decode(),
            "at": self.at,
            "secured": self.secured,
        }
        return base64.urlsafe_b64encode(json.dumps(packed).encode()).decode()

    @classmethod
    def read(cls, text: str) -> _Cookie:
        """Raises `ConfigurationError`."""
        try:
            packed = json.loads(base64.urlsafe_b64decode(text))
            return cls(
                base64.b64decode(packed["people"]),
                base64.b64decode(packed["groups"]),
                float(packed["at"]),
                bool(packed["secured"]),
            )
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError("This is not a cookie of changes(). Start anew without one.") from None


class Changes:
    """Reads what changed in one domain. Raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile, groups: Groups, members: Members) -> None:
        self._domain = domain
        self._groups = groups
        self._members = members

    def since(self, cookie: str | None, attributes: Iterable[str], now: datetime) -> ChangeSet:
        """What changed since *cookie*; without one, everybody. *attributes* are watched beside the usual ones."""
        if not self._domain.settled().is_ad:
            raise ConfigurationError(
                f"The directory of {self._domain.name} is not Active Directory: it has no DirSync."
            )
        before = _Cookie.read(cookie) if cookie else None
        secured = before.secured if before else False
        watched = tuple(dict.fromkeys((*_WATCHED, *attributes)))
        try:
            people, after_people = self._read(_PEOPLE, watched, before.people if before else b"", secured)
        except OperationFailed as error:
            if before or error.result != diagnosis.INSUFFICIENT_ACCESS:
                raise
            secured = True
            people, after_people = self._read(_PEOPLE, watched, b"", secured)
        groups, after_groups = self._read(
            _GROUPS, ("objectGUID", "isDeleted", "groupType", "member"), before.groups if before else b"", secured
        )
        after = _Cookie(after_people, after_groups, now.timestamp(), secured).text()
        alive = {guid for entry in people if (guid := _guid(entry)) and not _deleted(entry)}
        if before is None:
            return ChangeSet(frozenset(alive), frozenset(), after, complete=True, sees_deletions=not secured)
        alive |= set(self._affected(groups)) | set(self._expired(before.at, now))
        gone = frozenset(guid for entry in people if (guid := _guid(entry)) and _deleted(entry))
        return ChangeSet(
            frozenset(alive) - gone,
            gone,
            after,
            sees_deletions=not secured,
            full_needed=any(map(_deleted, groups)),
        )

    def _read(
        self, condition: str, attributes: tuple[str, ...], cookie: bytes, secured: bool
    ) -> tuple[list[RawEntry], bytes]:
        flags = _INCREMENTAL_VALUES | (_OBJECT_SECURITY if secured else 0)
        found: list[RawEntry] = []
        more = True
        while more:
            entries, result = self._domain.searcher.controlled(
                self._domain.root,
                condition,
                attributes,
                (wire.dirsync_control(cookie, flags=flags), wire.Control(wire.SHOW_DELETED)),
            )
            found += entries
            try:
                more, cookie = wire.dirsync_cookie(result)
            except wire.WireError as error:
                raise DirectoryUnavailable(f"The domain {self._domain.name} sent {error} for DirSync.") from None
        return found, cookie

    def _affected(self, groups: Iterable[RawEntry]) -> Iterator[uuid.UUID]:
        """The people whose membership changes with *groups*: those added or removed, and all members of such groups."""
        moved: dict[str, None] = {}
        for entry in groups:
            if _deleted(entry):
                continue
            if any(name.lower() == "grouptype" for name in entry.attributes):
                moved[entry.dn] = None  # created, or turned into a mailing list or back: all below are affected
            for name, values in entry.attributes.items():
                if name.lower().startswith("member"):
                    moved.update(dict.fromkeys(value.decode() for value in values))
        listed = list(moved)
        for at in range(0, len(listed), _AT_ONCE):
            condition = filters.any_of(filters.equals("distinguishedName", dn) for dn in listed[at : at + _AT_ONCE])
            for entry in self._domain.searcher.find(self._domain.root, condition, ("objectGUID", "objectClass")):
                if b"group" in entry.attributes.get("objectClass", ()):
                    group = self._groups.group(entry.dn)
                    yield from (user.guid for user in self._members.of(group, recursive=True) if user.guid)
                elif guid := _guid(entry):
                    yield guid

    def _expired(self, since: float, now: datetime) -> Iterator[uuid.UUID]:
        """Whose account expired since then. Nothing changes in the directory when that date passes."""
        condition = filters.all_of(
            _PEOPLE,
            filters.at_least("accountExpires", decode.ticks(datetime.fromtimestamp(since, timezone.utc))),
            filters.at_most("accountExpires", decode.ticks(now)),
        )
        for page in self._domain.searcher.pages(self._domain.root, condition, ("objectGUID",)):
            yield from (guid for entry in page if (guid := _guid(entry)))


def _guid(entry: RawEntry) -> uuid.UUID | None:
    values = entry.attributes.get("objectGUID")
    return decode.guid(values[0]) if values else None


def _deleted(entry: RawEntry) -> bool:
    return entry.attributes.get("isDeleted") == [b"TRUE"]
