"""The guides: every command line in them is one that works, every link leads somewhere."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from wauth_core.iis import arguments, iis_commands

GUIDES = sorted((Path(__file__).parents[3] / "docs" / "iis").glob("*.md"))
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS: dict[str, click.Command] = {
    "webconfig": iis_commands.webconfig,
    "task": iis_commands.task,
    "serve": iis_commands.serve,
}


def lines(program: str) -> list[str]:
    """The lines of the guides that start with *program*."""
    blocks = [block for guide in GUIDES for block in BLOCK.findall(guide.read_text(encoding="utf-8"))]
    return sorted({line for block in blocks for line in block.splitlines() if line.startswith(f"{program} ")})


@pytest.mark.parametrize("line", [line for line in lines("wauth") if line.split()[1] in ("webconfig", "task")])
def test_commands_work(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `wauth webconfig` and `wauth task` of the guides runs (dry)."""
    monkeypatch.chdir(tmp_path)
    _, name, *typed = shlex.split(line.replace("\\", "\\\\"))
    result = CliRunner().invoke(COMMANDS[name], [*typed, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "would write" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [line for line in lines("py manage.py") if line.split()[2].startswith("create")])
def test_management_commands_parse(line: str) -> None:
    """Each `manage.py createwebconfig` and `createtask` of the guides has options that exist."""
    _, _, name, *typed = shlex.split(line.replace("\\", "\\\\"))
    parser = argparse.ArgumentParser(exit_on_error=False)
    if name == "createtask":
        parser.add_argument("command")
    arguments.add_to_parser(parser, {"createwebconfig": arguments.WEBCONFIG, "createtask": arguments.TASK}[name])
    assert parser.parse_args(typed)


def test_enough_commands_are_shown() -> None:
    """The test above has something to look at."""
    assert len(lines("wauth")) > 8
    assert len(lines("py manage.py")) > 3


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links(guide: Path) -> None:
    """Links between the guides lead to files and headings that exist."""
    for target in re.findall(r"\]\(([^)]+)\)", guide.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        other = guide.parent / name if name else guide
        assert other.is_file(), target
        headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
        assert not heading or heading in anchors, target


def test_every_option_has_a_help_text() -> None:
    """``--help`` says something about each option."""
    silent = [
        (name, option.opts)
        for name, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []
