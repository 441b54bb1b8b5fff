"""Stores that are broken, and stores that are wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cachelib import RedisCache, SimpleCache

from tests.contract.repositories import make
from wauth_core.exceptions import SyncError
from wauth_core.sync.memory import MemoryUserRepository
from wauth_core.sync.repository import Change
from wauth_core.testing.repository_contract import RepositoryContract
from wauth_core.testing.repository_contract.samples import ALL, LATER, NOW, changed, in_threads, link, link_of, new, one
from wauth_flask.cache_repository import CacheUserRepository

CALLS: dict[str, Callable[[Any], Any]] = {
    "find": lambda store: store.find(ALL, domain="EXAMPLE", username="alice"),
    "named": lambda store: store.named(ALL, "alice"),
    "linked": lambda store: list(store.linked(ALL, "EXAMPLE")),
    "apply-new": lambda store: store.apply([new("alice", link(), ("A",))], now=NOW),
    "apply-change": lambda store: store.apply([Change(1, fields={"email": "x"}, seen=link())], now=NOW),
    "touch": lambda store: store.touch({1: NOW}, now=LATER),
    "lock": lambda store: store.lock("EXAMPLE", "alice").__enter__(),
    "bookmark": lambda store: store.bookmark("EXAMPLE"),
    "bookmark-kept": lambda store: store.bookmark("EXAMPLE", "1"),
}


class DownCache(SimpleCache):
    """A cache whose server is gone."""

    def _down(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("nobody listens")

    get = set = add = delete = _down


def broken(kind: str, request: pytest.FixtureRequest) -> Any:
    """A store of *kind* that cannot be used any more."""
    if kind == "cache":
        return CacheUserRepository(DownCache())
    store = make(kind, request)
    if kind == "sqlite":
        store.close()
    elif kind.startswith("sqlalchemy"):
        with store._engine().begin() as connection:
            for table in reversed(store._tables.link.metadata.sorted_tables):
                table.drop(connection)
    else:
        from django.db import connections

        with connections[store.database].cursor() as cursor:
            for table in ("ldapuser", "syncbookmark", "synclock"):
                cursor.execute(f"DROP TABLE windows_auth_{table}")
            cursor.execute("ALTER TABLE auth_user RENAME TO elsewhere")
    return store


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["sqlite", "cache", "sqlalchemy-sqlite", "django-sqlite"])
def test_a_store_that_is_broken_is_a_sync_error(kind: str, call: str, request: pytest.FixtureRequest) -> None:
    """Never an error of the store's own: the core lets the last known rights hold for SyncError."""
    store = broken(kind, request)
    with pytest.raises(SyncError):
        CALLS[call](store)


