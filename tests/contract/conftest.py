"""The stores and front ends under contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.repositories import STORES, make
from tests.databases import postgres  # noqa: F401


@pytest.fixture(params=STORES)
def repository(request: pytest.FixtureRequest) -> Any:
    """An empty repository, once for each store."""
    return make(request.param, request)
