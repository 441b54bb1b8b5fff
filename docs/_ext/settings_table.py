"""The tables of reference/settings.md, as the settings are declared. A test keeps them there: GitHub shows them too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from wauth_core.setting_kinds import declared


def settings_table(owner: type, shown_as: Callable[[str], str] = str) -> str:
    """The Markdown table of what *owner* declares; *shown_as* makes of a field's name the one that people write."""
    lines = ["| setting | type | default | example | what it does |", "|---|---|---|---|---|"]
    for name, about in declared(owner).items():
        default = "required" if about.required else _in_words(about.default)
        what = f"{about.only} only. {about.what}" if about.only else about.what
        lines.append(f"| `{shown_as(name)}` | {about.kind.shown} | {default} | {_literal(about.example)} | {what} |")
    return "\n".join(lines) + "\n"


def _in_words(value: object) -> str:
    if not isinstance(value, timedelta):
        return _literal(value)
    units = (("day", 86400), ("minute", 60), ("second", 1))
    unit, size = next(each for each in units if not value.total_seconds() % each[1])
    count = int(value.total_seconds()) // size
    return f"{count} {unit}{'s' if count != 1 else ''}"


def _literal(value: object) -> str:
    if isinstance(value, timedelta):
        return f"`timedelta(seconds={int(value.total_seconds())})`"
    text = f"r'{value}'" if isinstance(value, str) and "\\" in value else repr(value)
    return "`" + text.replace("'", '"') + "`"
