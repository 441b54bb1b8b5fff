"""Users in an SQLite file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.core.sync.fakes import NOW, FakeDirectory, guid, person, policy, sync
from wauth_core.exceptions import ConfigurationError, SyncError
from wauth_core.sync import Change, Link, SQLiteUserRepository, SyncStatus, Wanted
from wauth_core.sync.store import LOCK_SECONDS

WANTED = Wanted(("username", "first_name", "odd \"name'"), ("is_active", "is_staff"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteUserRepository]:
    with SQLiteUserRepository(path) as repository:
        yield repository


def new(name: str, number: int, domain: str = "EXAMPLE", **more: object) -> Change:
    return Change(None, Link(domain, name, guid(number)), {"username": name, **more}, {"is_staff": True})


def test_a_sync_and_the_next(store: SQLiteUserRepository, path: Path) -> None:
    """A synced user is in the tables as any other tool reads them, and the next sync changes nothing."""
    rules = policy(STAFF_GROUPS="Staff", GROUP_MAP={"writers": "Editors"})
    rules.fields["code"] = "countryCode"  # type: ignore[index]
    directory = FakeDirectory(person("Alice", 1, "Staff", "Editors", givenName="Alice", countryCode=49))
    assert sync(directory, store, rules).status is SyncStatus.CREATED
    assert sync(directory, store, rules).status is SyncStatus.UNCHANGED
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT u.username, first_name, code, is_staff, is_active, g.name, domain_name, last_sync FROM users u "
        "JOIN links l ON l.user_id = u.id JOIN user_groups ug ON ug.user_id = u.id JOIN groups g ON g.id = group_id"
    ).fetchall()
    connection.close()
    assert rows == [("alice", "Alice", 49, 1, 1, "writers", "EXAMPLE", (NOW + timedelta(seconds=1)).isoformat())]


def test_reopened_file_knows_its_users(path: Path) -> None:
    """Users, links and the bookmark outlive the object."""
    with SQLiteUserRepository(path) as store:
        store.find(WANTED, domain="EXAMPLE", username="x")
        store.apply([new("alice", 1)], now=NOW)
        store.bookmark("EXAMPLE", "12:34")
    with SQLiteUserRepository(path) as store:
        [user] = store.find(WANTED, domain="example", username="ALICE")
        assert user.link == Link("EXAMPLE", "alice", guid(1))
        assert user.link.last_sync == NOW
        assert user.flags == {"is_active": True, "is_staff": True}
        assert store.bookmark("example") == "12:34"


def test_names_compare_without_case(store: SQLiteUserRepository) -> None:
    """A name is taken in any case, letters outside ASCII included."""
    store.apply([new("zoë", 1)], now=NOW)
    assert store.named(WANTED, "ZOË") is not None
    with pytest.raises(SyncError):
        store.apply([new("ZOË", 2)], now=NOW)


def test_on_an_error_nothing_is_written(store: SQLiteUserRepository) -> None:
    """One change that is refused undoes the whole batch."""
    with pytest.raises(SyncError):
        store.apply([new("alice", 1), new("bob", 1)], now=NOW)
    assert store.named(WANTED, "alice") is None


def test_batches(store: SQLiteUserRepository) -> None:
    """All linked users of one domain come in batches, each once, while changes are written in between."""
    store.apply([new(f"user{n}", n) for n in range(1, 8)] + [new("other", 1, "OTHER")], now=NOW)
    batches = []
    for batch in store.linked(WANTED, "EXAMPLE", batch=3):
        batches.append([user.fields["username"] for user in batch])
        store.apply([Change(batch[0].key, fields={"first_name": "x"}, seen=batch[0].link, answered=False)], now=NOW)
    assert batches == [["user1", "user2", "user3"], ["user4", "user5", "user6"], ["user7"]]


def test_a_lock_is_seen_by_other_processes(store: SQLiteUserRepository, path: Path) -> None:
    """Another connection to the file finds the user busy, and free afterwards."""
    with SQLiteUserRepository(path) as other:
        with store.lock("EXAMPLE", "alice") as mine, other.lock("example", "ALICE", wait=0.05) as too:
            assert (mine, too) == (True, False)
        with other.lock("EXAMPLE", "alice") as mine:
            assert mine is True


def test_a_claim_of_a_wrong_clock_holds_nobody_up(store: SQLiteUserRepository, path: Path) -> None:
    """A claim that was made while the machine's clock was days ahead is free when that is put right."""
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO claims VALUES ('EXAMPLE', 'alice', 'x', ?)", (time.time() + 3 * 86400,))
    connection.execute("INSERT INTO claims VALUES ('EXAMPLE', 'bob', 'x', ?)", (time.time() + LOCK_SECONDS,))
    connection.commit()
    connection.close()
    with store.lock("EXAMPLE", "alice") as mine, store.lock("EXAMPLE", "bob") as too:
        assert (mine, too) == (True, False)


