"""From the managers' usage counters to rows: one for each process and domain, updated while the process lives."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, router

from wauth_core.process import PerProcess
from wauth_django.ldap_metrics.models import LDAPUsage

logger = logging.getLogger("wauth.django")

EVERY = 300.0
"""Seconds between two updates of a living process's rows."""
_OWN = {"id", "timestamp", "pid", "domain"}


@dataclass
class _Saved:
    """What belongs to one process: its rows' keys, when they were saved (by the clock), and who saves them now.

    *serves* is whether it answers requests.
    """

    at: float
    serves: bool = False
    keys: dict[str, int] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)


class Collector:
    """Saves the usage of this process. *clock* counts seconds.

    A killed process leaves a row that is at most `EVERY` seconds older than its last request, or, if it answers no
    requests, than the last time that it asked for the directory before. No thread is needed for that: a process that
    does neither has nothing new to tell.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._saved = PerProcess(lambda: _Saved(-EVERY))

    def after_request(self, **_: object) -> None:
        """Receiver of ``request_finished``: save, if the rows are old. Never raises."""
        self._saved.here.serves = True
        self._save_old()

    def at_use(self) -> None:
        """Save, if the rows are old, in a process that answers no requests. Never raises.

        Not in a transaction, which may be rolled back or broken, nor in an event loop.
        """
        if not self._saved.here.serves and not _in_event_loop():
            using = router.db_for_write(LDAPUsage)
            if not connections[using].in_atomic_block:
                self._save_old()

    def _save_old(self) -> None:
        saved = self._saved.here
        if self._clock() - saved.at < EVERY or not saved.lock.acquire(blocking=False):
            return
        try:
            if _config().usage():
                saved.at = self._clock()
                self.save()
        finally:
            saved.lock.release()

    def at_end(self) -> int:
        """Close all connections, and save. Never raises: the process is ending."""
        return self.save(closed=True)

    def save(self, *, closed: bool = False) -> int:
        """Save the usage of every domain that this process has used; how many. Never raises."""
        keys = self._saved.here.keys
        try:
            counted = _config().usage(closed=closed)
            for domain, usage in counted.items():
                row = usage_row(domain, usage)
                row.pk = keys.get(domain)
                row.save()
                keys[domain] = row.pk
        except Exception as error:
            logger.warning("The LDAP metrics were not saved: %s", error)
            return 0
        return len(counted)


def _config() -> Any:
    return apps.get_app_config("windows_auth")


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def usage_row(domain: str, usage: Any) -> LDAPUsage:
    """The unsaved row for ldap3's *usage* of *domain*. ldap3's moments are naive, in the machine's own time zone."""
    values: dict[str, Any] = {}
    for column in LDAPUsage._meta.concrete_fields:
        if column.name in _OWN or (value := getattr(usage, column.name, None)) is None:
            continue
        values[column.name] = value.astimezone() if settings.USE_TZ and isinstance(value, datetime) else value
    return LDAPUsage(domain=domain, pid=os.getpid(), **values)
