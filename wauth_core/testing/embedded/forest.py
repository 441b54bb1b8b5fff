"""The Global Catalog: all domains of the forest at once, to be read only (MS-ADTS 3.1.1.1.5)."""

from __future__ import annotations

from collections.abc import Iterator

from . import result_codes as r
from .controls import RequestControls, page_answer
from .conversation import Conversation
from .distinguished_names import BadName, parse_dn
from .entry import Entry, Values
from .faults import Faults
from .hosted_domain import Domain
from .log import OperationLog
from .messages import Request, SearchRequest
from .reading import Reader, SearchAnswer, SearchLimits, WantedAttribute

_UNIVERSAL = 8


class CatalogSession(Conversation):
    """One client of the Global Catalog."""

    def __init__(
        self, number: int, domain: Domain, faults: Faults, log: OperationLog, limits: SearchLimits, *, secure: bool
    ) -> None:
        super().__init__(number, domain, faults, log, limits, secure=secure)
        self.reader = CatalogReader(domain, limits)

    def _write(self, request: Request, options: RequestControls, who: Entry) -> None:
        raise r.unwilling("00002035")


class CatalogReader(Reader):
    """Searches in every domain. As in AD, only universal groups have their members here."""

    def __init__(self, domain: Domain, limits: SearchLimits) -> None:
        super().__init__(domain, limits)
        self._open: dict[bytes, list[tuple[Reader, Entry]]] = {}

    def search(
        self, message_id: int, request: SearchRequest, options: RequestControls, *, may_replicate: bool = False
    ) -> SearchAnswer:
        """The answers of all domains in the base, one after the other."""
        if (request.base == "" and request.scope == 0) or options.dir_sync is not None:
            return super().search(message_id, request, options, may_replicate=may_replicate)
        page = options.page
        if page is not None and page.cookie:
            found = self._open.pop(page.cookie, [])
        else:
            found = list(self._everywhere(request, options))
        size = min(page.size or self.limits.page_size if page else self.limits.page_size, self.limits.page_size)
        listed, rest = found[:size], found[size:]
        chunks = [chunk for reader, entry in listed for chunk in reader._entries(message_id, request, options, [entry])]
        if page is None:
            return SearchAnswer(chunks, r.SIZE_LIMIT_EXCEEDED if rest else r.SUCCESS, count=len(listed))
        self._next_page += bool(rest)
        cookie = b"page" + self._next_page.to_bytes(8, "big") if rest else b""
        if rest:
            self._open[cookie] = rest
        return SearchAnswer(chunks, controls=(page_answer(cookie),), count=len(listed))

    def _everywhere(self, request: SearchRequest, options: RequestControls) -> Iterator[tuple[Reader, Entry]]:
        """The entries of the domain that holds the base; for a subtree also of the domains below it; without a base, of
        all.
        """
        holder = next((each for each in self.domain.forest if self._holds(each, request.base)), None)
        if holder is None and request.base:
            self.base(request.base)  # refused, as AD refuses
        for domain in self.domain.forest:
            below = request.scope == 2 and _is_below(domain.store.base_dn, request.base)
            if domain is holder or below:
                reader = _Partial(domain, self.limits)
                base = reader.base(request.base) if domain is holder else domain.store.root
                for entry in reader._matching(base, request, options):
                    yield reader, entry

    def _holds(self, domain: Domain, base: str) -> bool:
        """Whether *base* names an entry of *domain* itself."""
        try:
            return bool(base) and domain.store.find(base) is not None
        except BadName as exc:
            raise r.bad_name(base) from exc


def _is_below(dn: str, base: str) -> bool:
    """Whether the domain *dn* is below *base*. Every domain is below an empty base."""
    if not base or base.startswith("<"):
        return not base
    inner, outer = ([step.key for step in parse_dn(each)] for each in (dn, base))
    return inner[len(inner) - len(outer) :] == outer


class _Partial(Reader):
    """One domain as the catalog shows it."""

    def _attributes(
        self, entry: Entry, plan: list[WantedAttribute], request: SearchRequest, options: RequestControls
    ) -> Iterator[tuple[str, Values]]:
        universal = self.store.number(entry, "grouptype") & _UNIVERSAL
        for shown, values in super()._attributes(entry, plan, request, options):
            if universal or shown.lower().partition(";")[0] != "member":
                yield shown, values
