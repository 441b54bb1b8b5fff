"""One bulk run of a domain at a time; and one user who cannot be written holds up nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from wauth_core import Wauth
from wauth_core.exceptions import BulkRunning, SyncError
from wauth_core.sync import bulk
from wauth_core.sync.turn import RENEWED, taken
from wauth_core.testing import EmbeddedDirectory, MemoryUserRepository


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Refusing(MemoryUserRepository):
    """A store that does not take one user."""

    refused = ""

    def apply(self, changes: Any, *, now: Any) -> Any:
        if any(change.link is not None and change.link.username == self.refused for change in changes):
            raise SyncError("The database refused: a value is too long")
        return super().apply(changes, now=now)


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    with EmbeddedDirectory({"users": {name: {"name": name.title()} for name in ("ann", "ben", "cid")}}) as running:
        yield running


def test_the_second_run_is_told_at_once() -> None:
    """And has its turn when the first is over, however that ended."""
    repository = MemoryUserRepository()
    with contextlib.suppress(ZeroDivisionError), taken(repository, "EXAMPLE"):
        second = taken(repository, "EXAMPLE")
        with pytest.raises(BulkRunning, match="Another bulk sync of the domain EXAMPLE is running"):
            second.__enter__()
        with taken(repository, "OTHER"):
            raise ZeroDivisionError
    with taken(repository, "EXAMPLE"):
        pass


def test_a_long_run_keeps_its_turn() -> None:
    """Its two claims are made anew in turns; at no moment are both free."""
    clock, repository = Clock(), Counting()
    with taken(repository, "EXAMPLE", clock) as go_on:
        go_on()
        assert repository.made == 2
        for _ in range(5):
            clock.now += RENEWED
            go_on()
            with pytest.raises(BulkRunning), taken(repository, "EXAMPLE"):
                pass
        assert repository.fewest == 1
    assert repository.standing == 0


class Counting(MemoryUserRepository):
    """Counts claims, and how few there ever were after the first."""

    made = standing = 0
    fewest = 9

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Iterator[bool]:
        with super().lock(domain, username, wait=wait) as mine:
            self.made += mine
            self.standing += mine
            try:
                yield mine
            finally:
                self.standing -= mine
                self.fewest = min(self.fewest, self.standing) if self.standing else self.fewest


def test_wauth_runs_one_at_a_time(directory: EmbeddedDirectory) -> None:
    """A dry run writes nothing and may look on."""
    repository = MemoryUserRepository()
    with Wauth({"EXAMPLE": directory.settings()}) as wauth, taken(repository, "EXAMPLE"):
        with pytest.raises(BulkRunning):
            wauth.sync_all(repository, "EXAMPLE")
        assert wauth.sync_all(repository, "EXAMPLE", dry_run=True).ok


class Dying(MemoryUserRepository):
    """A store whose process is killed after so many batches."""

    left = 1

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def apply(self, changes: Any, *, now: Any) -> Any:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        listed = list(changes)
        self.written += [change.link.username for change in listed if change.link is not None]
        return super().apply(listed, now=now)


@pytest.mark.parametrize("incremental", [False, True], ids=["whole", "incremental"])
def test_a_run_that_was_killed_is_gone_on_with(
    directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch, incremental: bool
) -> None:
    """The next run writes what the first one had not written yet, and nothing twice."""
    monkeypatch.setattr(bulk, "BATCH", 1)
    everybody = {"ann", "ben", "cid"}
    repository = Dying()
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        with pytest.raises(KeyboardInterrupt):
            wauth.sync_all(repository, "EXAMPLE", incremental=incremental)
        assert len(repository.written) == 1
        repository.left = 9
        assert wauth.sync_all(repository, "EXAMPLE", incremental=incremental).ok
    assert everybody <= set(repository.written)
    assert len(repository.written) == len(set(repository.written))


def test_one_who_cannot_be_written_is_tried_again_apart(directory: EmbeddedDirectory) -> None:
    """The bookmark moves on; each run tries that one again, until it works, and then no more."""
    repository = Refusing()
    repository.refused = "ben"
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        first = wauth.sync_all(repository, "EXAMPLE", incremental=True)
        assert [name for name, _ in first.failures] == [r"EXAMPLE\ben"]
        assert first.again == {directory.guid("ben")}
        directory.update("ann", mail="ann@new.example")
        second = wauth.sync_all(repository, "EXAMPLE", incremental=True)
        assert second.incremental
        assert [name for name, _ in second.failures] == [r"EXAMPLE\ben"]
        assert {result.identity.username for result in second.results} == {"ann"}
        repository.refused = ""
        third = wauth.sync_all(repository, "EXAMPLE", incremental=True)
        assert {result.identity.username for result in third.results} == {"ben"}
        assert third.ok
        assert wauth.sync_all(repository, "EXAMPLE", incremental=True).total == 0
