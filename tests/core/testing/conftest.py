"""Clients of the embedded directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.testing.client import Clients


@pytest.fixture
def connect() -> Iterator[Clients]:
    """Makes connections; closes them at the end of the test."""
    clients = Clients()
    yield clients
    clients.close()
