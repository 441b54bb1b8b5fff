"""``wauth ad``, against the embedded directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from wauth_core.cli.ad import AD_COMMANDS
from wauth_core.cli.app import wauth
from wauth_core.testing.embedded import EmbeddedDirectory


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """A directory of its own for each test."""
    with EmbeddedDirectory(recycle_bin=True) as running:
        yield running


@pytest.fixture
def config(directory: EmbeddedDirectory, tmp_path: Path) -> Path:
    """Settings that may write."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in directory.settings(READ_ONLY=False).items()]
    path = tmp_path / "wauth.toml"
    path.write_text("[domains.EXAMPLE]\n" + "\n".join(lines), encoding="utf-8")
    return path


def run(config: Path, *arguments: str, code: int = 0, **more: Any) -> Result:
    """A command, which ends with *code*."""
    result = CliRunner().invoke(wauth, ["--config", str(config), "ad", *arguments], **more)
    assert result.exit_code == code, result.output
    return result


def answer(config: Path, *arguments: str, **more: Any) -> Any:
    """Its answer in JSON."""
    return json.loads(run(config, *arguments, "--json", **more).stdout)


@pytest.mark.parametrize("name", AD_COMMANDS)
def test_every_command_has_help(config: Path, name: str) -> None:
    """Each is loaded and explains itself; what changes something has --what-if."""
    text = run(config, name, "--help").stdout
    assert "Usage:" in text
    looking = {"computers", "ou", "contacts", "service-accounts", "deleted", "domain", "forest", "controllers", "sites"}
    assert ("--what-if" in text) == (name not in looking | {"trusts"})


def test_looking(config: Path, directory: EmbeddedDirectory) -> None:
    """One, all, some; in JSON and as a table."""
    assert answer(config, "computers", "PC-0001")["dNSHostName"] == "pc-0001.example.local"
    assert {row["name"] for row in answer(config, "computers")} >= {"PC-0001", "DC1"}
    assert [row["name"] for row in answer(config, "computers", "--filter", "(cn=PC-0001)")] == ["PC-0001"]
    assert answer(config, "ou", "Staff/Sales")["dn"] == f"OU=Sales,OU=Staff,{directory.base_dn}"
    assert answer(config, "contacts") == answer(config, "service-accounts") == answer(config, "trusts") == []
    assert "PC-0001" in run(config, "computers").stdout
    assert "No computer 'nope'" in run(config, "computers", "nope", code=1).stderr


def test_the_domain(config: Path) -> None:
    """Facts as JSON and as a table."""
    found = answer(config, "domain")
    assert (found["netbios"], found["policy"]["min_length"]) == ("EXAMPLE", 7)
    assert answer(config, "forest")["recycle_bin"] is True
    assert answer(config, "controllers")[0]["host"] == "dc1.example.local"
    assert answer(config, "sites")[0]["name"] == "Default-First-Site-Name"
    assert "PDC emulator" in run(config, "controllers").stdout


def test_set(config: Path) -> None:
    """Values, several, none; what-if changes nothing; rows of JSON."""
    what_if = answer(config, "set", "ada", "title=Countess", "--what-if")
    assert (what_if[0]["dry_run"], what_if[0]["after"]) == (True, {"title": "Countess"})
    assert answer(config, "set", "ada", "title=Countess", "--what-if") == what_if
    assert "would set" in run(config, "set", "ada", "title=Countess", "--what-if").stdout
    run(config, "set", "ada", "title=Countess", "otherTelephone=1", "otherTelephone=2", "department=")
    [again] = answer(config, "set", "ada", "title=Countess")
    assert again["changed"] is False
    rows = [
        {"username": "ada", "title": "Analyst"},
        {"username": "nobody", "title": "x"},
        {"name": "ken", "title": "y"},
    ]
    result = run(config, "set", "--input", "-", input=json.dumps(rows), code=1)
    assert "No object 'nobody'" in result.stderr
    assert len(result.stdout.splitlines()) == 2
    for wrong in (["set"], ["set", "ada"], ["set", "ada", "title"], ["set", "ada", "x=y", "--input", "-"]):
        run(config, *wrong, code=2, input="[]")


def test_accounts(config: Path, directory: EmbeddedDirectory) -> None:
    """Disabled, enabled, unlocked, ended, given a password that is shown nowhere."""
    assert [row["changed"] for row in answer(config, "disable", "ada", "ken")] == [True, True]
    assert [row["changed"] for row in answer(config, "enable", "ada", "ken")] == [True, True]
    directory.lock("ada")
    assert answer(config, "unlock", "ada")[0]["changed"]
    assert answer(config, "expire", "ada", "--at", "2031-01-31")[0]["after"]["accountExpires"].startswith("2031-01-31")
    assert answer(config, "expire", "ada", "--at", "never")[0]["changed"]
    run(config, "expire", "ada", "--at", "tomorrow", code=2)
    result = run(config, "password", "ada", "--password-stdin", "--must-change", input="N3w-password\n")
    assert "N3w" not in result.output
    asked = run(config, "password", "ada", input="Oth3r-password\nOth3r-password\n")
    assert "Oth3r" not in asked.output
    assert "policy" in run(config, "password", "ada", "--password-stdin", input="weak\n", code=1).stderr


def test_a_pipeline(config: Path) -> None:
    """The JSON of one command names what another changes; so do lines."""
    found = run(config, "computers", "--filter", "(cn=PC-*)", "--json").stdout
    done = answer(config, "disable", "-", input=found)
    assert len(done) == len(json.loads(found)) >= 2
    assert all(row["changed"] for row in done)
    assert [row["changed"] for row in answer(config, "disable", "-", input="ada\n\nken\n")] == [True, True]
    run(config, "disable", "-", input="[{}]", code=2)
    run(config, "disable", "-", input="{nonsense", code=2)


def test_members(config: Path) -> None:
    """In and out, in one change."""
    assert len(answer(config, "add-member", "Web Editors", "ken", "alice", "PC-0001")[0]["after"]["member"]) >= 2
    assert answer(config, "remove-member", "Web Editors", "PC-0001")[0]["changed"]


def test_a_life(config: Path, directory: EmbeddedDirectory) -> None:
    """Made, moved, renamed, deleted after a question, restored."""
    run(config, "create", "ou", "Interns", "--ou", "Staff")
    run(config, "create", "group", "Intern Club", "--ou", "Staff/Interns", "--mailing-list")
    run(config, "create", "computer", "PC-9", "--ou", "Staff/Interns")
    made = run(
        config,
        *("create", "user", "finn", "--ou", "Staff/Interns", "--password-stdin", "title=Trainee"),
        input="S0me-start\n",
    )
    assert "S0me" not in made.output
    run(config, "move", "finn", "--to", "Staff/Sales")
    run(config, "rename", "finn", "Finn Finch")
    assert directory.dn("finn") == f"CN=Finn Finch,OU=Sales,OU=Staff,{directory.base_dn}"
    assert run(config, "delete", "finn", input="n\n", code=1).stderr.startswith("Delete finn?")
    assert answer(config, "delete", "finn", "--what-if")[0]["dry_run"]
    assert directory.dn("finn")
    run(config, "delete", "finn", input="y\n")
    assert [row["name"] for row in answer(config, "deleted")] == ["Finn Finch"]
    run(config, "restore", "finn")
    assert directory.dn("finn")
    assert "protected" in run(config, "delete", "Interns", "--tree", "--yes", code=1).stderr
    run(config, "protect", "Interns", "--off")
    assert "not empty" in run(config, "delete", "Interns", "--yes", code=1).stderr
    run(config, "delete", "Interns", "--tree", "--yes")


