"""What a directory holds, on its way to a terminal, a spreadsheet or a program."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from typing import Any

import click
import pytest
from click.testing import CliRunner

from wauth_core.cli.output import Form, output_options, show, show_one

# Control characters of both sets, line and bidi controls, a lone surrogate's neighbour, and an astral tag letter
STEERING = "\x00\x07\x1b[31m\r\t\x7f\x85\x9b2J\u200b\u200e\u202e\u2028\u2066\ue000\U000e0041"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "=cmd|' /C calc'!A0", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"]
PLAIN = ["", "O'Hara", "a=b", "1-2", "'=1", "zo\xeb", "two\nlines", "3"]


@click.command()
@click.argument("value")
@click.option("--one", is_flag=True)
@output_options
def command(value: str, one: bool, form: Form) -> None:
    """Show *value*, as one fact or in a list."""
    show_one({"name": value}, form) if one else show([{"name": value}], ["name"], form)


def shown(value: str, *options: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(command, ["--", value] if not options else [*options, "--", value])
    assert result.exit_code == 0, result.output
    return result.output


def cell(text: str) -> str:
    """The first cell below the line of names."""
    found: list[list[str]] = list(csv.reader(io.StringIO(text, newline="")))
    return found[1][0] if found[1] else ""


@pytest.mark.parametrize("one", [True, False], ids=["one", "list"])
@pytest.mark.parametrize("form", ["table", "--json", "--csv", "--raw-csv"])
def test_no_control_character_leaves(form: str, one: bool) -> None:
    """Nothing that steers a terminal or turns the reading direction is printed, in any form."""
    options = [option for option in (form, "--one" if one else "") if option.startswith("--")]
    printed = shown(f"a{STEERING}z", *options)
    left = {letter for letter in printed if unicodedata.category(letter)[0] == "C" and letter not in "\r\n\t"}
    assert left == set()
    assert printed.count("\t") == (1 if one and form == "table" else 0)  # between the two cells
    assert "\u2028" not in printed
    assert "\r" not in printed.replace("\r\n", "\n")


def test_json_means_the_same() -> None:
    """A program reads exactly what the directory holds."""
    assert json.loads(shown(STEERING, "--json")) == [{"name": STEERING}]


@pytest.mark.parametrize("value", FORMULAS, ids=ascii)
def test_a_formula_is_a_text_in_a_spreadsheet(value: str) -> None:
    """An apostrophe stands in front, unless the cells are wanted as they are."""
    assert cell(shown(value, "--csv")) == "'" + value
    assert cell(shown(value, "--one", "--csv")) == "'" + value
    assert cell(shown(value, "--raw-csv")) == value
    assert cell(shown(value, "--one", "--raw-csv")) == value


@pytest.mark.parametrize("value", PLAIN, ids=ascii)
def test_any_other_text_stays(value: str) -> None:
    """Nothing is added to what is no formula."""
    assert cell(shown(value, "--csv")) == value


def test_several_values_are_one_cell() -> None:
    """A list is checked as the cell that it becomes."""
    rows: list[dict[str, Any]] = [{"name": ["=1", "b"]}]
    printed = CliRunner().invoke(click.Command("x", callback=lambda: show(rows, ["name"], Form.CSV))).output
    assert cell(printed) == "'=1\nb"
