"""Choose the server of the next connection: the first that accepts one. Servers that failed recently come last."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from wauth_core.directory.connection import Connection, Lost
from wauth_core.directory.dialer import Dialer
from wauth_core.directory.discovery import Discovered
from wauth_core.directory.endpoints import Endpoint
from wauth_core.exceptions import DirectoryUnavailable, TLSError
from wauth_core.process import PerProcess

log = logging.getLogger("wauth.directory")

SKIP_FAILED = 15.0  # seconds a failed server is skipped, if another one is left

Skipped = dict[Endpoint, float]
"""Until when, on the monotonic clock."""


class OutOfTime(DirectoryUnavailable):
    """No time was left to ask a server. This says nothing about the servers."""


class Rotation:
    """The servers of one domain. Threads may share it; it survives a fork."""

    def __init__(self, dialer: Dialer, servers: tuple[Endpoint, ...] | Discovered) -> None:
        self._dialer = dialer
        self.servers = servers
        self._states: PerProcess[Skipped] = PerProcess(dict)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The servers, the preferred ones first. Raises `DirectoryUnavailable` if a look-up in DNS finds none."""
        return self.servers.current() if isinstance(self.servers, Discovered) else self.servers

    @property
    def skipped(self) -> Skipped:
        """The servers that failed in this process."""
        return self._states.here

    def skip(self, endpoint: Endpoint) -> None:
        """The server failed."""
        self.skipped[endpoint] = time.monotonic() + SKIP_FAILED

    def all_fail(self) -> bool:
        """Whether every server has failed recently."""
        now = time.monotonic()
        try:
            return all(self.skipped.get(endpoint, 0.0) > now for endpoint in self.endpoints)
        except DirectoryUnavailable:
            return True  # DNS does not say where they are

    def open(self, deadline: float, opened: Callable[[Endpoint, float], Connection] | None = None) -> Connection:
        """A new connection to the first server that accepts one. Each server has a share of the time until *deadline*.

        *opened* opens it; by default it is bound as the service account. Raises `DirectoryUnavailable`, and what
        binding raises.
        """
        failures: list[DirectoryUnavailable] = []
        candidates = self._candidates()
        for at, endpoint in enumerate(candidates):
            now = time.monotonic()
            remaining = deadline - now
            if remaining <= 0:
                break
            share = remaining / (len(candidates) - at + 1)  # leave time for the servers after it, and for the question
            try:
                connection = (opened or self._dialer.service_connection)(
                    endpoint, now + min(float(self._dialer.settings.CONNECT_TIMEOUT), share)
                )
            except DirectoryUnavailable as error:
                failures.append(error)
                alone = len(candidates) == 1  # then the error tells the caller the same
                log.log(logging.INFO if alone else logging.WARNING, "Domain %s: %s", self._dialer.domain, error)
            except Lost as error:
                failures.append(DirectoryUnavailable(str(error)))
            else:
                self.skipped.pop(endpoint, None)
                return connection
            self.skip(endpoint)
        if len(failures) == 1:
            raise failures[0]
        if failures and all(isinstance(failure, TLSError) for failure in failures):
            raise failures[0]
        if not failures:
            raise OutOfTime(f"There was no time left to connect to a server of the domain {self._dialer.domain}.")
        listed = " ".join(map(str, failures))
        raise DirectoryUnavailable(f"No server of the domain {self._dialer.domain} can be reached. {listed}")

    def _candidates(self) -> list[Endpoint]:
        now = time.monotonic()
        skipped = {endpoint: until for endpoint, until in list(self.skipped.items()) if until > now}
        ready = [endpoint for endpoint in self.endpoints if endpoint not in skipped]
        return ready + sorted(skipped, key=skipped.__getitem__)
