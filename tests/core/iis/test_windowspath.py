"""Windows paths and command lines, computed the same on every system."""

from __future__ import annotations

import subprocess
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import windowspath


def split(line: str) -> list[str]:
    """Split a command line by the rules of Microsoft's C runtime (2008 and later), written from their description."""
    arguments: list[str] = []
    current, quoted, started, i = "", False, False, 0
    while i < len(line):
        character = line[i]
        if character in " \t" and not quoted:
            if started:
                arguments.append(current)
            current, started = "", False
        elif character == "\\":
            run = len(line[i:]) - len(line[i:].lstrip("\\"))
            i += run
            if line[i : i + 1] == '"':
                current += "\\" * (run // 2)
                if run % 2:
                    current += '"'
                else:
                    quoted = not quoted
            else:
                current += "\\" * run
                i -= 1
            started = True
        elif character == '"':
            started = True
            if quoted and line[i + 1 : i + 2] == '"':
                current += '"'
                i += 1
            else:
                quoted = not quoted
        else:
            current += character
            started = True
        i += 1
    return [*arguments, current] if started else arguments


ARGUMENT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")) | st.sampled_from(' \t"\\'),
)


@given(st.lists(ARGUMENT))
def test_command_lines_split_into_what_was_joined(arguments: list[str]) -> None:
    """A program started by Windows gets exactly the arguments that were meant, quotes and backslashes included."""
    assert split(windowspath.command_line(*arguments)) == arguments


@given(st.lists(st.text(st.sampled_from('ab \t"\\'))))
def test_quoting_agrees_with_the_standard_library(arguments: list[str]) -> None:
    """subprocess.list2cmdline, which Python itself uses on Windows, means the same."""
    assert split(windowspath.command_line(*arguments)) == split(subprocess.list2cmdline(arguments))


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        (r"D:\site\static", r"D:\site", "static"),
        (r"d:\SITE\Static\img", r"D:\site", "Static/img"),
        ("D:/site/static", "D:\\site\\", "static"),
        (r"D:\site", "D:\\site\\", ""),
        (r"D:\site-two\static", r"D:\site", None),
        (r"D:\site\..\other", r"D:\site", None),
        (r"E:\static", r"D:\site", None),
        (r"\\server\share\site\static", r"\\server\share\site", "static"),
        ("D:\\static", "D:\\", "static"),
        ("/srv/site/static", "/srv/site", "static"),
        ("/srv/Site/static", "/srv/site", None),
        ("/static", "/", "static"),
    ],
)
def test_relative_to(path: str, folder: str, expected: str | None) -> None:
    """Where a folder lies below another; case counts only outside Windows."""
    assert windowspath.relative_to(path, folder) == expected


@pytest.mark.parametrize("path", [r"C:\x", r"c:/x", r"\\server\share", "/srv", r"\\?\C:\x"])
def test_absolute(path: str) -> None:
    """Paths that say where they are by themselves."""
    assert windowspath.is_absolute(path)


@pytest.mark.parametrize("path", ["x", r"C:x", r"\x", r"x\y", "", ".", "C:"])
def test_not_absolute(path: str) -> None:
    """Paths that depend on a current folder or drive: IIS and Windows services have none of ours."""
    assert not windowspath.is_absolute(path)


FILE_NAME = st.text(st.characters(exclude_characters='\0/\\:*?"<>|', exclude_categories=("Cs", "Cc")), min_size=1)


@given(FILE_NAME.filter(lambda name: name == name.rstrip(". ")))
def test_join_and_parent_agree(name: str) -> None:
    """The folder of a joined path is the folder it was joined to."""
    joined = windowspath.join(r"D:\site", name)
    assert windowspath.parent(joined) == r"D:\site"
    assert PureWindowsPath(joined).parent == PureWindowsPath(r"D:\site")


@pytest.mark.parametrize("value", ["100%", "50% off", "%%"])
def test_single_percent_signs_pass(value: str) -> None:
    """One percent sign, or two with nothing between, names no variable."""
    assert windowspath.refuse_expansion(value, "The path") == value


def test_variables_in_paths_are_refused() -> None:
    """There is no escape for them, so they are refused with the reason."""
    with pytest.raises(ConfigurationError, match="'%TEMP%' as an environment variable"):
        windowspath.refuse_expansion(r"C:\%TEMP%\x", "The path")
