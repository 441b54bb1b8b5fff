"""A users' file that fails ends a command in one line, and in a status."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from wauth_core.cli.app import wauth
from wauth_core.testing import EmbeddedDirectory


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A database that somebody else is writing to, for longer than anybody waits."""
    with closing(sqlite3.connect(tmp_path / "users.sqlite3", isolation_level=None)) as other:
        other.execute("CREATE TABLE busy (it)")
        other.execute("BEGIN EXCLUSIVE")
        yield tmp_path / "users.sqlite3"


@pytest.fixture
def full() -> Path:
    """A device on which there is never any room."""
    device = Path("/dev/full")
    if sys.platform == "win32" or not device.exists():
        pytest.skip("there is no /dev/full here")
    return device


@pytest.mark.parametrize("file", ["locked", "full"])
def test_sync(file: str, request: pytest.FixtureRequest, shared_directory: EmbeddedDirectory, tmp_path: Path) -> None:
    """The line names the file, and says what is wrong with it."""
    config = tmp_path / "wauth.toml"
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in shared_directory.settings().items())
    config.write_text(f"[domains.EXAMPLE]\n{lines}")
    path = request.getfixturevalue(file)
    result = CliRunner().invoke(wauth, ["--config", str(config), "sync", "--database", str(path)])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith(f"Error: The users file {str(path)!r} cannot be used: ")
