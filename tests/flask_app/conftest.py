"""A directory for each test that asks, and applications that are closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.databases import postgres  # noqa: F401
from tests.flask_app import applications
from wauth_core.testing import EmbeddedDirectory


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    """Close what is passed through, at the end of the test."""
    apps: list[Any] = []

    def remember(app: Any) -> Any:
        apps.append(app)
        return app

    yield remember
    for app in apps:
        app.extensions["wauth"].close()
        if hasattr(app, "db"):
            with app.app_context():
                app.db.session.remove()
                app.db.engine.dispose()


@pytest.fixture
def make(directory: EmbeddedDirectory, closing: Any) -> Callable[..., Any]:
    """Make an application without a database, with settings by keyword."""
    return lambda **overrides: closing(applications.with_cache(directory, **overrides))


@pytest.fixture
def make_with_database(directory: EmbeddedDirectory, closing: Any) -> Callable[..., Any]:
    """Make an application with a SQLite database in memory, with settings by keyword."""
    return lambda **overrides: closing(applications.with_database(directory, **overrides))
