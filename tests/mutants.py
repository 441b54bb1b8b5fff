"""Would the tests notice? Changes one operator, number or guard at a time in the modules that decide or parse.

``python -m tests.mutants [MODULE …] [--sample N]``: without MODULE all that tests/mutants.txt lists, with
--sample N so many of each. Every mutant lives in a forked process of its own; one inside a function takes the place of
that function's code, where all else is loaded already. A run tells those that no test noticed, and exits with 1 if one
of them is not in tests/mutants.txt, where each has its reason. What only logs, or words an error, is left alone.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import gc
import importlib
import itertools
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType

import pytest

ROOT = Path(__file__).parents[1]
LISTED = Path(__file__).with_suffix(".txt")
LONGEST = 300  # seconds for the tests of one mutant: a loop without end is noticed
PRELOADED = ["ldap3", "hypothesis.strategies", "django.test", "flask", "sqlalchemy.orm", "asgiref.sync", "flask_login"]
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not ad and not wine", "-W", "ignore:Module already imported"]

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
        yield "not", "operand", ast.UnaryOp(ast.Not(), node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "constant", "value", (not node.value) if isinstance(node.value, bool) else node.value + 1
    if isinstance(node, ast.If) and isinstance(node.body[-1], _LEAVES):
        yield "guard", "test", ast.Constant(False)


def mutants(path: Path) -> list[tuple[str, ast.Module]]:
    """Each mutant of a module: where and what, and its syntax tree."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    for number in range(sum(1 for node in _nodes(ast.parse(text)) for _ in _changes(node))):
        tree = ast.parse(text)
        every = [(node, change) for node in _nodes(tree) for change in _changes(node)]
        node, (kind, field, value) = every[number]
        setattr(node, field, value)
        line = lines[node.lineno - 1].strip()
        found.append((f"{path.relative_to(ROOT)}: {kind}: {line}", ast.fix_missing_locations(tree)))
    return found


def _codes(code: CodeType, *, outside: bool = False) -> Iterator[CodeType]:
    """*code* and all that is in it; *outside* of functions only: what runs when a module is loaded."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType) and not (outside and const.co_flags & CO_OPTIMIZED):
            yield from _codes(const, outside=outside)


def _loading(tree: ast.Module) -> list[tuple[bytes, str]]:
    """What a module does when it is loaded, as something that compares."""
    codes = _codes(compile(tree, "", "exec"), outside=True)
    return [(c.co_code, repr([const for const in c.co_consts if not isinstance(const, CodeType)])) for c in codes]


def _run_anew(path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Load all of ours, with this module in the place of the real one, and run the tests; whether one fails."""
    real = SourceFileLoader.get_code
    SourceFileLoader.get_code = lambda loader, name: (
        compile(tree, str(path), "exec") if loader.path == str(path) else real(loader, name)
    )
    return pytest.main([*OPTIONS, *tests]) != 0


def _run_loaded(path: Path, tree: ast.Module, functions: list[FunctionType], session: pytest.Session) -> bool:
    """Give the loaded *functions* the code that they have in *tree*, and run the tests; whether one fails."""
    codes = {(c.co_qualname, c.co_firstlineno): c for c in _codes(compile(tree, str(path), "exec"))}
    for function in functions:
        function.__code__ = codes[function.__code__.co_qualname, function.__code__.co_firstlineno]
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return True
    return False


def _apart(run: Callable[..., bool], *given: object, limit: int = LONGEST) -> bool:
    """What *run* returns in a process of its own; True if that does not end as it should, or not in time."""
    if (child := os.fork()) == 0:
        os.setsid()
        signal.alarm(limit)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        with contextlib.suppress(BaseException):
            os._exit(int(run(*given)))
        os._exit(1)
    failed = os.waitpid(child, 0)[1] != 0
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return failed


def noticed(path: Path, trees: list[ast.Module], tests: list[str]) -> list[bool]:
    """Of each mutant, whether a test fails, or does not end, with it in the place of the real module."""
    real = _loading(ast.parse(path.read_bytes()))
    inside = [_loading(tree) == real for tree in trees]
    with tempfile.TemporaryFile() as told:

        def loop(session: pytest.Session) -> bool:
            functions = [each for each in gc.get_objects() if type(each) is FunctionType]
            functions = [each for each in functions if each.__code__.co_filename == str(path)]
            gc.freeze()
            for tree in itertools.compress(trees, inside):
                os.write(told.fileno(), bytes([_apart(_run_loaded, path, tree, functions, session)]))
            return True

        plugin = type("Loop", (), {"pytest_runtestloop": staticmethod(loop)})
        _apart(lambda: bool(pytest.main([*OPTIONS, *tests], plugins=[plugin])), limit=0)
        told.seek(0)
        answers = iter(told.read())
    return [
        bool(next(answers)) if is_inside else _apart(_run_anew, path, tree, tests)
        for tree, is_inside in zip(trees, inside, strict=True)
    ]


def main() -> int:
    """See the module's docstring."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("modules", nargs="*", metavar="MODULE")
    asked.add_argument("--sample", type=int)
    given = asked.parse_args()
    lines = [line for line in LISTED.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    accepted = {line.rpartition("  # ")[0] for line in lines}
    modules = {name: tests.split() for name, _, tests in (line.partition(": ") for line in lines if "  # " not in line)}
    say = functools.partial(print, flush=True)
    for library in PRELOADED:  # once, for all the children
        importlib.import_module(library)
    tried, seen, new = 0, 0, 0
    for name in given.modules or modules:
        path, tests = ROOT / name, modules[name]
        made = mutants(path)
        made = random.Random(1).sample(made, min(given.sample or len(made), len(made)))
        failed, *found = noticed(path, [ast.parse(path.read_bytes()), *(tree for _, tree in made)], tests)
        if failed:
            say(f"{name}: the tests fail without any change, or do not end")
            return 2
        left = [where for (where, _), is_noticed in zip(made, found, strict=True) if not is_noticed]
        missed = [where for where in left if where not in accepted]
        say(*missed, f"{name}: {len(made)} mutants, {len(left)} not noticed", sep="\n")
        tried, seen, new = tried + len(made), seen + len(made) - len(left), new + len(missed)
    say(f"{tried} mutants, {100 * seen / max(1, tried):.1f} % noticed, {new} not accepted")
    return int(new > 0)


if __name__ == "__main__":
    sys.exit(main())
