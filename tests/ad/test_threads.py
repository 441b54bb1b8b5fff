"""Many threads, one manager: nobody gets somebody else's answer."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import DirectoryUnavailable

THREADS = 32
PEOPLE = 200
POOL_SIZE = 6
SECONDS = float(os.environ.get("WAUTH_TEST_SECONDS") or (20 if os.environ.get("WAUTH_REQUIRE_AD") == "1" else 3))
"""The full twenty seconds in CI."""

Open = Callable[..., LDAPManager]


def hammer(act: Callable[[int, random.Random], None], seconds: float) -> int:
    """Let all threads act on people chosen at random until the time is over; how often they did.

    Raises the first error of any thread.
    """
    end = time.monotonic() + seconds
    errors: list[BaseException] = []
    counts = [0] * THREADS

    def work(thread: int) -> None:
        chance = random.Random(thread)
        try:
            while time.monotonic() < end and not errors:
                act(chance.randrange(PEOPLE), chance)
                counts[thread] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert min(counts) > 0
    return sum(counts)


def test_no_wrong_answer(open_manager: Open, tap: Tap, tap_settings: dict[str, Any]) -> None:
    """Look-ups of 200 people from 32 threads are all right, and the pool keeps to its size."""
    manager = open_manager(**tap_settings, POOL_SIZE=POOL_SIZE)

    def act(number: int, chance: random.Random) -> None:
        name = f"user{number:05d}"
        user = manager.user(name)
        assert (user.username, user.email) == (name, f"user{number}@example.local")
        if chance.random() < 0.3:
            group = f"Group {number % 50:03d}"
            assert user.in_group(group)
            assert not manager.is_member(name, "Web Admins")

    done = hammer(act, SECONDS)
    assert done > PEOPLE
    assert tap.most_open <= POOL_SIZE


def test_logins_among_look_ups(open_manager: Open, samba: DomainController) -> None:
    """People who sign in with right and wrong passwords do not disturb those who are looked up."""
    manager = open_manager(POOL_SIZE=POOL_SIZE)

    def act(number: int, chance: random.Random) -> None:
        name = f"user{number:05d}"
        kind = chance.randrange(4)
        if kind == 0:
            result = manager.authenticate(name, samba.password)
            assert result.user is not None
            assert result.user.username == name
        elif kind == 1:
            assert not manager.authenticate(name, "wrong")
        else:
            assert manager.user(name).email == f"user{number}@example.local"

    assert hammer(act, min(SECONDS, 3)) > THREADS


def test_trouble_gives_errors_and_no_wrong_answers(open_manager: Open, tap: Tap, tap_settings: dict[str, Any]) -> None:
    """While connections are cut all the time, each call is right or says that the directory is unavailable."""
    manager = open_manager(**tap_settings, POOL_SIZE=POOL_SIZE, CONNECT_TIMEOUT=2, OPERATION_TIMEOUT=5)
    right = [0]

    def act(number: int, chance: random.Random) -> None:
        if chance.random() < 0.01:
            tap.cut(reset=chance.random() < 0.5)
        try:
            user = manager.user(f"user{number:05d}")
        except DirectoryUnavailable:
            return
        assert user.email == f"user{number}@example.local"
        right[0] += 1

    hammer(act, min(SECONDS, 3))
    assert right[0] > THREADS
    assert manager.user("alice").username == "alice"
