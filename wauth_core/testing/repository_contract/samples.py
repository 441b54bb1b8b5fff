"""Links and users that the contract's tests write."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from wauth_core.sync.repository import Change, Link, UserRepository, UserSnapshot, Wanted

T = TypeVar("T")
NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=10)
ALL = Wanted(fields=("username", "first_name", "email"), flags=("is_active", "is_staff", "is_superuser"))
ALICE, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
SID = "S-1-5-21-1-2-3-1104"


def link(username: str = "alice", guid: uuid.UUID | None = ALICE, domain: str = "EXAMPLE", **more: Any) -> Link:
    """A link as a first sync writes it."""
    return Link(domain, username, guid, SID, **more)


def new(username: str, link: Link | None = None, groups: Iterable[str] = (), **values: Any) -> Change:
    """A user to be created."""
    flags = {name: value for name, value in values.items() if name.startswith("is_")}
    fields = {"username": username, **{name: value for name, value in values.items() if name not in flags}}
    return Change(None, link, fields, {"is_active": True, **flags}, groups_add=frozenset(groups))


def one(
    repository: UserRepository, username: str = "alice", domain: str = "EXAMPLE", guid: uuid.UUID | None = None
) -> UserSnapshot:
    """The one user that a look-up finds."""
    [found] = repository.find(ALL, domain=domain, username=username, guid=guid)
    return found


def link_of(user: UserSnapshot | None) -> Link:
    """The link of a user who has one."""
    assert user is not None
    assert user.link is not None
    return user.link


def changed(user: UserSnapshot, **more: Any) -> Change:
    """A change that was made from *user*."""
    return Change(user.key, seen=user.link, **more)


def in_threads(count: int, function: Callable[[int], T]) -> list[T | Exception]:
    """What *function* returns, or raises, in *count* threads that start at once."""
    start = threading.Barrier(count)
    results: list[T | Exception] = []

    def run(n: int) -> None:
        start.wait(30)
        try:
            results.append(function(n))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == count
    return results


def in_another_thread(function: Callable[[], T]) -> T:
    """What *function* returns in a thread of its own."""
    [result] = in_threads(1, lambda _: function())
    if isinstance(result, Exception):
        raise result
    return result
