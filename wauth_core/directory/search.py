"""Searches over the pool: each has a deadline and one retry; pages, value ranges; references are ignored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from wauth_core.directory import diagnosis, filters, limits, wire
from wauth_core.directory.connection import Connection, Lost
from wauth_core.directory.dialer import Dialer
from wauth_core.directory.wire import BASE, SUBTREE, RawEntry
from wauth_core.exceptions import ConfigurationError, DirectoryError, DirectoryUnavailable
from wauth_core.settings import as_names


class Connections(Protocol):
    """Where a searcher gets its connections: a `Pool`, or one person's own connection."""

    dialer: Dialer

    def connection(self, deadline: float, *, fresh: bool = False) -> AbstractContextManager[Connection]:
        """A connection for the block; see `Pool`."""


class Searcher:
    """Runs searches for one domain. Every method raises `DirectoryError` leaves, and nothing of ldap3."""

    def __init__(self, pool: Connections, domain: str) -> None:
        self._pool = pool
        self._domain = domain
        self.only_in: str | None = None  # the DN of a domain: in a Global Catalog its child domains are below it

    def read(self, base: str, attributes: tuple[str, ...], filter_text: str = "(objectClass=*)") -> RawEntry | None:
        """The one entry *base*; None if there is none, or if it does not match the filter."""
        entries, result = self._once(base, BASE, filter_text, attributes)
        if result.code in {diagnosis.NO_SUCH_OBJECT, diagnosis.INVALID_DN_SYNTAX, diagnosis.REFERRAL}:
            return None  # a referral: it would be in another domain, which this one is not
        self._check(result, base)
        return self.complete(entries[0]) if entries else None

    def find(
        self,
        base: str | tuple[str, ...],
        filter_text: str,
        attributes: tuple[str, ...],
        *,
        scope: str = SUBTREE,
        limit: int = 0,
    ) -> list[RawEntry]:
        """The entries that match, in one answer for each base: at most *limit*. The rest is left out silently."""
        found: list[RawEntry] = []
        for each in as_names(base):
            entries, result = self._once(each, scope, filter_text, attributes, limit=limit)
            if not (limit and result.code == diagnosis.SIZE_LIMIT_EXCEEDED):
                self._check(result, each)
            found += entries
        return found[:limit] if limit else found  # Samba sends all of them all the same

    def pages(
        self,
        base: str | tuple[str, ...],
        filter_text: str,
        attributes: tuple[str, ...],
        *,
        scope: str = SUBTREE,
        controls: tuple[wire.Control, ...] = (),
    ) -> Iterator[list[RawEntry]]:
        """All entries that match, page by page. After the first page a broken connection is an error: pages cannot be
        repeated.
        """
        for each in as_names(base):
            yield from self._pages(each, filter_text, attributes, scope, controls)

    def _pages(
        self, base: str, filter_text: str, attributes: tuple[str, ...], scope: str, controls: tuple[wire.Control, ...]
    ) -> Iterator[list[RawEntry]]:
        for attempt in (1, 2):
            started = False
            try:
                with self._pool.connection(deadline := self._deadline(), fresh=attempt == 2) as connection:
                    cookie = b""
                    while True:
                        asked = (*controls, wire.paged_control(self._pool.dialer.settings.PAGE_SIZE, cookie))
                        entries, result = self._ask(connection, deadline, base, scope, filter_text, attributes, asked)
                        self._check(result, base)
                        started = True
                        yield entries
                        cookie = self._cookie(result)
                        if not cookie:
                            return
                        deadline = self._deadline()
            except Lost as error:
                if started or attempt == 2 or error.timed_out:
                    raise self._unavailable(error) from None
            except wire.FilterError as error:
                raise ConfigurationError(str(error)) from None

    def controlled(
        self, base: str, filter_text: str, attributes: tuple[str, ...], controls: tuple[wire.Control, ...]
    ) -> tuple[list[RawEntry], wire.Result]:
        """One subtree search with the caller's controls. Returns the answer unchanged."""
        entries, result = self._once(base, SUBTREE, filter_text, attributes, controls=controls)
        self._check(result, base)
        return entries, result

    def _once(
        self,
        base: str,
        scope: str,
        filter_text: str,
        attributes: tuple[str, ...],
        *,
        limit: int = 0,
        controls: tuple[wire.Control, ...] = (),
    ) -> tuple[list[RawEntry], wire.Result]:
        """Ask. If the connection turns out to be broken, ask once more on a new one."""
        deadline = self._deadline()
        for attempt in (1, 2):
            try:
                with self._pool.connection(deadline, fresh=attempt == 2) as connection:
                    return self._ask(connection, deadline, base, scope, filter_text, attributes, controls, limit)
            except Lost as error:
                if attempt == 2 or error.timed_out:
                    raise self._unavailable(error) from None
            except wire.FilterError as error:
                raise ConfigurationError(str(error)) from None
        raise AssertionError("unreachable")

    def _ask(
        self,
        connection: Connection,
        deadline: float,
        base: str,
        scope: str,
        filter_text: str,
        attributes: tuple[str, ...],
        controls: tuple[wire.Control, ...] = (),
        limit: int = 0,
    ) -> tuple[list[RawEntry], wire.Result]:
        entries, result = connection.ask(deadline, base, scope, filter_text, attributes, controls, limit)
        if result.code in {diagnosis.BUSY, diagnosis.UNAVAILABLE}:
            raise Lost(f"{connection.endpoint} is {diagnosis.code_name(result.code)}", skip=True)
        if self.only_in is not None:
            entries = [entry for entry in entries if not _is_of_a_child(entry.dn, self.only_in)]
        return entries, result

    def complete(self, entry: RawEntry) -> RawEntry:
        """Fetch the rest of attributes that came as ``name;range=0-1499`` (MS-ADTS 3.1.1.3.1.3.3)."""
        if not any(";range=" in name for name in entry.attributes):
            return entry
        whole: dict[str, list[bytes]] = {}
        for name, values in entry.attributes.items():
            plain, ranged, span = name.partition(";range=")
            if not ranged:
                whole.setdefault(name, values)
                continue
            collected = list(values)
            while not span.endswith("*"):
                start = int(span.partition("-")[2]) + 1
                more, result = self._once(entry.dn, BASE, "(objectClass=*)", (f"{plain};range={start}-*",))
                self._check(result, entry.dn)
                found = next(
                    (
                        (n, v)
                        for e in more
                        for n, v in e.attributes.items()
                        if n.lower().startswith(plain.lower() + ";")
                    ),
                    None,
                )
                if found is None:
                    break
                collected += found[1]
                span = found[0].partition(";range=")[2]
            whole[plain] = collected
        return RawEntry(entry.dn, whole)

    def _deadline(self) -> float:
        return limits.deadline(float(self._pool.dialer.settings.OPERATION_TIMEOUT))

    def _check(self, result: wire.Result, base: str) -> None:
        if result.code != diagnosis.SUCCESS:
            is_elsewhere = result.code in {diagnosis.NO_SUCH_OBJECT, diagnosis.INVALID_DN_SYNTAX, diagnosis.REFERRAL}
            raise diagnosis.operation_failed(
                result.code,
                result.message,
                what=f"a search of {base!r}",
                server=f"The domain {self._domain}",
                held=self.held() if is_elsewhere else "",
            )

    def held(self) -> str:
        """A sentence with the naming contexts that the server holds; empty if it does not say."""
        try:
            entries, _ = self._once("", BASE, "(objectClass=*)", ("defaultNamingContext", "namingContexts"))
        except DirectoryError:
            return ""
        values = {value.decode() for entry in entries for each in entry.attributes.values() for value in each}
        return f"This server holds: {'; '.join(sorted(values)[:6])}." if values else ""

    def _cookie(self, result: wire.Result) -> bytes:
        try:
            return wire.page_cookie(result)
        except wire.WireError as error:
            raise Lost(f"the server sent {error}") from None

    def _unavailable(self, error: Lost) -> DirectoryUnavailable:
        return DirectoryUnavailable(f"Domain {self._domain}: {error}.")


def _is_of_a_child(dn: str, domain: str) -> bool:
    """Whether *dn* is in another domain, below *domain*."""
    root = filters.domain_root(dn)
    return bool(root) and filters.is_under(root, domain) and not filters.same_dn(root, domain)