def test_a_cache_that_is_down_is_a_sync_error(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With WAUTH_USE_CACHE the claim is in Django's cache."""
    store = make("django-cache", request)
    monkeypatch.setattr("wauth_django.orm.cache", DownCache())
    with pytest.raises(SyncError, match="nobody listens"):
        CALLS["lock"](store)


@pytest.mark.parametrize("kind", ["django-sqlite", "django-postgresql", "django-mariadb"])
def test_a_project_without_time_zones_is_synchronised_too(kind: str, request: pytest.FixtureRequest) -> None:
    """With USE_TZ = False Django keeps local times: ours come back as they were, and compare."""
    store = make(kind, request)
    from django.test import override_settings

    with override_settings(USE_TZ=False, TIME_ZONE="America/New_York"):
        given = link(password_set=NOW, lowered_at=LATER)
        store.apply([new("alice", given)], now=NOW)
        alice = one(store)
        assert (link_of(alice), link_of(alice).last_sync) == (given, NOW)
        assert store.apply([changed(alice, flags={"is_staff": True})], now=NOW) == [None]
        store.touch({alice.key: NOW}, now=LATER)
        assert link_of(one(store)).last_sync == LATER
        with store.lock("EXAMPLE", "alice") as mine, store.lock("EXAMPLE", "alice") as too:
            assert (mine, too) == (True, False)


def test_processes_that_share_a_cache_write_one_at_a_time(redis: Any) -> None:
    """Two repositories, as two processes have them, lose no write of one another."""
    redis.flushdb()
    stores = [CacheUserRepository(RedisCache(redis)) for _ in range(2)]
    stores[0].apply([new("alice", link())], now=NOW)
    alice = one(stores[0])
    ending = changed(alice, end_sessions=True, answered=False)
    assert in_threads(8, lambda n: stores[n % 2].apply([ending], now=LATER)) == [[alice.key]] * 8
    assert link_of(one(stores[1])).sessions == link_of(alice).sessions + 8
    in_threads(8, lambda n: stores[n % 2].apply([new(f"u{n}", link(f"u{n}", uuid.UUID(int=100 + n)))], now=NOW))
    assert len([user for page in stores[0].linked(ALL, "EXAMPLE") for user in page]) == 9


def test_processes_that_share_nothing_agree_on_keys_and_numbers() -> None:
    """Behind several workers the default store ends nobody's session: both follow from the GUID."""
    stores = [CacheUserRepository(), CacheUserRepository()]
    for store in stores:
        store.apply([new("alice", link())], now=NOW)
    first, second = (one(store) for store in stores)
    assert (first.key, link_of(first).sessions) == (second.key, link_of(second).sessions)


class Careless(MemoryUserRepository):
    """Writes whatever it is given, however old."""

    def apply(self, changes: Any, *, now: datetime) -> Any:
        seen = {key: user.link for key, user in self.users.items()}
        fresh = [replace(change, seen=seen.get(change.key)) for change in changes]
        return super().apply(fresh, now=LATER + timedelta(days=self.transactions))


class Forgetful(MemoryUserRepository):
    """Touches whatever is named."""

    def touch(self, seen: Any, *, now: datetime) -> None:
        super().touch({key: self.users[key].link.last_sync for key in seen}, now=now)


class Generous(MemoryUserRepository):
    """Frees a claim whoever holds it."""

    def _release(self, key: Any, token: str) -> None:
        self._claims.pop(key, None)


class Eternal(MemoryUserRepository):
    """A claim is freed by its holder only."""

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Any:
        with super().lock(domain.casefold(), username, wait=min(wait, 0.2)) as mine:
            yield mine


class Folding(MemoryUserRepository):
    """Finds names as a German collation does."""

    def find(self, wanted: Any, *, domain: str, username: str, guid: Any = None) -> Any:
        return super().find(wanted, domain=domain, username=username.casefold(), guid=guid)


WRONG = [
    pytest.param(Careless, "test_an_older_answer_is_passed_over", {"more": {"flags": {"is_staff": True}}}, id="older"),
    pytest.param(Careless, "test_what_was_read_must_still_stand", {}, id="unseen"),
    pytest.param(Careless, "test_a_lapse_is_written_once_and_moves_no_time", {}, id="lapse"),
    pytest.param(
        Forgetful, "test_touch_is_compare_and_set", {"seen": None, "now": LATER, "expected": NOW}, id="touch-unseen"
    ),
    pytest.param(Generous, "test_a_dead_workers_claim_has_one_heir", {"monkeypatch": None}, id="heir"),
    pytest.param(Eternal, "test_a_dead_workers_claim_has_one_heir", {"monkeypatch": None}, id="dead"),
    pytest.param(
        Folding, "test_names_that_look_alike_are_two_people", {"name": "straße", "twin": "strasse"}, id="folding"
    ),
]


@pytest.mark.parametrize(("wrong", "row", "more"), WRONG)
def test_the_contract_finds_a_store_that_is_wrong(
    wrong: type[Any], row: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that passes over the right store fails over the wrong one."""
    more = {name: monkeypatch if name == "monkeypatch" else value for name, value in more.items()}
    getattr(RepositoryContract(), row)(MemoryUserRepository(), **more)
    with pytest.raises(AssertionError):
        getattr(RepositoryContract(), row)(wrong(), **more)
