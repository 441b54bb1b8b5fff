"""No module needs itself: no circle among imports, and what an answer means is decided in the core."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.test_imports import ROOT, modules

ADAPTERS = ("wauth_wsgi", "wauth_django", "wauth_flask")


def path_of(module: str) -> Path:
    """Where *module* is."""
    folder = ROOT.joinpath(*module.split("."))
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that an import runs; what is for type checkers only is not run."""
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.Try) or (
            isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.dump(statement.test)
        ):
            yield from statement.body


def imported(module: str, known: set[str]) -> set[str]:
    """The modules among *known* that *module* imports when it is imported."""
    path = path_of(module)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: set[str] = set()
    for statement in at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            above = package[: len(package) - statement.level + 1] if statement.level else []
            base = ".".join([*above, *([statement.module] if statement.module else [])])
            names = [f"{base}.{alias.name}" for alias in statement.names]
            found.update(name if name in known else base for name in names)
    return (found & known) - {module}


def test_no_import_goes_in_a_circle():
    """Leaf by leaf every module can be taken away: what is left over would import itself."""
    known = {name for package in ("wauth_core", *ADAPTERS) for name in (package, *modules(package))}
    left = {name: imported(name, known) for name in known if ".testing" not in name}
    assert len(left) > 150
    while leaves := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in leaves:
            del left[name]
    assert left == {}


def test_what_an_answer_means_is_decided_in_the_core():
    """No adapter reads `May`, knowledge, or what was told: it does as an `Authority` says."""
    for adapter in ADAPTERS:
        for module in modules(adapter):
            text = path_of(module).read_text(encoding="utf-8")
            assert "wauth_core.sync.knowledge" not in text, module
