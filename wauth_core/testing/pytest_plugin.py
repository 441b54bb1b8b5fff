"""pytest fixtures for applications that sign people in with windowsauth.

Installed with windowsauth, by the entry point ``windowsauth``. ``windowsauth_directory`` is an AD-shaped directory
of its own for the test that asks for it, filled with the example company::

    def test_leavers_lose_access(windowsauth_directory):
        settings = windowsauth_directory.settings()     # an entry for WAUTH_DOMAINS
        windowsauth_directory.disable("alice")

It needs the extra ``directory``; nothing is imported before a test asks for the fixture. Override
``windowsauth_people`` to fill it with other people: a file, or a mapping of the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .directory import EmbeddedDirectory


@pytest.fixture
def windowsauth_people() -> Any:
    """Who is in `windowsauth_directory`: None for the example company; override it in your conftest.py."""
    return None


@pytest.fixture
def windowsauth_directory(windowsauth_people: Any) -> Iterator[EmbeddedDirectory]:
    """A running directory, fresh for every test."""
    from .directory import EmbeddedDirectory

    with EmbeddedDirectory(windowsauth_people) as directory:
        yield directory
