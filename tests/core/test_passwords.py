"""The guard in front of passwords: what a guess costs, what it tells, and when it is not tried at all."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wauth_core import Wauth
from wauth_core.directory import AuthReason, AuthResult, LDAPManager
from wauth_core.passwords import Guard, Pace
from wauth_core.testing import EmbeddedDirectory
from wauth_core.throttle import NAME_LIMIT, PEER_LIMIT, REMEMBERED, WINDOW, MemoryCache, Throttle, Turns

PASSWORD = "Passw0rd!x"
PEER = "192.0.2.7"


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def wauth(directory: EmbeddedDirectory) -> Iterator[Wauth]:
    """One domain, and no attempts so far."""
    with Wauth({"EXAMPLE": directory.settings()}) as made:
        made.authenticate("alice", PASSWORD)
        directory.operations.clear()
        yield made


def binds(directory: EmbeddedDirectory) -> list[str]:
    """Whom connections of their own were bound as."""
    service = directory.settings()["USERNAME"]
    return [operation.base for operation in directory.operations.only("bind") if operation.base != service]


def lock_after(wauth: Wauth, directory: EmbeddedDirectory, threshold: int) -> None:
    """Set the domain's lockoutThreshold, and let the manager read it anew."""
    store = directory._domain.store
    store.put(store.root, "lockoutthreshold", (b"%d" % threshold,))
    wauth.manager("EXAMPLE")._domain._lockouts.clear()


def shown(result: AuthResult) -> tuple[bool, str, int]:
    """What the person at the keyboard learns."""
    return result.ok, result.message, result.retry_after


GUESSES = {
    "unknown-name": ("nobody", None),
    "unknown-upn": ("nobody@example.local", None),
    "unknown-domain": ("NOWHERE\\alice", None),
    "unknown-suffix": ("alice@nowhere.example", None),
    "other-domain": ("EXAMPLE\\alice", "NOWHERE"),
    "star": ("*", None),
    "empty-name": ("", None),
    "long": ("a" * 10_000, None),
    "outside": ("S-1-5-21-1-2-3-500", None),
}


@pytest.mark.parametrize(("name", "domain"), GUESSES.values(), ids=GUESSES)
def test_a_guess_costs_and_tells_the_same(
    wauth: Wauth, directory: EmbeddedDirectory, name: str, domain: str | None
) -> None:
    """A name or a domain that does not exist costs one bind, as a wrong password does, and gets the same words."""
    wrong = wauth.authenticate("alice", "wrong")
    assert len(binds(directory)) == 1
    directory.operations.clear()
    assert shown(wauth.authenticate(name, "wrong", domain)) == shown(wrong)
    assert len(binds(directory)) == 1
    assert not any("alice" in name.lower() for name in binds(directory))


def test_a_locked_account_is_told_to_nobody(wauth: Wauth) -> None:
    """AD says so to whoever tries; the log has it, the person at the keyboard does not."""
    locked, wrong = wauth.authenticate("lou", "wrong"), wauth.authenticate("alice", "wrong")
    assert locked.reason is AuthReason.LOCKED
    assert shown(locked) == shown(wrong)


@pytest.mark.parametrize("name", ["dan", "eve", "newton", "olga"])
def test_the_state_of_an_account_is_told_to_who_knows_the_password(wauth: Wauth, name: str) -> None:
    """And to nobody else."""
    assert wauth.authenticate(name, "wrong").message == wauth.authenticate("alice", "wrong").message
    assert wauth.authenticate(name, PASSWORD).message != wauth.authenticate("alice", "wrong").message


ODD: list[Any] = [None, 1, b"bytes", ["alice"], {"a": 1}, True, "\ud800", "a\0b", "\n", "x" * 1_000_000, "ﬃ" * 50]


@pytest.mark.parametrize("odd", ODD, ids=lambda value: ascii(value)[:20])
def test_any_type_of_input_is_a_refusal(wauth: Wauth, odd: Any) -> None:
    """A form that sends JSON may hold anything: no name, no password, and no error."""
    assert not wauth.authenticate(odd, PASSWORD)
    assert not wauth.authenticate("alice", odd)
    assert not wauth.authenticate(odd, odd)


