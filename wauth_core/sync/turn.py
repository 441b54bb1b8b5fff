"""One bulk run of a domain at a time, for each store of users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from wauth_core.exceptions import BulkRunning
from wauth_core.sync.repository import UserRepository

RENEWED = 10.0  # seconds; a third of what a store's claim lasts
DOORS = ("/bulk/1", "/bulk/2")  # no names of people: AD allows no slash in them

Claim = AbstractContextManager[bool]


@contextmanager
def taken(
    repository: UserRepository, domain: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[], None]]:
    """The turn of a bulk run of *domain*. Call the function that it returns now and then: that prolongs the turn.

    A claim in a store is short, so that a killed run blocks nobody. There are two claims: one is held while the other
    is renewed. Raises `BulkRunning` and `SyncError`.
    """
    held: list[tuple[str, Claim]] = []
    renewed = clock()

    def enter(door: str) -> bool:
        claim = repository.lock(domain, door)
        if claim.__enter__():
            held.append((door, claim))
            return True
        claim.__exit__(None, None, None)
        return False

    def leave() -> str:
        door, claim = held.pop(0)
        claim.__exit__(None, None, None)
        return door

    def go_on() -> None:
        nonlocal renewed
        if clock() - renewed < RENEWED:
            return
        renewed = clock()
        if len(held) == len(DOORS):
            leave()
        for door in DOORS:
            if door not in {name for name, _ in held}:
                enter(door)

    try:
        if not all(enter(door) for door in DOORS):
            raise BulkRunning(domain)
        yield go_on
    finally:
        while held:
            leave()
