"""`SQLiteUserRepository`: a table of users in one SQLite file, for scripts and for the ``wauth sync`` command."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from wauth_core.exceptions import ConfigurationError, SyncError
from wauth_core.identity import fold_username
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted

LOCK_SECONDS = 60.0  # a lock older than this belongs to a worker that died

_OWN_COLUMNS = frozenset({"id", "name_key"})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name_key TEXT NOT NULL UNIQUE,
    is_active INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS user_groups (
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
    user_id INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    domain TEXT NOT NULL, -- without case
    domain_name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- the user name without case
    username TEXT NOT NULL,
    guid TEXT,
    sid TEXT,
    deactivated INTEGER NOT NULL DEFAULT 0,
    last_sync TEXT,
    UNIQUE (domain, name_key),
    UNIQUE (domain, guid)
);
CREATE TABLE IF NOT EXISTS bookmarks (domain TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS locks (name TEXT PRIMARY KEY, since REAL NOT NULL);
"""


class SQLiteUserRepository:
    """Users in the SQLite file *path*, made if it is not there: tables users, groups, user_groups and links.

    The users table gets a column for each field and flag that the settings speak of; ``name_key`` is the user name
    without case. Threads may share one repository; processes may share the file. ``close()`` it, or use it as a
    context manager.

    Raises `SyncError` where the file cannot be used, and `ConfigurationError` for a field that it cannot have.
    """

    def __init__(self, path: str | os.PathLike[str], *, username_field: str = "username") -> None:
        self._path = os.fspath(path)
        self._mutex = threading.RLock()
        self._username_field = username_field
        with self._errors():
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            with self._errors():
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._connection.executescript(_SCHEMA)
                self._columns = self._existing_columns()
        except SyncError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> SQLiteUserRepository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """The users linked to (*domain*, *guid*) or to (*domain*, *username*)."""
        return self._read(
            wanted,
            "l.domain = ? AND (l.name_key = ? OR l.guid = ?)",
            (domain.casefold(), fold_username(username), str(guid) if guid else None),
        )

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """The user who goes by *username*."""
        found = self._read(wanted, "u.name_key = ?", (fold_username(username),))
        return found[0] if found else None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """All users linked to *domain*, in batches, by key."""
        last: Any = -1
        while found := self._read(wanted, "l.domain = ? AND u.id > ?", (domain.casefold(), last), limit=batch):
            yield found
            last = found[-1].key

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key]:
        """Write all of *changes* in one transaction. Raises `SyncError` where a name is taken."""
        with self._transaction() as connection:
            return [self._write(connection, change, now) for change in changes]

    def touch(self, keys: Sequence[Key], *, now: datetime) -> None:
        """Note that these users were checked."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE links SET last_sync = ? WHERE user_id = ?", [(_text(now), key) for key in keys]
            )

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Iterator[bool]:
        """Enter with True if no other worker, in this process or another, is at that user now."""
        name = f"{domain.casefold()}\\{fold_username(username)}"
        until = time.monotonic() + wait
        while not (mine := self._seize(name)) and time.monotonic() < until:
            time.sleep(0.02)
        try:
            yield mine
        finally:
            if mine:
                with self._mutex, self._errors():
                    self._connection.execute("DELETE FROM locks WHERE name = ?", (name,))

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """Where the last bulk sync of *domain* stopped."""
        with self._mutex, self._errors():
            if value is not None:
                self._connection.execute(
                    "INSERT INTO bookmarks VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET value = excluded.value",
                    (domain.casefold(), value),
                )
            row = self._connection.execute(
                "SELECT value FROM bookmarks WHERE domain = ?", (domain.casefold(),)
            ).fetchone()
        return row[0] if row else None

    def _seize(self, name: str) -> bool:
        now = time.time()
        with self._mutex, self._errors():
            self._connection.execute("DELETE FROM locks WHERE name = ? AND since < ?", (name, now - LOCK_SECONDS))
            taken = self._connection.execute("INSERT OR IGNORE INTO locks VALUES (?, ?)", (name, now))
        return taken.rowcount == 1

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                self._columns = self._existing_columns()
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise SyncError(f"The database refuses the change: {error}.") from error
        except sqlite3.Error as error:
            raise SyncError(f"The users file {self._path!r} cannot be used: {error}.") from error

    def _read(self, wanted: Wanted, where: str, values: tuple[Any, ...], *, limit: int = -1) -> list[UserSnapshot]:
        with self._mutex, self._errors():
            self._ensure_columns(wanted.fields, wanted.flags)
            columns = "".join(f", u.{_quoted(name)}" for name in (*wanted.fields, *wanted.flags))
            rows = self._connection.execute(
                "SELECT u.id, l.domain_name, l.username, l.guid, l.sid, l.deactivated, l.last_sync"  # noqa: S608
                f"{columns} FROM users u LEFT JOIN links l ON l.user_id = u.id WHERE {where} ORDER BY u.id LIMIT ?",
                (*values, limit),
            ).fetchall()
            groups = self._groups([row[0] for row in rows]) if wanted.groups else {}
        return [_snapshot(row, wanted, groups.get(row[0], frozenset())) for row in rows]

    def _groups(self, keys: list[int]) -> dict[int, frozenset[str]]:
        found: dict[int, set[str]] = {}
        if not keys:
            return {}
        rows = self._connection.execute(
            "SELECT user_id, name FROM user_groups JOIN groups ON groups.id = group_id WHERE user_id BETWEEN ? AND ?",
            (min(keys), max(keys)),
        )
        for key, name in rows:
            found.setdefault(key, set()).add(name)
        return {key: frozenset(names) for key, names in found.items()}

    def _existing_columns(self) -> set[str]:
        return {row[1].casefold() for row in self._connection.execute("PRAGMA table_info(users)")}

    def _ensure_columns(self, fields: Iterable[str], flags: Iterable[str]) -> None:
        kinds = {**dict.fromkeys(fields, ""), **dict.fromkeys(flags, "INTEGER NOT NULL DEFAULT 0")}
        for name, kind in kinds.items():
            if name.casefold() in _OWN_COLUMNS:
                raise ConfigurationError(f"USER_FIELD_MAP: a users file cannot have a field {name!r}; it is its own.")
            if name.casefold() in self._columns:
                continue
            try:
                self._connection.execute(f"ALTER TABLE users ADD COLUMN {_quoted(name)} {kind}")
            except sqlite3.OperationalError:  # another process may have been first
                self._columns = self._existing_columns()
                if name.casefold() not in self._columns:
                    raise
            self._columns.add(name.casefold())

    def _write(self, connection: sqlite3.Connection, change: Change, now: datetime) -> Key:
        self._ensure_columns(change.fields, change.flags)
        values = {**change.fields, **{name: int(value) for name, value in change.flags.items()}}
        columns = {_quoted(name): _stored(value) for name, value in values.items()}
        if self._username_field in change.fields:
            columns["name_key"] = fold_username(str(change.fields[self._username_field]))
        key: Any = change.key
        if key is None:
            listed, marks = ", ".join(columns), ", ".join("?" * len(columns))
            key = connection.execute(
                f"INSERT INTO users ({listed}) VALUES ({marks})",  # noqa: S608
                tuple(columns.values()),
            ).lastrowid
        else:
            assigned = ", ".join(f"{name} = ?" for name in columns) or "id = id"
            done = connection.execute(f"UPDATE users SET {assigned} WHERE id = ?", (*columns.values(), key))  # noqa: S608
            if not done.rowcount:
                raise SyncError(f"There is no user {key} any more.")
        self._write_groups(connection, key, change)
        if change.link is not None:
            self._write_link(connection, key, change.link)
        connection.execute("UPDATE links SET last_sync = ? WHERE user_id = ?", (_text(now), key))
        return key  # type: ignore[no-any-return]

    def _write_groups(self, connection: sqlite3.Connection, key: int, change: Change) -> None:
        connection.executemany("INSERT OR IGNORE INTO groups (name) VALUES (?)", [(g,) for g in change.groups_add])
        connection.executemany(
            "INSERT OR IGNORE INTO user_groups SELECT ?, id FROM groups WHERE name = ?",
            [(key, group) for group in sorted(change.groups_add)],
        )
        connection.executemany(
            "DELETE FROM user_groups WHERE user_id = ? AND group_id = (SELECT id FROM groups WHERE name = ?)",
            [(key, group) for group in sorted(change.groups_remove)],
        )

    def _write_link(self, connection: sqlite3.Connection, key: int, link: Link) -> None:
        connection.execute(
            "INSERT INTO links (user_id, domain, domain_name, name_key, username, guid, sid, deactivated)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET name_key = excluded.name_key,"
            " username = excluded.username, guid = excluded.guid, sid = excluded.sid,"
            " deactivated = excluded.deactivated",
            (
                key,
                link.domain.casefold(),
                link.domain,
                fold_username(link.username),
                link.username,
                str(link.guid) if link.guid else None,
                link.sid,
                int(link.deactivated),
            ),
        )


def _snapshot(row: tuple[Any, ...], wanted: Wanted, groups: frozenset[str]) -> UserSnapshot:
    key, domain, username, guid, sid, deactivated, last_sync, *values = row
    link = None
    if domain is not None:
        link = Link(
            domain,
            username,
            uuid.UUID(guid) if guid else None,
            sid,
            bool(deactivated),
            datetime.fromisoformat(last_sync) if last_sync else None,
        )
    fields = dict(zip(wanted.fields, values, strict=False))
    flags = {name: bool(value) for name, value in zip(wanted.flags, values[len(fields) :], strict=True)}
    return UserSnapshot(key, link, fields, flags, groups)


def _stored(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bytes)) else str(value)


def _text(now: datetime) -> str:
    return now.astimezone(timezone.utc).isoformat()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
