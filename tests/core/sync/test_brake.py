"""A directory that suddenly knows nobody does not empty a site."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import pytest
from cachelib import SimpleCache

from wauth_core import Identity, Wauth
from wauth_core.cache import SharedCache
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.sync.brake import FREE, LATELY, Brake
from wauth_core.sync.knowledge import May
from wauth_core.sync.repository import Wanted
from wauth_core.testing import EmbeddedDirectory, MemoryUserRepository
from wauth_core.web.authority import Row, of_person, refresh

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
    brake = Brake("EXAMPLE", clock=lambda: now[0])
    for name in PEOPLE[:FREE]:
        brake.vanished(Identity("EXAMPLE", name))
        brake.vanished(Identity("EXAMPLE", name))  # is one, however often they come
    with pytest.raises(DirectoryUnavailable, match="no longer finds 3 of the known people"):
        brake.vanished(Identity("EXAMPLE", PEOPLE[FREE]))
    for _ in range(40):
        brake.found(Identity("EXAMPLE", "zoe"))  # one person, however often she comes
    with pytest.raises(DirectoryUnavailable):
        brake.vanished(Identity("EXAMPLE", PEOPLE[FREE]))
    for number in range(40):
        brake.found(Identity("EXAMPLE", f"user{number}"))
    brake.vanished(Identity("EXAMPLE", PEOPLE[FREE]))
    now[0] += LATELY + 1
    for name in PEOPLE[-FREE:]:
        brake.vanished(Identity("EXAMPLE", name))


def test_all_processes_count_together() -> None:
    """Eight workers deactivate no more than one would. A person who comes to each of them is one."""
    shared = SharedCache(SimpleCache())
    workers = [Brake("EXAMPLE", stores=(shared,)) for _ in range(8)]
    gone = []
    for worker, name in zip(workers * 2, PEOPLE, strict=False):
        with contextlib.suppress(DirectoryUnavailable):
            worker.vanished(Identity("EXAMPLE", name))
            gone.append(name)
    assert gone == PEOPLE[:FREE]
    for worker in workers:
        worker.vanished(Identity("EXAMPLE", gone[0]))


def test_a_cache_that_is_down_counts_nobody() -> None:
    """Each process goes by what it has seen itself."""

    class Down:
        def get(self, *_: object) -> None:
            raise OSError("down")

        set = add = delete = get

    brake = Brake("EXAMPLE", stores=(SharedCache(Down()),))
    for name in PEOPLE[:FREE]:
        brake.vanished(Identity("EXAMPLE", name))
    with pytest.raises(DirectoryUnavailable):
        brake.vanished(Identity("EXAMPLE", PEOPLE[FREE]))


def test_a_front_end_without_rows_has_the_brake_too(directory: EmbeddedDirectory) -> None:
    """Three are refused. For the others the last answer stands, and the error says what to look at."""
    people = [Identity("EXAMPLE", name) for name in PEOPLE]
    with Wauth({"EXAMPLE": directory.settings()}, resync_delta=0) as wauth:
        assert [of_person(wauth, each, None).may for each in people] == [May.YES] * 50
        for name in PEOPLE:
            directory.delete(name)
        told = [of_person(wauth, each, None) for each in people[:10]]
        _, error = wauth.people.told(people[-1])
    assert [each.may for each in told] == [May.NO] * FREE + [May.YES] * (10 - FREE)
    assert "Check SEARCH_BASE" in str(error)


def test_nobody_who_asks_by_name_is_braked(directory: EmbeddedDirectory) -> None:
    """An administrator's own sync of named people is believed, however many they are."""
    repository = MemoryUserRepository()
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        for name in PEOPLE[:10]:
            wauth.sync(Identity("EXAMPLE", name), repository)
            directory.delete(name)
        results = [wauth.sync(Identity("EXAMPLE", name), repository) for name in PEOPLE[:10]]
    assert {result.status.value for result in results} == {"not found"}
