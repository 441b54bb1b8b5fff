"""Write generated files safely: nothing is overwritten without being asked for, and no half-written file stays."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from wauth_core.exceptions import WauthError


@dataclass(frozen=True)
class GeneratedFile:
    """One file to write. *encoding* is that of *content*, for showing it."""

    path: str
    content: bytes
    encoding: str = "utf-8"

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding)


@dataclass(frozen=True)
class Generated:
    """What a generator made: *files* to write, *folders* that must exist, *notes* for the person who runs it."""

    files: tuple[GeneratedFile, ...] = ()
    folders: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class WouldOverwrite(WauthError):
    """Files exist with other content. *paths* names them. Nothing was written."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(
            f"Already there, and not the same: {', '.join(self.paths)}. Nothing was written. Look at --dry-run, "
            "then use --override (-f): it keeps a backup."
        )


class NotWritten(WauthError):
    """A file or folder could not be written. Everything is as it was before."""

    def __init__(self, path: str, reason: OSError) -> None:
        self.path = path
        super().__init__(f"Could not write {path}: {reason}. Everything is as it was before.")


def write(
    generated: Generated,
    *,
    override: bool = False,
    dry_run: bool = False,
    echo: Callable[[str], object] = print,
) -> tuple[Path, ...]:
    """Write all files, or none of them. Returns the paths that changed.

    - A file that exists with the same content is not touched.
    - A file that exists with other content is an error (:class:`WouldOverwrite`). With *override* the difference is
      shown, and the old file is kept as ``NAME.bak`` (``.bak2``, ``.bak3`` … if that exists).
    - With *dry_run* the content, or the difference to the existing file, is shown, and nothing is written.
    """
    changes = [file for file in generated.files if _current(file) != file.content]
    existing = [file for file in changes if _current(file) is not None]
    if existing and not override and not dry_run:
        raise WouldOverwrite([file.path for file in existing])
    for file in generated.files:
        if file not in changes:
            echo(f"unchanged: {file.path}")
        elif file in existing:
            echo(_difference(file))
        elif dry_run:
            echo(f"would write {file.path}:\n{file.text}")
    if not dry_run:
        _write_all(changes, generated.folders, echo)
    return () if dry_run else tuple(Path(file.path) for file in changes)


def _current(file: GeneratedFile) -> bytes | None:
    try:
        return Path(file.path).read_bytes()
    except FileNotFoundError:
        return None


def _difference(file: GeneratedFile) -> str:
    before = (_current(file) or b"").decode(file.encoding, "replace")
    lines = difflib.unified_diff(
        before.splitlines(), file.text.splitlines(), file.path, f"{file.path} (generated)", lineterm=""
    )
    return "\n".join(lines) or f"{file.path}: only line ends or the encoding differ"


def _write_all(files: Sequence[GeneratedFile], folders: Sequence[str], echo: Callable[[str], object]) -> None:
    path = ""
    try:
        with ExitStack() as undo:
            for path in [*folders, *(os.path.dirname(file.path) for file in files)]:
                _make_folder(Path(path or "."), undo)
            staged: list[tuple[Path, Path]] = []
            for file in files:
                path = file.path
                staged.append((_stage(file, undo), Path(path)))
            messages = []
            for temporary, target in staged:
                path = str(target)
                messages.append(_put_in_place(temporary, target, undo))
            undo.pop_all()
    except OSError as exc:
        raise NotWritten(path, exc) from exc
    for message in messages:
        echo(message)


def _make_folder(folder: Path, undo: ExitStack) -> None:
    for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        missing.mkdir(exist_ok=True)
        undo.callback(missing.rmdir)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")


def _stage(file: GeneratedFile, undo: ExitStack) -> Path:
    """Write beside the target, so that one rename on one volume puts it in place."""
    temporary = Path(f"{file.path}.{os.getpid()}.tmp")
    undo.callback(temporary.unlink, missing_ok=True)
    with open(temporary, "xb") as stream:
        stream.write(file.content)
        stream.flush()
        os.fsync(stream.fileno())
    return temporary


def _put_in_place(temporary: Path, target: Path, undo: ExitStack) -> str:
    if not target.exists():
        os.replace(temporary, target)
        undo.callback(target.unlink, missing_ok=True)
        return f"wrote {target}"
    backup = _backup_name(target)
    before, mode = target.read_bytes(), target.stat().st_mode
    with open(backup, "xb") as stream:
        undo.callback(backup.unlink, missing_ok=True)
        stream.write(before)
    os.chmod(temporary, mode)
    os.replace(temporary, target)
    undo.callback(target.write_bytes, before)
    return f"wrote {target}, kept the former one as {backup.name}"


def _backup_name(target: Path) -> Path:
    number = 1
    while True:
        candidate = target.with_name(f"{target.name}.bak{number if number > 1 else ''}")
        if not candidate.exists():
            return candidate
        number += 1
