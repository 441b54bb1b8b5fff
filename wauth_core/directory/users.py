"""Users of one domain: the look-ups, and what a sync fetches in one search."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wauth_core.directory import decode, filters
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryUser, EntryManager
from wauth_core.directory.groups import Groups
from wauth_core.directory.lookup import ByBase, ByName, ByUPN, Dialect, question, user_of
from wauth_core.directory.membership import token_groups
from wauth_core.directory.resolver import Resolver
from wauth_core.directory.wire import RawEntry
from wauth_core.exceptions import AmbiguousUser, DirectoryError, UserNotFound

TOKEN_GROUPS = "tokenGroups"  # noqa: S105 - an attribute's name


class Users:
    """Finds users. Every method raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile, groups: Groups, door: EntryManager) -> None:
        self._domain = domain
        self._groups = groups
        self._resolver = Resolver(domain)
        self._door = door

    def user(self, x: object, attributes: Iterable[str] = ()) -> DirectoryUser:
        """The one user that *x* names. Raises `UserNotFound` or `AmbiguousUser`."""
        try:
            asked = question(x)
        except ValueError:
            raise UserNotFound(x, self._domain.name) from None
        wanted = tuple(attributes)

        def ask(dialect: Dialect) -> list[RawEntry]:
            return self._find(asked, dialect, dialect.user_attributes(wanted))

        return user_of(self._only(x, self._domain.asking(ask)), self._domain.dialect, self._door)

    def users(self, condition: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryUser]:
        """All users that match *condition* (a filter's text, or a mapping of attribute to value), streamed."""
        dialect = self._domain.settled()
        pages = self._domain.searcher.pages(
            self._domain.bases,
            filters.all_of(dialect.people, filters.given(condition)),
            dialect.user_attributes(attributes),
        )
        for page in pages:
            for entry in page:
                yield user_of(entry, dialect, self._door)

    def person(
        self, *, guid: uuid.UUID | None, username: str, attributes: Iterable[str] = (), groups: bool = True
    ) -> DirectoryUser:
        """The user of a sync, who must match USER_QUERY_FILTER and be under SEARCH_BASE, with all group SIDs.

        With *guid* it is one search; without, one more finds the GUID by *username* first.
        """
        wanted = tuple(attributes)
        if guid is None:
            entry = self._by_logon_name(username)
            found = decode.attributes(entry.attributes)
            guid = found.get("objectGUID") or found.get("entryUUID")
            if not isinstance(guid, uuid.UUID):
                raise DirectoryError(f"{entry.dn!r} has no GUID that the service account may read.")
        with_token = groups and self._groups.by_token
        known = guid

        def ask(dialect: Dialect) -> list[RawEntry]:
            asked = dialect.user_attributes(wanted)
            condition = filters.all_of(dialect.people, filters.given(self._domain.settings.USER_QUERY_FILTER))
            if not dialect.is_ad:
                by_guid = filters.all_of(condition, filters.equals("entryUUID", str(known)))
                return self._domain.searcher.find(self._domain.bases, by_guid, asked)
            if with_token:
                asked = (*asked, TOKEN_GROUPS)
            read = self._domain.searcher.read(filters.guid_base(known), asked, condition)
            return [read] if read else []

        entry = self._only(username, [e for e in self._domain.asking(ask) if self._domain.is_home(e.dn)])
        dialect = self._domain.dialect
        if not groups:
            return user_of(entry, dialect, self._door)
        sids = token_groups(entry) if dialect.is_ad and with_token else None
        if dialect.is_ad and with_token and sids is None:
            raise self._groups.unreadable(entry.dn)
        user = user_of(_without_token(entry), dialect, self._door, sids)
        if dialect.is_ad:
            self._domain.learn_sid(user.dn, user.sid)
        if sids is None:
            user = user_of(entry, dialect, self._door, self._groups.identities(user))
        return user

    def others_named(self, username: str, guid: uuid.UUID | None) -> tuple[str, ...]:
        """The DNs of all objects named *username* in the domain, SEARCH_BASE or not, except the user *guid*."""

        def ask(dialect: Dialect) -> list[RawEntry]:
            names = {dialect.name_attribute, "sAMAccountName"} if dialect.is_ad else {dialect.name_attribute}
            condition = filters.any_of(filters.equals(name, username) for name in sorted(names))
            return self._domain.searcher.find(
                self._domain.root, condition, ("objectGUID",) if dialect.is_ad else ("entryUUID",), limit=20
            )

        found = [(entry.dn, decode.attributes(entry.attributes)) for entry in self._domain.asking(ask)]
        return tuple(dn for dn, values in found if guid not in (values.get("objectGUID"), values.get("entryUUID")))

    def _by_logon_name(self, username: str) -> RawEntry:
        """The entry whose logon name (the attribute that USER_QUERY_FIELD maps to) is *username*."""
        condition = filters.given(self._domain.settings.USER_QUERY_FILTER)
        if not username.strip() or "\x00" in username:
            raise UserNotFound(username, self._domain.name)

        def ask(dialect: Dialect) -> list[RawEntry]:
            name = dialect.name_attribute
            identity = "objectGUID" if dialect.is_ad else "entryUUID"
            people = filters.all_of(dialect.people, condition)
            return list(self._resolver.called([(name, username)], people, (identity, name)))

        return self._only(username, self._domain.asking(ask))

    def _find(self, asked: ByBase | ByName | ByUPN, dialect: Dialect, attributes: tuple[str, ...]) -> list[RawEntry]:
        if isinstance(asked, ByBase):
            return self._resolver.at(asked, dialect, dialect.people, attributes)
        name = self._resolver.spoken_of(asked)
        if name is None:
            return []
        names = self._principal(name, dialect) if isinstance(asked, ByUPN) else ((dialect.logon_attribute, name),)
        return list(self._resolver.called(names, dialect.people, attributes))

    def _principal(self, upn: str, dialect: Dialect) -> tuple[tuple[str, str], ...]:
        """By userPrincipalName; else by everybody's implicit UPN, sAMAccountName@domain (MS-ADTS 5.1.1.1.1)."""
        name, _, suffix = upn.rpartition("@")
        if not dialect.is_ad:
            return (("mail" if suffix else dialect.name_attribute, upn),)
        implicit = suffix.lower() == self._domain.dns_name.lower() and bool(name)
        return (("userPrincipalName", upn), *((("sAMAccountName", name),) if implicit else ()))

    def _only(self, wanted: object, found: Sequence[RawEntry]) -> RawEntry:
        return self._resolver.only(wanted, found, UserNotFound, AmbiguousUser)


def _without_token(entry: RawEntry) -> RawEntry:
    return RawEntry(entry.dn, {n: v for n, v in entry.attributes.items() if n.lower() != "tokengroups"})
