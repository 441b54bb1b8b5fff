"""The guides about the core: their snippets run, and their tables list what there is."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests import printed
from wauth_core import LDAPSettings, Wauth
from wauth_core.cli.ad import AD_COMMANDS
from wauth_core.cli.app import COMMANDS, wauth
from wauth_core.setting_kinds import declared
from wauth_core.site_settings import SiteSettings, public_name
from wauth_core.testing.embedded import EmbeddedDirectory

DOCS = Path(__file__).parents[2] / "docs"
settings_table = runpy.run_path(str(DOCS / "_ext" / "settings_table.py"))["settings_table"]


def text(guide: str) -> str:
    return (DOCS / guide).read_text(encoding="utf-8")


def snippets(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(guide), re.S | re.M)


TABLES = {
    "A domain's settings": settings_table(LDAPSettings),
    "The site's settings": settings_table(SiteSettings, public_name),
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_settings_tables_are_as_declared(heading: str) -> None:
    """Each setting has a row, made of its declaration. WAUTH_WRITE_GOLDEN=1 writes the tables into the page."""
    page = DOCS / "reference" / "settings.md"
    pattern = re.compile(rf"(\n## {re.escape(heading)}\n.*?)(^\| setting .*?\n)(?=\n)", re.S | re.M)
    found = pattern.search(page.read_text("utf-8"))
    assert found is not None
    if os.environ.get("WAUTH_WRITE_GOLDEN"):
        page.write_text(pattern.sub(lambda at: at[1] + TABLES[heading], page.read_text("utf-8")), "utf-8")
    else:
        assert found[2] == TABLES[heading], (
            "docs/reference/settings.md is not as the settings are declared: "
            "WAUTH_WRITE_GOLDEN=1 python -m pytest tests/core/test_docs.py"
        )


DOMAIN, SITE = declared(LDAPSettings), declared(SiteSettings)


@pytest.mark.parametrize("name", DOMAIN)
def test_a_domain_settings_example_works(name: str, tmp_path: Path) -> None:
    """In Python and, where TOML can say it, in TOML; and the table says what follows from it."""
    about = DOMAIN[name]
    assert len(about.what) > 10
    others = {"SERVER": "dc1", "SEARCH_BASE": "DC=example,DC=local", "AUTHENTICATION": "KERBEROS"}
    written = LDAPSettings(**{**others, name: about.example})
    if callable(about.example):
        return
    path = tmp_path / "wauth.toml"
    lines = [f"{key} = {in_toml(value)}" for key, value in {**others, name: about.example}.items()]
    path.write_text("\n".join(["[domains.EXAMPLE]", *lines]), "utf-8")
    with Wauth.from_toml(path) as wauth:
        read = getattr(wauth.domains["EXAMPLE"], name)
    assert json.dumps(rooted(read)) == json.dumps(rooted(getattr(written, name)))


def rooted(value: Any) -> Any:
    """*value*; a path without the drive that Windows adds where it is relative to a file's."""
    return os.path.splitdrive(value)[1].replace("\\", "/") if isinstance(value, str) else value


@pytest.mark.parametrize("name", SITE)
def test_a_site_settings_example_works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a keyword of Wauth; the table says what follows from it."""
    hooks = types.ModuleType("intranet.hooks")
    hooks.no_trainees = lambda identity, user: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "intranet.hooks", hooks)
    assert len(SITE[name].what) > 10
    with Wauth({}, **{name: SITE[name].example}) as wauth:
        assert getattr(wauth.settings, name) is not None


def in_toml(value: object) -> str:
    """JSON is TOML, but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {in_toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


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
        assert made.domains["EXAMPLE"].password() == "x"
        assert made.settings.username_format == "{username}@{domain}"


def test_scripting_snippets_run(directory: EmbeddedDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the scripting guide, in order, against a directory."""
    monkeypatch.chdir(tmp_path)
    printed.account(directory, "svc_web", writes=True)
    printed.here(directory, monkeypatch)
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
