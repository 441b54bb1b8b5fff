"""What is added is found here, by lists that come from the code. Each test says which file wants what."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest

import wauth_wsgi
from tests.contract import hostile
from tests.contract.front_ends import WITH_USERS, WITHOUT_USERS
from tests.wsgi import test_any_input
from wauth_core import DirectoryUser, LDAPSettings, SiteSettings, UserRepository, WindowsUser
from wauth_core.setting_kinds import declared

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto"
ADAPTERS = ("wauth_wsgi", "wauth_django", "wauth_flask")
SOURCES = {name: value for name in wauth_wsgi.__all__ if hasattr(value := getattr(wauth_wsgi, name), "identify")}
SETTINGS = [
    (owner, name) for owner in (LDAPSettings, SiteSettings) for name in (f.name for f in dataclasses.fields(owner))
]
METHODS = {name for name in vars(UserRepository) if not name.startswith("_")}
PERSON = {name for name in vars(WindowsUser) if not name.startswith("_")} | {"identity", "facts"}


def text(*paths: str) -> str:
    """The files' text."""
    return "\n".join((ROOT / path).read_text("utf-8") for path in paths)


def code(*packages: str) -> dict[Path, ast.Module]:
    """Each module of the packages."""
    paths = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return {path: ast.parse(path.read_text("utf-8")) for path in paths if "migrations" not in path.parts}


def defines(node: ast.ClassDef) -> set[str]:
    """The methods and properties that a class defines itself."""
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


# -- a source


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_all_that_a_source_needs(name):
    """Its risk, where an editor shows it and in the guide; what a client sends to be somebody by it; the contract."""
    guide = text("docs/howto/sources.md")
    section = guide.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rows = hostile.AIMED_AT.get(name)
    asked = {type(source).__name__ for source in test_any_input.SOURCES}
    wants = {
        f"The docstring of {name}: a paragraph that begins with Risk:": "Risk:" in (SOURCES[name].__doc__ or ""),
        "docs/howto/sources.md: a row in the table at the top": f"`{name}" in guide.split("\n## ")[0],
        f"docs/howto/sources.md: a section ## {name} with **Risk.**": "**Risk.**" in section,
        "tests/contract/hostile.py: what a client would send in FORGED, and the name in AIMED_AT": rows is not None,
        f"tests/contract/test_sources.py: class Test{name}(SourceContract)": rows == ()
        or f"class Test{name}(" in text("tests/contract/test_sources.py"),
        "tests/wsgi/test_any_input.py: one in SOURCES": rows == () or name in asked,
    }
    missing = [what for what, there in wants.items() if not there]
    assert not missing, "\n".join(["", *missing])


def test_what_is_aimed_at_a_source_is_sent():
    """To every front end."""
    assert {row for rows in hostile.AIMED_AT.values() for row in rows} <= set(hostile.FORGED)


# -- a setting


@pytest.mark.parametrize(("owner", "name"), [pytest.param(*each, id=each[1]) for each in SETTINGS])
def test_a_setting_is_declared_and_means_something(owner, name):
    """By `setting`, which wants kind, consequence and example; and something reads it."""
    assert name in declared(owner), f"{owner.__name__}.{name} wants to be declared by wauth_core.setting_kinds.setting"
    declarations = {"settings.py", "site_settings.py"}
    reads = re.compile(rf"\b{name}\b" if name.isupper() else rf"\.{name}\b")
    used = [path for package in ("wauth_core", *ADAPTERS) for path in (ROOT / package).rglob("*.py")]
    assert any(reads.search(path.read_text("utf-8")) for path in used if path.name not in declarations), (
        f"Nothing reads {name}"
    )


def test_a_setting_of_flask_alone_is_in_its_guide():
    """What is no setting of every front end is in the guide of the one that has it."""
    from wauth_flask.state import OURS

    guide = text("docs/howto/flask.md")
    assert [name for name in OURS if f"| `{name}` |" not in guide] == [], "docs/howto/flask.md: Settings of its own"


# -- a store


STORES = sorted(
    (node.name, str(path.relative_to(ROOT)))
    for path, tree in code("wauth_core", *ADAPTERS).items()
    for node in tree.body
    if isinstance(node, ast.ClassDef) and defines(node) >= METHODS
    if node.name != "UserRepository"
)


def test_the_stores_are_found():
    """By their methods."""
    assert {name for name, _ in STORES} >= {"MemoryUserRepository", "SQLiteUserRepository", "DjangoUserRepository"}


@pytest.mark.parametrize(("name", "path"), STORES)
def test_a_store_is_under_contract(name, path):
    """It runs through the repository contract, and a guide names it."""
    makers = text("tests/contract/repositories.py", "tests/contract/django_stores.py")
    assert re.search(rf"\b{name}\b", makers), f"tests/contract/repositories.py: STORES wants {name} of {path}"
    guides = "\n".join(each.read_text("utf-8") for each in HOWTO.glob("*.md"))
    assert path.startswith("wauth_django") or name in guides, f"A guide in docs/howto wants to name {name}"


# -- a front end


@pytest.mark.parametrize("package", sorted(path.parent.name for path in ROOT.glob("wauth_*/__init__.py")))
def test_a_front_end_is_under_contract(package):
    """Each package but the core is asked by the contracts of front ends, and has a guide."""
    if package == "wauth_core":
        return
    name = package.removeprefix("wauth_")
    fronts = (*WITHOUT_USERS, *WITH_USERS)
    assert any(front.startswith(name) for front in fronts), f"tests/contract/front_ends.py wants {name}"
    assert (HOWTO / f"{name}.md").is_file(), f"docs/howto wants {name}.md"


@pytest.mark.parametrize("name", [n for n in wauth_wsgi.__all__ if n.startswith("WindowsAuth")])
def test_a_wrapper_is_under_contract(name):
    """Each wrapper too."""
    kind = name.removeprefix("WindowsAuth").lower()
    assert kind in WITHOUT_USERS, f"tests/contract/front_ends.py: WITHOUT_USERS wants {kind}"


# -- a property of a person


@pytest.mark.parametrize("name", sorted(PERSON))
def test_a_property_of_a_visitor_is_in_the_guide(name):
    """`WindowsUser` is what every front end hands out: one table lists what it has."""
    [row] = [line for line in text("docs/howto/wsgi.md").splitlines() if line.startswith("| `wauth.user` |")]
    assert f"`.{name}" in row, f"docs/howto/wsgi.md: the row of wauth.user wants .{name}"


def test_no_front_end_has_people_of_its_own():
    """Nothing is forwarded: a class of an adapter that has several of a visitor's properties is a WindowsUser."""
    others = [
        f"{path.relative_to(ROOT)}: {node.name} is not a WindowsUser, but has {sorted(defines(node) & PERSON)}"
        for path, tree in code(*ADAPTERS).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and len(defines(node) & PERSON) > 2
        if "WindowsUser" not in ast.unparse(node.bases[0] if node.bases else ast.Constant(""))
    ]
    assert not others, "\n".join(others)


@pytest.mark.parametrize(
    "name",
    sorted(
        {n for n in dir(DirectoryUser) if not n.startswith("_")} | {f.name for f in dataclasses.fields(DirectoryUser)}
    ),
)
def test_a_property_of_a_directory_user_is_in_the_guide(name):
    """What scripts can ask of a person."""
    if name == "door":  # the manager that it came from
        return
    assert re.search(rf"\b{name}\b", text("docs/howto/scripting.md")), f"docs/howto/scripting.md wants {name}"
