"""The test database and settings of Django's tests, here and in the contract suites: one of each in a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def test_database() -> Iterator[None]:
    """The test database, migrated."""
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

    import tests.django_app.setup  # noqa: F401

    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(old, verbosity=0)
    teardown_test_environment()


@pytest.fixture
def db(test_database: None) -> Iterator[None]:
    """Whatever the test writes is rolled back; the caches are emptied."""
    from django.core.cache import cache
    from django.db import transaction

    cache.clear()
    atomic = transaction.atomic()
    atomic._from_testcase = True
    atomic.__enter__()
    try:
        yield
    finally:
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture
def settings() -> Iterator[Any]:
    """Django's settings, to be set at will; put back after the test (and `setting_changed` is sent)."""
    from django.test import override_settings

    class Settings:
        def __init__(self) -> None:
            object.__setattr__(self, "undo", [])

        def __setattr__(self, name: str, value: Any) -> None:
            override = override_settings(**{name: value})
            override.enable()
            self.undo.append(override)

        def __getattr__(self, name: str) -> Any:
            from django.conf import settings

            return getattr(settings, name)

    changed = Settings()
    yield changed
    for override in reversed(changed.undo):
        override.disable()
