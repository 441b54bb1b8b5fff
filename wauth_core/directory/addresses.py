"""Look up the addresses of servers in a separate thread, so that a silent name server delays nobody."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from wauth_core.directory.endpoints import Endpoint
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.process import PerProcess

PATIENCE = 1.0  # seconds to wait for DNS where the last good addresses are known

Address = tuple[Any, ...]
"""One of `socket.getaddrinfo`'s."""


class _Lookup:
    """One question to the system's resolver. Several callers may wait for its answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.done = threading.Event()
        self.found: list[Address] = []
        self.error: OSError | None = None
        threading.Thread(target=self._ask, args=(endpoint,), daemon=True, name=f"wauth-dns-{endpoint.host}").start()

    def _ask(self, endpoint: Endpoint) -> None:
        try:
            self.found = list(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            self.error = error if isinstance(error, OSError) else OSError(str(error))
        self.done.set()


class _Known:
    """What one process knows."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asking: dict[Endpoint, _Lookup] = {}
        self.last: dict[Endpoint, list[Address]] = {}


class Addresses:
    """Looks names up, and keeps the last good answer for each. Threads may share it; it survives a fork."""

    def __init__(self) -> None:
        self._known = PerProcess(_Known)

    def of(self, endpoint: Endpoint, deadline: float) -> list[Address]:
        """The addresses of *endpoint*. If the name cannot be resolved by *deadline*, or soon, the last good ones.

        Raises `DirectoryUnavailable` if there never were any.
        """
        try:
            return list(
                socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            )
        except (OSError, UnicodeError):
            pass  # a name
        known = self._known.here
        with known.lock:
            last = known.last.get(endpoint)
            lookup = known.asking.get(endpoint)
            if lookup is None:
                lookup = known.asking[endpoint] = _Lookup(endpoint)
        remaining = max(0.0, deadline - time.monotonic())
        in_time = lookup.done.wait(min(PATIENCE, remaining) if last else remaining)
        with known.lock:
            if in_time and known.asking.get(endpoint) is lookup:
                del known.asking[endpoint]
            if lookup.found:
                known.last[endpoint] = lookup.found
                return lookup.found
        if last:
            return last
        if not in_time:
            raise DirectoryUnavailable(f"DNS did not answer about {endpoint.host!r} in time. Check the DNS servers.")
        why = lookup.error.strerror or lookup.error if lookup.error is not None else "no address"
        raise DirectoryUnavailable(f"The name {endpoint.host!r} cannot be resolved ({why}). Check SERVER and the DNS.")
