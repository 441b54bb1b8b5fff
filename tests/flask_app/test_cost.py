"""What a request costs the database and the directory."""

from __future__ import annotations

from contextlib import contextmanager

from sqlalchemy import event

from tests.flask_app.applications import ALICE


@contextmanager
def counted(app):
    """The SQL statements of the block."""
    statements: list[str] = []

    def note(connection, cursor, statement, *rest):
        statements.append(statement)

    with app.app_context():
        engine = app.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_fresh_user_costs_one_query(make_with_database, directory):
    """Between two syncs one SELECT finds the user and the last sync; the directory is not asked."""
    app = make_with_database(WAUTH_USE_CACHE=False)
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    asked = len(directory.operations)
    with counted(app) as statements:
        assert client.get("/member", environ_base=ALICE).status_code == 200
    assert len(statements) == 1
    assert len(directory.operations) == asked


def test_with_the_cache_a_fresh_user_costs_no_query(make_with_database, directory):
    """WAUTH_USE_CACHE: neither SQL nor LDAP until something asks for the record."""
    app = make_with_database(WAUTH_USE_CACHE=True)
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    asked = len(directory.operations)
    with counted(app) as statements:
        assert client.get("/member", environ_base=ALICE).status_code == 200
    assert statements == []
    assert len(directory.operations) == asked


def test_an_unchanged_sync_writes_the_time_and_nothing_else(make_with_database, directory):
    """The rows of users and groups are read once and not written; the lock and the time are three short writes."""
    app = make_with_database(WAUTH_RESYNC_DELTA=0)
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    with counted(app) as statements:
        assert client.get("/", environ_base=ALICE).json["synced"] == "unchanged"
    written = [statement.split()[:3] for statement in statements if not statement.startswith("SELECT")]
    assert written == [
        ["INSERT", "INTO", "windows_auth_lock"],
        ["UPDATE", "windows_auth_link", "SET"],
        ["DELETE", "FROM", "windows_auth_lock"],
    ]
    assert len(statements) <= 6


def test_the_cache_is_forgotten_when_somebody_is_refused(make_with_database, directory):
    """A person who was put out is looked up anew at the next visit."""
    app = make_with_database(WAUTH_USE_CACHE=True, WAUTH_RESYNC_DELTA=3600)
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    directory.disable("alice")
    assert client.get("/fresh", environ_base=ALICE).status_code == 403
    assert client.get("/", environ_base=ALICE).json["identity"] is None


def test_a_group_question_after_a_sync_costs_nothing_and_agrees_with_it(make, directory):
    """What the sync read answers in_group too: no search of its own, and never older than the flags."""
    app = make()
    client = app.test_client()
    client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\ada"})
    client.get("/editors", environ_base={"REMOTE_USER": "EXAMPLE\\ada"})  # resolves the group's name
    client = app.test_client()
    asked = len(directory.operations)
    client.get("/", environ_base={"REMOTE_USER": "EXAMPLE\\ada"})
    assert client.get("/editors", environ_base={"REMOTE_USER": "EXAMPLE\\ada"}).status_code == 200
    assert [operation.op for operation in directory.operations[asked:]] == ["search"]
    directory.remove_member("Web Editors", "Web Developers")
    client.get("/fresh", environ_base={"REMOTE_USER": "EXAMPLE\\ada"})
    assert client.get("/editors", environ_base={"REMOTE_USER": "EXAMPLE\\ada"}).status_code == 403
