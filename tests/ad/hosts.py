"""Names for the test servers, in /etc/hosts between two marker lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

HOSTS = Path("/etc/hosts")
BEGIN, END = "# BEGIN windowsauth tests", "# END windowsauth tests"

NAMES: Mapping[str, tuple[str, ...]] = {
    "127.0.0.1": ("intranet.example.local", "www.example.local"),
    "127.20.0.1": ("dc1.example.local", "example.local"),
    "127.20.0.2": ("dc2.example.local",),
    "127.20.0.3": ("dc1.other.local", "other.local"),
}
"""Every name that the tests use; the domain controllers have addresses of their own, so ports never clash."""


def add() -> None:
    """Add the names, once however often it is called."""
    lines = [f"{address} {' '.join(names)}" for address, names in NAMES.items()]
    _write([*_foreign_lines(), BEGIN, *lines, END])


def remove() -> None:
    """Take the names out again."""
    _write(_foreign_lines())


def writable() -> bool:
    """Whether this process may add names."""
    return os.access(HOSTS, os.W_OK)


def _foreign_lines() -> list[str]:
    kept, ours = [], False
    for line in HOSTS.read_text(encoding="utf-8").splitlines():
        if line == BEGIN:
            ours = True
        elif line == END:
            ours = False
        elif not ours:
            kept.append(line)
    return kept


def _write(lines: list[str]) -> None:
    """Rewrite in place: containers mount this file, so it can't be replaced by another."""
    text = "\n".join(lines) + "\n"
    if HOSTS.read_text(encoding="utf-8") != text:
        HOSTS.write_text(text, encoding="utf-8")
