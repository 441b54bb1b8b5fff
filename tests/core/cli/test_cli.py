"""The ``wauth`` command, against the embedded directory."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wauth_core.cli.app import COMMANDS, wauth
from wauth_core.sync.repository import Wanted
from wauth_core.sync.sqlite import SQLiteUserRepository
from wauth_core.sync.turn import taken
from wauth_core.testing.embedded import EmbeddedDirectory

CANARY = "Passw0rd!x"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def directory(shared_directory: EmbeddedDirectory) -> EmbeddedDirectory:
    """One directory for all tests that change nothing in it."""
    return shared_directory


def write_config(path: Path, directory: EmbeddedDirectory, *lines: str) -> Path:
    settings = directory.settings(STAFF_GROUPS="Web Editors")
    entries = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    path.write_text(f"[domains.EXAMPLE]\n{entries}\n" + "\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def config(directory: EmbeddedDirectory, tmp_path: Path) -> Path:
    return write_config(tmp_path / "wauth.toml", directory)


def run(config: Path | None, *arguments: str, **more: Any) -> Result:
    given = ["--config", str(config)] if config else []
    return CliRunner().invoke(wauth, [*given, *arguments], **more)


def rows(config: Path, *arguments: str) -> Any:
    """The JSON answer of a command that works."""
    result = run(config, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# -- looking


@pytest.mark.parametrize("name", ["ada", "EXAMPLE\\ADA", "ada@example.local"])
def test_user(config: Path, name: str) -> None:
    """A person under each of their names, with the mapped attributes."""
    found = rows(config, "user", name)
    assert found["username"] == "ada"
    assert found["enabled"] is True
    assert found["state"] == []
    assert found["attributes"]["givenName"] == "Ada"
    assert found["sid"].startswith("S-1-5-21-")


def test_user_for_people(config: Path) -> None:
    """The table shows names and values; nobody's control characters reach the terminal."""
    result = run(config, "user", "nguyễn", "-a", "department")
    assert result.exit_code == 0
    assert "Nguyễn Thị Minh" in result.stdout
    assert "Human Resources" in result.stdout


def test_user_by_guid_sid_and_dn(config: Path, directory: EmbeddedDirectory) -> None:
    """Also by what never changes."""
    for name in (str(directory.guid("ada")), directory.sid("ada"), directory.dn("ada")):
        assert rows(config, "user", name)["username"] == "ada"


def test_groups_of_a_person(config: Path) -> None:
    """Nested groups are listed, and how each is reached."""
    how = {each["name"]: each["how"] for each in rows(config, "groups", "ada")}
    assert how["Web Developers"] == "direct"
    assert how["Web Editors"] == "nested"
    assert how["Domain Users"] == "primary"


def test_groups_of_the_domain(config: Path) -> None:
    """Without a name all groups are listed."""
    assert {"Web Editors", "Domain Admins", "OddGroup"} <= {each["name"] for each in rows(config, "groups")}


def test_members(config: Path) -> None:
    """Direct members, and with --recursive those of nested groups."""
    direct = {each["username"] for each in rows(config, "members", "Web Editors")}
    nested = {each["username"] for each in rows(config, "members", "Web Editors", "--recursive")}
    assert direct == {"hana", "carol"}
    assert nested == direct | {"ada", "margaret", "eve"}


def test_search_in_csv(config: Path) -> None:
    """CSV has a line of names and quotes what must be quoted."""
    result = run(config, "search", "(department=Sales)", "-a", "mail", "-a", "title", "--csv")
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(found[0]) == ["mail", "title", "dn"]
    assert {row["mail"] for row in found} >= {"carol@example.local", "ohara@example.local"}
    assert any("O'Hara\\, Miles" in row["dn"] for row in found)


def test_search_limits(config: Path, directory: EmbeddedDirectory) -> None:
    """--limit, --base and --scope narrow a search."""
    assert len(rows(config, "search", "(objectClass=user)", "--limit", "3")) == 3
    assert len(rows(config, "search", "(objectClass=*)", "--base", directory.dn("ada"), "--scope", "base")) == 1


def test_json_of_every_attribute(config: Path) -> None:
    """Dates, GUIDs and bytes come out as text that a program can read."""
    [entry] = rows(config, "search", "(sAMAccountName=ada)")
    assert entry["objectGUID"].count("-") == 4
    assert entry["objectSid"].startswith("S-1-5-21-")
    assert entry["whenCreated"][4] == "-"