def test_four_wrong_passwords_and_no_fifth(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """Then nothing is tried, not even the right one, and the answer says for how long."""
    for number in range(NAME_LIMIT):
        assert wauth.authenticate("alice", f"wrong {number}").reason is AuthReason.BAD_PASSWORD
    directory.operations.clear()
    refused = wauth.authenticate("alice", PASSWORD)
    assert refused.reason is AuthReason.THROTTLED
    assert 0 < refused.retry_after <= WINDOW
    assert directory.operations.only("bind", "search") == []
    assert wauth.authenticate("hana", PASSWORD), "another name is not concerned"


def test_unknown_names_are_counted_too(wauth: Wauth) -> None:
    """Else the throttle would tell which names exist."""
    for number in range(NAME_LIMIT):
        wauth.authenticate("nobody", f"wrong {number}")
    assert wauth.authenticate("nobody", "wrong").reason is AuthReason.THROTTLED


def test_every_spelling_counts_as_the_name(wauth: Wauth) -> None:
    """One person, not one text, has four attempts."""
    spellings = ["alice", "EXAMPLE\\Alice", "example\\ALICE", "alice@example.local", " alice"]
    reasons = [wauth.authenticate(name, f"wrong {n}").reason for n, name in enumerate(spellings)]
    assert AuthReason.THROTTLED not in reasons[:NAME_LIMIT]
    assert reasons[NAME_LIMIT] is AuthReason.THROTTLED


def test_nobody_signs_in_by_a_dn_a_guid_or_a_sid(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """They have endless spellings, and people do not type them."""
    alice = wauth.manager("EXAMPLE").user("alice")
    for name in (alice.dn, str(alice.guid), f"{{{alice.guid}}}", str(alice.sid), f"<GUID={alice.guid}>"):
        assert wauth.authenticate(name, PASSWORD).reason is AuthReason.NO_SUCH_USER
        assert wauth.authenticate(f"EXAMPLE\\{name}", PASSWORD).reason is AuthReason.NO_SUCH_USER


def test_a_right_password_clears_the_count(wauth: Wauth) -> None:
    """Who mistypes three times and then gets it right has four attempts again."""
    for _ in range(3):
        for number in range(NAME_LIMIT - 1):
            wauth.authenticate("alice", f"wrong {number}")
        assert wauth.authenticate("alice", PASSWORD)


def test_one_wrong_password_many_times_at_once_costs_one_bind(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """A page with twenty pictures and a wrong password in the browser."""
    start = threading.Barrier(16)

    def attempt(_: int) -> AuthReason:
        start.wait()
        return wauth.authenticate("alice", "wrong").reason

    with ThreadPoolExecutor(16) as pool:
        reasons = set(pool.map(attempt, range(16)))
    assert reasons == {AuthReason.BAD_PASSWORD}
    assert len(binds(directory)) == 1


def test_many_passwords_at_once_lock_nobody(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """Sixteen guesses in parallel, where AD locks after five."""
    lock_after(wauth, directory, 5)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: wauth.authenticate("alice", f"wrong {number}"), range(16)))
    assert len(binds(directory)) <= NAME_LIMIT
    assert not wauth.manager("EXAMPLE").user("alice").state.reasons


@pytest.mark.parametrize(("threshold", "counted", "tried"), [(0, 99, True), (5, 3, True), (5, 4, False), (3, 2, False)])
def test_the_last_wrong_password_before_a_lock_is_not_tried(
    wauth: Wauth, directory: EmbeddedDirectory, threshold: int, counted: int, tried: bool
) -> None:
    """Whoever counted them: AD's own number is read with the person. The refusal is that of a wrong password."""
    lock_after(wauth, directory, threshold)
    directory.update("alice", badPwdCount=counted, badPasswordTime=_filetime(directory))
    result = wauth.authenticate("alice", PASSWORD)
    assert result.ok is tried
    assert ("alice" in str(binds(directory)).lower()) is tried
    assert len(binds(directory)) == 1
    assert tried or result.message == wauth.authenticate("nobody", "wrong").message


def test_an_old_count_does_not_keep_anybody_out(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """AD starts anew after lockOutObservationWindow."""
    lock_after(wauth, directory, 5)
    directory.update("alice", badPwdCount=4, badPasswordTime=_filetime(directory) - 31 * 60 * 10_000_000)
    assert wauth.authenticate("alice", PASSWORD)


def _filetime(directory: EmbeddedDirectory) -> int:
    from wauth_core.testing.embedded.values import filetime

    return filetime(directory._domain.clock())


def _django() -> Any:
    from django.conf import settings

    if not settings.configured:
        settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
    from django.core.cache.backends.locmem import LocMemCache

    return LocMemCache("passwords", {})


def _cachelib() -> Any:
    from cachelib import SimpleCache

    return SimpleCache()


KINDS = {"memory": MemoryCache, "django": _django, "cachelib": _cachelib}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_workers_that_share_a_cache_share_the_count(directory: EmbeddedDirectory, make: Any) -> None:
    """Four attempts for a site, not for each of its processes."""
    cache = make()
    domains = {"EXAMPLE": directory.settings()}
    with Wauth(domains, cache=cache) as one, Wauth(domains, cache=cache) as other:
        for number in range(NAME_LIMIT):
            reason = (one, other)[number % 2].authenticate("alice", f"wrong {number}").reason
            assert reason is AuthReason.BAD_PASSWORD
        assert one.authenticate("alice", "another").reason is AuthReason.THROTTLED
        assert other.authenticate("alice", PASSWORD).reason is AuthReason.THROTTLED
        assert one.authenticate("hana", PASSWORD)
        assert not other.authenticate("hana", "wrong")


def test_the_figures_are_those_of_the_documentation() -> None:
    """Four wrong passwords by a name in five minutes, a hundred from an address; half a minute for the same again."""
    assert (NAME_LIMIT, PEER_LIMIT, WINDOW, REMEMBERED) == (4, 100, 300, 30.0)


class Broken:
    """A cache that is down."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError("no Redis")


class Forgetful:
    """A cache that keeps nothing, as Django's DummyCache."""

    def get(self, key: str, /) -> Any:
        return None

    def set(self, key: str, value: Any, timeout: int, /) -> bool:
        return True

    def add(self, key: str, value: Any, timeout: int, /) -> bool:
        return True

    def delete(self, key: str, /) -> bool:
        return False


@pytest.mark.parametrize("cache", [Broken(), Forgetful()], ids=["down", "keeps-nothing"])
def test_a_cache_that_does_not_work_locks_nobody_out_and_lets_nobody_guess(
    directory: EmbeddedDirectory, cache: Any
) -> None:
    """The process counts for itself meanwhile."""
    with Wauth({"EXAMPLE": directory.settings()}, cache=cache) as wauth:
        assert wauth.authenticate("alice", PASSWORD)
        for number in range(NAME_LIMIT):
            assert wauth.authenticate("alice", f"wrong {number}").reason is AuthReason.BAD_PASSWORD
        assert wauth.authenticate("alice", PASSWORD).reason is AuthReason.THROTTLED


def test_an_outage_is_no_attempt(directory: EmbeddedDirectory) -> None:
    """Nobody loses attempts because the directory did not answer."""
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:
        with directory.faults.outage():
            for number in range(NAME_LIMIT + 1):
                assert wauth.authenticate("alice", f"wrong {number}").reason is AuthReason.UNAVAILABLE
        assert wauth.authenticate("alice", PASSWORD)


class Nobody:
    """Answers every question with no, without a directory."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> AuthResult:
        self.asked += 1
        return AuthResult(AuthReason.NO_SUCH_USER)


@pytest.mark.parametrize(
    ("peer", "limited"),
    [(PEER, True), ("2001:db8::7", True), ("127.0.0.1", False), ("::1", False), ("unix:", False), (None, False)],
)
def test_one_address_has_many_attempts_but_not_endless_ones(peer: str | None, limited: bool) -> None:
    """Names by the dozen from one machine; the site's own proxy speaks for everybody, and is not counted."""
    guard, ask = Guard(), Nobody()
    reasons = [guard._counted(f"E\\user{n}", peer, ask).reason for n in range(PEER_LIMIT + 5)]
    assert reasons.count(AuthReason.THROTTLED) == (5 if limited else 0)
    assert ask.asked == PEER_LIMIT + (0 if limited else 5)
    assert guard._counted("E\\somebody", "198.51.100.9", ask).reason is AuthReason.NO_SUCH_USER


def test_right_passwords_do_not_use_an_address_up() -> None:
    """An office behind one address signs in every morning."""
    guard = Guard()
    right = AuthResult(AuthReason.OK)
    assert all(guard._counted(f"E\\user{n}", PEER, lambda: right).ok for n in range(2 * PEER_LIMIT))


def test_the_window_ends() -> None:
    """Each attempt counts for five minutes; the answer says how long until one is free."""
    clock = Clock()
    throttle = Throttle(MemoryCache(clock), clock)
    for _ in range(3):
        assert [throttle.admit("x")[0] for _ in range(NAME_LIMIT - 1)] == [0] * (NAME_LIMIT - 1)
        clock.time += 100
        assert throttle.admit("x")[0] == 0
        assert throttle.admit("x")[0] == WINDOW - 100
        clock.time += WINDOW - 101
        assert throttle.admit("x")[0] == 1, "never nothing, while there is no slot"
        clock.time += 1
        assert throttle.admit("x")[0] == 0
        clock.time += WINDOW


def test_the_window_of_an_address_ends() -> None:
    """Five minutes after its first wrong password."""
    clock = Clock()
    throttle = Throttle(None, clock)
    for _ in range(PEER_LIMIT):
        assert throttle.wait_of_peer(PEER) == 0
        throttle.count_failure(PEER)
        clock.time += 1
    assert throttle.wait_of_peer(PEER) == WINDOW - PEER_LIMIT
    clock.time += WINDOW - PEER_LIMIT
    assert throttle.wait_of_peer(PEER) == 0
    throttle.count_failure(PEER)
    assert throttle.wait_of_peer(PEER) == 0


class Hoarder(MemoryCache):
    """A cache that keeps everything for longer than it was told to."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.told: list[int] = []

    def set(self, key: str, value: Any, timeout: int, /) -> None:
        self.told.append(timeout)
        super().set(key, value, timeout)


def test_a_cache_that_keeps_too_long_extends_no_window() -> None:
    """The end of a window is in what is kept. Then an address has all its attempts again, and no more."""
    clock = Clock()
    cache = Hoarder()
    throttle = Throttle(cache, clock)
    for _ in range(2):
        for number in range(PEER_LIMIT):
            clock.time += WINDOW - 1 if number == 1 else 0
            assert throttle.wait_of_peer(PEER) == 0
            throttle.count_failure(PEER)
        assert throttle.wait_of_peer(PEER) == 1
        assert cache.told == [WINDOW] + [1] * (PEER_LIMIT - 1)
        cache.told.clear()
        clock.time += 1


def test_a_refused_password_may_be_tried_again_in_a_moment() -> None:
    """It may have become the right one."""
    clock = Clock()
    turns = Turns(clock)
    turns.remember("alice\0secret")
    assert turns.was_refused("alice\0secret")
    assert not turns.was_refused("alice\0other")
    assert "secret" not in repr(vars(turns))
    clock.time += 30
    assert not turns.was_refused("alice\0secret")


def test_a_turn_that_does_not_come_is_given_up() -> None:
    """A directory that hangs does not pile up threads for ever, and what is over leaves nothing behind."""
    turns = Turns()
    with turns.take("alice", 1) as first, turns.take("alice", 0.01) as second, turns.take("bob", 1) as other:
        assert (first, second, other) == (True, False, True)
    with turns.take("alice", 0.01) as again:
        assert again
    assert turns._waiting == {}


def test_what_is_kept_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million made-up names do not fill the memory."""
    monkeypatch.setattr("wauth_core.throttle.MANY", 10)
    cache, turns = MemoryCache(), Turns()
    for number in range(100):
        cache.add(str(number), 1, 60)
        turns.remember(str(number))
    assert len(cache._kept) == len(turns._refused) == 10
    assert cache.get("99") == 1
    assert cache.get("0") is None
    assert turns.was_refused("99")
    assert not turns.was_refused("0")


def test_a_name_that_nobody_bears_takes_as_long_as_a_wrong_password() -> None:
    """As the last ones took; nothing else waits, and nobody for long."""
    clock, pauses = Clock(), list[float]()

    def answers(reason: AuthReason, seconds: float) -> AuthResult:
        clock.time += seconds
        return AuthResult(reason)

    pace = Pace(clock, pauses.append)
    pace.keep(lambda: answers(AuthReason.NO_SUCH_USER, 0.25))
    assert pauses == [], "nothing is known yet"
    pace.keep(lambda: answers(AuthReason.BAD_PASSWORD, 0.5))
    pace.keep(lambda: answers(AuthReason.OK, 0.25))
    pace.keep(lambda: answers(AuthReason.UNAVAILABLE, 0.25))
    pace.keep(lambda: answers(AuthReason.NO_SUCH_USER, 0.25))
    pace.keep(lambda: answers(AuthReason.LOCKED, 0.125))
    pace.keep(lambda: answers(AuthReason.REFUSED, 2.0))
    assert pauses == [0.25, 0.375, 0.0]
    slow = Pace(clock, pauses.append)
    slow.keep(lambda: answers(AuthReason.BAD_PASSWORD, 20.0))
    slow.keep(lambda: answers(AuthReason.NO_SUCH_USER, 1.0))
    assert pauses[-1] == 1.0


def test_names_that_nobody_bears_differ_in_time_as_wrong_passwords_do() -> None:
    """All wait for the same: what the medians of the last thirty-two differ by. A fixed time would tell them."""
    clock, pauses = Clock(), list[float]()

    def answers(reason: AuthReason, seconds: float) -> AuthResult:
        clock.time += seconds
        return AuthResult(reason)

    pace = Pace(clock, pauses.append)
    for number in range(40):
        pace.keep(lambda number=number: answers(AuthReason.BAD_PASSWORD, number / 64))
    for number in (4, 0, 8, 2, 6):
        pace.keep(lambda number=number: answers(AuthReason.NO_SUCH_USER, number / 64))
    middle = (23 + 24) / 2
    assert [pause * 64 for pause in pauses] == [middle - 4, middle - 2, middle - 4, middle - 3, middle - 4]


def test_a_debug_page_shows_no_typed_password(wauth: Wauth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks below, no local variable of ours holds what was typed."""

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(LDAPManager, "user", broken)
    with pytest.raises(RuntimeError) as caught:
        wauth.authenticate("alice", "canary-77")
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    shown = "".join(line for line in found if __file__ not in line)
    assert "wauth_core" in shown
    assert "canary-77" not in shown
