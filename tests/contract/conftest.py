"""The stores and front ends under contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ad.people import EXAMPLE
from tests.contract.administrator import managed
from tests.contract.directories import (
    DirectoryUnderTest,
    Scratch,
    as_people,
    embedded_bystanders,
    embedded_door,
    samba_door,
)
from tests.contract.repositories import STORES, make
from tests.databases import mariadb, postgres, redis  # noqa: F401
from wauth_core.directory import LDAPManager
from wauth_core.testing import EmbeddedDirectory


@pytest.fixture(params=STORES)
def repository(request: pytest.FixtureRequest) -> Any:
    """An empty repository, once for each store."""
    return make(request.param, request)


@pytest.fixture(scope="session")
def embedded_example() -> Iterator[EmbeddedDirectory]:
    """The embedded directory with the people of the Samba domain."""
    with EmbeddedDirectory(as_people(EXAMPLE)) as directory:
        embedded_bystanders(directory)
        yield directory


@pytest.fixture(params=["embedded", pytest.param("samba", marks=pytest.mark.ad)])
def directory(request: pytest.FixtureRequest) -> Iterator[DirectoryUnderTest]:
    """A door to each of the two directories."""
    if request.param == "samba":
        door = samba_door(request.getfixturevalue("samba"))
    else:
        door = embedded_door(request.getfixturevalue("embedded_example"))
    yield door
    door.close()


@pytest.fixture
def manager(directory: DirectoryUnderTest) -> Iterator[LDAPManager]:
    """The administrator's manager, which may write, over either directory."""
    with managed(directory) as manager:
        yield manager


@pytest.fixture
def scratch(directory: DirectoryUnderTest) -> Iterator[Scratch]:
    """An empty organizational unit to write in, deleted with all it holds at the end."""
    made = Scratch(directory)
    yield made
    made.remove()
