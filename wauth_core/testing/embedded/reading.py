"""Search: where to look, what matches, what to send of it, in pages and ranges as in AD."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from . import schema as syntax
from .constructed import TOKEN_GROUPS, constructed
from .controls import (
    RequestControls,
    dir_sync_answer,
    page_answer,
    sort_answer,
)
from .dirsync import dir_sync
from .distinguished_names import BadName, parse_dn
from .entry import Entry, Values
from .equality import comparable
from .hosted_domain import Domain
from .matching import candidates, compile_filter
from .messages import MessageControl, SearchRequest, entry_message, reference_message
from .protection import SECURITY, descriptor
from .rendering import HIDDEN, shown_dn
from .result_codes import (
    PROTOCOL_ERROR,
    SIZE_LIMIT_EXCEEDED,
    SUCCESS,
    UNWILLING_TO_PERFORM,
    Refused,
    bad_control,
    bad_name,
    elsewhere,
    no_object,
    only_by_base_search,
)
from .rootdse import root_dse

_RANGE = re.compile(r"^(.*);range=(\d+)-(\d+|\*)$", re.IGNORECASE)


class WantedAttribute(NamedTuple):
    """One attribute to send: its lower-cased name, its name in the answer, and a range if one was asked for."""

    name: str
    shown: str
    low: int = 0
    high: int | None = None
    ranged: bool = False


@dataclass
class SearchLimits:
    """MaxPageSize and MaxValRange, as in AD's LDAP policy."""

    page_size: int = 1000
    value_range: int = 1500


@dataclass
class SearchAnswer:
    """An answer: first entries and references as bytes, one by one; then the parts of the result."""

    chunks: Iterable[bytes]
    code: int = SUCCESS
    controls: tuple[MessageControl, ...] = ()
    count: int = 0


