"""`AsyncLDAPManager` against the embedded directory: the same answers, awaited; cancellation; bounds."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest

from wauth_core import AsyncLDAPManager
from wauth_core.directory import LDAPManager, trace
from wauth_core.directory.aio import AsyncCatalog
from wauth_core.directory.catalog import Catalog
from wauth_core.exceptions import ChangeRefused, UserNotFound
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory, generate


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """The example company."""
    with EmbeddedDirectory() as directory:
        yield directory
        directory.faults.clear()


def run(
    directory: EmbeddedDirectory, body: Callable[[AsyncLDAPManager], Coroutine[Any, Any, None]], **more: Any
) -> None:
    """Run *body* with an asynchronous manager that may write."""

    async def whole() -> None:
        settings = LDAPSettings(**directory.settings(READ_ONLY=False, **more))
        async with AsyncLDAPManager(settings, "EXAMPLE") as manager:
            await body(manager)

    asyncio.run(whole())


def test_the_same_names() -> None:
    """Every public method of the manager is there, awaited or streamed; ldap3's own things are not."""
    left_out = {
        "close", "connection", "get_definition", "get_reader", "get_usage", "goes_by", "others_named", "preload",
        "controller", "pass_by_if_offline",
    }  # fmt: skip
    names = {name for name in dir(LDAPManager) if not name.startswith("_")} - left_out
    assert names <= {name for name in dir(AsyncLDAPManager) if not name.startswith("_")}
    for name in names - {"settings", "domain", "global_catalog"}:
        method = getattr(AsyncLDAPManager, name)
        assert inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method), name
        if name not in ("clock_skew", "domain_sid"):  # properties there
            assert method.__doc__ == getattr(LDAPManager, name).__doc__
    catalog = {name for name, _ in inspect.getmembers(Catalog, inspect.isfunction) if not name.startswith("_")}
    assert catalog - {"close", "domain", "domains"} <= set(dir(AsyncCatalog))


def test_what_a_manager_asks_for_by_a_property(directory: EmbeddedDirectory) -> None:
    """The clock, the SID of the domain, and the forest."""

    async def body(manager: AsyncLDAPManager) -> None:
        assert abs(await manager.clock_skew()) < timedelta(seconds=5)
        assert await manager.domain_sid() == manager.manager.domain_sid
        forest = manager.global_catalog
        assert (await forest.user("ada")).username == "ada"
        assert (await forest.group("Web Editors")).name == "Web Editors"
        assert {user.username async for user in forest.users({"department": "IT"})} >= {"ada"}
        with pytest.raises(UserNotFound):
            await forest.user("nobody")

    run(directory, body, GC=directory.global_catalog())


def test_questions_and_changes(directory: EmbeddedDirectory) -> None:
    """Look-ups, streams, writes, errors, many at once, and traces."""

    async def body(manager: AsyncLDAPManager) -> None:
        ada = await manager.user("ada", ["title"])
        assert {group.name for group in await manager.groups_of(ada)} >= {"Web Editors"}
        with pytest.raises(UserNotFound):
            await manager.user("nobody")
        names = {user.username async for user in manager.users()}
        assert names == {user.username for user in manager.manager.users()}
        assert {member.kind async for member in manager.members("Users", kinds="all")} == {"group", "foreign"}
        await manager.set("ada", {"title": "Countess"})
        with pytest.raises(ChangeRefused):
            await manager.set("ada", {"nonsense": "x"})
        assert (await manager.authenticate("ada", directory.bind_password)).ok
        found = await asyncio.gather(*(manager.user(name) for name in ("ada", "bob", "ken", "alice") * 10))
        assert len({user.guid for user in found}) == 4
        with trace() as operations:
            await manager.user("bob")
        assert [operation.kind for operation in operations] == ["search"]

    run(directory, body)


def test_a_cancelled_question_frees_thread_and_connection(directory: EmbeddedDirectory) -> None:
    """A server that hangs does not hold the only connection for longer than the task waits."""

    async def body(manager: AsyncLDAPManager) -> None:
        await manager.user("ada")
        directory.faults.hang(operation="search", times=1)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await manager.user("bob")
        assert (await manager.user("ken")).username == "ken"
        assert time.monotonic() - started < 3
        assert manager.manager._pool.counts() == (0, 1)

    run(directory, body, POOL_SIZE=1, OPERATION_TIMEOUT=20)


def test_a_cancelled_question_is_not_asked_again(directory: EmbeddedDirectory) -> None:
    """Reads are retried once, but not where nobody waits for them."""

    async def body(manager: AsyncLDAPManager) -> None:
        await manager.user("ada")
        before = len(directory.operations)
        directory.faults.hang(operation="search", times=1)
        task = asyncio.create_task(manager.user("bob"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.3)
        assert len(directory.operations) == before

    run(directory, body, OPERATION_TIMEOUT=20)


def test_streams_are_bounded_and_can_be_left() -> None:
    """Many people through one connection; a stream left in the middle gives it back; one may ask inside."""
    with EmbeddedDirectory(generate(2500)) as directory:

        async def body(manager: AsyncLDAPManager) -> None:
            count = 0
            with trace() as operations:
                async for _ in manager.users("(sAMAccountName=user*)"):
                    count += 1
            assert count == 2500
            assert len([each for each in operations if each.kind == "search"]) >= 3
            stream = manager.users("(sAMAccountName=user*)")
            async for user in stream:
                assert (await manager.user(user.username)).guid == user.guid
                break
            await stream.aclose()  # type: ignore[attr-defined]
            await asyncio.wait_for(manager.user("user00001"), 2)
            assert manager.manager._pool.counts() == (0, 1)

        run(directory, body, POOL_SIZE=1, OPERATION_TIMEOUT=3)


def test_the_loop_never_waits(directory: EmbeddedDirectory) -> None:
    """While AD takes its time, the event loop runs on."""

    async def body(manager: AsyncLDAPManager) -> None:
        await manager.user("ada")
        directory.faults.delay(0.5, operation="search", times=1)
        ticks = 0
        task = asyncio.create_task(manager.user("bob"))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 10

    run(directory, body)
