"""The tables of `wauth_core.sync.sqlite.SQLiteUserRepository`, and links in them."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from wauth_core.sync.repository import Link
from wauth_core.sync.store import domain_key, name_key, new_sessions

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
    domain TEXT NOT NULL, -- as it is compared
    domain_name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- the user name as it is compared
    username TEXT NOT NULL,
    guid TEXT,
    sid TEXT,
    deactivated INTEGER NOT NULL DEFAULT 0,
    last_sync TEXT,
    UNIQUE (domain, name_key),
    UNIQUE (domain, guid)
);
CREATE TABLE IF NOT EXISTS bookmarks (domain TEXT PRIMARY KEY, value TEXT NOT NULL);
DROP TABLE IF EXISTS locks;
CREATE TABLE IF NOT EXISTS claims (
    domain TEXT NOT NULL,
    name_key TEXT NOT NULL,
    token TEXT NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (domain, name_key)
) WITHOUT ROWID;
"""
# Columns of links that files of earlier versions lack.
_NEWER = {
    "lapsed": "INTEGER NOT NULL DEFAULT 0",
    "password_set": "TEXT",
    "controller": "TEXT NOT NULL DEFAULT ''",
    "lowered_at": "TEXT",
    "sessions": "INTEGER NOT NULL DEFAULT 0",
}
LINK = (  # what is read of a link
    "domain_name", "username", "guid", "sid", "deactivated", "lapsed", "password_set", "controller", "lowered_at",
    "last_sync", "sessions",
)  # fmt: skip


def columns(connection: sqlite3.Connection, table: str = "users") -> set[str]:
    """The names of a table's columns, case-folded."""
    return {row[1].casefold() for row in connection.execute(f"PRAGMA table_info({table})")}


def are_made(connection: sqlite3.Connection) -> bool:
    """Whether all tables are there, as they are today."""
    return "sessions" in columns(connection, "links")


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what is missing, and bring the links of an earlier version's file up to date. To be called in a
    transaction."""
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    for name in _NEWER.keys() - columns(connection, "links"):
        connection.execute(f"ALTER TABLE links ADD COLUMN {name} {_NEWER[name]}")
    rows = connection.execute("SELECT user_id, domain_name FROM links WHERE sessions = 0").fetchall()
    if rows:  # its domains were spelled in another way; one without a bookmark reads everything again
        connection.execute("DELETE FROM bookmarks")
    connection.executemany(
        "UPDATE links SET domain = ?, sessions = ? WHERE user_id = ?",
        [(domain_key(domain), new_sessions(), key) for key, domain in rows],
    )


def link_values(link: Link) -> dict[str, Any]:
    """What a link is in the table, but for what only the repository writes."""
    return {
        "domain": domain_key(link.domain),
        "domain_name": link.domain,
        "name_key": name_key(link.username),
        "username": link.username,
        "guid": str(link.guid) if link.guid else None,
        "sid": link.sid,
        "deactivated": int(link.deactivated),
        "lapsed": int(link.lapsed),
        "password_set": text_of(link.password_set),
        "controller": link.controller,
        "lowered_at": text_of(link.lowered_at),
    }


def stored_link(row: Mapping[str, Any]) -> Link:
    """The link in a row of the columns LINK."""
    return Link(
        row["domain_name"],
        row["username"],
        guid=uuid.UUID(row["guid"]) if row["guid"] else None,
        sid=row["sid"],
        deactivated=bool(row["deactivated"]),
        lapsed=bool(row["lapsed"]),
        password_set=time_of(row["password_set"]),
        controller=row["controller"],
        lowered_at=time_of(row["lowered_at"]),
        last_sync=time_of(row["last_sync"]),
        sessions=row["sessions"],
    )


def text_of(moment: datetime | None) -> str | None:
    """Texts of two moments compare as the moments do: "+" comes before "."."""
    return moment.astimezone(timezone.utc).isoformat() if moment else None


def time_of(text: str | None) -> datetime | None:
    """The moment of a text by `text_of`."""
    return datetime.fromisoformat(text) if text else None