class Reader:
    """Answers one connection's searches; keeps its open pages."""

    def __init__(self, domain: Domain, limits: SearchLimits) -> None:
        self.domain = domain
        self.store = domain.store
        self.limits = limits
        self._pages: dict[bytes, list[Entry]] = {}
        self._next_page = 0

    def search(
        self, message_id: int, request: SearchRequest, options: RequestControls, *, may_replicate: bool = False
    ) -> SearchAnswer:
        """The answer to a search by a client that may read. DirSync without a flag needs the right to replicate."""
        if request.scope not in (0, 1, 2):
            raise Refused(PROTOCOL_ERROR)
        if request.base == "" and request.scope == 0:
            return self._root_dse(message_id, request)
        if options.dir_sync is not None:
            base = self.base(request.base)
            chunks = dir_sync(self.domain, message_id, request, options, base, may_replicate=may_replicate)
            cookie = dir_sync_answer(self.store.usn, self.store.invocation_id)
            return SearchAnswer(chunks, controls=(cookie,), count=len(chunks))
        base = self.base(request.base)
        if base.deleted and base is not self.domain.graveyard() and not options.show_deleted:
            raise no_object("")
        if request.scope and any(name.lower() in TOKEN_GROUPS for name in request.attributes):
            raise only_by_base_search()
        if options.page is not None:
            return self._paged(message_id, request, options, base)
        found = list(self._sorted(self._matching(base, request, options), options))
        code = SUCCESS
        allowed = self.limits.page_size
        if 0 < request.size_limit < allowed:
            allowed = request.size_limit
        if len(found) > allowed:
            found, code = found[:allowed], SIZE_LIMIT_EXCEEDED
        chunks = list(self._entries(message_id, request, options, found))
        if code == SUCCESS:
            chunks += self._references(message_id, base, request, options)
        answer = (sort_answer(),) if options.sort else ()
        return SearchAnswer(chunks, code, answer, len(found))

    def base(self, dn: str) -> Entry:
        """The entry that a request names; if there is none, refused as by AD."""
        try:
            found = self.store.find(dn)
            steps = [] if dn.startswith("<") else parse_dn(dn)
        except BadName as exc:
            raise bad_name(dn) from exc
        if found is not None:
            return found
        closest, _ = self.store.descend(steps)
        if closest is None and steps and all(step.attribute.upper() == "DC" for step in steps[-2:]):
            host = ".".join(step.value for step in steps if step.attribute.upper() == "DC").lower()
            raise elsewhere(dn, host)
        raise no_object(closest.dn if closest is not None else "")

    # --- which entries ---

    def _matching(self, base: Entry, request: SearchRequest, options: RequestControls) -> Iterator[Entry]:
        test = compile_filter(self.store, request.filter)
        for entry in self._in_scope(base, request):
            if (options.show_deleted or not entry.deleted) and test(entry):
                yield entry

    def _in_scope(self, base: Entry, request: SearchRequest) -> Iterable[Entry]:
        if request.scope == 0:
            return (base,)
        listed = candidates(self.store, request.filter)
        if request.scope == 1:
            if listed is not None:
                return [e for e in listed if e.parent is base and not e.is_naming_context]
            return [e for e in (base.children or {}).values() if not e.is_naming_context]
        if listed is not None:
            return [e for e in listed if _is_within(e, base)]
        return base.walk()

    def _sorted(self, found: Iterable[Entry], options: RequestControls) -> Iterable[Entry]:
        for key in reversed(options.sort):
            attribute = self.store.schema.attribute(key.attribute)
            if attribute is not None:
                found = sorted(found, key=lambda e: self._sort_value(e, attribute), reverse=key.reverse)
        return found

    def _sort_value(self, entry: Entry, attribute: syntax.Attribute) -> tuple[int, int, str]:
        values = self.store.values(entry, attribute.name.lower())
        if not values:
            return 1, 0, ""
        key = comparable(self.store, attribute, values[0])
        return (0, key, "") if isinstance(key, int) else (0, 0, str(key))

    def _paged(self, message_id: int, request: SearchRequest, options: RequestControls, base: Entry) -> SearchAnswer:
        page = options.page
        if page is None or page.size < 0:
            raise bad_control(PROTOCOL_ERROR)
        if page.cookie:
            if page.cookie not in self._pages:
                raise bad_control(UNWILLING_TO_PERFORM)
            rest = self._pages.pop(page.cookie)
            if page.size == 0:
                return SearchAnswer((), controls=(page_answer(b""),))
        else:
            rest = list(self._sorted(self._matching(base, request, options), options))
            rest.reverse()
        size = min(page.size or self.limits.page_size, self.limits.page_size)
        code = SUCCESS
        if 0 < request.size_limit <= size and len(rest) > request.size_limit:
            size, code = request.size_limit, SIZE_LIMIT_EXCEEDED
        found = [rest.pop() for _ in range(min(size, len(rest)))]
        cookie = b""
        if rest and code == SUCCESS:
            self._next_page += 1
            cookie = b"page" + self._next_page.to_bytes(8, "big")
            self._pages[cookie] = rest
        chunks = list(self._entries(message_id, request, options, found))
        if not cookie and code == SUCCESS:
            chunks += self._references(message_id, base, request, options)
        answer = [page_answer(cookie)]
        if options.sort:
            answer.append(sort_answer())
        return SearchAnswer(chunks, code, tuple(answer), len(found))

    def _references(
        self, message_id: int, base: Entry, request: SearchRequest, options: RequestControls
    ) -> Iterator[bytes]:
        """For a search from the domain's root AD names the naming contexts that it did not search."""
        if base is not self.store.root or request.scope == 0 or options.domain_scope:
            return
        realm, base_dn = self.domain.realm, self.store.base_dn
        zones = ("ForestDnsZones", "DomainDnsZones") if request.scope == 2 else ()
        for zone in zones:
            yield reference_message(message_id, f"ldap://{zone}.{realm}/DC={zone},{base_dn}")
        yield reference_message(message_id, f"ldap://{realm}/CN=Configuration,{base_dn}")

    # --- what of them ---

    def _entries(
        self, message_id: int, request: SearchRequest, options: RequestControls, found: Iterable[Entry]
    ) -> Iterator[bytes]:
        plan = self._plan(request.attributes, options)
        for entry in found:
            attributes = self._attributes(entry, plan, request, options)
            yield entry_message(message_id, shown_dn(entry, options), attributes)

    def _plan(self, names: tuple[str, ...], options: RequestControls) -> list[WantedAttribute]:
        """The attributes that a request names, as the schema spells them."""
        found = []
        for name in names:
            low, high = 0, None
            match = _RANGE.match(name)
            if match is not None:
                name, low = match[1], int(match[2])
                high = None if match[3] == "*" else int(match[3])
            attribute = self.store.schema.attribute(name.split(";")[0])
            shown = options.sd_flags is not None and attribute is not None and attribute.name.lower() == SECURITY
            if attribute is not None and (shown or attribute.name.lower() not in HIDDEN):
                found.append(WantedAttribute(attribute.name.lower(), attribute.name, low, high, match is not None))
        return list(dict.fromkeys(found))

    def _attributes(
        self, entry: Entry, plan: list[WantedAttribute], request: SearchRequest, options: RequestControls
    ) -> Iterator[tuple[str, Values]]:
        wanted = plan
        if not request.attributes or "*" in request.attributes:
            named = {one.name for one in wanted}
            attributes = self.store.schema.attributes
            every = [
                WantedAttribute(name, attributes[name].name)
                for name in self.store.names(entry)
                if name not in named and name not in HIDDEN
            ]
            wanted = every + wanted
        for one in wanted:
            attribute = self.store.schema.attributes[one.name]
            if one.name == SECURITY:
                values: Values = (descriptor(entry),)
            elif attribute.constructed:
                values = constructed(self.domain, entry, one.name)
            else:
                values = self.store.values(entry, one.name)
            if not values:
                continue
            if options.extended_dn is not None and attribute.syntax == syntax.DN:
                values = tuple(self._extended(value, options) for value in values)
            shown, values = self._ranged(one, values, attribute.single)
            if shown:
                yield shown, () if request.types_only else values

    def _ranged(self, one: WantedAttribute, values: Values, single: bool) -> tuple[str, Values]:
        limit = self.limits.value_range
        if single or (not one.ranged and len(values) <= limit):
            return one.shown, values
        if one.low >= len(values):
            return "", ()
        stop = one.low + limit if one.high is None else min(one.high + 1, one.low + limit)
        if stop >= len(values):
            return f"{one.shown};range={one.low}-*", values[one.low :]
        return f"{one.shown};range={one.low}-{stop - 1}", values[one.low : stop]

    def _extended(self, value: bytes, options: RequestControls) -> bytes:
        target = self.store.resolve(value)
        return value if target is None else shown_dn(target, options).encode()

    # --- special searches ---

    def _root_dse(self, message_id: int, request: SearchRequest) -> SearchAnswer:
        every = not request.attributes or "*" in request.attributes or "+" in request.attributes
        wanted = {name.lower() for name in request.attributes}
        attributes = [
            (name, () if request.types_only else values)
            for name, values in root_dse(self.domain).items()
            if every or name.lower() in wanted
        ]
        return SearchAnswer([entry_message(message_id, "", attributes)], count=1)


def _is_within(entry: Entry, base: Entry) -> bool:
    at: Entry | None = entry
    while at is not None:
        if at is base:
            return True
        if at.is_naming_context:
            return False
        at = at.parent
    return False
