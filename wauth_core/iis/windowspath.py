"""Windows paths and command lines as text, the same on every system.

A configuration may be generated on Linux for a Windows server, so nothing here asks the running system: a
path with a drive letter or a backslash is a Windows path, whatever machine reads it.
"""

from __future__ import annotations

import ntpath
import posixpath
import re

from wauth_core.exceptions import ConfigurationError


def is_windows(path: str) -> bool:
    """Whether *path* is written the Windows way (drive letter, UNC or backslash)."""
    return bool(ntpath.splitdrive(path)[0]) or "\\" in path


def join(folder: str, *parts: str) -> str:
    """Join with the slashes that *folder* uses."""
    flavour = ntpath if is_windows(folder) else posixpath
    joined: str = flavour.normpath(flavour.join(folder, *parts))
    return joined


def parent(path: str) -> str:
    """The folder that holds *path*."""
    return ntpath.dirname(path) if is_windows(path) else posixpath.dirname(path)


def is_absolute(path: str) -> bool:
    """Whether *path* is absolute: ``C:\\x``, ``\\\\server\\share\\x``, ``/x``; not ``C:x`` or ``\\x``."""
    drive, rest = ntpath.splitdrive(path)
    return bool(drive and rest[:1] in ("\\", "/")) or path.startswith(("\\\\", "/"))


def relative_to(path: str, folder: str) -> str | None:
    """*path* below *folder* with forward slashes ("" for the folder itself), or None if it lies elsewhere.

    Case matters only if the paths are not Windows paths.
    """
    flavour = ntpath if is_windows(folder) else posixpath
    inner, outer = flavour.normpath(path), flavour.normpath(folder)
    if flavour.normcase(inner) == flavour.normcase(outer):
        return ""
    prefix = outer if outer.endswith(flavour.sep) else outer + flavour.sep
    if not flavour.normcase(inner).startswith(flavour.normcase(prefix)):
        return None
    below: str = inner[len(prefix) :]
    return below.replace("\\", "/")


def quote(value: str, *, always: bool = False) -> str:
    """One argument of a Windows command line, quoted if necessary.

    The rules are those of the C runtime: backslashes count only before a quote
    (https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments).
    """
    if value and not always and not re.search(r'[\s"]', value):
        return value
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', value)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f'"{escaped}"'


def command_line(*arguments: str) -> str:
    """A Windows command line that a program splits into exactly *arguments*."""
    return " ".join(map(quote, arguments))


def refuse_expansion(value: str, what: str) -> str:
    """Return *value*, unless Windows would expand a ``%NAME%`` in it: there is no escape for that.

    IIS and Task Scheduler expand environment variables in the paths and arguments they start.
    """
    found = re.search(r"%[^%]+%", value)
    if found:
        raise ConfigurationError(
            f"{what} is {value!r}: Windows would read {found.group()!r} as an environment variable. Rename the "
            "folder so that it holds no two percent signs."
        )
    return value
