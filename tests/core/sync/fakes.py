"""A directory in memory, for what needs no server: it counts its searches."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from wauth_core import Identity, LDAPSettings
from wauth_core.directory.decode import Attributes
from wauth_core.directory.entries import AccountState, DirectoryUser
from wauth_core.exceptions import UserNotFound
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.policy import Policy
from wauth_core.sync.single import sync_one
from wauth_core.sync.task import Task

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
DOMAIN_SID = "S-1-5-21-1-2-3"
GROUPS = {
    "Domain Admins": f"{DOMAIN_SID}-512",
    "Administrators": "S-1-5-32-544",
    "Editors": f"{DOMAIN_SID}-1101",
    "Staff": f"{DOMAIN_SID}-1102",
    "Readers": f"{DOMAIN_SID}-1103",
    "Leavers": f"{DOMAIN_SID}-1104",
}
ALICE = Identity("EXAMPLE", "alice")


def guid(number: int) -> uuid.UUID:
    return uuid.UUID(int=number << 96 | 1)


def person(
    name: str, number: int = 1, *groups: str, state: AccountState | None = None, **attributes: Any
) -> DirectoryUser:
    """A directory user in *groups* (names of GROUPS)."""
    return DirectoryUser(
        dn=f"CN={name},DC=example,DC=local",
        guid=guid(number),
        sid=f"{DOMAIN_SID}-{2000 + number}",
        username=name,
        upn=attributes.pop("upn", None),
        state=state or AccountState(),
        attributes=Attributes({"sAMAccountName": name, **attributes}),
        group_sids=frozenset(GROUPS[group] for group in groups),
    )


def policy(domain: str = "EXAMPLE", options: Mapping[str, Any] | None = None, **settings: Any) -> Policy:
    """The policy of a domain with these settings; SUPERUSER_GROUPS and STAFF_GROUPS are unset unless given."""
    given = {"SUPERUSER_GROUPS": None, "STAFF_GROUPS": None, **settings}
    made = LDAPSettings(SERVER="dc", SEARCH_BASE="DC=example,DC=local", **given)
    return Policy.of(domain, made.for_domain(domain), SiteSettings.from_keywords(options or {}))


class FakeDirectory:
    """People and groups of one domain."""

    def __init__(self, *people: DirectoryUser) -> None:
        self.people = list(people)
        self.searches: list[str] = []
        self.controller = ""
        self.fail: Exception | None = None
        self.builtin: dict[str, frozenset[str]] = {}
        self.seconds = itertools.count()

    def person(
        self, *, guid: uuid.UUID | None, identity: Identity, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        username = identity.username
        self.searches.append(f"guid {guid}" if guid else f"name {username}")
        if self.fail is not None:
            raise self.fail
        for user in self.people:
            if (guid and user.guid == guid) or (not guid and user.username.casefold() == username.casefold()):
                return user
        raise UserNotFound(guid or username, "EXAMPLE")

    def others_named(self, identity: Identity, guid: uuid.UUID | None) -> tuple[str, ...]:
        named = [user for user in self.people if user.username.casefold() == identity.username.casefold()]
        return tuple(user.dn for user in named if user.guid != guid)

    def resolve(self, names: Iterable[str]) -> Mapping[str, frozenset[str]]:
        return {name: frozenset({GROUPS[name]} if name in GROUPS else ()) for name in names}

    def all_groups(self) -> Mapping[str, str]:
        return {sid: name for name, sid in GROUPS.items()}

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        return frozenset(sid for sid in among if sids & self.builtin.get(sid, frozenset()))


def sync(
    directory: FakeDirectory, repository: Any, rules: Policy | None = None, name: str = "alice", **more: Any
) -> Any:
    """Sync one user, as `Wauth.sync` does; a second after the last time, unless *now* says when."""
    rules = rules or policy()
    now = more.pop("now", None) or NOW + timedelta(seconds=next(directory.seconds))
    given = {"clock": lambda: now, "delta": timedelta(minutes=10), **more}
    return sync_one(Task(rules.identity(name), rules, directory, repository, **given))
