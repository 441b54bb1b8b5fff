"""A database for each test, rolled back after it, without a plugin; Django's own runner makes and removes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

try:
    import django  # noqa: F401
except ImportError:
    collect_ignore_glob = ["*"]
else:
    import tests.django_app.setup  # noqa: F401

    if "WAUTH_TEST_POSTGRESQL" not in os.environ:  # test_postgresql.py runs these too
        collect_ignore = ["test_concurrency.py"]


@pytest.fixture(scope="session")
def test_database() -> Iterator[None]:
    """The test database, migrated."""
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

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


@pytest.fixture
def client(db: None) -> Any:
    """A browser."""
    from django.test import Client

    return Client()


@pytest.fixture(scope="module")
def shared_directory() -> Iterator[Any]:
    """One embedded directory for a module whose tests leave it as it was."""
    from wauth_core.testing import EmbeddedDirectory

    with EmbeddedDirectory() as directory:
        yield directory


@pytest.fixture
def directory(windowsauth_directory: Any, settings: Any) -> Any:
    """A directory of the test's own, which the project's settings name EXAMPLE."""
    return _use(windowsauth_directory, settings)


@pytest.fixture
def example(shared_directory: Any, settings: Any) -> Any:
    """The module's directory, which the project's settings name EXAMPLE; not to be changed."""
    return _use(shared_directory, settings)


def _use(directory: Any, settings: Any) -> Any:
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
    return directory
