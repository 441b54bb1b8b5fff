"""What a sync costs in SQL, in stores that keep their users in a database (SQLAlchemy's: test_sqlalchemy.py)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.repositories import make
from wauth_core.testing.repository_contract.samples import LATER, changed, link, new, one


def statements(store: Any, kind: str) -> list[str]:
    """What *store* sends from now on, but for what begins and ends a transaction."""
    sent: list[str] = []

    def note(sql: str) -> None:
        if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "--")):
            sent.append(sql)

    if kind == "sqlite":
        store._connection.set_trace_callback(note)
    else:
        from django.db import connections

        connections[store.database].execute_wrappers.append(lambda go, sql, *more: (note(sql), go(sql, *more))[1])
    return sent


@pytest.mark.parametrize("kind", ["sqlite", "django-sqlite"])
def test_an_unchanged_sync_is_three_statements(kind: str, request: pytest.FixtureRequest) -> None:
    """The user with the link, the groups, and the note that nothing had changed; a claim is two more."""
    store = make(kind, request)
    [key] = store.apply([new("alice", link(), ("A", "B"))], now=LATER)
    one(store)
    sent = statements(store, kind)
    with store.lock("EXAMPLE", "alice"):
        assert len(sent) == 1
        alice = one(store)
        assert alice.groups == {"A", "B"}
        assert len(sent) == 3
        store.touch({key: LATER}, now=LATER + timedelta(minutes=1))
        assert len(sent) == 4
    assert len(sent) == 5


@pytest.mark.parametrize("kind", ["sqlite", "django-sqlite"])
def test_a_change_that_comes_too_late_is_one_statement(kind: str, request: pytest.FixtureRequest) -> None:
    """Nothing of the user is read or written before the link's UPDATE has found its row."""
    store = make(kind, request)
    store.apply([new("alice", link())], now=LATER)
    late = changed(one(store), fields={"email": "x"}, groups_add=frozenset({"A"}))
    sent = statements(store, kind)
    assert store.apply([late], now=LATER) == [None]
    assert len(sent) == 1
    assert sent[0].startswith("UPDATE")
