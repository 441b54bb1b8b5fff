"""One question that another thread may cancel. `AsyncLDAPManager` uses it, and the pool obeys it."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar
from typing import Any

from wauth_core.exceptions import DirectoryUnavailable

current: ContextVar[Job | None] = ContextVar("wauth_directory_job", default=None)


class GivenUp(DirectoryUnavailable):
    """The caller no longer waits for the answer."""


class Job:
    """The question of one caller. *held* counts the connections that the caller already holds."""

    def __init__(self, held: int = 0) -> None:
        self.held = held
        self.asked = ""  # the server that was asked last
        self._lock = threading.Lock()
        self._given_up = False
        self._connections: list[Any] = []

    @property
    def given_up(self) -> bool:
        """Whether the caller no longer waits."""
        return self._given_up

    def take(self, connection: Any) -> None:
        """Note that the job uses *connection* now. Raises `GivenUp`."""
        with self._lock:
            if self._given_up:
                raise GivenUp("The question was given up.")
            self._connections.append(connection)

    def give_back(self, connection: Any) -> None:
        """Note that the job has finished with *connection*."""
        with self._lock, contextlib.suppress(ValueError):
            self._connections.remove(connection)

    def give_up(self) -> None:
        """Cancel the job. A thread that waits for an answer wakes up, and asks nothing more."""
        with self._lock:
            self._given_up = True
            for connection in self._connections:
                with contextlib.suppress(OSError, AttributeError):
                    connection.socket.deadline = 0.0  # for Windows, if a shutdown does not wake the reader
                    socket.socket.shutdown(connection.socket.inner, socket.SHUT_RDWR)  # SSLSocket's own says goodbye
