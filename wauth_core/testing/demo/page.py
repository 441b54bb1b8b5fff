"""The content of the intranet's page, as plain data: who is there, why they have their rights, and what it cost to
know.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from wauth_core.directory import LDAPManager, Operation
from wauth_core.directory.ways import Way, ways
from wauth_core.exceptions import DirectoryError
from wauth_core.identity import Identity
from wauth_core.sync.result import SyncResult

DOORS = {"Editors' room": "Web Editors", "Finance approvals": "Finance Approvers", "Server room": "Domain Admins"}
LABELS = {"is_active": "Active", "is_staff": "Staff", "is_superuser": "Superuser"}
FLAGS = tuple(LABELS)


def settings(domain: Mapping[str, Any]) -> dict[str, Any]:
    """The ``WAUTH_…`` settings of both sites: one domain, and a sync at every request, so that it can be seen."""
    rules = {
        "SUPERUSER_GROUPS": "Domain Admins",
        "STAFF_GROUPS": ["Web Admins", "Administrators"],
        "ACTIVE_GROUPS": "Domain Users",
        "GROUP_MAP": {"Editors": "Web Editors", "Approvers": "Finance Approvers"},
    }
    return {"WAUTH_DOMAINS": {"EXAMPLE": {**domain, **rules}}, "WAUTH_RESYNC_DELTA": 0}


@dataclass(frozen=True)
class Page:
    """The whole page. Every value is text, a number, or a list of them: ready for a template, or for JSON."""

    framework: str
    identity: str
    name: str = ""
    initials: str = ""
    title: str = ""
    facts: list[dict[str, str]] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    doors: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    sync: dict[str, Any] = field(default_factory=dict)
    ldap: dict[str, Any] = field(default_factory=dict)
    journal: list[dict[str, str]] = field(default_factory=list)
    notice: str = ""


def build(
    framework: str,
    identity: Identity,
    manager: LDAPManager,
    *,
    flags: Mapping[str, bool],
    roles: Iterable[str],
    in_group: Callable[[str], bool],
    journal: Journal,
    operations: Iterable[Operation] = (),
) -> Page:
    """The page of *identity*. *flags* and *roles* are those of the site's own user. *journal* has noted its syncs.
    *operations* are the LDAP operations of the request so far, without those that this page makes to explain.
    """
    cost, result = _cost(list(operations)), journal.last(identity)
    if result is None or result.user is None:
        raise LookupError(f"The journal has seen no sync of {identity}.")
    user, why, notice = result.user, result.why, ""
    name = user.display_name or user.username
    try:
        person = manager.user(user.guid, ("title", "department"))
        title = ", ".join(str(person.attributes[name]) for name in ("title", "department") if name in person.attributes)
        groups = [_group(way) for way in ways(manager, user)]
        journal.keep(identity, title, groups)
    except DirectoryError:
        title, groups = journal.kept(identity)
        notice = "The directory does not answer. These are the last known rights, and the doors that they open."
    return Page(
        framework=framework,
        identity=str(identity),
        name=name,
        initials="".join(word[0] for word in name.split()[:2]).upper(),
        title=title,
        facts=[
            {"name": "Windows name", "value": str(identity)},
            {"name": "User principal name", "value": user.upn or "none"},
            {"name": "E-mail", "value": user.email or "none"},
            {"name": "SID", "value": user.sid or ""},
        ],
        flags=[
            {"name": flag, "label": LABELS[flag], "on": bool(flags.get(flag)), "why": ", ".join(why.get(flag, ()))}
            for flag in FLAGS
        ],
        roles=sorted(roles),
        doors=[
            {"label": label, "path": f"rooms/{number}", **_door(in_group, group)}
            for number, (label, group) in enumerate(DOORS.items())
        ],
        groups=groups,
        sync=_sync(result),
        notice=notice,
        ldap=cost,
        journal=journal.lines(identity),
    )


def _door(in_group: Callable[[str], bool], group: str) -> dict[str, Any]:
    try:
        is_open = in_group(group)
    except DirectoryError:  # nobody in the group has been looked up yet
        return {"open": False, "state": "nobody can tell", "looks": "warn"}
    return {"open": is_open, "state": "open" if is_open else "closed", "looks": "good" if is_open else "bad"}


def _group(way: Way) -> dict[str, Any]:
    how = "not known" if way.through is None else " › ".join(way.through) or "member"
    return {"name": way.group.name, "how": how, "nested": bool(way.through)}


def changes(result: SyncResult) -> list[dict[str, str]]:
    """What *result* wrote, in words."""
    found: list[dict[str, str]] = []
    if result.before is None and result.changes:
        found.append({"what": "user", "before": "", "after": "created"})
    for change in result.changes:
        if change.key is not None and result.before is not None and change.key != result.before.key:
            continue  # a former holder of the name, set aside
        before = result.before
        for name, value in {**change.fields, **change.flags}.items():
            if before is not None:
                old = _shown(before.flags.get(name, before.fields.get(name)), name)
                found.append({"what": LABELS.get(name, name), "before": old, "after": _shown(value, name)})
            elif value and name in LABELS:
                found.append({"what": LABELS[name], "before": "", "after": "yes"})
        found += [{"what": "group", "before": "", "after": f"+ {name}"} for name in sorted(change.groups_add)]
        found += [{"what": "group", "before": "", "after": f"− {name}"} for name in sorted(change.groups_remove)]
    return found


def _shown(value: object, name: str) -> str:
    if name in LABELS:
        return "yes" if value else "no"
    return str(value or "")


def _sync(result: SyncResult) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "milliseconds": round(result.elapsed * 1000, 1),
        "changes": changes(result),
    }


def _cost(operations: list[Operation]) -> dict[str, Any]:
    searches = [operation for operation in operations if operation.kind == "search"]
    return {
        "searches": len(searches),
        "milliseconds": round(sum(operation.duration for operation in operations) * 1000, 1),
        "operations": [
            {
                "kind": operation.kind,
                "scope": operation.scope,
                "target": operation.base or operation.server,
                "filter": operation.filter,
                "entries": operation.entries,
                "milliseconds": round(operation.duration * 1000, 2),
            }
            for operation in operations
        ],
    }


class Journal:
    """The last syncs that changed something, and the last known state. The signal ``ldap_user_sync`` fills it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, deque[dict[str, str]]] = {}
        self._last: dict[str, SyncResult] = {}
        self._kept: dict[str, tuple[str, list[dict[str, Any]]]] = {}

    def note(self, result: SyncResult) -> None:
        """Write down what *result* changed."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        text = "; ".join(
            f"{c['what']} {c['before']} → {c['after']}" if c["before"] else f"{c['what']} {c['after']}"
            for c in changes(result)
        )
        with self._lock:
            self._last[str(result.identity)] = result
            if text:
                self._lines.setdefault(str(result.identity), deque(maxlen=5)).appendleft({"at": now, "text": text})

    def last(self, identity: Identity) -> SyncResult | None:
        """The sync of *identity* that was noted last."""
        with self._lock:
            return self._last.get(str(identity))

    def lines(self, identity: Identity) -> list[dict[str, str]]:
        """What was changed for *identity*, newest first."""
        with self._lock:
            return list(self._lines.get(str(identity), ()))

    def keep(self, identity: Identity, title: str, groups: list[dict[str, Any]]) -> None:
        """Keep what the page shows besides the rights, for the time when the directory does not answer."""
        with self._lock:
            self._kept[str(identity)] = (title, groups)

    def kept(self, identity: Identity) -> tuple[str, list[dict[str, Any]]]:
        """What was last kept."""
        with self._lock:
            return self._kept.get(str(identity), ("", []))
