"""Writing generated files: all or nothing, never over what is there, with a way back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wauth_core.iis import files
from wauth_core.iis.files import Generated, GeneratedFile, NotWritten, WouldOverwrite, write


def two(folder: Path, *, first: bytes = b"one\n") -> Generated:
    return Generated(
        (
            GeneratedFile(str(folder / "web.config"), first),
            GeneratedFile(str(folder / "static" / "web.config"), b"two\n"),
        ),
        folders=(str(folder / "logs" / "deep"),),
    )


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below *folder*, with the content of files."""
    found = sorted(folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in found}


def test_writes_files_and_folders(tmp_path: Path) -> None:
    """Files, their folders and the folders asked for; no temporary file stays."""
    said: list[str] = []
    changed = write(two(tmp_path), echo=said.append)
    assert tree(tmp_path) == {
        "logs": None,
        "logs/deep": None,
        "static": None,
        "static/web.config": b"two\n",
        "web.config": b"one\n",
    }
    assert changed == (tmp_path / "web.config", tmp_path / "static" / "web.config")
    assert said == [f"wrote {path}" for path in changed]


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    """A dry run shows the content and leaves no trace."""
    said: list[str] = []
    assert write(two(tmp_path), dry_run=True, echo=said.append) == ()
    assert tree(tmp_path) == {}
    assert "would write" in said[0]
    assert "one" in said[0]


def test_dry_run_shows_what_would_change(tmp_path: Path) -> None:
    """Over an existing file a dry run shows the difference, even without override."""
    write(two(tmp_path), echo=lambda text: None)
    said: list[str] = []
    write(two(tmp_path, first=b"another\n"), dry_run=True, echo=said.append)
    assert "-one" in said[0]
    assert "+another" in said[0]
    assert (tmp_path / "web.config").read_bytes() == b"one\n"


def test_never_overwrites_unasked(tmp_path: Path) -> None:
    """One file that differs stops all of them, and is named."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "web.config").write_bytes(b"by hand\n")
    before = tree(tmp_path)
    with pytest.raises(WouldOverwrite, match="--override") as caught:
        write(two(tmp_path))
    assert caught.value.paths == (str(tmp_path / "static" / "web.config"),)
    assert tree(tmp_path) == before


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """Writing what is there already needs no override and makes no backup."""
    write(two(tmp_path), echo=lambda text: None)
    before = tree(tmp_path)
    said: list[str] = []
    assert write(two(tmp_path), echo=said.append) == ()
    assert tree(tmp_path) == before
    assert all(text.startswith("unchanged") for text in said)


def test_override_shows_the_difference_and_keeps_a_backup(tmp_path: Path) -> None:
    """What was edited by hand is shown as a difference and kept, each time under a new name."""
    target = tmp_path / "web.config"
    said: list[str] = []
    for number, content in enumerate((b"by hand\n", b"by hand again\n")):
        target.write_bytes(content)
        write(two(tmp_path), override=True, echo=said.append)
        assert target.read_bytes() == b"one\n"
        assert (tmp_path / ("web.config.bak", "web.config.bak2")[number]).read_bytes() == content
    assert any("-by hand" in text and "+one" in text for text in said)
    assert any("web.config.bak2" in text for text in said)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_mode_is_kept(tmp_path: Path) -> None:
    """A file that only some may read stays so when it is replaced."""
    target = tmp_path / "web.config"
    target.write_bytes(b"by hand\n")
    target.chmod(0o640)
    write(two(tmp_path), override=True, echo=lambda text: None)
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_failure_puts_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    """When a file cannot be put in place, those before it are as they were; no backup and no folder stays."""
    (tmp_path / "web.config").write_bytes(b"by hand\n")
    before = tree(tmp_path)
    calls = 0

    def replace(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise PermissionError(13, "in use")
        source.rename(target)

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(NotWritten, match="as it was before"):
        write(two(tmp_path), override=True, echo=lambda text: None)
    assert tree(tmp_path) == before


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A file where a folder should be is an error of ours, with its path, and nothing is written."""
    (tmp_path / "logs").write_bytes(b"")
    before = tree(tmp_path)
    with pytest.raises(NotWritten, match="logs"):
        write(two(tmp_path))
    assert tree(tmp_path) == before


def test_difference_of_line_ends_only(tmp_path: Path) -> None:
    """A file that differs only in its line ends is not shown as an empty difference."""
    target = tmp_path / "web.config"
    target.write_bytes(b"one\r\n")
    said: list[str] = []
    write(Generated((GeneratedFile(str(target), b"one\n"),)), override=True, echo=said.append)
    assert "only line ends" in said[0]
