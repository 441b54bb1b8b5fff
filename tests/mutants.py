"""Would the tests notice? Changes one operator, number or guard at a time in the modules that decide or parse.

``python -m tests.mutants [MODULE …] [--sample N] [--seed N]``: without MODULE all of `MODULES`, with --sample N so many
of each. Every mutant is made in memory, in a forked process. A run tells those that no test noticed; it exits with 1 if
one of them is not in tests/mutants.txt, where each has its reason. What only logs, or words an error, is left alone.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ACCEPTED = Path(__file__).with_suffix(".txt")
LONGEST = 60  # seconds for the tests of one mutant: a loop without end is noticed
PRELOADED = ["ldap3", "hypothesis.strategies", "django.test", "flask", "sqlalchemy.orm", "asgiref.sync", "flask_login"]
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not ad and not wine", "-W", "ignore:Module already imported"]

CORE, WSGI = "tests/core", "tests/wsgi"
SOURCES, FLASK = f"{CORE}/web/sources", "tests/flask_app"
PASSWORDS, MANAGER = f"{CORE}/test_passwords.py", f"{CORE}/directory/test_manager.py"
MODULES = {
    "wauth_core/identity.py": [f"{CORE}/test_identity.py"],
    "wauth_core/passwords.py": [PASSWORDS, f"{CORE}/test_takeover.py"],
    "wauth_core/throttle.py": [PASSWORDS],
    "wauth_core/directory/authenticate.py": [PASSWORDS, MANAGER],
    "wauth_core/directory/password_bind.py": [PASSWORDS, MANAGER],
    "wauth_core/directory/decode.py": [f"{CORE}/directory/test_decode.py", MANAGER],
    "wauth_core/directory/filters.py": [f"{CORE}/directory/test_filters.py", MANAGER],
    "wauth_core/directory/wire.py": [f"{CORE}/directory/test_wire.py", MANAGER],
    "wauth_core/sync/plan.py": [f"{CORE}/sync/test_plan.py", f"{CORE}/sync/test_single.py"],
    "wauth_core/web/authority.py": [f"{CORE}/web/test_authority.py"],
    "wauth_core/web/front.py": [WSGI],
    "wauth_core/web/languages.py": [f"{CORE}/web/test_languages.py"],
    "wauth_core/web/login.py": [PASSWORDS, f"{FLASK}/test_login_form.py"],
    "wauth_core/web/outcomes.py": [f"{CORE}/web/test_outcomes.py", f"{WSGI}/test_wrappers.py"],
    "wauth_core/web/pages/__init__.py": [f"{CORE}/web/test_pages.py", f"{WSGI}/negotiate/test_source.py"],
    "wauth_core/web/request.py": [f"{CORE}/web", f"{WSGI}/test_wrappers.py"],
    "wauth_core/web/sessions.py": [f"{CORE}/web/test_visit.py", f"{FLASK}/test_sessions.py"],
    "wauth_core/web/visit.py": [f"{CORE}/web/test_visit.py"],
    "wauth_core/web/sources/encoding.py": [f"{SOURCES}/test_encoding.py"],
    "wauth_core/web/sources/iis_token.py": [f"{SOURCES}/test_iis_token.py"],
    "wauth_core/web/sources/pac.py": [f"{SOURCES}/test_pac.py"],
    "wauth_core/web/sources/peers.py": [f"{SOURCES}/test_proxy.py"],
    "wauth_core/web/sources/proxy.py": [f"{SOURCES}/test_proxy.py"],
    "wauth_core/web/sources/proxy_check.py": [f"{SOURCES}/test_proxy.py"],
    "wauth_core/web/sources/server.py": [f"{SOURCES}/test_encoding.py"],
    "wauth_core/web/sources/simulate.py": [f"{WSGI}/test_wrappers.py"],
    "wauth_core/web/sources/token.py": [f"{SOURCES}/test_token.py", f"{SOURCES}/test_iis_token.py"],
    "wauth_core/web/sources/win32.py": [f"{SOURCES}/test_win32.py"],
    "wauth_wsgi/negotiate/cookie.py": [f"{WSGI}/negotiate/test_cookie.py", f"{WSGI}/negotiate/test_source.py"],
    "wauth_wsgi/negotiate/password.py": [f"{WSGI}/negotiate/test_password.py", f"{WSGI}/negotiate/test_source.py"],
    "wauth_wsgi/negotiate/source.py": [f"{WSGI}/negotiate/test_source.py"],
}

_OTHER = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip
_LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def _is_words(node: ast.AST) -> bool:
    """Log lines, the texts of errors, and what type checkers read: nobody tests those."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).startswith(("logger.", "log.", "warnings."))
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Raise | ast.JoinedStr) or getattr(node, "name", "") == "__repr__"


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that may be changed, in order."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_words(child):
                yield child
                yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, str, object]]:
    """What can be changed of a node: a word for it, the field, and its other value."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        yield "comparison", "ops", [_OTHER[type(node.ops[0])](), *node.ops[1:]]
    if isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _OTHER:
        yield "operator", "op", _OTHER[type(node.op)]()
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", "op", ast.UAdd()
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "constant", "value", (not node.value) if isinstance(node.value, bool) else node.value + 1
    if isinstance(node, ast.If) and isinstance(node.body[-1], _LEAVES):
        yield "guard", "test", ast.Constant(False)


def mutants(path: Path) -> list[tuple[str, ast.Module]]:
    """Each mutant of a module: where and what, and its syntax tree."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    count = len([change for node in _nodes(ast.parse(text)) for change in _changes(node)])
    found = []
    for number in range(count):
        tree = ast.parse(text)
        every = [(node, change) for node in _nodes(tree) for change in _changes(node)]
        node, (kind, field, value) = every[number]
        if isinstance(node, ast.UnaryOp) and kind == "not":  # "not x" becomes "bool(x)"
            value, field = ast.Not(), "op"
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
        setattr(node, field, value)
        line = lines[node.lineno - 1].strip()
        found.append((f"{path.relative_to(ROOT)}: {kind}: {line}", ast.fix_missing_locations(tree)))
    return found


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a syntax tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, fullname, path=None, target=None):
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def is_noticed(path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Whether a test fails, or does not end, with this module in the place of the real one."""
    child = os.fork()
    if child == 0:
        os.setsid()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        sys.meta_path.insert(0, _Finder(name, path, tree))
        os._exit(int(pytest.main([*OPTIONS, *tests]) != 0))
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> int:
    """See the module's docstring."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("modules", nargs="*", metavar="MODULE")
    asked.add_argument("--sample", type=int, default=0)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    say = functools.partial(print, flush=True)
    accepted = {line.rpartition("  # ")[0] for line in ACCEPTED.read_text(encoding="utf-8").splitlines()}
    for library in PRELOADED:  # once, for all the children
        importlib.import_module(library)
    tried, noticed, new = 0, 0, 0
    for name in given.modules or MODULES:
        path, tests = ROOT / name, MODULES[name]
        if is_noticed(path, ast.parse(path.read_text(encoding="utf-8")), tests):
            say(f"{name}: the tests fail without any change, or do not end")
            return 2
        made = mutants(path)
        if given.sample:
            made = random.Random(given.seed).sample(made, min(given.sample, len(made)))
        for where, tree in made:
            tried += 1
            if is_noticed(path, tree, tests) or where in accepted:
                noticed += 1
                continue
            new += 1
            say(where)
        say(f"{name}: {len(made)} mutants")
    say(f"{tried} mutants, {noticed} noticed or accepted ({100 * noticed / max(1, tried):.1f} %)")
    return int(new > 0)


if __name__ == "__main__":
    sys.exit(main())
