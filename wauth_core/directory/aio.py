"""`AsyncLDAPManager`: the methods of `LDAPManager` for asyncio. Methods that stream return async iterators."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from wauth_core.directory import jobs
from wauth_core.directory.catalog import Catalog
from wauth_core.directory.manager import LDAPManager
from wauth_core.process import PerProcess
from wauth_core.settings import LDAPSettings

P = ParamSpec("P")
R = TypeVar("R")

_AT_ONCE = 200  # entries that a stream fetches at a time
_streams: contextvars.ContextVar[int] = contextvars.ContextVar("wauth_directory_streams", default=0)


def _awaited(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[_Awaiting, P], Awaitable[R]]:
    @functools.wraps(method)
    async def awaited(self: _Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> R:
        job = jobs.Job(held=_streams.get())
        return await self._run(job, _context(job), functools.partial(method, self._asked, *args, **kwargs))

    return awaited


def _streamed(
    method: Callable[Concatenate[Any, P], Iterator[R]],
) -> Callable[Concatenate[_Awaiting, P], AsyncIterator[R]]:
    @functools.wraps(method)
    async def streamed(self: _Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        job = jobs.Job(held=_streams.get())
        context = _context(job)
        found = await self._run(job, context, functools.partial(method, self._asked, *args, **kwargs))
        _streams.set(_streams.get() + 1)  # what is asked while this stream is open gets a connection beside the pool
        try:
            while listed := await self._run(job, context, lambda: list(islice(found, _AT_ONCE))):
                for one in listed:
                    yield one
        finally:
            _streams.set(max(0, _streams.get() - 1))
            close = getattr(found, "close", None)
            if close is not None:
                self._later(context, close)

    return streamed


def _clock_skew(manager: LDAPManager) -> timedelta:
    """How far the controller's clock is before this machine's: awaited here, for it is asked."""
    return manager.clock_skew


def _domain_sid(manager: LDAPManager) -> str:
    """The domain's SID, ``S-1-5-21-…``: awaited here, for it is asked."""
    return manager.domain_sid


class _Awaiting:
    """Asks *asked* in the threads of *executor*."""

    def __init__(self, asked: object, executor: PerProcess[ThreadPoolExecutor]) -> None:
        self._asked = asked
        self._executor = executor

    async def _run(self, job: jobs.Job, context: contextvars.Context, call: Callable[[], R]) -> R:
        """Run *call* in a thread. If the waiting task is cancelled, so is the question."""
        future = self._executor.here.submit(context.run, call)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            job.give_up()
            raise

    def _later(self, context: contextvars.Context, call: Callable[[], Any]) -> None:
        """Run *call* when the thread is free. Nobody waits for it."""

        def attempt() -> None:
            with contextlib.suppress(Exception):  # a stream that still runs ends by itself, for it was given up
                context.run(call)

        with contextlib.suppress(RuntimeError):  # closed already
            self._executor.here.submit(attempt)


class AsyncCatalog(_Awaiting):
    """`Catalog` for asyncio: the look-ups across the whole forest."""

    user = _awaited(Catalog.user)
    users = _streamed(Catalog.users)
    group = _awaited(Catalog.group)
    groups = _streamed(Catalog.groups)
    find = _awaited(Catalog.find)
    objects = _streamed(Catalog.objects)


