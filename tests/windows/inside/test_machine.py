"""What differs from machine to machine: ANSI code page, drive letters, long paths, no virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; tests/windows/test_wine.py runs it under Wine", allow_module_level=True)

from click.testing import CliRunner

from tests.core.iis import rules
from wauth_core.iis import here, iis_commands


def code_page() -> int:
    import ctypes

    return int(ctypes.windll.kernel32.GetACP())  # type: ignore[attr-defined]


def test_code_page() -> None:
    """These tests run under the code page that they were started for."""
    expected = os.environ.get("WAUTH_EXPECT_CODE_PAGE")
    assert expected is None or code_page() == int(expected)


@pytest.mark.parametrize("name", ["Zoë's shop & co", "Магазин", "商店", "x" * 100])
def test_folders_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A site folder with any letters, in or outside the machine's code page, is written and read back."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(
        iis_commands.webconfig, ["shop.wsgi:app", "-s", "-w", "-l", r"logs\a.log", "--handler", "httpplatform"]
    )
    assert result.exit_code == 0, result.output
    content = (folder / "web.config").read_bytes()
    assert rules.problems(content) == []
    platform = ElementTree.fromstring(content).find(".//httpPlatform")
    assert platform is not None
    assert platform.get("stdoutLogFile") == str(folder / "logs" / "a"), "the module adds the rest of the name"
    assert (folder / "static" / "web.config").is_file()


@pytest.mark.parametrize("encoding", ["ansi", "utf-8"])
@pytest.mark.parametrize(("handler", "code"), [("httpplatform", 0), ("fastcgi", 1)])
def test_output_outside_the_code_page(tmp_path: Path, encoding: str, handler: str, code: int) -> None:
    """A name that the console cannot show stops neither the command nor its error message, piped as in a deployment."""
    folder = tmp_path / "商店 Магазин Zoë"
    folder.mkdir()
    program = "from wauth_core.iis.iis_commands import webconfig; webconfig()"
    done = subprocess.run(
        [sys.executable, "-c", program, "shop:app", "-w", "--handler", handler],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1" if encoding == "utf-8" else "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert (folder / "web.config").is_file() == (code == 0)
    assert b"Traceback" not in done.stdout
    assert code == 0 or b"latin-1" in done.stdout  # why wfastcgi cannot have such a folder


def test_interpreter_without_a_virtual_environment() -> None:
    """The interpreter names itself with drive and backslashes."""
    assert not os.environ.get("VIRTUAL_ENV")
    assert Path(here.interpreter()).is_file()
    assert here.interpreter()[1:3] == ":\\"


def test_task_definition_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task for a manage.py on this machine has full Windows paths, the script quoted and the folder not."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        iis_commands.task, ["clearsessions", "-p", "--manage", "manage.py", "--output", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    root = ElementTree.fromstring((tmp_path / "clearsessions.xml").read_bytes())
    text = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert text["Command"] == here.interpreter()
    assert text["Arguments"] == f'"{tmp_path / "manage.py"}" clearsessions'
    assert text["WorkingDirectory"] == str(tmp_path)
