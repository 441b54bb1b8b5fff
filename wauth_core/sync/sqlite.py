"""`SQLiteUserRepository`: a table of users in one SQLite file, for scripts and for the ``wauth sync`` command."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any

from wauth_core.exceptions import ConfigurationError, SyncError
from wauth_core.sync import store
from wauth_core.sync.freshness import horizon
from wauth_core.sync.repository import Change, Key, UserSnapshot, Wanted
from wauth_core.sync.sqlite_tables import LINK, are_made, columns, link_values, make_tables, stored_link, text_of
from wauth_core.sync.store import domain_key, name_key, new_sessions, only_lowers, same_link

_OWN_COLUMNS = frozenset({"id", "name_key"})
_NOW = "((julianday('now') - 2440587.5) * 86400.0)"  # seconds since 1970


class SQLiteUserRepository:
    """Users in the SQLite file *path*, made if it is not there: tables users, groups, user_groups and links.

    The users table gets a column for each field and flag that the settings speak of; ``name_key`` is the user name
    without case. Threads may share one repository; processes may share the file. ``close()`` it, or use it as a
    context manager.

    Raises `SyncError` if the file cannot be used, and `ConfigurationError` for a field that it cannot have.
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
                if not are_made(self._connection):
                    with self._transaction() as connection:
                        make_tables(connection)
                self._columns = columns(self._connection)
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
        """See `UserRepository`."""
        found = self._read(
            wanted,
            "l.domain = ? AND (l.name_key = ? OR l.guid = ?)",
            (domain_key(domain), name_key(username), str(guid) if guid else None),
        )
        return [user for user in found if same_link(user.link, domain, username, guid)]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`."""
        found = self._read(wanted, "u.name_key = ?", (name_key(username),))
        return found[0] if found else None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Batches go by key."""
        last: Any = -1
        while found := self._read(wanted, "l.domain = ? AND u.id > ?", (domain_key(domain), last), limit=batch):
            yield found
            last = found[-1].key

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """See `UserRepository`. Raises `SyncError` if a name is taken."""
        with self._transaction() as connection:
            return [self._write(connection, change, now) for change in changes]

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """See `UserRepository`."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE links SET last_sync = ?1 WHERE user_id = ?2 AND last_sync IS ?3"
                " AND (last_sync IS NULL OR last_sync < ?1 OR last_sync > ?4)",
                [(text_of(now), key, text_of(moment), text_of(horizon())) for key, moment in seen.items()],
            )

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """See `UserRepository`. Holds among all processes that use the file."""
        key = (domain_key(domain), name_key(username))
        return store.claiming(lambda token: self._take(key, token), lambda token: self._release(key, token), wait=wait)

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        with self._mutex, self._errors():
            if value is not None:
                self._connection.execute(
                    "INSERT INTO bookmarks VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET value = excluded.value",
                    (domain_key(domain), value),
                )
            row = self._connection.execute(
                "SELECT value FROM bookmarks WHERE domain = ?", (domain_key(domain),)
            ).fetchone()
        return row[0] if row else None

    def _take(self, key: tuple[str, str], token: str) -> bool:
        """Insert the claim, or take it over once it has ended. One that ends too late is of a clock that was wrong."""
        with self._mutex, self._errors():
            taken = self._connection.execute(
                f"INSERT INTO claims VALUES (?1, ?2, ?3, {_NOW} + ?4) ON CONFLICT (domain, name_key) DO UPDATE"  # noqa: S608
                " SET token = excluded.token, until = excluded.until"
                f" WHERE until <= {_NOW} OR until > {_NOW} + 2 * ?5",
                (*key, token, store.lease(), store.LOCK_SECONDS),
            )
        return taken.rowcount == 1

    def _release(self, key: tuple[str, str], token: str) -> None:
        with self._mutex, self._errors():
            self._connection.execute(
                "DELETE FROM claims WHERE domain = ? AND name_key = ? AND token = ?", (*key, token)
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._columns = columns(self._connection)
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise SyncError(f"The database refuses the change: {error}.") from error
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise SyncError(f"The users file {self._path!r} cannot be used: {error}.") from error

    def _read(self, wanted: Wanted, where: str, values: tuple[Any, ...], *, limit: int = -1) -> list[UserSnapshot]:
        with self._mutex, self._errors():
            self._ensure_columns(wanted.fields, wanted.flags)
            columns = "".join(f", u.{_quoted(name)}" for name in (*wanted.fields, *wanted.flags))
            rows = self._connection.execute(
                f"SELECT u.id, {', '.join(f'l.{name}' for name in LINK)}"  # noqa: S608
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
            "SELECT user_id, name FROM user_groups JOIN groups ON groups.id = group_id"  # noqa: S608
            f" WHERE user_id IN ({', '.join('?' * len(keys))})",
            keys,
        )
        for key, name in rows:
            found.setdefault(key, set()).add(name)
        return {key: frozenset(names) for key, names in found.items()}

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
                self._columns = columns(self._connection)
                if name.casefold() not in self._columns:
                    raise
            self._columns.add(name.casefold())

    def _write(self, connection: sqlite3.Connection, change: Change, now: datetime) -> Key | None:
        self._ensure_columns(change.fields, change.flags)
        if change.key is not None and not self._may_write(connection, change, now):
            return None
        values = {**change.fields, **{name: int(value) for name, value in change.flags.items()}}
        columns = {_quoted(name): _stored(value) for name, value in values.items()}
        if self._username_field in change.fields:
            columns["name_key"] = name_key(str(change.fields[self._username_field]))
        key: Any = change.key
        if key is None:
            key = _insert(connection, "users", columns)
        elif columns:
            connection.execute(f"UPDATE users SET {_assigned(columns)} WHERE id = ?", (*columns.values(), key))  # noqa: S608
        self._write_groups(connection, key, change)
        if change.link is not None and change.seen is None:
            known = text_of(now) if change.answered else None
            values = {**link_values(change.link), "last_sync": known, "sessions": new_sessions()}
            _insert(connection, "links", {"user_id": key, **values})
        return key  # type: ignore[no-any-return]

    def _may_write(self, connection: sqlite3.Connection, change: Change, now: datetime) -> bool:
        """Write the link, if that was not changed since; False if it was."""
        if change.seen is None:
            find = "SELECT l.user_id FROM users u LEFT JOIN links l ON l.user_id = u.id WHERE u.id = ?"
            if (row := connection.execute(find, (change.key,)).fetchone()) is None:
                raise SyncError(f"There is no user {change.key} any more.")
            return row[0] is None
        values = link_values(change.link) if change.link else {"user_id": change.key}
        where, known = "user_id = ? AND last_sync IS ? AND lapsed = ?", [text_of(change.seen.last_sync)]
        if change.answered:
            values["last_sync"] = text_of(now)
            where += f" AND (last_sync IS NULL OR last_sync {'<=' if only_lowers(change) else '<'} ? OR last_sync > ?)"
            known += [text_of(now), text_of(horizon())]
        more = ", sessions = sessions + 1" if change.end_sessions else ""
        done = connection.execute(
            f"UPDATE links SET {_assigned(values)}{more} WHERE {where}",  # noqa: S608
            (*values.values(), change.key, known[0], int(change.seen.lapsed), *known[1:]),
        )
        return done.rowcount == 1

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


def _insert(connection: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> int | None:
    """Insert a row, and return its key."""
    listed, marks = ", ".join(values), ", ".join("?" * len(values))
    done = connection.execute(f"INSERT INTO {table} ({listed}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
    return done.lastrowid


def _assigned(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = ?" for name in values)


def _snapshot(row: tuple[Any, ...], wanted: Wanted, groups: frozenset[str]) -> UserSnapshot:
    key, *values = row
    stored, values = dict(zip(LINK, values, strict=False)), values[len(LINK) :]
    link = stored_link(stored) if stored["domain_name"] is not None else None
    fields = dict(zip(wanted.fields, values, strict=False))
    flags = {name: bool(value) for name, value in zip(wanted.flags, values[len(fields) :], strict=True)}
    return UserSnapshot(key, link, fields, flags, groups)


def _stored(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bytes)) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
