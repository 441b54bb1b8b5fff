"""Groups of one domain: look-ups, what group names in settings mean, and who is in which group."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cachetools import TTLCache

from wauth_core.directory import decode, filters, membership
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryGroup, DirectoryUser, EntryManager
from wauth_core.directory.lookup import ByBase, ByName, ByUPN, Dialect, group_of, question
from wauth_core.directory.membership import ResolvedGroups
from wauth_core.directory.resolver import Resolver
from wauth_core.directory.wire import RawEntry
from wauth_core.exceptions import AmbiguousGroup, DirectoryError, GroupNotFound, MembershipUnreadable, UnknownDomain
from wauth_core.process import PerProcess
from wauth_core.settings import as_names

NAMES_TTL = 600  # seconds that the meaning of a group's name is kept
_BEYOND_ITS_DOMAIN = 0x2 | 0x8  # groupType: global and universal groups, MS-ADTS 2.2.12
_AT_ONCE = 100  # conditions in one filter


class _Kept:
    """What names were found to mean."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.meanings: TTLCache[str, ResolvedGroups] = TTLCache(maxsize=4096, ttl=NAMES_TTL)
        self.identities: TTLCache[str, str] = TTLCache(maxsize=4096, ttl=NAMES_TTL)


class Groups:
    """Finds groups and members. Every method raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile, door: EntryManager) -> None:
        self._domain = domain
        self._door = door
        self._resolver = Resolver(domain)
        self._kept = PerProcess(_Kept)

    @property
    def by_token(self) -> bool:
        """Whether group membership is read from tokenGroups, in the same search as the person."""
        return self._domain.settings.MEMBERSHIP in {"auto", "tokenGroups"}

    # -- look-ups ------------------------------------------------------------------------------------------------------

    def group(self, x: object, attributes: Iterable[str] = ()) -> DirectoryGroup:
        """The one group that *x* names. Raises `GroupNotFound` or `AmbiguousGroup`."""
        try:
            asked = question(x)
        except ValueError:
            raise GroupNotFound(x, self._domain.name) from None
        wanted = tuple(attributes)
        found = self._domain.asking(lambda dialect: self._find(asked, dialect, dialect.group_attributes(wanted)))
        entry = self._resolver.only(x, found, GroupNotFound, AmbiguousGroup)
        return group_of(entry, self._domain.dialect, self._door)

    def groups(self, condition: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryGroup]:
        """All groups that match *condition*, streamed."""
        dialect = self._domain.settled()
        pages = self._domain.searcher.pages(
            self._domain.bases,
            filters.all_of(dialect.groups, filters.given(condition)),
            dialect.group_attributes(attributes),
        )
        for page in pages:
            for entry in page:
                yield group_of(self._domain.searcher.complete(entry), dialect, self._door)

    def _find(
        self, asked: ByBase | ByName | ByUPN, dialect: Dialect, attributes: tuple[str, ...]
    ) -> Sequence[RawEntry]:
        if isinstance(asked, ByBase):
            return self._resolver.at(asked, dialect, dialect.groups, attributes)
        name = self._resolver.spoken_of(asked)
        if name is None:
            return []
        if dialect.is_ad and (sid := self._well_known(name)):
            return self._resolver.at(ByBase(filters.sid_base(sid)), dialect, dialect.groups, attributes)
        names = [(attribute, name) for attribute in (("sAMAccountName", "cn") if dialect.is_ad else ("cn",))]
        return self._resolver.called(names, dialect.groups, attributes)

    def _well_known(self, name: str) -> str | None:
        return membership.well_known(name, lambda: self._domain.sid, self._domain.forest_root_sid)

    # -- names in settings ---------------------------------------------------------------------------------------------

    def resolve(self, names: Iterable[str]) -> ResolvedGroups:
        """What *names* mean. One search finds all that are not yet known."""
        wanted = list(dict.fromkeys(names))
        store = self._kept.here
        with store.lock:
            kept = {name: store.meanings[name] for name in wanted if name in store.meanings}
        missing = [name for name in wanted if name not in kept]
        for at in range(0, len(missing), _AT_ONCE):
            fresh = self._resolve(missing[at : at + _AT_ONCE])
            with store.lock:
                store.meanings.update(fresh)
            kept.update(fresh)
        return ResolvedGroups(
            {name: sids for meaning in kept.values() for name, sids in meaning.sids.items()},
            {name: dns for meaning in kept.values() for name, dns in meaning.ambiguous.items()},
            {name: why for meaning in kept.values() for name, why in meaning.unknown.items()},
        )

    def forget_names(self) -> None:
        """Forget what names mean; ask again at the next use."""
        store = self._kept.here
        with store.lock:
            store.meanings.clear()
            store.identities.clear()

    def _resolve(self, names: list[str]) -> dict[str, ResolvedGroups]:
        ordinary = [name for name in names if not membership.is_well_known(name)]
        found = self._domain.asking(lambda dialect: self._search_names(ordinary, dialect)) if ordinary else []
        dialect = self._domain.dialect
        if not dialect.is_ad:
            plain = [name for name in names if not filters.is_sid(name)]
            found = self._search_names(plain, dialect)
            ordinary = plain
        resolved = membership.assign(
            ordinary, found, membership.compared(self._attributes(), dialect), dialect, self._domain.within
        )
        meanings: dict[str, ResolvedGroups] = {}
        for name in names:
            if name in resolved.sids:
                meanings[name] = ResolvedGroups({name: resolved.sids[name]})
            elif name in resolved.ambiguous:
                meanings[name] = ResolvedGroups({}, {name: resolved.ambiguous[name]})
            elif name in resolved.unknown:
                meanings[name] = self._elsewhere(name) or ResolvedGroups({}, {}, {name: resolved.unknown[name]})
            else:
                meanings[name] = self._meaning_of_well_known(name, dialect)
        return meanings

    def _elsewhere(self, name: str) -> ResolvedGroups | None:
        """What *name* means in the other domains of the forest."""
        try:
            found = self._beyond(name)
        except AmbiguousGroup as error:
            return ResolvedGroups({}, {name: error.dns})
        return ResolvedGroups({name: frozenset((found.sid,))}) if found and found.sid else None

    def _beyond(self, x: object) -> DirectoryGroup | None:
        """The group *x* of another domain of the forest, if it gives rights here. A local group of that domain does
        not.

        Raises `AmbiguousGroup`.
        """
        if not self._domain.settings.GC:
            return None
        try:
            found: DirectoryGroup = self._door.global_catalog.group(x)
        except (GroupNotFound, UnknownDomain):
            return None
        kind = found.attributes.get("groupType", 0)
        counts = found.sid and decode.is_security_group(found.attributes) and kind & _BEYOND_ITS_DOMAIN
        return found if counts else None

    def _meaning_of_well_known(self, name: str, dialect: Dialect) -> ResolvedGroups:
        if not dialect.is_ad:
            return ResolvedGroups({}, {}, {name: "the directory is not Active Directory and has no SIDs"})
        try:
            sid = self._well_known(name)
        except DirectoryError as error:
            if type(error) is not DirectoryError:
                raise  # unavailable is not unknown
            return ResolvedGroups({}, {}, {name: str(error)})
        return ResolvedGroups({name: frozenset((sid,))} if sid else {})

    def _attributes(self) -> tuple[str, ...]:
        return as_names(self._domain.settings.GROUP_ATTRS)

    def _search_names(self, names: list[str], dialect: Dialect) -> list[RawEntry]:
        compared = membership.compared(self._attributes(), dialect)
        base, root = self._domain.bases, self._domain.root
        outside = [name for name in names if filters.is_dn(name) and not self._domain.within(name)]
        found: list[RawEntry] = []
        for where, listed in ((base, [name for name in names if name not in outside]), (root, outside)):
            condition = membership.names_filter(listed, compared, dialect)
            if condition:
                found += self._domain.searcher.find(where, condition, dialect.group_attributes(compared))
        return found

    # -- who is in which -----------------------------------------------------------------------------------------------

    def identities(self, user: DirectoryUser) -> frozenset[str]:
        """What all groups of *user* are compared by: SIDs; if the directory is not AD, DNs in one spelling."""
        dialect = self._domain.settled()
        method = self._domain.settings.MEMBERSHIP
        if dialect.is_ad and self.by_token:
            entry = self._domain.searcher.read(_base(user), ("tokenGroups",))
            sids = membership.token_groups(entry) if entry else None
            if sids is None:
                raise self.unreadable(user.dn)
            return sids
        start = [user.dn]
        found: dict[str, str] = {}
        if dialect.is_ad and (primary := self._primary_group(user)):
            found.update(primary)
            start += primary
        if method == "in_chain" and dialect.is_ad:
            found.update(self._chain(start, dialect))
        else:
            found.update(membership.closure(start, lambda dns: self._parents(dns, user, dialect)))
        return frozenset(found.values())

    def _primary_group(self, user: DirectoryUser) -> dict[str, str]:
        """The primary group, which is in no ``member`` attribute."""
        relative = user.attributes.get("primaryGroupID")
        if relative is None or user.sid is None:
            return {}
        sid = f"{user.sid.rpartition('-')[0]}-{relative}"
        entry = self._domain.searcher.read(filters.sid_base(sid), ("objectSid",))
        return {entry.dn: sid} if entry else {}

    def _parents(self, dns: list[str], user: DirectoryUser, dialect: Dialect) -> dict[str, str]:
        found: dict[str, str] = {}
        for at in range(0, len(dns), _AT_ONCE):
            conditions = []
            for dn in dns[at : at + _AT_ONCE]:
                conditions.append(filters.equals("member", dn))
                if not dialect.is_ad:
                    conditions.append(filters.equals("uniqueMember", dn))
                    if dn == user.dn and user.username:
                        conditions.append(filters.equals("memberUid", user.username))
            found.update(self._above(filters.any_of(conditions), dialect))
        if not dialect.is_ad and user.dn in dns and (number := user.attributes.get("gidNumber")) is not None:
            found.update(self._above(filters.equals("gidNumber", str(number)), dialect))
        return found

    def _chain(self, start: list[str], dialect: Dialect) -> dict[str, str]:
        """The groups by rule 1941. The server follows mailing lists too. They give no rights: they are removed here."""
        searcher = self._domain.searcher
        identities: dict[str, str] = {}
        parents: dict[str, list[str]] = {}
        for dn in start:
            entry = searcher.read(dn, ("memberOf",))
            parents[filters.dn_key(dn)] = _member_of(entry) if entry else []
        condition = filters.any_of(filters.in_chain("member", dn) for dn in start)
        wanted = ("objectSid", "groupType", "memberOf")
        for page in searcher.pages(self._domain.root, filters.all_of(dialect.groups, condition), wanted):
            for entry in page:
                values = decode.attributes(entry.attributes)
                if decode.is_security_group(values):
                    key = filters.dn_key(entry.dn)
                    identities[key] = membership.group_identity(entry, values, dialect)
                    parents[key] = _member_of(entry)
        return membership.closure(
            start,
            lambda dns: {
                up: identities[filters.dn_key(up)]
                for dn in dns
                for up in parents.get(filters.dn_key(dn), ())
                if filters.dn_key(up) in identities
            },
        )

    def _above(self, condition: str, dialect: Dialect) -> dict[str, str]:
        """The security groups that match, as ``{dn: identity}``."""
        base = self._domain.root if dialect.is_ad else self._domain.bases
        found: dict[str, str] = {}
        wanted = ("objectSid", "groupType") if dialect.is_ad else ("cn",)
        for page in self._domain.searcher.pages(base, filters.all_of(dialect.groups, condition), wanted):
            for entry in page:
                values = decode.attributes(entry.attributes)
                if decode.is_security_group(values):
                    found[entry.dn] = membership.group_identity(entry, values, dialect)
        return found

    def groups_of(self, user: DirectoryUser, attributes: Iterable[str] = ()) -> list[DirectoryGroup]:
        """All groups of *user* as objects, by name. A SID without a readable group is left out."""
        identities = user.group_sids if user.group_sids is not None else self.identities(user)
        dialect = self._domain.settled()
        attribute = "objectSid" if dialect.is_ad else "entryDN"
        listed = sorted(identities)
        found: list[DirectoryGroup] = []
        for at in range(0, len(listed), _AT_ONCE):
            condition = filters.any_of(
                filters.equals(attribute, decode.sid_octets(one) if dialect.is_ad else one)
                for one in listed[at : at + _AT_ONCE]
            )
            entries = self._domain.searcher.find(
                self._domain.root if dialect.is_ad else self._domain.bases,
                filters.all_of(dialect.groups, condition),
                dialect.group_attributes(attributes),
            )
            found += [group_of(entry, dialect, self._door) for entry in entries]
        return sorted(found, key=lambda group: group.name.lower())

    def identity_of(self, group: object) -> str:
        """What *group* (a `DirectoryGroup`, or whatever `group` takes) is compared by."""
        if isinstance(group, str) and membership.is_well_known(group) and self._domain.settled().is_ad:
            sid = self._well_known(group)
            if sid:
                return sid
        if isinstance(group, DirectoryGroup):
            return group.sid or filters.dn_key(group.dn)
        key, store = str(group), self._kept.here
        with store.lock:
            known = store.identities.get(key)
        if known is None:
            try:
                found = self.group(group)
            except GroupNotFound:
                beyond = self._beyond(group)
                if beyond is None:
                    raise
                found = beyond
            known = found.sid or filters.dn_key(found.dn)
            with store.lock:
                store.identities[key] = known
        return known

    def is_member(self, user: DirectoryUser, group: object) -> bool:
        """Whether *user* is in *group*, directly or nested."""
        wanted = self.identity_of(group)
        return wanted in (user.group_sids if user.group_sids is not None else self.identities(user))

    def unreadable(self, dn: str) -> MembershipUnreadable:
        """The error for a user whose tokenGroups came back empty. In AD no user's are empty."""
        return MembershipUnreadable(
            f"The service account of the domain {self._domain.name} may not read tokenGroups of {dn!r}. Put it into "
            f"the group 'Windows Authorization Access Group', or set MEMBERSHIP = 'memberOf'."
        )


def _base(user: DirectoryUser) -> str:
    return filters.guid_base(user.guid) if user.guid and user.sid else user.dn


def _member_of(entry: RawEntry) -> list[str]:
    return [
        value.decode() for name, values in entry.attributes.items() if name.lower() == "memberof" for value in values
    ]
