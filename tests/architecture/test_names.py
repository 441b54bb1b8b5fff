"""One word, one thing: no two modules, and no two public classes, have the same name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask")
IDIOM = {"__init__", "__main__", "admin", "apps", "checks", "decorators", "models", "settings", "signals"}
"""Names that Django's and Flask's users look for. `wauth_django.settings` is in the manual."""
IDIOM_CLASSES = {"Command", "Migration", "Meta"}  # Django asks for these names


def sources() -> list[Path]:
    """Every module of ours, but Django's migrations."""
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def test_no_two_modules_have_the_same_name():
    """A newcomer who hears of `refusals` finds one file. A package counts as a module."""
    names: dict[str, list[str]] = {}
    for path in sources():
        name = path.parent.name if path.stem == "__init__" else path.stem
        if name not in IDIOM | {"management", "commands"}:
            names.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert len(names) > 200
    twice = {name: paths for name, paths in names.items() if len(paths) > 1}
    assert not twice, f"Give one of each pair a name of its own: {twice}"


def test_no_two_public_classes_have_the_same_name():
    """The same for classes."""
    found = [
        (node.name, f"{path.relative_to(ROOT)}:{node.lineno}")
        for path in sources()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    counted = Counter(name for name, _ in found)
    assert len(counted) > 300
    twice = sorted((name, where) for name, where in found if counted[name] > 1 and name not in IDIOM_CLASSES)
    assert not twice, f"Give one of each pair a name of its own: {twice}"
