"""What a request costs the database and the directory."""

from __future__ import annotations

from contextlib import contextmanager

from cachelib import FileSystemCache
from sqlalchemy import event

from tests.flask_app.applications import ALICE, with_cache

ADA = {"REMOTE_USER": "EXAMPLE\\ada"}


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
    app = make_with_database()
    client = app.test_client()
    client.get("/", environ_base=ALICE)
    asked = len(directory.operations)
    with counted(app) as statements:
        assert client.get("/member", environ_base=ALICE).status_code == 200
    assert len(statements) == 1
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


def test_a_group_question_after_a_sync_costs_nothing_and_agrees_with_it(make, directory):
    """What the sync read answers in_group too: no search of its own, and never older than the flags."""
    app = make()
    client = app.test_client()
    client.get("/", environ_base=ADA)
    client.get("/editors", environ_base=ADA)  # resolves the group's name
    client = app.test_client()
    asked = len(directory.operations)
    client.get("/", environ_base=ADA)
    assert client.get("/editors", environ_base=ADA).status_code == 200
    assert [operation.op for operation in directory.operations[asked:]] == ["search"]
    directory.remove_member("Web Editors", "Web Developers")
    client.get("/fresh", environ_base=ADA)
    assert client.get("/editors", environ_base=ADA).status_code == 403


def test_workers_tell_one_another_what_they_heard(directory, closing, tmp_path):
    """With WAUTH_CACHE one worker's answer of the directory is the others' too: of rows and of groups."""
    first, second = (
        closing(with_cache(directory, WAUTH_CACHE=FileSystemCache(str(tmp_path)), WAUTH_LOGIN_FORM=True))
        for _ in range(2)
    )
    second.test_client().get("/editors", environ_base=ALICE)  # finds out what the group's name means
    client = first.test_client()
    client.get("/", environ_base=ADA)
    other = second.test_client()
    other.set_cookie("session", client.get_cookie("session").value)
    asked = len(directory.operations)
    assert other.get("/editors", environ_base=ADA).status_code == 200
    assert len(directory.operations) == asked
