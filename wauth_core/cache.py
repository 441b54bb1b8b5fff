"""The application's own cache, shared by its workers. It may fail: then it is empty, and the log says so once."""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

logger = logging.getLogger("wauth.cache")

PAUSE = 9.0  # times as long as a cache took to fail, it is not asked again
LONGEST_PAUSE = 60.0  # seconds

T = TypeVar("T")


class Cache(Protocol):
    """What Django's caches and cachelib's have in common. *timeout* is in seconds."""

    def get(self, key: str, /) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any, timeout: int, /) -> Any:
        """Keep *value*."""

    def add(self, key: str, value: Any, timeout: int, /) -> Any:
        """Keep *value* if there is none yet; return whether it was kept."""

    def delete(self, key: str, /) -> Any:
        """Forget the value."""


class SharedCache:
    """*cache* as the rest of the core uses it: its errors are no errors. None stands for no cache at all.

    One that fails is asked by one caller at a time, and for a tenth of the time at most: some take seconds to fail.
    *clock* is in seconds.
    """

    def __init__(self, cache: Cache | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._failing = False
        self._again = float("-inf")

    def __bool__(self) -> bool:
        """Whether there is a cache. It may be down."""
        return self._cache is not None

    def get(self, key: str) -> Any:
        """The value; None if there is none, or no answer."""
        return self._tried(lambda cache: cache.get(key), None)

    def set(self, key: str, value: Any, timeout: float) -> bool:
        """Keep *value* for *timeout* seconds; return whether the cache answered."""
        return self._tried(lambda cache: (cache.set(key, value, max(1, int(timeout))), True)[1], False)

    def add(self, key: str, value: Any, timeout: float) -> bool | None:
        """Keep *value* if there is none yet. Return whether it was kept; None if there is no answer."""
        return self._tried(lambda cache: bool(cache.add(key, value, max(1, int(timeout)))), None)

    def delete(self, key: str) -> None:
        """Forget the value."""
        self._tried(lambda cache: cache.delete(key), None)

    def _tried(self, use: Callable[[Cache], Any], otherwise: T) -> Any | T:
        began = self._clock()
        if self._cache is None or began < self._again:
            return otherwise
        if self._failing:
            self._again = began + LONGEST_PAUSE
        try:
            answer = use(self._cache)
        except Exception as error:  # each backend has errors of its own
            now = self._clock()
            self._again = now + min(LONGEST_PAUSE, PAUSE * (now - began))
            if not self._failing:
                logger.warning(
                    "The cache fails, and counts as empty until it works: %s: %s", type(error).__name__, error
                )
            self._failing = True
            return otherwise
        if self._failing:
            logger.info("The cache works again.")
        self._failing, self._again = False, float("-inf")
        return answer


class FileCache:
    """A cache in a file, shared by the processes of one machine. Values are what JSON can hold.

    *path* is in a folder of this user alone by default. The file is open no longer than a question takes. Risk: whoever
    may write it may end sessions, or keep them alive. Raises `OSError` and `sqlite3.Error` where it cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = path

    def get(self, key: str, /) -> Any:
        """See `Cache`."""
        with self._file() as file:
            found = file.execute("SELECT value FROM kept WHERE key = ? AND until > ?", (key, time.time())).fetchone()
        return None if found is None else json.loads(found[0])

    def set(self, key: str, value: Any, timeout: int, /) -> bool:
        """See `Cache`."""
        with self._file() as file:
            kept = (key, json.dumps(value), time.time() + timeout)
            file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", kept)
        return True

    def add(self, key: str, value: Any, timeout: int, /) -> bool:
        """See `Cache`."""
        now = time.time()
        with self._file() as file:
            file.execute("DELETE FROM kept WHERE until <= ?", (now,))
            kept = (key, json.dumps(value), now + timeout)
            return file.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, ?)", kept).rowcount == 1

    def delete(self, key: str, /) -> bool:
        """See `Cache`."""
        with self._file() as file:
            return file.execute("DELETE FROM kept WHERE key = ?", (key,)).rowcount == 1

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        path = Path(self._path) if self._path is not None else own_folder() / "cache.sqlite3"
        opened = sqlite3.connect(path, timeout=2)
        try:
            with opened:
                opened.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT, until REAL)")
                yield opened
        finally:
            opened.close()


def own_folder() -> Path:
    """A folder for what the processes of this user share on this machine; nobody else may read or write it.

    Raises `OSError` if there is something of another user's in its place.
    """
    user = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    folder = Path(tempfile.gettempdir(), f"windowsauth-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):
        found = folder.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
            raise PermissionError(f"{folder} is open to other users: remove it.")
    return folder


def cache_key(*parts: object) -> str:
    """A key that every cache can take, whatever letters people's names have."""
    text = "\0".join(str(part) for part in parts)
    return f"wauth:{parts[0]}:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