# -- accounts


def test_login(config: Path) -> None:
    """The right password exits with 0; it is asked for unseen, and shown nowhere."""
    result = run(config, "login", "ada", input=f"{CANARY}\n")
    assert (result.exit_code, CANARY in result.output) == (0, False)
    piped = run(config, "login", "EXAMPLE\\ada", "--password-stdin", "--json", input=f"{CANARY}\n")
    assert json.loads(piped.stdout)["identity"] == "EXAMPLE\\ada"


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("ada", "wrong", "bad password"),
        ("ada", "", "empty password"),
        ("dan", CANARY, "disabled"),
        ("nobody", CANARY, "no such user"),
        ("newton", CANARY, "must change password"),
    ],
)
def test_refused_logins(config: Path, name: str, password: str, reason: str) -> None:
    """A refusal exits with 1 and says why."""
    result = run(config, "login", name, "--password-stdin", "--json", input=f"{password}\n")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == reason


def test_whoami(config: Path) -> None:
    """The account of the settings, as the directory knows it."""
    [found] = rows(config, "whoami")
    assert found["domain"] == "EXAMPLE"
    assert found["account"].lower().endswith("svc_wauth")
    assert "Domain Users" in found["groups"]


def test_doctor(config: Path) -> None:
    """Every check of a good configuration passes."""
    found = rows(config, "doctor")
    assert {each["outcome"] for each in found} <= {"ok", "skipped"}
    assert any(each["check"] == "search base" for each in found)


def test_doctor_finds_faults(directory: EmbeddedDirectory, tmp_path: Path) -> None:
    """A misspelt setting and a group that does not exist are reported; a failed check exits with 1."""
    config = write_config(tmp_path / "w.toml", directory, 'SUPERUSER_GROUPS = "Nonsense"', "USE_SLL = true")
    result = run(config, "doctor", "--json")
    text = result.stdout
    assert "Did you mean 'USE_SSL'" in text
    assert "Nonsense" in text
    broken = run(write_config(tmp_path / "b.toml", directory, 'USERNAME2 = ""', "[domains.BROKEN]"), "doctor", "--json")
    assert broken.exit_code == 1
    assert "SERVER is required" in broken.stdout


# -- keeping


def test_sync(config: Path, tmp_path: Path) -> None:
    """A table of users is made, a dry run makes none, and a second run has nothing to do."""
    database = tmp_path / "users.sqlite3"
    planned = rows(config, "sync", "--database", str(database), "--dry-run")
    assert not database.exists()
    made = rows(config, "sync", "--database", str(database))
    assert [each["username"] for each in made] == [each["username"] for each in planned]
    assert {each["status"] for each in made} == {"created"}
    assert rows(config, "sync", "--database", str(database)) == []
    connection = sqlite3.connect(database)
    staff = {name for (name,) in connection.execute("SELECT username FROM users WHERE is_staff")}
    connection.close()
    assert {"ada", "carol"} <= staff
    again = run(config, "sync", "--database", str(database))
    assert "unchanged" in again.stderr


def test_sync_beside_another_run(config: Path, tmp_path: Path) -> None:
    """It says so in one line, does nothing, and exits with 3."""
    database = tmp_path / "users.sqlite3"
    with SQLiteUserRepository(database) as repository, taken(repository, "EXAMPLE"):
        result = run(config, "sync", "--database", str(database))
    assert result.exit_code == 3
    assert result.output.startswith("Error: Another bulk sync of the domain EXAMPLE is running")
    assert result.output.count("\n") == 1


