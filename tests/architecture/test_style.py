"""What the house says of its code and its tests, as far as reading the source can show it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask")
CHANGING = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parsed(*folders: str) -> dict[str, ast.Module]:
    """Every source file under *folders*, by its path; migrations are Django's."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    }


def public(node: ast.Module | ast.ClassDef, owner: str = "") -> Iterator[tuple[str, Definition]]:
    """What *node* defines for others, methods included: its dotted name and itself."""
    for each in node.body:
        if isinstance(each, Definition) and not each.name.startswith("_"):
            yield owner + each.name, each
            if isinstance(each, ast.ClassDef):
                yield from public(each, f"{owner}{each.name}.")


def interfaces(tree: ast.Module) -> Iterator[str]:
    """The methods that a class says the meaning of, and the fields of a class that says what it is."""
    for owner in ast.walk(tree):
        for each in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(each):
                yield each.name
            elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and ast.get_docstring(owner):
                yield each.target.id


def changes(node: ast.AST, own: set[str]) -> bool:
    """Whether *node* rebinds a module's name from within, or changes what one of the names *own* stands for."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        changed: ast.expr = node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        changed = node.value
    else:
        return isinstance(node, ast.Global)
    return isinstance(changed, ast.Name) and changed.id in own


def test_every_test_says_what_it_holds():
    """A test's docstring states the behaviour; its name alone does not."""
    tests = {
        f"{path}:{node.lineno} {node.name}": ast.get_docstring(node)
        for path, tree in parsed("tests").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert len(tests) > 500
    assert [where for where, says in tests.items() if not says] == []


def test_whatever_is_public_says_what_it_is_for():
    """Modules, classes and functions; a method whose meaning an interface of ours states may leave it at that."""
    trees = parsed(*PACKAGES)
    silent = [path for path, tree in trees.items() if not ast.get_docstring(tree)]
    found = [
        (f"{path}:{node.lineno} {name}", name, node) for path, tree in trees.items() for name, node in public(tree)
    ]
    stated = {name for tree in trees.values() for name in interfaces(tree)}
    silent += [
        where
        for where, name, node in found
        if not ast.get_docstring(node)
        and not ("." in name and node.name in stated)
        and not (name.endswith(".Meta") or any("setter" in ast.unparse(each) for each in node.decorator_list))
    ]
    assert len(found) > 800
    assert not silent, "\n".join(silent)


def test_no_module_keeps_state():
    """What belongs to an application is in its one object: no module assigns, or changes, its own names when run."""
    kept = []
    for path, tree in parsed(*PACKAGES).items():
        own = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        kept += [f"{path}:{node.lineno} {ast.unparse(node)}" for node in ast.walk(tree) if changes(node, own)]
    assert kept == []
