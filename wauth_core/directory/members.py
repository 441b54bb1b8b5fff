"""The members of a group: direct or nested, by primary group too, each once, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wauth_core.directory import decode, filters
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryGroup, DirectoryObject, DirectoryUser, EntryManager
from wauth_core.directory.kinds import Kind, object_of
from wauth_core.directory.lookup import Dialect, merged, user_of
from wauth_core.directory.wire import BASE, RawEntry

_AT_ONCE = 100  # conditions in one filter


class Members:
    """Finds members of groups. Raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile, door: EntryManager) -> None:
        self._domain = domain
        self._door = door

    def of(
        self, group: DirectoryGroup, *, recursive: bool = False, attributes: Iterable[str] = ()
    ) -> Iterator[DirectoryUser]:
        """The users in *group*, each once; see `DirectoryGroup.members`."""
        dialect = self._domain.settled()
        for entry in self._entries(group, dialect, recursive, dialect.people, dialect.user_attributes(attributes)):
            yield user_of(entry, dialect, self._door)

    def of_kinds(
        self, group: DirectoryGroup, kinds: tuple[Kind, ...], *, recursive: bool = False, attributes: Iterable[str] = ()
    ) -> Iterator[DirectoryObject]:
        """The members of these kinds in *group*, each once. Only AD has kinds."""
        dialect = self._domain.settled()
        condition = filters.any_of(kind.condition for kind in kinds)
        wanted = merged(tuple(dict.fromkeys(n for kind in kinds for n in kind.wanted(()))), tuple(attributes))
        for entry in self._entries(group, dialect, recursive, condition, wanted):
            found = object_of(entry, dialect, self._door)
            if found.kind in {kind.name for kind in kinds}:
                yield found

    def _entries(
        self, group: DirectoryGroup, dialect: Dialect, recursive: bool, condition: str, wanted: tuple[str, ...]
    ) -> Iterator[RawEntry]:
        holding = self._nested(group, dialect) if recursive else {group.dn: group.sid}
        seen: set[str] = set()
        if dialect.is_ad:
            found = self._ad_members(holding, condition, wanted)
        else:
            found = self._other_members(holding, dialect, wanted)
        for entry in found:
            key = filters.dn_key(entry.dn)
            if key not in seen:
                seen.add(key)
                yield entry

    def _nested(self, group: DirectoryGroup, dialect: Dialect) -> dict[str, str | None]:
        """*group* and all security groups in it, as ``{dn: sid}``. A mailing list passes no rights on. Cycles end."""
        holding: dict[str, str | None] = {group.dn: group.sid}
        waiting = [group.dn]
        while waiting:
            below = self._below(waiting, dialect)
            waiting = [dn for dn in below if dn not in holding]
            holding.update({dn: below[dn] for dn in waiting})
        return holding

    def _below(self, dns: list[str], dialect: Dialect) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        if not dialect.is_ad:
            for dn in dns:
                for member in self._values(dn, ("member", "uniqueMember")):
                    entry = self._domain.searcher.read(member, ("cn",), dialect.groups)
                    if entry:
                        found[entry.dn] = None
            return found
        for at in range(0, len(dns), _AT_ONCE):
            condition = filters.any_of(filters.equals("memberOf", dn) for dn in dns[at : at + _AT_ONCE])
            for page in self._domain.searcher.pages(
                self._domain.root, filters.all_of(dialect.groups, condition), ("objectSid", "groupType")
            ):
                for entry in page:
                    values = decode.attributes(entry.attributes)
                    if decode.is_security_group(values):
                        found[entry.dn] = values.get("objectSid")
        return found

    def _ad_members(
        self, holding: Mapping[str, str | None], wanted: str, attributes: tuple[str, ...]
    ) -> Iterator[RawEntry]:
        """The members by back-link, in pages, so that no ranges are needed; and by primary group, which is in no
        ``member``.
        """
        conditions = [filters.equals("memberOf", dn) for dn in holding]
        prefix = f"{self._domain.sid}-"
        conditions += [
            filters.equals("primaryGroupID", sid[len(prefix) :])
            for sid in holding.values()
            if sid and sid.startswith(prefix)
        ]
        for at in range(0, len(conditions), _AT_ONCE):
            condition = filters.all_of(wanted, filters.any_of(conditions[at : at + _AT_ONCE]))
            for page in self._domain.searcher.pages(self._domain.root, condition, attributes):
                yield from page

    def _other_members(
        self, holding: Iterable[str], dialect: Dialect, attributes: tuple[str, ...]
    ) -> Iterator[RawEntry]:
        """The members, each read by its DN, since not every server keeps back-links."""
        for dn in holding:
            for member in self._values(dn, ("member", "uniqueMember")):
                entry = self._domain.searcher.read(member, attributes, dialect.people)
                if entry:
                    yield entry
            logons = self._values(dn, ("memberUid",))
            for at in range(0, len(logons), _AT_ONCE):
                condition = filters.any_of(
                    filters.equals(dialect.name_attribute, name) for name in logons[at : at + _AT_ONCE]
                )
                yield from self._domain.searcher.find(
                    self._domain.bases, filters.all_of(dialect.people, condition), attributes
                )

    def _values(self, dn: str, attributes: tuple[str, ...]) -> list[str]:
        entries = self._domain.searcher.find(dn, filters.ANY, attributes, scope=BASE)
        return [
            value.decode("utf-8", "replace") for e in entries for values in e.attributes.values() for value in values
        ]
