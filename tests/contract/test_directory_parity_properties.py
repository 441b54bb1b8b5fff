"""Writes of any names and values, over the embedded directory and a real AD: what was written is what is read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.ad.changes import unique
from tests.contract.administrator import everything
from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core.directory import LDAPManager, filters
from wauth_core.directory.changing import Changing
from wauth_core.directory.growing import Growing
from wauth_core.directory.nouns import Nouns
from wauth_core.exceptions import ChangeRefused, ConfigurationError, NotFound

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=40)
HOSTILE = st.text("\\,+\"<>;=#* ()&|!/\nabü'\r\t", min_size=1, max_size=20)
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(
    values=st.dictionaries(st.sampled_from(["title", "department", "info", "givenName"]), TEXT | HOSTILE, min_size=1)
)
def test_values(manager: LDAPManager, directory: DirectoryUnderTest, scratch: Scratch, values: dict[str, str]) -> None:
    """Each value comes back letter by letter, the dry run sent the same, and no other attribute changed."""
    dn = scratch.user()
    before = everything(directory, dn)
    planned = manager.set(dn, values, dry_run=True)
    assert everything(directory, dn) == before
    assert manager.set(dn, values).edits == planned.edits
    after = everything(directory, dn)
    assert {name: v for name, v in after.items() if before.get(name) != v} == {
        name: [value.encode()] for name, value in values.items()
    }
    assert not manager.set(dn, values).changed


@MANY
@given(values=st.sets(TEXT, min_size=1, max_size=6), gone=st.integers(0, 5))
def test_many_values(manager: LDAPManager, scratch: Scratch, values: set[str], gone: int) -> None:
    """Added one by one and taken out again, the others stay."""
    dn = scratch.user()
    distinct = list({value.casefold(): value for value in values}.values())
    try:
        manager.set(dn, {"otherTelephone": distinct})
    except ChangeRefused as error:
        assert error.reason == "exists"  # AD takes two of them for the same  # noqa: PT017
        return
    out = distinct[:gone]
    manager.remove_value(dn, "otherTelephone", out)
    left = manager.find(dn, ["otherTelephone"]).attributes.get("otherTelephone", [])
    assert set(left) == set(distinct) - set(out)


@MANY
@given(name=TEXT | HOSTILE)
@example(name="why?")
@example(name="\\ ")
def test_names_in_the_tree(manager: LDAPManager, scratch: Scratch, name: str) -> None:
    """A CN of any letters is made, found, renamed and deleted, or refused with nothing left behind."""
    sam = unique("prop")
    try:
        made = manager.create_user(sam, name=name, ou=scratch.dn)
    except (ChangeRefused, ConfigurationError):
        with pytest.raises(NotFound):
            manager.find(sam)
        return
    user = manager.user(sam)
    assert filters.same_dn(user.dn, made.dn)
    assert manager.find(made.dn) == user
    assert user.name == name
    manager.rename(user, "plain")
    assert manager.user(sam).name == "plain"
    manager.rename(user.guid, name)
    assert manager.user(sam).name == name
    manager.delete(user.guid)
    with pytest.raises(NotFound):
        manager.find(sam)


@MANY
@given(members=st.lists(st.integers(0, 60), max_size=40), out=st.lists(st.integers(0, 60), max_size=40))
def test_members(manager: LDAPManager, scratch: Scratch, members: list[int], out: list[int]) -> None:
    """Sets of members add up as sets do."""
    group = scratch.group()
    people = {number: f"CN=Given{number} Sur{number},OU=Staff,{scratch.door.base}" for number in {*members, *out}}
    manager.add_members(group, [people[number] for number in members])
    manager.remove_members(group, [people[number] for number in out])
    assert {each.dn for each in manager.members(group)} == {people[number] for number in set(members) - set(out)}


def test_every_operation_is_compared() -> None:
    """No noun and no write without a test that runs over both directories: these files have no others."""
    wanted = {name for kind in (Nouns, Changing, Growing) for name in vars(kind) if not name.startswith("_")}
    called: set[str] = set()
    for name in ("nouns", "domain", "changes", "tree", "properties"):
        source = Path(__file__).with_name(f"test_directory_parity_{name}.py").read_text(encoding="utf-8")
        called |= {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert len(wanted) >= 40
    assert sorted(wanted - called) == []
