"""The ``wauth`` command against a real domain controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.ad.people import PASSWORD
from tests.ad.samba import DomainController
from wauth_core.cli.app import wauth


@pytest.fixture
def config(samba: DomainController, tmp_path: Path) -> Path:
    """A wauth.toml for the domain."""
    path = tmp_path / "wauth.toml"
    entries = "\n".join(f"{name} = {json.dumps(str(value))}" for name, value in samba.settings().items())
    path.write_text(f"[domains.EXAMPLE]\n{entries}\n", encoding="utf-8")
    return path


def run(config: Path, *arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(wauth, ["--config", str(config), *arguments], **more)


def test_alice_and_her_groups(config: Path) -> None:
    """A person, and the groups through which she is a domain administrator."""
    found = json.loads(run(config, "user", "EXAMPLE\\alice", "--json").stdout)
    assert (found["username"], found["email"], found["state"]) == ("alice", "alice@example.local", [])
    how = {each["name"]: each["how"] for each in json.loads(run(config, "groups", "alice", "--json").stdout)}
    assert (how["Nested L2"], how["Domain Admins"], how["Domain Users"]) == ("direct", "nested", "primary")


def test_members_of_a_big_group(config: Path) -> None:
    """All 1,601 members come, a line each."""
    result = run(config, "members", "Everyone Big", "--csv")
    assert len(result.stdout.splitlines()) == 1 + 1601


def test_passwords(config: Path) -> None:
    """The right password signs in; a disabled account does not."""
    good = run(config, "login", "alice", "--password-stdin", input=f"{PASSWORD}\n")
    bad = run(config, "login", "disabled.dan", "--password-stdin", "--json", input=f"{PASSWORD}\n")
    assert (good.exit_code, bad.exit_code, json.loads(bad.stdout)["reason"]) == (0, 1, "disabled")


def test_whoami_where_the_server_does_not_say(config: Path) -> None:
    """Samba has no who-am-i; the account of the settings is shown all the same."""
    result = run(config, "whoami", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["dn"].startswith("CN=svc_web,")


def test_doctor(config: Path) -> None:
    """No check fails against a sound controller."""
    result = run(config, "doctor", "--json")
    assert result.exit_code == 0, result.output
    assert "failed" not in {each["outcome"] for each in json.loads(result.stdout)}


def test_sync_of_two_thousand(config: Path, tmp_path: Path) -> None:
    """Everybody is in the file after one run, and the next has nothing to do."""
    database = str(tmp_path / "users.sqlite3")
    made = json.loads(run(config, "sync", "--database", database, "--json").stdout)
    assert len(made) > 2000
    assert json.loads(run(config, "sync", "--database", database, "--json").stdout) == []