def test_a_claim_that_cannot_be_released_ends_by_itself(
    store: SQLiteUserRepository, caplog: pytest.LogCaptureFixture
) -> None:
    """What was done under the claim is done: the error is a word in the log."""
    with store.lock("EXAMPLE", "alice") as mine:
        assert mine is True
        store.close()
    assert "could not be released" in caplog.text


EARLIER = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name_key TEXT NOT NULL UNIQUE, is_active INTEGER NOT NULL DEFAULT 1,
    username);
CREATE TABLE links (
    user_id INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE, domain TEXT NOT NULL, domain_name TEXT NOT NULL,
    name_key TEXT NOT NULL, username TEXT NOT NULL, guid TEXT, sid TEXT, deactivated INTEGER NOT NULL DEFAULT 0,
    last_sync TEXT, UNIQUE (domain, name_key), UNIQUE (domain, guid)
);
CREATE TABLE bookmarks (domain TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE locks (name TEXT PRIMARY KEY, since REAL NOT NULL);
INSERT INTO users VALUES (1, 'alice', 1, 'alice'), (2, 'bob', 0, 'bob');
INSERT INTO links VALUES
    (1, 'strasse', 'STRAßE', 'alice', 'alice', NULL, 'S-1-5-21-1', 0, '2026-01-05T12:00:00+00:00'),
    (2, 'example', 'EXAMPLE', 'bob', 'bob', NULL, NULL, 1, NULL);
INSERT INTO bookmarks VALUES ('strasse', '1');
INSERT INTO locks VALUES ('example\\bob', 99999999999);
"""


def test_a_file_of_an_earlier_version_is_brought_up_to_date(path: Path) -> None:
    """Its links know their domains as they are compared today, have random numbers of sessions, and can be written."""
    connection = sqlite3.connect(path)
    connection.executescript(EARLIER)
    connection.close()
    wanted = Wanted(("username",), ("is_active",))
    with SQLiteUserRepository(path) as store, SQLiteUserRepository(path):
        assert store.find(wanted, domain="STRASSE", username="alice") == []
        [alice] = store.find(wanted, domain="straße", username="alice")
        assert alice.link == Link("STRAßE", "alice", sid="S-1-5-21-1")
        assert alice.link.last_sync == NOW
        [bob] = store.find(wanted, domain="example", username="BOB")
        assert bob.link == Link("EXAMPLE", "bob", deactivated=True)
        assert 0 not in {alice.link.sessions, bob.link.sessions}
        assert store.bookmark("STRASSE") is store.bookmark("STRAßE") is None
        store.apply([Change(2, link=Link("EXAMPLE", "bob", lapsed=True), seen=bob.link)], now=NOW)
        with store.lock("EXAMPLE", "bob") as mine:
            assert mine is True
    with SQLiteUserRepository(path) as store:
        [again] = store.find(wanted, domain="EXAMPLE", username="bob")
        assert again.link == Link("EXAMPLE", "bob", lapsed=True)
        assert again.link.sessions == bob.link.sessions


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    """A file that is no database, and a folder that is not there, are errors of ours that name the file."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(SyncError, match=r"notes\.txt"):
        SQLiteUserRepository(path)
    with pytest.raises(SyncError, match="nowhere"):
        SQLiteUserRepository(tmp_path / "nowhere" / "users.sqlite3")


def test_its_own_columns_are_not_fields(store: SQLiteUserRepository) -> None:
    """A field that would overwrite the primary key is refused."""
    with pytest.raises(ConfigurationError, match="'ID'"):
        sync(FakeDirectory(person("alice")), store, policy(USER_FIELD_MAP={"ID": "employeeID", "username": "uid"}))


def test_a_column_that_another_process_made(store: SQLiteUserRepository, path: Path) -> None:
    """Two processes that meet a new field at once do not stop one another."""
    with SQLiteUserRepository(path) as other:
        other.find(WANTED, domain="EXAMPLE", username="x")
        assert store.find(WANTED, domain="EXAMPLE", username="x") == []


def test_hostile_names_are_only_names(store: SQLiteUserRepository) -> None:
    """Quotes in values, in group names and in the names of columns are kept as they are."""
    hurt = "Robert'); DROP TABLE users;--"
    change = Change(
        None,
        Link("EXAMPLE", "bob", guid(1)),
        {"username": hurt, "odd \"name'": hurt},
        groups_add=frozenset({hurt}),
    )
    store.find(WANTED, domain="EXAMPLE", username="bob")
    store.apply([change], now=NOW)
    user = store.named(WANTED, hurt)
    assert user is not None
    assert user.fields == {"username": hurt, "first_name": None, "odd \"name'": hurt}
    assert user.groups == {hurt}
