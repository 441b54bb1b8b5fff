"""Find the one entry that a name, GUID, SID or DN means, for every kind of object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wauth_core.directory import decode, filters
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.lookup import ByBase, ByName, ByUPN, Dialect, merged, names_match
from wauth_core.directory.wire import RawEntry
from wauth_core.exceptions import Ambiguous, NotFound

LIMIT = 20  # entries listed in the error for an ambiguous name


class Resolver:
    """Finds entries by name in one domain. Raises `DirectoryError` leaves."""

    def __init__(self, domain: DomainProfile) -> None:
        self._domain = domain

    def at(self, asked: ByBase, dialect: Dialect, condition: str, attributes: tuple[str, ...]) -> list[RawEntry]:
        """The entry of a DN, GUID or SID, anywhere in the domain, if it matches *condition*."""
        if not dialect.is_ad and asked.base.startswith("<GUID="):
            by_guid = filters.all_of(condition, filters.equals("entryUUID", asked.base[6:-1]))
            return self._search(by_guid, attributes)
        read = self._domain.searcher.read(asked.base, attributes, condition)
        return [read] if read else []

    def called(
        self, names: Iterable[tuple[str, str]], condition: str, attributes: tuple[str, ...]
    ) -> Sequence[RawEntry]:
        """The entries under SEARCH_BASE that match the first of *names* (attribute, value) that any entry matches.

        A name is compared letter by letter without case. The server ignores accents, see `names_match`.
        """
        listed = list(dict.fromkeys(names))
        wanted = filters.any_of(filters.equals(attribute, value) for attribute, value in listed)
        attributes = merged(attributes, tuple(attribute for attribute, _ in listed))
        found = [
            (entry, decode.attributes(entry.attributes))
            for entry in self._search(filters.all_of(condition, wanted), attributes)
        ]
        for attribute, value in listed:
            matching = [entry for entry, values in found if names_match(values, attribute, value)]
            if matching:
                return matching
        return []

    def spoken_of(self, asked: ByName | ByUPN) -> str | None:
        """The bare name in *asked*; None if it is of another domain."""
        if isinstance(asked, ByUPN):
            return asked.upn
        return asked.name if asked.domain is None or self._domain.is_ours(asked.domain) else None

    def only(
        self,
        x: object,
        found: Sequence[RawEntry],
        missing: type[NotFound],
        several: type[Ambiguous],
        kind: str | None = None,
    ) -> RawEntry:
        """The one entry, with all values of each attribute. Raises *missing* or *several*."""
        if not found:
            raise missing(x, self._domain.name, kind)
        if len(found) > 1:
            raise several(x, self._domain.name, tuple(entry.dn for entry in found), kind and f"{kind}s")
        return self._domain.searcher.complete(found[0])

    def _search(self, condition: str, attributes: tuple[str, ...]) -> list[RawEntry]:
        return self._domain.searcher.find(self._domain.bases, condition, attributes, limit=LIMIT)
