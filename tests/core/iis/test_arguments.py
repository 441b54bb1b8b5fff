"""The tables behind every front end's command line: argparse and click read the same from them."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner

from wauth_core.iis import arguments, iis_commands
from wauth_core.iis.arguments import TASK, WEBCONFIG, Argument

TABLES = {"webconfig": WEBCONFIG, "task": TASK}


def by_argparse(table: tuple[Argument, ...], line: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    arguments.add_to_parser(parser, table)
    # repeatable options that were not given: nothing in both
    return {name: tuple(v) if isinstance(v, list) else v for name, v in vars(parser.parse_args(line)).items()}


def by_click(table: tuple[Argument, ...], line: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    @click.command()
    @iis_commands.options_of(table)
    def command(**given: Any) -> None:
        found.update(given)

    result = CliRunner().invoke(command, line)
    assert result.exit_code == 0, result.output
    return found


def example(argument: Argument) -> list[str]:
    """A value for an option."""
    if argument.kind is bool:
        return []
    if argument.choices:
        return [argument.choices[-1]]
    if argument.kind is int:
        return ["3"]
    if argument.metavar == "TIME":
        return ["2026-01-31T03:00" if argument.kind is arguments.start_time else "days=1,hours=2"]
    return ["a value"]


CASES = [(name, argument) for name, table in TABLES.items() for argument in table]


@pytest.mark.parametrize(("name", "argument"), CASES, ids=[f"{n} {a.flags[-1]}" for n, a in CASES])
def test_both_parsers_agree(name: str, argument: Argument) -> None:
    """Each spelling of each option gives the same value by argparse and by click, and another than its absence."""
    nothing = {key: value or None for key, value in by_click(TABLES[name], []).items()}
    assert {key: value or None for key, value in by_argparse(TABLES[name], []).items()} == nothing
    values = []
    for flag in argument.flags:
        line = [flag, *example(argument)]
        one, other = by_argparse(TABLES[name], line), by_click(TABLES[name], line)
        assert {key: value or None for key, value in one.items()} == {k: v or None for k, v in other.items()}
        values.append(other)
    assert all(value == values[0] for value in values)
    assert {key: value or None for key, value in values[0].items()} != nothing


def test_the_twin_of_a_switch() -> None:
    """Kernel mode is three things: said, denied, and not spoken of."""
    for line, expected in (([], None), (["--kernel-mode"], True), (["--no-kernel-mode"], False)):
        assert by_argparse(WEBCONFIG, line)["kernel_mode"] is expected
        assert by_click(WEBCONFIG, line)["kernel_mode"] is expected


def test_times() -> None:
    """Lengths of time and points in time, as Python's own types."""
    found = by_click(TASK, ["-i", "days=1,hours=12.5", "--start", "2026-01-31T03:00"])
    assert found["interval"] == timedelta(days=1, hours=12.5)
    assert found["start"] == datetime(2026, 1, 31, 3, 0)
    assert found["restart_after"] == timedelta(minutes=5)


@pytest.mark.parametrize("line", [["-i", "1h"], ["--start", "tomorrow"]])
def test_times_refused(line: list[str]) -> None:
    """Nonsense is refused by argparse too, in our words."""
    with pytest.raises(argparse.ArgumentError, match="write it like"):
        by_argparse(TASK, line)