def test_many_newcomers_from_json(config: Path, directory: EmbeddedDirectory) -> None:
    """A row each: names, unit, password, attributes; a refused one does not stop the others; no password is shown."""
    run(config, "create", "ou", "--input", "-", input='[{"name": "Bulk", "description": "by a script"}]')
    rows = [
        {"username": "finn", "name": "Finn Finch", "ou": "Bulk", "password": "S0me-start", "title": "Trainee"},
        {"username": "weak", "password": "S3", "ou": "Bulk"},
        {"username": "gil", "otherTelephone": ["1", "2"]},
    ]
    tried = answer(config, "create", "user", "--input", "-", "--ou", "Staff", "--what-if", input=json.dumps(rows))
    assert [row["dry_run"] for row in tried] == [True] * 3
    result = run(config, "create", "user", "--input", "-", "--ou", "Staff", "--json", input=json.dumps(rows), code=1)
    assert "S0me" not in result.output + json.dumps(tried)
    assert "Error: weak" in result.stderr
    made = json.loads(result.stdout)
    base = directory.base_dn
    assert [row["dn"] for row in made] == [f"CN=Finn Finch,OU=Bulk,{base}", f"CN=gil,OU=Staff,{base}"]
    done = answer(config, "disable", "-", input=result.stdout)  # what comes out goes in
    assert [row["changed"] for row in done] == [True, False], "who has no password was disabled before"
    assert run(config, "create", "group", "--input", "-", input='{"name": "Bulk Club"}').exit_code == 0
    for wrong in (
        '[{"title": "x"}]',
        "[1]",
        "{",
        '[{"name": "a", "username": "b"}]',
        '[{"name": "a", "password": "b"}]',
    ):
        run(config, "create", "group", "--input", "-", input=wrong, code=2)
    for arguments in (["user"], ["user", "x", "--input", "-"], ["user", "--input", "-", "--password-stdin"]):
        run(config, "create", *arguments, input="[]", code=2)


def test_no_control_characters_reach_the_terminal(config: Path, directory: EmbeddedDirectory) -> None:
    """A name with an escape sequence is shown, not obeyed, in results, tables and errors."""
    directory.add_user("esc", name="\x1b[31mred", title="\x1b[2Jold")
    for arguments in (("set", "esc", "title=new"), ("disable", "esc"), ("delete", "esc", "--what-if")):
        assert "\x1b" not in run(config, *arguments, color=True).output
    assert "\x1b" not in run(config, "set", "esc", "nonsense=1", code=1, color=True).output
    assert "\x1b" not in run(config, "disable", "\x1b[31mnobody", code=1, color=True).output


def test_read_only(config: Path) -> None:
    """Settings that may not write refuse, and say what to set."""
    text = config.read_text(encoding="utf-8").replace("READ_ONLY = false", "READ_ONLY = true")
    config.write_text(text, encoding="utf-8")
    assert "READ_ONLY=False" in run(config, "disable", "ada", code=1).stderr
    assert answer(config, "disable", "ada", "--what-if")[0]["changed"]


def test_the_shell_completes_names(config: Path, directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that begin so, from the directory, quoted where the shell does not; nothing where it is down."""
    shell = ShellComplete(wauth, {}, "wauth", "_WAUTH_COMPLETE")
    before = ["--config", str(config), "ad"]
    assert {item.value for item in shell.get_completions([*before, "disable"], "al")} >= {"alice"}
    assert "PC-0001" in {item.value for item in shell.get_completions([*before, "computers"], "PC")}
    assert "Sales" in {item.value for item in shell.get_completions([*before, "move", "ada", "--to"], "Sal")}
    assert shell.get_completions([*before, "disable"], "") == []
    directory.add_group("Evil $(reboot)")
    with monkeypatch.context() as patch:
        patch.setenv("_WAUTH_COMPLETE", "bash_complete")
        evil = shell.get_completions([*before, "disable"], "Evil")
    assert {item.value for item in evil} == {"'Evil $(reboot)'"}
    run(config, "delete", "alice", "--yes")
    assert {item.value for item in shell.get_completions([*before, "restore"], "al")} == {"alice"}
    assert "alice" not in {item.value for item in shell.get_completions([*before, "disable"], "al")}
    directory.close()
    assert shell.get_completions([*before, "disable"], "al") == []
    assert isinstance(wauth, click.Group)
