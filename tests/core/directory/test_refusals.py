"""A wrong service password is sent once, however many ask, so that no site locks its own account."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.core.directory.test_breaker import Clock, Dict
from wauth_core.cache import FileCache, SharedCache
from wauth_core.directory import LDAPManager
from wauth_core.directory.connection import Secret
from wauth_core.directory.refusals import MARGIN, STATES, WINDOW, Refusals
from wauth_core.exceptions import BindError
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

LATER = time.monotonic() + 3600
WRONG, LOCKED, RIGHT = (49, "80090308: LdapErr: comment, data 52e, v4563"), (49, "data 775"), (0, "")


class Server:
    """What a server would answer; it counts."""

    def __init__(self, answer: tuple[int, str] = WRONG) -> None:
        self.answer = answer
        self.binds = 0

    def __call__(self) -> tuple[int, str]:
        self.binds += 1
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def siblings(clock: Clock) -> list[Refusals]:
    """Two processes that share a cache."""
    shared = SharedCache(Dict(clock))
    return [Refusals("svc", "EXAMPLE", (shared,), clock) for _ in range(2)]


def tried(refusals: Refusals, server: Server, password: bytes = b"secret") -> bool:
    """Whether the server was asked."""
    before = server.binds
    try:
        refusals.bind(Secret(password), LATER, server)
    except BindError:
        assert server.binds == before
    return server.binds > before


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        pytest.param(WRONG, WINDOW + MARGIN, id="wrong password"),
        pytest.param((49, "invalid credentials"), WINDOW + MARGIN, id="no reason"),
        pytest.param(LOCKED, STATES["775"], id="locked"),
        pytest.param((49, "data 533"), STATES["533"], id="disabled"),
        pytest.param((49, "data 532"), STATES["532"], id="password expired"),
    ],
)
def test_what_was_refused_is_tried_again_after_its_pause(
    siblings: list[Refusals], clock: Clock, answer: tuple[int, str], pause: float
) -> None:
    """No process tries before; then one of them does."""
    one, other = siblings
    server = Server(answer)
    assert tried(one, server)
    clock.now += pause - 1
    assert not tried(one, server)
    assert not tried(other, server)
    clock.now += 2
    assert tried(other, server)
    assert not tried(one, server)


def test_the_domains_own_window_counts(siblings: list[Refusals], clock: Clock) -> None:
    """A process that never read it goes by what another has read."""
    one, other = siblings
    one.learn(timedelta(hours=2))
    server = Server()
    assert tried(other, server)
    clock.now += 7200
    assert not tried(one, server)
    clock.now += MARGIN + 1
    assert tried(one, server)


def test_a_new_secret_is_tried_at_once(siblings: list[Refusals]) -> None:
    """And the old one is still not."""
    server = Server()
    assert tried(siblings[0], server)
    assert tried(siblings[1], server, b"another")


def test_doctor_is_a_person_who_asks(siblings: list[Refusals]) -> None:
    """After `forget` there is one try more."""
    server = Server()
    assert tried(siblings[0], server)
    siblings[0].forget()
    assert tried(siblings[1], server)
    assert not tried(siblings[0], server)


def test_a_clock_that_was_three_days_ahead_holds_nobody_up(siblings: list[Refusals], clock: Clock) -> None:
    """Neither what was refused then, nor a turn that was taken then, counts."""
    server = Server()
    clock.now += 3 * 86_400
    assert tried(siblings[0], server)
    siblings[0]._stores[0].set(f"{siblings[0]._key}.turn", clock.now + 10, 10)
    clock.now -= 3 * 86_400
    assert tried(siblings[1], server)


def test_no_cache_holds_the_password(tmp_path: Path) -> None:
    """What is kept tells whether a password is the same, and not which."""
    file = tmp_path / "cache.sqlite3"
    refusals = Refusals("svc", "EXAMPLE", (SharedCache(FileCache(file)),))
    assert tried(refusals, Server(), b"Correct-Horse-1")
    assert b"Correct-Horse-1" not in file.read_bytes()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedDirectory]:
    """It locks an account at the third wrong password. The machine's shared file is the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with EmbeddedDirectory({"users": {"alice": {"name": "Alice"}}}) as running:
        running.update(running.base_dn, lockoutThreshold=3)
        yield running


def test_eight_workers_with_a_wrong_secret_do_not_lock_the_account(directory: EmbeddedDirectory) -> None:
    """They start together, and each asks again and again. With the right secret the account works at once."""
    reasons: list[str | None] = []

    def worker() -> None:
        settings = LDAPSettings(**directory.settings(PASSWORD="wrong"))
        with LDAPManager(settings, "EXAMPLE", shared=SharedCache()) as manager:
            for _ in range(5):
                try:
                    manager.user("alice")
                except BindError as error:
                    reasons.append(error.code)

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert reasons == ["52e"] * 40
    with LDAPManager(LDAPSettings(**directory.settings()), "EXAMPLE", shared=SharedCache()) as manager:
        assert manager.user("alice").username == "alice"
