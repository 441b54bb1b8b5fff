"""One worker at a time asks about a person."""

from __future__ import annotations

import threading

import pytest

from wauth_core.sync import store
from wauth_core.sync.repository import UserRepository
from wauth_core.testing.repository_contract.samples import in_another_thread


class Claims:
    """`lock`."""

    def test_one_worker_at_a_time_holds_a_user(self, repository: UserRepository) -> None:
        """The claim is one user's, without case, does not wait unless told to, and is free again after an error."""

        def take(username: str, domain: str = "EXAMPLE") -> bool:
            with repository.lock(domain, username) as mine:
                return mine

        with repository.lock("EXAMPLE", "alice") as mine:
            assert mine is True
            assert in_another_thread(lambda: take("alice")) is False
            assert in_another_thread(lambda: take("ALICE", "example")) is False
            assert in_another_thread(lambda: take("bob")) is True
            assert in_another_thread(lambda: take("alice", "OTHER")) is True
        assert in_another_thread(lambda: take("alice")) is True
        with pytest.raises(ZeroDivisionError), repository.lock("EXAMPLE", "alice"):
            raise ZeroDivisionError
        assert in_another_thread(lambda: take("alice")) is True

    def test_a_worker_may_wait_for_the_claim(self, repository: UserRepository) -> None:
        """With *wait* the claim is taken as soon as the other worker is done."""
        held, waiting = threading.Event(), []

        def wait_for_it() -> None:
            held.wait(30)
            with repository.lock("EXAMPLE", "alice", wait=30) as mine:
                waiting.append(mine)

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        with repository.lock("EXAMPLE", "alice") as mine:
            assert mine is True
            held.set()
        thread.join(30)
        assert waiting == [True]

    def test_a_dead_workers_claim_has_one_heir(
        self, repository: UserRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A claim ends by itself. If its holder was slow and not dead, it does not free its heir's for a third."""
        monkeypatch.setattr(store, "LOCK_SECONDS", 1.0)
        slow = repository.lock("EXAMPLE", "alice")
        assert slow.__enter__() is True
        monkeypatch.undo()
        with repository.lock("EXAMPLE", "alice", wait=20) as heir:
            assert heir is True
            slow.__exit__(None, None, None)
            with repository.lock("EXAMPLE", "alice") as third:
                assert third is False
        with repository.lock("EXAMPLE", "alice") as fourth:
            assert fourth is True