def test_sync_of_one(config: Path, tmp_path: Path) -> None:
    """Named people only; one who is not found exits with 1."""
    database = str(tmp_path / "users.sqlite3")
    [made] = rows(config, "sync", "--database", database, "--user", "ada")
    assert (made["status"], made["changes"]["is_staff"]) == ("created", True)
    result = run(config, "sync", "--database", database, "--user", "nobody", "--user", "carol@example.local", "--json")
    assert result.exit_code == 1
    assert [each["status"] for each in json.loads(result.stdout)] == ["not found", "created"]


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_sessions_end(directory: EmbeddedDirectory, config: Path, tmp_path: Path, down: bool) -> None:
    """The number that a person's sessions must hold is raised, by any name, or by the logon name in an outage."""
    database = str(tmp_path / "users.sqlite3")
    run(config, "sync", "--database", database, "--user", "ada")

    def number() -> int:
        with SQLiteUserRepository(database) as repository:
            [user] = repository.find(Wanted((), ()), domain="EXAMPLE", username="ada")
        return user.link.sessions if user.link else -1

    before = number()
    with directory.faults.outage() if down else nullcontext():
        name = "EXAMPLE\\ADA" if down else "ada@example.local"
        done = run(config, "sessions", "end", name, "--database", database)
        assert done.exit_code == 0, done.output
        assert number() == before + 1
        missing = run(config, "sessions", "end", "bob", "--database", database)
    assert (missing.exit_code, "There is no user EXAMPLE\\bob here" in missing.output) == (1, True)


def test_incremental_sync_and_changes(tmp_path: Path) -> None:
    """After the first run only news is looked at; ``changes`` tells the same news."""
    with EmbeddedDirectory() as directory:
        config = write_config(tmp_path / "wauth.toml", directory)
        database, state = str(tmp_path / "users.sqlite3"), str(tmp_path / "state")
        run(config, "sync", "--database", database, "--incremental")
        assert rows(config, "changes", "--state", state)["complete"] is True
        directory.add_member("Web Developers", "ken")
        directory.delete("x")
        news = rows(config, "changes", "--state", state)
        assert {(each["what"], each["username"]) for each in news["people"]} == {("changed", "ken"), ("deleted", None)}
        assert rows(config, "changes", "--state", state)["people"] == []
        synced = rows(config, "sync", "--database", database, "--incremental")
        assert {(each["username"], each["status"]) for each in synced} == {("ken", "updated"), ("x", "not found")}


def test_the_brake(tmp_path: Path) -> None:
    """Too many deactivations at once are refused with a line, and exit code 1."""
    with EmbeddedDirectory() as directory:
        config = write_config(tmp_path / "wauth.toml", directory)
        database = str(tmp_path / "users.sqlite3")
        run(config, "sync", "--database", database)
        for name in ("ada", "bob", "carol", "hana", "dora"):
            directory.disable(name)
        refused = run(config, "sync", "--database", database)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("Error: This sync would deactivate 5 of")
        assert run(config, "sync", "--database", database, "--max-deactivations", "1").exit_code == 0