class AsyncLDAPManager(_Awaiting):
    """`LDAPManager` for asyncio: ``await directory.user("ada")``, ``async for user in directory.users(): …``.

    Pass the settings and the domain, or a manager; `close` leaves such a manager open.

    - The questions run in at most *workers* threads (default: POOL_SIZE). The event loop never waits.
    - Each question has the deadlines of the settings.
    - A task that is cancelled, also by `asyncio.timeout`, frees its thread and its connection at once.
    - If a write is cancelled, nobody knows whether it was made.

    The objects returned belong to the `manager`. Call `groups_of(user)` here: ``user.groups()`` would block the loop.
    """

    def __init__(
        self, settings: LDAPSettings | LDAPManager, domain: str | None = None, *, workers: int | None = None
    ) -> None:
        self._owned = not isinstance(settings, LDAPManager)
        self.manager = settings if isinstance(settings, LDAPManager) else LDAPManager(settings, domain or "")
        count = workers or self.manager.settings.POOL_SIZE
        super().__init__(
            self.manager, PerProcess(lambda: ThreadPoolExecutor(count, thread_name_prefix="wauth-directory"))
        )

    @property
    def settings(self) -> LDAPSettings:
        """The settings of this domain."""
        return self.manager.settings

    @property
    def domain(self) -> str:
        """The domain, as the settings name it."""
        return self.manager.domain

    @property
    def global_catalog(self) -> AsyncCatalog:
        """The look-ups across the whole forest. Raises `ConfigurationError` if GC is not set."""
        return AsyncCatalog(self.manager.global_catalog, self._executor)

    user = _awaited(LDAPManager.user)
    users = _streamed(LDAPManager.users)
    person = _awaited(LDAPManager.person)
    authenticate = _awaited(LDAPManager.authenticate)
    group = _awaited(LDAPManager.group)
    groups = _streamed(LDAPManager.groups)
    groups_of = _awaited(LDAPManager.groups_of)
    is_member = _awaited(LDAPManager.is_member)
    members = _streamed(LDAPManager.members)
    resolve_groups = _awaited(LDAPManager.resolve_groups)
    search = _streamed(LDAPManager.search)
    changes = _awaited(LDAPManager.changes)
    doctor = _awaited(LDAPManager.doctor)

    computer = _awaited(LDAPManager.computer)
    computers = _streamed(LDAPManager.computers)
    ou = _awaited(LDAPManager.ou)
    ous = _streamed(LDAPManager.ous)
    contact = _awaited(LDAPManager.contact)
    contacts = _streamed(LDAPManager.contacts)
    service_account = _awaited(LDAPManager.service_account)
    service_accounts = _streamed(LDAPManager.service_accounts)
    find = _awaited(LDAPManager.find)
    objects = _streamed(LDAPManager.objects)
    deleted = _streamed(LDAPManager.deleted)
    domain_info = _awaited(LDAPManager.domain_info)
    password_policy = _awaited(LDAPManager.password_policy)
    forest_info = _awaited(LDAPManager.forest_info)
    controllers = _awaited(LDAPManager.controllers)
    sites = _awaited(LDAPManager.sites)
    trusts = _awaited(LDAPManager.trusts)
    clock_skew = _awaited(_clock_skew)
    domain_sid = _awaited(_domain_sid)

    set = _awaited(LDAPManager.set)
    add_value = _awaited(LDAPManager.add_value)
    remove_value = _awaited(LDAPManager.remove_value)
    set_manager = _awaited(LDAPManager.set_manager)
    set_password = _awaited(LDAPManager.set_password)
    change_password = _awaited(LDAPManager.change_password)
    must_change_password = _awaited(LDAPManager.must_change_password)
    enable = _awaited(LDAPManager.enable)
    disable = _awaited(LDAPManager.disable)
    unlock = _awaited(LDAPManager.unlock)
    expire = _awaited(LDAPManager.expire)
    add_members = _awaited(LDAPManager.add_members)
    remove_members = _awaited(LDAPManager.remove_members)
    create_user = _awaited(LDAPManager.create_user)
    create_group = _awaited(LDAPManager.create_group)
    create_computer = _awaited(LDAPManager.create_computer)
    create_ou = _awaited(LDAPManager.create_ou)
    move = _awaited(LDAPManager.move)
    rename = _awaited(LDAPManager.rename)
    protect = _awaited(LDAPManager.protect)
    delete = _awaited(LDAPManager.delete)
    restore = _awaited(LDAPManager.restore)

    async def close(self) -> None:
        """Wait for what is running, and close the connections of a manager that was made here."""
        executor = self._executor.here
        await asyncio.get_running_loop().run_in_executor(None, functools.partial(executor.shutdown, wait=True))
        self._executor = PerProcess(lambda: executor)
        if self._owned:
            self.manager.close()

    async def __aenter__(self) -> AsyncLDAPManager:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _context(job: jobs.Job) -> contextvars.Context:
    """The caller's context (a trace is in it), with *job*."""
    context = contextvars.copy_context()
    context.run(jobs.current.set, job)
    return context
