"""The guides about the core: their snippets run, and their tables list what there is."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wauth_core import LDAPSettings, Wauth
from wauth_core.cli.ad import AD_COMMANDS
from wauth_core.cli.app import COMMANDS, wauth
from wauth_core.settings import SiteSettings
from wauth_core.testing.embedded import EmbeddedDirectory

DOCS = Path(__file__).parents[2] / "docs"


def text(guide: str) -> str:
    return (DOCS / guide).read_text(encoding="utf-8")


def snippets(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(guide), re.S | re.M)


def rows(guide: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: its first column, in backticks, to the other cells."""
    section = text(guide).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cell[0].strip("` "): cell[1:] for cell in cells}


def test_every_domain_setting_is_listed() -> None:
    """The table has the fields of LDAPSettings, in their order, each with type, default and consequence."""
    listed = rows("reference/settings.md", "A domain's settings")
    fields = {field.name: field for field in dataclasses.fields(LDAPSettings)}
    assert list(listed) == list(fields)
    sample = LDAPSettings(SERVER="x", SEARCH_BASE="x")
    for name, (kind, default, consequence) in listed.items():
        assert kind
        assert len(consequence) > 10, name
        if name in {"SERVER", "SEARCH_BASE"}:
            assert default == "required"
        else:
            assert eval(default.strip("`")) == getattr(sample, name), name


def test_every_site_setting_is_listed() -> None:
    """The table has the fields of SiteSettings, in their order, each with its default."""
    listed = rows("reference/settings.md", "The site's settings")
    assert list(listed) == [f"WAUTH_{name.upper()}" for name in SiteSettings.names()]
    for name, (_, default, consequence) in listed.items():
        value = getattr(SiteSettings(), name.removeprefix("WAUTH_").lower())
        assert len(consequence) > 10, name
        if default.startswith("`"):
            assert eval(default.strip("`")) == value, name
        else:
            number, unit = default.split()
            assert value.total_seconds() == int(number) * {"seconds": 1, "minutes": 60, "day": 86400}[unit], name


def test_every_command_is_listed() -> None:
    """The table of commands names each once."""
    whole, _, ad = text("reference/cli.md").partition("\n## `wauth ad`\n")
    table = "\n".join(line for line in whole.splitlines() if line.startswith("| `"))
    listed = [word for line in table.splitlines() for word in re.findall(r"`([a-z-]+)", line.split(" | ")[0])]
    assert sorted(listed) == sorted(COMMANDS)
    table = "\n".join(line.split(" | ")[0] for line in ad.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`([a-z-]+)", table)) == set(AD_COMMANDS)


def test_settings_snippets_run() -> None:
    """What the settings guide shows does what it says."""
    names: dict[str, Any] = {}
    found = snippets("reference/settings.md", "python")
    assert len(found) >= 2
    for snippet in found:
        exec(compile(snippet, "settings.md", "exec"), names)


def test_the_toml_example_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example file is a good one."""
    [example] = snippets("reference/settings.md", "toml")
    path = tmp_path / "wauth.toml"
    path.write_text(example, encoding="utf-8")
    monkeypatch.setenv("AD_PASSWORD", "x")
    with Wauth.from_toml(path) as made:
        assert made.problems() == []
        assert made.domains["EXAMPLE"].PASSWORD == "x"
        assert made.settings.username_format == "{username}@{domain}"


class Pointed(Wauth):
    """A Wauth whose servers are the embedded directory, whatever the guide says."""

    directory: EmbeddedDirectory

    def __init__(self, domains: Any, **options: Any) -> None:
        entries = {
            name: {**entry, **self.directory.settings()} if isinstance(entry, dict) else entry
            for name, entry in domains.items()
        }
        super().__init__(entries, **options)


def test_scripting_snippets_run(directory: EmbeddedDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the scripting guide, in order, against a directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Pointed, "directory", directory, raising=False)
    monkeypatch.setattr("wauth_core.Wauth", Pointed)
    names: dict[str, Any] = {}
    found = snippets("howto/scripting.md", "python")
    assert len(found) >= 9
    for snippet in found:
        exec(compile(snippet, "scripting.md", "exec"), names)
    assert (tmp_path / "users.sqlite3").exists()
    assert names["result"].ok or names["everybody"].ok


def test_command_lines_run(directory: EmbeddedDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command line of the guide works."""
    monkeypatch.chdir(tmp_path)
    settings = directory.settings(READ_ONLY=False)
    entries = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    Path("wauth.toml").write_text(f"[domains.EXAMPLE]\n{entries}\n", encoding="utf-8")
    lines = [line[2:] for block in snippets("reference/cli.md", "console") for line in block.splitlines()]
    assert len(lines) >= 10
    for line in lines:
        typed = "y\n" if " delete " in line else f"{directory.bind_password}\n" * 2
        for part in line.replace("/etc/", "").replace("/var/lib/app/", "").split(" | "):
            words = shlex.split(part)
            assert words[0] == "wauth"
            done = CliRunner().invoke(wauth, words[1:], input=typed)
            assert done.exit_code == 0, (line, done.output)
            typed = done.stdout