# -- errors, settings, and the rest


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("user", "nobody"), 1, "No user 'nobody'", id="an unknown person"),
        pytest.param(("user", "*"), 1, "No user", id="a pattern is a name"),
        pytest.param(("members", "No Such Group"), 1, "No group 'No Such Group'", id="an unknown group"),
        pytest.param(("search", "(broken"), 2, "filter", id="a broken filter"),
        pytest.param(("user", "ada", "--domain", "OTHER"), 2, "No settings for the domain 'OTHER'", id="domain"),
        pytest.param(("user",), 2, "Missing argument", id="no name"),
        pytest.param(("user", "ada", "--json", "--csv"), 2, "exclude one another", id="two forms"),
        pytest.param(("user", "ada", "--csv", "--raw-csv"), 2, "exclude one another", id="two kinds of CSV"),
        pytest.param(("nonsense",), 2, "No such command", id="an unknown command"),
        pytest.param(("changes", "--since", "x"), 2, "not a cookie", id="a broken cookie"),
    ],
)
def test_errors_are_one_line(config: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """What goes wrong is said in a line, with exit code 1, or 2 for wrong arguments and settings; no traceback."""
    result = run(config, *arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_an_unreachable_directory(tmp_path: Path) -> None:
    """A controller that is down is one clear line, and no password in it."""
    with EmbeddedDirectory() as directory:
        config = write_config(tmp_path / "wauth.toml", directory)
    result = run(config, "user", "ada")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert CANARY not in result.output


def test_where_settings_come_from(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From WAUTH_CONFIG, else from ./wauth.toml; with neither the error says what to do."""
    monkeypatch.setenv("WAUTH_CONFIG", str(config))
    assert run(None, "user", "ada").exit_code == 0
    monkeypatch.delenv("WAUTH_CONFIG")
    monkeypatch.chdir(config.parent)
    assert run(None, "user", "ada").exit_code == 0
    config.unlink()
    result = run(None, "user", "ada")
    assert result.exit_code == 2
    assert "give --config FILE, set WAUTH_CONFIG, or put a wauth.toml here" in result.stderr


def test_a_misspelt_setting_is_a_warning(directory: EmbeddedDirectory, tmp_path: Path) -> None:
    """The command works, and the warning on standard error sets the name right."""
    config = write_config(tmp_path / "wauth.toml", directory, "USER_FILED_MAP = {}")
    result = run(config, "user", "ada", "--json")
    assert json.loads(result.stdout)["username"] == "ada"
    assert "Warning: Unknown setting 'USER_FILED_MAP'" in result.stderr


def test_no_settings_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a settings file, or with one that has no domain, one line says what to write."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WAUTH_CONFIG", raising=False)
    result = run(None, "user", "ada")
    assert result.exit_code == 2
    assert (
        result.stderr
        == "Error: There are no settings: give --config FILE, set WAUTH_CONFIG, or put a wauth.toml here.\n"
    )
    (tmp_path / "wauth.toml").write_text("use_spn = false\n", "utf-8")
    result = run(None, "user", "ada")
    assert result.exit_code == 2
    assert "[domains.EXAMPLE]" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_state_file_that_cannot_be_used(config: Path, tmp_path: Path) -> None:
    """A state file in a folder that is not there, or that is no text, is one line."""
    result = run(config, "changes", "--state", str(tmp_path / "nowhere" / "state"))
    assert result.exit_code == 1
    assert "state' cannot be used: No such file or directory." in result.stderr
    (tmp_path / "state").write_bytes(b"\xff\xfe")
    assert "holds no cookie" in run(config, "changes", "--state", str(tmp_path / "state")).stderr


def test_which_domain(directory: EmbeddedDirectory, tmp_path: Path) -> None:
    """With two domains the name says which, or --domain does; a plain name alone is not guessed at."""
    config = write_config(tmp_path / "wauth.toml", directory)
    config.write_text(config.read_text("utf-8") + config.read_text("utf-8").replace("EXAMPLE]", "SECOND]"), "utf-8")
    assert rows(config, "user", "EXAMPLE\\ada")["username"] == "ada"
    assert rows(config, "user", "ada", "-d", "example")["username"] == "ada"
    result = run(config, "user", "ada")
    assert result.exit_code == 2
    assert "Which domain? Give --domain; there are EXAMPLE, SECOND." in result.stderr


def test_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    """Escape sequences and markup in what the directory holds are shown, not obeyed."""
    with EmbeddedDirectory() as directory:
        directory.update("ada", description="\x1b[31mred\x07 [bold]x[/bold]")
        config = write_config(tmp_path / "wauth.toml", directory)
        result = run(config, "user", "ada", "-a", "description")
    assert "\x1b" not in result.stdout
    assert "\\x1b[31mred\\x07 [bold]x[/bold]" in result.stdout


def test_help_lists_every_command_without_loading_any() -> None:
    """The help names all commands, those of other extras too, and imports none of them."""
    code = (
        "import sys; from click.testing import CliRunner; from wauth_core.cli.app import wauth;"
        "print(CliRunner().invoke(wauth, ['--help']).output);"
        "beside = ('wauth_core.cli.look', 'wauth_core.testing', 'wauth_core.iis');"
        "print([name for name in sys.modules if name.startswith(beside)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """Each command loads, and has a help text."""
    result = run(None, name, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage: " in result.stdout


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose extra is not installed says what to install."""
    monkeypatch.setitem(sys.modules, "wauth_core.iis.iis_commands", None)
    result = run(None, "serve")
    assert result.exit_code == 1
    assert 'pip install "windowsauth[iis]"' in result.stderr


def test_without_click() -> None:
    """Without the extra, the command says what to install, and nothing else."""
    code = "import sys; sys.modules['click'] = None; from wauth_core.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.strip() == 'The wauth command needs click and rich: pip install "windowsauth[cli]"'


def test_as_a_module(config: Path) -> None:
    """``python -m wauth_core`` is the command; in a terminal that lacks a letter the answer is not lost."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "wauth_core", "--config", str(config), "user", "søren"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\xf8ren" in done.stdout
