"""A settings file, read and never run: names to values, and source text where a value is computed."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

_UPPER = re.compile(r"[A-Z][A-Z0-9_]+")


@dataclass(frozen=True)
class SourceText:
    """A value that only running the file would give: its text, as it stands there."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Call:
    """A call such as ``LDAPSearch("ou=…", ldap.SCOPE_SUBTREE, "(uid=%(user)s)")``: its name and its values."""

    name: str
    arguments: tuple[Any, ...]
    text: str

    def __repr__(self) -> str:
        return self.text


def assignments(text: str) -> dict[str, Any]:
    """The upper-case names that *text* assigns, in its order: ``NAME = …`` and ``app.config["NAME"] = …``.

    ``NAME["key"] = …`` and ``app.config.update(NAME=…)`` count too. Raises SyntaxError where *text* is not Python.
    """
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _assign(found, target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _assign(found, node.target, node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            for keyword in node.keywords:
                if keyword.arg and _UPPER.fullmatch(keyword.arg):
                    found[keyword.arg] = _value(keyword.value, found)
    return found


def _assign(found: dict[str, Any], target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name) and _UPPER.fullmatch(target.id):
        found[target.id] = _value(value, found)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        key, owner = target.slice.value, target.value
        if isinstance(owner, ast.Name) and isinstance(found.get(owner.id), dict):
            found[owner.id][key] = _value(value, found)
        elif isinstance(key, str) and _UPPER.fullmatch(key):
            found[key] = _value(value, found)


def _value(node: ast.expr, known: dict[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple() | ast.Set():
            return [_value(each, known) for each in node.elts]
        case ast.Dict():
            return {
                _key(key, known): _value(value, known)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        case ast.Name() if node.id in known:
            return known[node.id]
        case ast.Call():
            name = ast.unparse(node.func).rpartition(".")[2]
            return Call(name, tuple(_value(each, known) for each in node.args), ast.unparse(node))
        case ast.BinOp(op=ast.BitOr()):
            return Call("|", (_value(node.left, known), _value(node.right, known)), ast.unparse(node))
    return SourceText(ast.unparse(node))


def _key(node: ast.expr, known: dict[str, Any]) -> Any:
    value = _value(node, known)
    return repr(value) if isinstance(value, SourceText | Call) else value
