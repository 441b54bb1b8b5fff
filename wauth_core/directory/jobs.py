"""One question that may be given up from another thread: `AsyncLDAPManager` uses it, the pool heeds it."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar
from typing import Any

from wauth_core.exceptions import DirectoryUnavailable

current: ContextVar[Job | None] = ContextVar("wauth_directory_job", default=None)


class GivenUp(DirectoryUnavailable):
    """Whoever asked does not wait for the answer any more."""


class Job:
    """What one caller asks; *held* counts the connections that the caller has in its hands already."""

    def __init__(self, held: int = 0) -> None:
        self.held = held
        self.asked = ""  # the server that was asked last
        self._lock = threading.Lock()
        self._given_up = False
        self._connections: list[Any] = []

    @property
    def given_up(self) -> bool:
        """Whether nobody waits any more."""
        return self._given_up

    def take(self, connection: Any) -> None:
        """The job uses *connection* now. Raises `GivenUp`."""
        with self._lock:
            if self._given_up:
                raise GivenUp("The question was given up.")
            self._connections.append(connection)

    def give_back(self, connection: Any) -> None:
        """The job is done with *connection*."""
        with self._lock, contextlib.suppress(ValueError):
            self._connections.remove(connection)

    def give_up(self) -> None:
        """End it: a thread that waits for an answer is woken, and asks no more."""
        with self._lock:
            self._given_up = True
            for connection in self._connections:
                with contextlib.suppress(OSError, AttributeError):
                    connection.socket.deadline = 0.0  # for Windows, if no shutdown wakes who waits for octets
                    socket.socket.shutdown(connection.socket.inner, socket.SHUT_RDWR)  # SSLSocket's own says goodbye
