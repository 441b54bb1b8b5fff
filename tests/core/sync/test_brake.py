"""A directory that suddenly knows nobody does not empty a site."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from wauth_core import Identity, Wauth
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.sync.brake import FREE, LATELY, Brake
from wauth_core.sync.knowledge import May
from wauth_core.sync.repository import Wanted
from wauth_core.testing import EmbeddedDirectory, MemoryUserRepository
from wauth_core.web.authority import Row, refresh

PEOPLE = [f"user{number:02}" for number in range(50)]


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    with EmbeddedDirectory({"users": {name: {"name": name.title()} for name in PEOPLE}}) as running:
        yield running


def row(repository: MemoryUserRepository, name: str) -> Row:
    [found] = repository.find(Wanted((), ()), domain="EXAMPLE", username=name)
    return Row(found.key, found.link, found.active)


def test_fifty_who_vanish_one_by_one(directory: EmbeddedDirectory, caplog: pytest.LogCaptureFixture) -> None:
    """Three are deactivated; the others go on by what is known, and the log asks a person to look, once."""
    repository = MemoryUserRepository()
    given = directory.settings()
    with Wauth({"EXAMPLE": given}, resync_delta=0) as wauth:
        for name in PEOPLE:
            assert refresh(wauth, repository, Identity("EXAMPLE", name), None).may is May.YES
    # The right to read people is gone: the answer is "success, nobody".
    with Wauth({"EXAMPLE": given | {"USER_QUERY_FILTER": "(mail=nobody)"}}, resync_delta=0) as wauth:
        with caplog.at_level(logging.ERROR, "wauth.sync"):
            told = [refresh(wauth, repository, Identity("EXAMPLE", name), row(repository, name)) for name in PEOPLE]
        assert [each.may for each in told] == [May.NO] * FREE + [May.YES] * (50 - FREE)
        assert "Check SEARCH_BASE" in str(told[-1].error)
        bulk = wauth.sync_all(repository, "EXAMPLE", max_deactivations=1.0)  # a person says that it is right
        assert bulk.deactivated == 50 - FREE
    assert len([record for record in caplog.records if record.name == "wauth.sync"]) == 1


def test_people_who_leave_are_deactivated_as_ever() -> None:
    """One in ten is no catastrophe, and neither are three in a small site."""
    now = [0.0]
    brake = Brake("EXAMPLE", lambda: now[0])
    for _ in range(FREE):
        brake.vanished()
    with pytest.raises(DirectoryUnavailable, match="no longer finds 3 of the 3 known people"):
        brake.vanished()
    for _ in range(40):
        brake.found()
    brake.vanished()
    now[0] += LATELY + 1
    for _ in range(FREE):
        brake.vanished()


def test_nobody_who_asks_by_name_is_braked(directory: EmbeddedDirectory) -> None:
    """An administrator's own sync of named people is believed, however many they are."""
    repository = MemoryUserRepository()
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        for name in PEOPLE[:10]:
            wauth.sync(Identity("EXAMPLE", name), repository)
            directory.delete(name)
        results = [wauth.sync(Identity("EXAMPLE", name), repository) for name in PEOPLE[:10]]
    assert {result.status.value for result in results} == {"not found"}
