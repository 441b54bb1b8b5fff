"""What a sync asks of a manager, with the answers that hold for every user kept for a while."""

from __future__ import annotations

import dataclasses
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from cachetools import TTLCache

from wauth_core.cache import SharedCache, cache_key
from wauth_core.directory import DirectoryUser, LDAPManager, decode, filters
from wauth_core.directory.filters import dn_key
from wauth_core.exceptions import AmbiguousUser, DirectoryError, DirectoryUnavailable, UserNotFound
from wauth_core.identity import Identity, canonical_domain, fold_username
from wauth_core.sync.brake import Brake
from wauth_core.sync.nesting import GroupEntry, GroupGraph
from wauth_core.sync.policy import Policy
from wauth_core.sync.rights import Resolved

logger = logging.getLogger("wauth.sync")

GROUPS_TTL = 600.0  # seconds
MEANINGS_KEPT = 7 * 86_400.0  # seconds for which another process may go by the groups, and what a name meant

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class OwnAnswers:
    """What a person's own connection has told, as a sync asks for it (`wauth_core.sync.task.Directory`).

    For a domain without a service account: nobody else can be asked about.
    """

    user: DirectoryUser
    resolved: Resolved
    named: Mapping[str, str]
    controller: str = ""

    @classmethod
    def reader(cls, policy: Policy) -> Callable[[LDAPManager, DirectoryUser], tuple[DirectoryUser, OwnAnswers]]:
        """Reads them, by what *policy* needs."""

        def read(manager: LDAPManager, user: DirectoryUser) -> tuple[DirectoryUser, OwnAnswers]:
            lookups = Lookups(manager)
            user = manager.person(guid=user.guid, username=user.username, attributes=policy.attributes)
            resolved = lookups.resolve(policy.group_names)
            return user, cls(user, resolved, lookups.all_groups() if policy.mirrors else {}, lookups.controller)

        return read

    def person(
        self, *, guid: uuid.UUID | None, identity: Identity, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """The person, if it is they who are asked for. Raises `UserNotFound`."""
        if guid is not None and guid != self.user.guid:
            raise UserNotFound(identity.username, identity.domain)
        return self.user

    def others_named(self, identity: Identity, guid: uuid.UUID | None) -> tuple[str, ...]:
        """Nobody: the name was bound with, so it is the person's."""
        return ()

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The SIDs of the groups that settings name."""
        return {name: self.resolved.get(name, frozenset()) for name in names}

    def all_groups(self) -> Mapping[str, str]:
        """SID and name of every security group that the person may see."""
        return self.named

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """None beside those in the token."""
        return frozenset()


class Lookups:
    """A manager as a sync sees it (`wauth_core.sync.task.Directory`). Threads may share it."""

    def __init__(self, manager: LDAPManager, *, ttl: float = GROUPS_TTL) -> None:
        self.manager = manager
        settings = manager.settings
        where = (settings.SERVER, settings.SEARCH_BASE, settings.USER_QUERY_FILTER)
        self._shared = manager.stores[-1] if manager.stores else SharedCache()  # the application's
        self.brake = Brake(manager.domain, where, manager.stores)
        self._cache: TTLCache[str, Any] = TTLCache(64, ttl)
        self._reported: frozenset[str] = frozenset()
        self._last_groups: Mapping[str, str] | None = None
        self._last_meanings: dict[str, frozenset[str]] = {}
        self._mutex = threading.Lock()

    @property
    def controller(self) -> str:
        """The server that gave this thread its last answer."""
        return self.manager.controller

    def person(
        self, *, guid: uuid.UUID | None, identity: Identity, attributes: Iterable[str], groups: bool = True
    ) -> DirectoryUser:
        """The one person with that GUID, or of that name where *guid* is None.

        A name is looked up as what it is: a UPN need not begin with its bearer's sAMAccountName.
        """
        if guid is None and identity.is_upn:
            guid = self._by_upn(identity).guid
        return self.manager.person(guid=guid, username=identity.username, attributes=attributes, groups=groups)

    def _by_upn(self, identity: Identity) -> DirectoryUser:
        """By UPN; but ``name@DOMAIN`` may be of two: one's UPN, and what Kerberos makes of another's sAMAccountName."""
        found = self.manager.user(identity.upn())
        if fold_username(found.username) != fold_username(identity.username):
            others = self.others_named(identity, found.guid)
            if others:
                raise AmbiguousUser(identity.upn(), self.manager.domain, (found.dn, *others))
        return found

    def upn_suffixes(self) -> frozenset[str]:
        """The UPN suffixes that people of the forest may have: its domains' names, and what was added to them.

        None if the directory is not AD, or does not tell. Raises `DirectoryUnavailable`.
        """

        def read() -> frozenset[str]:
            try:
                forest = self.manager.forest_info()
            except DirectoryUnavailable:
                raise
            except DirectoryError:
                return frozenset()
            return frozenset(canonical_domain(name) for name in (*forest.domains, *forest.upn_suffixes))

        return self._cached("suffixes", read)

    def others_named(self, identity: Identity, guid: uuid.UUID | None) -> tuple[str, ...]:
        """The DNs of all in the whole domain who have the name of *identity* and are not the user *guid*."""
        return self.manager.others_named(identity.username, guid)

    def resolve(self, names: Iterable[str]) -> Resolved:
        """The SIDs of the groups that settings name."""
        listed = tuple(names)
        if not listed:
            return {}
        try:
            resolved = self.manager.resolve_groups(listed)
        except DirectoryUnavailable:
            kept = {name: meaning for name in listed if (meaning := self._last_meaning(name)) is not None}
            if len(kept) == len(set(listed)):  # a name keeps its meaning in an outage
                return kept
            raise
        problems = frozenset(resolved.problems)
        for problem in sorted(problems - self._reported):
            logger.warning("Domain %s: %s", self.manager.domain, problem)
        self._reported = problems
        meanings = {name: resolved[name] for name in listed}
        for name, meaning in meanings.items():
            if self._last_meanings.get(name) != meaning:
                self._last_meanings[name] = meaning
                self._shared.set(self._key(name), sorted(meaning), MEANINGS_KEPT)
        return meanings

    def _last_meaning(self, name: str) -> frozenset[str] | None:
        """What a group's name meant to this process or, before it asked for the first time, to another one."""
        if name not in self._last_meanings:
            found = self._shared.get(self._key(name))
            return frozenset(map(str, found)) if isinstance(found, list) else None
        return self._last_meanings[name]

    def _key(self, name: str) -> str:
        return cache_key("group", self.manager.domain, self._root, name)

    def all_groups(self) -> Mapping[str, str]:
        """SID and name of every security group of the domain, at most ten minutes old."""

        def read() -> Mapping[str, str]:
            names = self.groups().names or self._other_groups()
            self._shared.set(self._all_key, dict(names), MEANINGS_KEPT)
            return names

        self._last_groups = self._cached("all", read)
        return self._last_groups

    def last_groups(self) -> Mapping[str, str] | None:
        """The same as last read, however old, by this process or (in a week) by another one with the same cache; None
        if that is not known."""
        if self._last_groups is None and isinstance(names := self._shared.get(self._all_key), dict):
            self._last_groups = names
        return self._last_groups

    @property
    def _all_key(self) -> str:
        return cache_key("groups", self.manager.domain, self._root)

    def _other_groups(self) -> dict[str, str]:
        """If the directory is not AD: by DN, as `LDAPManager` compares them."""
        return {dn_key(group.dn): group.name for group in self.manager.groups()}

    def groups(self) -> GroupGraph:
        """All security groups of the domain, as they are now; none if the directory is not AD."""
        entries = self.manager.search(
            "(objectClass=group)", ("objectSid", "groupType", "memberOf", "sAMAccountName", "cn"), base=self._root
        )
        return GroupGraph(
            GroupEntry(
                entry.dn,
                str(values.get("objectSid") or dn_key(entry.dn)),
                str(values.get("sAMAccountName") or values.get("cn") or ""),
                tuple(values.get("memberOf") or ()),
            )
            for entry in entries
            if decode.is_security_group(values := entry.attributes)
        )

    def people(self, policy: Policy, groups: GroupGraph, resolved: Resolved) -> Iterator[DirectoryUser]:
        """Everybody whom a sync may concern, with the SIDs of all their groups.

        The SIDs are computed from *groups*. A person is read alone if that is not enough: a setting names a group of
        another domain by its SID, somebody is in more groups than one answer holds, or the directory is not AD.
        """
        if self._reaches_beyond(resolved):
            logger.info(
                "Domain %s: a group of another domain is named; reading people one by one.", self.manager.domain
            )
            groups = GroupGraph(())
        settings = self.manager.settings
        for user in self.manager.users(settings.USER_QUERY_FILTER, (*policy.attributes, "memberOf")):
            if groups.names and user.sid and not any(";range=" in name.lower() for name in user.attributes):
                primary = f"{user.sid.rpartition('-')[0]}-{user.attributes.get('primaryGroupID')}"
                sids = groups.sids_of(user.attributes.get("memberOf") or (), primary)
                yield dataclasses.replace(user, group_sids=sids)
                continue
            try:
                yield self.manager.person(guid=user.guid, username=user.username, attributes=policy.attributes)
            except UserNotFound:
                continue  # deleted since the page was read

    def _reaches_beyond(self, resolved: Resolved) -> bool:
        sids = [sid for found in resolved.values() for sid in found if sid.startswith("S-1-5-21-")]
        return bool(sids) and any(sid.rpartition("-")[0] != self.manager.domain_sid for sid in sids)

    def builtin_groups(self, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Those of the built-in groups *among* that somebody with *sids* is in.

        A ticket's PAC leaves the built-in groups out; but whoever carries the SID of a member is in the group.
        """
        return frozenset(sid for sid in among if not sids.isdisjoint(self._member_sids(sid)))

    @property
    def _root(self) -> str:
        """The whole domain: a group that gives rights need not be under SEARCH_BASE."""
        return filters.domain_root(self.manager.settings.search_bases[0])

    def _member_sids(self, sid: str) -> frozenset[str]:
        def read() -> frozenset[str]:
            dn = self.manager.group(sid).dn
            entries = self.manager.search(filters.equals("memberOf", dn), ("objectSid",), base=self._root)
            return frozenset(str(entry.attributes["objectSid"]) for entry in entries if "objectSid" in entry.attributes)

        return self._cached(sid, read)

    def _cached(self, key: str, make: Callable[[], T]) -> T:
        with self._mutex:
            if key in self._cache:
                return self._cache[key]  # type: ignore[no-any-return]
        made = make()
        with self._mutex:
            self._cache[key] = made
        return made
