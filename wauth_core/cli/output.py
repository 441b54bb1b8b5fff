"""Tables for people, lines with tabs for pipes, JSON and CSV for programs.

Many people typed what a directory holds. So none of the three prints a control character, and no cell of CSV is a
formula for a spreadsheet.
"""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# https://owasp.org/www-community/attacks/CSV_Injection, with the wide forms. A tab or CR is shown as text.
_FORMULA = ("=", "+", "-", "@", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
Row = TypeVar("Row")


class Form(Enum):
    """The form of a command's output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    RAW_CSV = "raw csv"

    @property
    def is_csv(self) -> bool:
        """Whether it is CSV, of either kind."""
        return self in (Form.CSV, Form.RAW_CSV)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``, ``--csv`` and ``--raw-csv``; the command gets *form*."""

    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.option("--csv", "as_csv", is_flag=True, help="Answer in CSV that is safe to open in a spreadsheet.")
    @click.option("--raw-csv", is_flag=True, help="Answer in CSV, with what looks like a formula as it is.")
    @functools.wraps(command)
    def with_form(*args: Any, as_json: bool, as_csv: bool, raw_csv: bool, **kwargs: Any) -> Any:
        chosen = [form for form, given in ((Form.JSON, as_json), (Form.CSV, as_csv), (Form.RAW_CSV, raw_csv)) if given]
        if len(chosen) > 1:
            raise click.UsageError("--json, --csv and --raw-csv exclude one another.")
        return command(*args, form=chosen[0] if chosen else Form.TABLE, **kwargs)

    return with_form


def show(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], form: Form, *, empty: str = "Nobody.") -> None:
    """Print *rows*: everything in JSON, only *columns* in a table and in CSV."""
    if form is Form.JSON:
        click.echo(as_json(list(rows)))
    elif form.is_csv:
        click.echo(as_csv(rows, columns, raw=form is Form.RAW_CSV), nl=False)
    else:
        listed = list(watched(rows))
        if listed:
            _print(listed, columns)
        else:
            click.echo(empty)


def show_one(facts: Mapping[str, Any], form: Form) -> None:
    """Print the facts about one thing."""
    if form is Form.JSON:
        click.echo(as_json(facts))
    elif form.is_csv:
        click.echo(as_csv([facts], list(facts), raw=form is Form.RAW_CSV), nl=False)
    else:
        rows = [{"": name, " ": value} for name, value in facts.items() if value not in (None, "", [], {})]
        _print(rows, ("", " "), head=False)


def as_json(value: Any) -> str:
    """JSON, in which dates are ISO 8601, GUIDs text, and bytes hexadecimal; control characters as JSON escapes them."""
    written = json.dumps(value, default=_plain, ensure_ascii=False, indent=2)
    return "".join(letter if _is_visible(letter) else json.dumps(letter)[1:-1] for letter in written)


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, raw: bool = False) -> str:
    """CSV (RFC 4180) with a header line. Line ends separate several values in one cell.

    A cell that a spreadsheet would read as a formula gets an apostrophe in front, unless *raw*.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(columns)
    for row in rows:
        cells = [visible(text(row.get(column), "\n")) for column in columns]
        writer.writerow(cells if raw else ["'" + cell if cell.startswith(_FORMULA) else cell for cell in cells])
    return written.getvalue()


def text(value: Any, apart: str = ", ") -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return apart.join(f"{name}: {text(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return apart.join(text(each) for each in value)
    return str(_plain(value)) if not isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, (int, float)) else str(value)


def _table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, head: bool = True) -> Table:
    table = Table(box=box.SIMPLE_HEAD if head else None, show_header=head, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, style="bold" if not head and not number else None, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(text(row.get(column)))) for column in columns))
    return table


def visible(value: str) -> str:
    """Text from a directory must not control a terminal: control characters are shown, not sent."""
    return "".join(letter if _is_visible(letter) else repr(letter)[1:-1] for letter in value)


def _is_visible(letter: str) -> bool:
    return letter.isprintable() or letter == "\n"


def watched(rows: Iterable[Row]) -> Iterator[Row]:
    """*rows*. A terminal's standard error shows their number while they come; a pipe shows nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from rows
        return
    with console.status("Reading …") as status:
        for number, row in enumerate(rows, 1):
            status.update(f"Reading: {number} …")
            yield row


def _print(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, head: bool = True) -> None:
    """A table no wider than the terminal. Without a terminal: one line per row, with tabs between the cells."""
    console = Console(markup=False, highlight=False)
    if console.is_terminal:
        console.print(_table(rows, columns, head=head))
        return
    cells = [[visible(text(row.get(column))).replace("\n", " ") for column in columns] for row in rows]
    for line in [list(columns), *cells] if head else cells:
        console.file.write("\t".join(line) + "\n")
