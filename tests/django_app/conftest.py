"""A database for each test, rolled back after it, without a plugin; Django's own runner makes and removes it."""

from __future__ import annotations

import os
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


@pytest.fixture
def client(db: None) -> Any:
    """A browser."""
    from django.test import Client

    return Client()


@pytest.fixture
def directory(directory: Any, settings: Any) -> Any:
    """A directory of the test's own, which the project's settings name EXAMPLE."""
    return _use(directory, settings)


@pytest.fixture
def shared_directory(shared_directory: Any, settings: Any) -> Any:
    """The module's directory, which the project's settings name EXAMPLE. A test leaves it as it was."""
    return _use(shared_directory, settings)


def _use(directory: Any, settings: Any) -> Any:
    settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
    return directory
