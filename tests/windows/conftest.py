"""The Windows Python of this folder's tests. Loaded on Windows too, for `inside`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@pytest.fixture(scope="module")
def windows() -> Iterator[Any]:
    """The Windows Python of this user; one test run at a time uses it."""
    from tests.windows.wine import windows_python

    with required(), windows_python() as python:
        yield python


@contextmanager
def required() -> Iterator[None]:
    """Skip with the reason where there can be no Windows Python, unless there must be one."""
    from tests.windows.wine import Unavailable

    try:
        yield
    except Unavailable as reason:
        if os.environ.get("WAUTH_REQUIRE_WINE") == "1":
            raise
        pytest.skip(f"no Windows Python under Wine: {reason}")
