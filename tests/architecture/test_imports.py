"""The arrows of the house, as far as a fresh interpreter can show them (import-linter shows the rest)."""

from __future__ import annotations

import ast
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Parts of the core that stand beside an application rather than inside it, with an extra of their own each.
BESIDE = (
    "wauth_core.testing",
    "wauth_core.cli",
    "wauth_core.sync.sqlalchemy",
    "wauth_core.iis.iis_commands",
    "wauth_core.__main__",
)


def modules(package: str) -> list[str]:
    """Every module of *package*, by looking, not importing."""
    folders = [path.parent for path in (ROOT / package).rglob("__init__.py")]
    return sorted(
        ".".join((*folder.relative_to(ROOT).parts, found.name))
        for folder in folders
        for found in pkgutil.iter_modules([str(folder)])
    )


def loaded_after_importing(names: list[str]) -> set[str]:
    """The top-level modules in a fresh interpreter after importing *names*, with sockets forbidden."""
    code = (
        "import sys, json, socket, importlib, warnings\n"
        "def refuse(*a, **k): raise RuntimeError('a socket was opened at import')\n"
        "socket.socket.connect = refuse\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_core_loads_no_framework_and_only_its_two_dependencies():
    """Importing all of the core brings in ldap3 and cachetools, and no web framework, click or keyring."""
    inside = [name for name in modules("wauth_core") if not name.startswith(BESIDE)]
    loaded = loaded_after_importing(inside)
    assert len(inside) > 8
    bare = loaded_after_importing(["json"])  # what the interpreter's own start brings in, .pth files included
    ours = {"wauth_core", "ldap3", "pyasn1", "cachetools"}
    assert {name for name in loaded - bare - ours if name not in sys.stdlib_module_names} == set()


@pytest.mark.parametrize(
    ("package", "others"),
    [
        pytest.param("wauth_wsgi", {"django", "flask", "wauth_django", "wauth_flask"}, id="wsgi"),
        pytest.param("wauth_flask", {"django", "wauth_django"}, id="flask"),
    ],
)
def test_an_adapter_loads_no_other_framework(package, others):
    """An application on one framework pays for that one only."""
    loaded = loaded_after_importing([package])
    assert package in loaded
    assert loaded & others == set()


@pytest.mark.parametrize("package", ["wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask"])
def test_every_package_says_that_it_is_typed(package):
    """Type checkers read our annotations (PEP 561)."""
    assert (ROOT / package / "py.typed").is_file()


def test_no_source_file_is_longer_than_a_reader_can_hold():
    """A file far over 350 lines is two rooms without a wall."""
    long = {
        str(path.relative_to(ROOT)): count
        for package in ("wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and (count := len(path.read_text(encoding="utf-8").splitlines())) > 420
    }
    assert long == {}


def test_the_adapters_never_import_ldap3():
    """What talks to the directory is in the core; an adapter that imports ldap3 has taken over part of it."""
    naming = [
        str(path.relative_to(ROOT))
        for package in ("wauth_wsgi", "wauth_django", "wauth_flask")
        for path in (ROOT / package).rglob("*.py")
        if any(
            line.lstrip().startswith(("import ldap3", "from ldap3")) for line in path.read_text("utf-8").splitlines()
        )
    ]
    assert naming == []


PASTED = re.compile(r"\([\w;.:-]+[~<>:]?=$|(?:^|[,\s])(?:cn|ou|dc|uid|o)=$", re.IGNORECASE)


def pasted(source: str) -> list[int]:
    """The lines of f-strings that put a value right behind ``(attribute=`` or ``CN=``."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.JoinedStr)
        for before, after in zip(node.values, node.values[1:], strict=False)
        if isinstance(before, ast.Constant) and isinstance(after, ast.FormattedValue) and PASTED.search(before.value)
    ]


def test_filters_and_dns_are_built_in_one_file():
    """A value gets into a filter or a DN by `wauth_core.directory.filters`, which escapes it, and in no other file."""
    assert pasted('f"(cn={name})"') == pasted('f"CN={name},{base}"') == [1], "the search finds what it looks for"
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for package in ("wauth_core", "wauth_wsgi", "wauth_django", "wauth_flask")
        for path in (ROOT / package).rglob("*.py")
        if "testing" not in path.parts
        for line in pasted(path.read_text(encoding="utf-8"))
    }
    assert found == set()
