"""The recipes for Active Directory: each runs, and does what it says."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests import printed
from tests.core.test_docs import snippets, text
from wauth_core.directory import LDAPManager
from wauth_core.settings import LDAPSettings
from wauth_core.testing.embedded import EmbeddedDirectory

GUIDE = "howto/active-directory.md"


def test_the_recipes_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All twenty, in order, against the example company; and what they leave behind is what they promise."""
    monkeypatch.chdir(tmp_path)
    with EmbeddedDirectory(recycle_bin=True) as directory:
        directory.expire("hana", datetime.now(timezone.utc) + timedelta(days=10))
        directory.update("PC-0002$", pwdLastSet=132223104000000000)
        printed.account(directory, "svc_scripts", writes=True)
        printed.here(directory, monkeypatch)
        names: dict[str, Any] = {}
        for snippet in snippets(GUIDE, "python"):
            exec(compile(snippet, GUIDE, "exec"), names)
        with LDAPManager(LDAPSettings(**directory.settings()), "EXAMPLE") as manager:
            _check(names, manager)


def _check(names: dict[str, Any], manager: LDAPManager) -> None:
    assert names["person"] is not None
    assert names["problems"]["dan"] == ("disabled",)
    assert "locked" not in manager.user("lou").state.reasons
    assert any(mail == "ada@example.local" for mail, _ in names["letters"])
    assert names["report"]["Web Editors"]["user"] >= 1
    assert "bob" in names["admins"]
    listed = [row["name"] for row in csv.DictReader(Path("computers.csv").read_text(encoding="utf-8").splitlines())]
    assert listed.count("PC-0001") == 1
    ada = manager.user("ada", ["title", "telephoneNumber"])
    assert (ada.attributes["title"], ada.attributes["telephoneNumber"]) == ("Countess", "+44 1")
    finn = manager.user("finn", ["description"])
    assert finn.dn == f"CN=Finn Finch,OU=Leavers,{manager.settings.SEARCH_BASE}"
    assert (finn.enabled, finn.manager) == (False, None)
    assert {group.name for group in finn.groups()} == {"Domain Users", "Users"}
    assert finn.attributes["description"].startswith("Left on")
    sales = {person.username for person in manager.users({"department": "Sales"}) if person.enabled}
    assert {person.username for person in manager.members("Sales People")} == sales
    assert manager.user("lou").state.must_change_password
    assert not manager.computer("PC-0002").enabled
    assert manager.computer("PC-0001").enabled
    assert "Staff" in names["changed"]
    assert all(not manager.protect(unit, dry_run=True).changed for unit in manager.ous())


def test_each_recipe_has_both_sides() -> None:
    """Twenty of them, numbered, each with PowerShell and Python; the table names methods that there are."""
    numbers = [int(number) for number in re.findall(r"^\*\*(\d+)\. ", text(GUIDE), re.M)]
    assert numbers == list(range(1, 21))
    assert len(snippets(GUIDE, "powershell")) == 20
    assert len(snippets(GUIDE, "python")) == 21
    table = "\n".join(line for line in text(GUIDE).splitlines() if line.startswith("| `"))
    methods = set(re.findall(r"ad\.(\w+)", table))
    assert len(methods) > 30
    assert [name for name in methods if not hasattr(LDAPManager, name)] == []
