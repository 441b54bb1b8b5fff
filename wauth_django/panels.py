"""`LDAPPanel` for django-debug-toolbar (manual 1.11): what a request asked of the directory.

It records through `wauth_core.directory.trace`, at the connection: whatever goes over it is seen once, by whichever way
it was sent. The panel patches nothing, and keeps plain values only: no secret, no photo.
"""

from __future__ import annotations

import inspect
import linecache
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import Any

from debug_toolbar.panels import Panel
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from wauth_core.directory import Operation, trace
from wauth_core.directory.decode import attributes as decoded
from wauth_core.directory.diagnosis import code_name
from wauth_core.directory.wire import DIRSYNC, EXTENDED_DN, PAGED, SHOW_DELETED
from wauth_django.conf import get_wauth

__all__ = ["LDAPPanel"]

SLOW = 0.1  # seconds
COLOURS = 6
"""So many colours panel.css has for domains: by their place among the domains of the request."""
CONTROLS = {PAGED: "paged", DIRSYNC: "DirSync", SHOW_DELETED: "deleted too", EXTENDED_DN: "extended DN"}
LONGEST = 1024
"""Characters of one value that are shown."""
_OUR_FOLDERS = ("/wauth_core/", "/ldap3/", "/debug_toolbar/", "/asgiref/", "/contextlib.py", "/threading.py")


class LDAPPanel(Panel):
    """Each LDAP operation of the request, the usage of each domain, and what could be asked better."""

    is_async = True
    title = "LDAP"
    template = "wauth_django/panel.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._operations: list[Operation] = []

    @property
    def nav_subtitle(self) -> str:
        """How many operations, and how long they took."""
        stats = self.get_stats()
        count = len(stats.get("operations", ()))
        return f"{count} operation{'' if count == 1 else 's'} in {stats.get('total', 0.0):.1f} ms" if count else "none"

    def process_request(self, request: HttpRequest) -> Any:
        """Watch while the request is answered, by sync or async code."""
        with trace() as self._operations:
            response = self.get_response(request)
        return self._awaited(response) if inspect.isawaitable(response) else response

    async def _awaited(self, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        with trace() as self._operations:
            return await response

    def generate_stats(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Turn what was watched into plain values."""
        operations = list(self._operations)
        domains = list(dict.fromkeys(operation.domain for operation in operations))
        colours = {domain: at % COLOURS for at, domain in enumerate(domains)}
        self.record_stats(
            {
                "operations": [{**_plain(each), "colour": colours[each.domain]} for each in operations],
                "domains": [_sum(domain, operations, colours[domain]) for domain in domains],
                "total": sum(operation.duration for operation in operations) * 1000,
                "sent": sum(operation.sent for operation in operations),
                "received": sum(operation.received for operation in operations),
                "advice": advice(operations),
                "usage": _usage(),
            }
        )

    def generate_server_timing(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """The total for the browser's own tools."""
        stats = self.get_stats()
        title = f"LDAP, {len(stats.get('operations', ()))} operations"
        self.record_server_timing("ldap_time", title, stats.get("total", 0.0))


def advice(operations: Iterable[Operation]) -> list[str]:
    """What could be asked better: the same search twice, a search that no index serves, a slow one."""
    searches = [operation for operation in operations if operation.kind == "search"]
    times = Counter((o.domain, o.base, o.scope, o.filter, o.attributes) for o in searches)
    found = [
        f"The search for {filter or base!r} in {domain} was made {count} times: keep its result for the request."
        for (domain, base, _, filter, _), count in times.items()
        if count > 1
    ]
    whole = Counter((o.domain, o.base, o.scope, o.filter) for o in searches)
    for (domain, base, scope, filter), count in whole.items():
        kinds = {
            o.attributes for o in searches if (o.domain, o.base, o.scope, o.filter) == (domain, base, scope, filter)
        }
        if count > 1 and len(kinds) > 1:
            found.append(
                f"The search for {filter or base!r} in {domain} was made for different attributes: ask for all at once."
            )
    for operation in searches:
        found += _of_filter(operation)
    return list(dict.fromkeys(found))


def _of_filter(operation: Operation) -> Iterable[str]:
    if "1.2.840.113556.1.4.1941" in operation.filter:
        yield "Rule 1941 (LDAP_MATCHING_RULE_IN_CHAIN) walks the whole domain; in_group() and groups() are far faster."
    if "=*" in operation.filter.replace("=*)", ""):
        yield f"No index serves a filter that begins with *: {operation.filter!r}."
    if "*" in operation.attributes:
        yield f"All attributes were read for {operation.filter or operation.base!r}: name those that are used."
    if operation.duration > SLOW:
        yield f"{operation.filter or operation.base!r} took {operation.duration * 1000:.0f} ms."


def _plain(operation: Operation) -> dict[str, Any]:
    return {
        "domain": operation.domain,
        "kind": operation.kind,
        "base": operation.base,
        "scope": str(operation.scope),
        "filter": operation.filter,
        "attributes": list(operation.attributes),
        "controls": [CONTROLS.get(oid, oid) for oid in operation.controls],
        "changes": [[what, name, [value[:LONGEST] for value in values]] for what, name, values in operation.changes],
        "result": "" if operation.code is None else f"{operation.code} {code_name(operation.code)}",
        "entries": operation.entries,
        "found": [[entry.dn, list(_shown(decoded(entry.attributes)))] for entry in operation.found],
        "more": operation.entries - len(operation.found),
        "sent": operation.sent,
        "received": operation.received,
        "duration": operation.duration * 1000,
        "error": operation.error or "",
        "server": operation.server,
        "stack": [
            {
                "place": f"{frame.filename}:{frame.lineno}",
                "function": frame.name,
                "line": linecache.getline(frame.filename, frame.lineno or 0).strip(),
            }
            for frame in operation.stack
            if not any(folder in frame.filename.replace("\\", "/") for folder in _OUR_FOLDERS)
        ],
    }


def _shown(values: Mapping[str, Any]) -> Iterator[list[Any]]:
    for name, value in values.items():
        listed = value if isinstance(value, list) else [value]
        yield [name, [f"<{len(one)} octets>" if isinstance(one, bytes) else str(one)[:LONGEST] for one in listed]]


def _sum(domain: str, operations: Iterable[Operation], colour: int) -> dict[str, Any]:
    own = [operation for operation in operations if operation.domain == domain]
    return {
        "domain": domain,
        "colour": colour,
        "operations": len(own),
        "duration": sum(operation.duration for operation in own) * 1000,
    }


def _usage() -> list[dict[str, Any]]:
    names = (
        "operations",
        "search_operations",
        "bind_operations",
        "open_sockets",
        "closed_sockets",
        "bytes_received",
        "bytes_transmitted",
    )
    return [
        {"domain": domain, **{name: getattr(usage, name, 0) for name in names}}
        for domain, usage in get_wauth().usage().items()
    ]
