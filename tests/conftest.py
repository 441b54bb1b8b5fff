"""What every test folder shares."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest

OURS = "wauth_core.testing.pytest_plugin"
"""Loaded by its entry point where windowsauth is installed; pytest refuses to load it twice."""

pytest_plugins = ["tests.ad.fixtures", "tests.django_app.database"]
if OURS not in {found.value for found in entry_points(group="pytest11")}:
    pytest_plugins.append(OURS)


@pytest.fixture
def directory(windowsauth_directory: Any) -> Any:
    """The embedded directory with the example company, of this test's own: the same name in all our tests.

    A module whose tests need other people, or another directory, has its own fixture of this name.
    """
    return windowsauth_directory


@pytest.fixture(scope="module")
def shared_directory() -> Iterator[Any]:
    """The same, one for a module whose tests leave it as it was."""
    from wauth_core.testing import EmbeddedDirectory

    with EmbeddedDirectory() as running:
        yield running


@pytest.fixture(autouse=True)
def no_database_stays_open() -> Iterator[None]:
    """What a test opened through SQLAlchemy is closed at its end, before Python 3.13 complains in another test."""
    if importlib.util.find_spec("sqlalchemy") is None:
        yield
        return
    from sqlalchemy import Engine, event
    from sqlalchemy.orm import close_all_sessions

    opened: list[Any] = []

    def remember(connection: Any, record: Any) -> None:
        opened.append(connection)

    event.listen(Engine, "connect", remember)
    yield
    event.remove(Engine, "connect", remember)
    if opened:
        close_all_sessions()
        for connection in opened:
            with contextlib.suppress(Exception):  # it may be closed, or another thread's
                connection.close()
