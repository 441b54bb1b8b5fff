"""What a sync did, in words: for the admin and for the commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.utils.text import capfirst

from wauth_core import SyncResult
from wauth_core.directory.ways import Way
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


@dataclass(frozen=True)
class Right:
    """A flag or group of a user: whether the user has it *here*, whether a sync would *change* that, and *why*: each
    directory group that gives it, with the way there."""

    name: str
    here: bool
    change: bool
    why: tuple[str, ...]


def rights(result: SyncResult, ways: Iterable[Way], sids: Mapping[str, frozenset[str]]) -> list[Right]:
    """Every flag that the settings speak of, and every group of the user. *sids* are what names of groups mean."""
    known = {way.identity: way for way in ways}
    flags = dict(result.before.flags) if result.before else {}
    groups = result.before.groups if result.before else frozenset()
    mine = [change for change in result.changes if change.key == result.key]
    changed = {name for change in mine for name in (*change.flags, *change.groups_add, *change.groups_remove)}

    def why(right: str) -> tuple[str, ...]:
        found = {name: sids.get(name, frozenset()) & known.keys() for name in result.why.get(right, ())}
        return tuple(way_in_words(known[min(own)]) if own else name for name, own in found.items())

    return [
        *(Right(_flag_name(flag), flags.get(flag, False), flag in changed, why(flag)) for flag in result.flags),
        *(Right(name, name in groups, name in changed, why(name)) for name in sorted(result.groups | groups)),
    ]


def _flag_name(flag: str) -> str:
    """What the user model calls it, in the visitor's language."""
    return str(capfirst(getattr(get_user_model()._meta.get_field(flag), "verbose_name", flag)))


def way_in_words(way: Way) -> str:
    """Such as "Web Developers › Web Editors": from the person's own group to this one."""
    return " › ".join((*(way.through or ()), way.group.name))


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
