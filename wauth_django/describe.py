"""What a sync did, in words: for the admin and for the commands."""

from __future__ import annotations

from wauth_core import SyncResult
from wauth_core.sync import Change

_SHOWN = 60  # characters of one value


def changes_in_words(result: SyncResult) -> str:
    """One line: how the sync ended, and what it changed."""
    words = [result.status.value]
    if result.reason:
        words.append(f"({result.reason})")
    mine = [change for change in result.changes if change.key == result.key or change.key is None]
    details = [text for change in mine for text in _change(result, change)]
    if aside := len(result.changes) - len(mine):
        details.append(f"{aside} former user of the name set aside")
    if details:
        words.append(("would change: " if result.dry_run else "changed: ") + "; ".join(details))
    return " ".join(words)


def reasons_in_words(result: SyncResult) -> list[str]:
    """A line for each flag and group, with what gives it."""
    lines = [
        f"{flag}: {'yes' if given else 'no'}" + (f", by {', '.join(result.why[flag])}" if flag in result.why else "")
        for flag, given in result.flags.items()
    ]
    lines += [f"group {group}: by {', '.join(result.why.get(group, (group,)))}" for group in sorted(result.groups)]
    return lines if result.ok else [*lines, f"{result.status.value}: {result.reason}"]


def _change(result: SyncResult, change: Change) -> list[str]:
    before = result.before
    found = []
    for name, value in {**change.fields, **change.flags}.items():
        old = {**before.fields, **before.flags}.get(name) if before else None
        found.append(f"{name} {_short(old)} → {_short(value)}" if before else f"{name} = {_short(value)}")
    found += [f"+ group {name}" for name in sorted(change.groups_add)]
    found += [f"- group {name}" for name in sorted(change.groups_remove)]
    if change.link is not None:
        found.append(f"link to {change.link.domain}\\{change.link.username}")
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
