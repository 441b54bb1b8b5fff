"""The two Python servers, and how they end: take no new requests, finish the current ones, end the process."""

from __future__ import annotations

import contextlib
import importlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from wauth_core.exceptions import ConfigurationError

# A Kerberos ticket of somebody in hundreds of groups, in base64: Windows' own limit for a token is 48,000 bytes,
# https://learn.microsoft.com/en-us/troubleshoot/windows-server/windows-security/kerberos-authentication-problems-if-user-belongs-to-groups
HEADER_LIMIT = 128 * 1024
DRAIN_SECONDS = 8  # less than what HttpPlatformHandler waits before it kills the process


class Stop:
    """The request that the process ends. `ask` may be called from any thread, and from a signal handler."""

    def __init__(self) -> None:
        self.asked = False
        self._wake: Callable[[], None] | None = None

    def ask(self) -> None:
        self.asked = True
        if self._wake is not None:
            self._wake()

    def wakes(self, wake: Callable[[], None]) -> None:
        """Call *wake* when somebody asks; at once if somebody already has."""
        self._wake = wake
        if self.asked:
            wake()


def run_waitress(application: Any, stop: Stop, *, host: str, port: int, threads: int) -> None:
    """Serve a WSGI application until *stop* is asked, or a signal comes (on Windows Ctrl-Break too)."""
    waitress, wasyncore, base = _module("waitress"), _module("waitress.wasyncore"), _module("waitress.server")
    logging.basicConfig()
    sockets: dict[int, Any] = {}

    def named(environ: dict[str, Any], start_response: Any) -> Any:
        # No Server header is sent; but a source that reads a header must know that this server drops its twins.
        environ["SERVER_SOFTWARE"] = "waitress"
        return application(environ, start_response)

    waitress.create_server(
        named,
        map=sockets,
        host=host,
        port=port,
        threads=threads,
        max_request_header_size=HEADER_LIMIT,
        clear_untrusted_proxy_headers=False,  # behind_wsgi reads them
        ident=None,
    )
    listeners = [each for each in sockets.values() if isinstance(each, base.BaseWSGIServer)]
    stop.wakes(listeners[0].pull_trigger)
    with _signals(stop.ask):
        while not stop.asked:
            wasyncore.loop(timeout=1, map=sockets, count=1)
        for listener in listeners:
            wasyncore.dispatcher.close(listener)  # not its own close(), which removes the workers' trigger
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(map(_busy, listeners)) and time.monotonic() < deadline:
            wasyncore.loop(timeout=0.1, map=sockets, count=1)
    listeners[0].task_dispatcher.shutdown(timeout=0)


def _busy(listener: Any) -> bool:
    """Whether a request is being received, worked on, or answered."""
    channels = list(listener.active_channels.values())
    return any(channel.request or channel.requests or channel.total_outbufs_len for channel in channels)


@contextlib.contextmanager
def _signals(ask: Callable[[], None]) -> Iterator[None]:
    """Call *ask* at the first signal that ends a process. A second one has its usual effect."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread gets signals
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def asked(number: int, frame: Any) -> None:
        restore()
        ask()

    for number in numbers:
        signal.signal(number, asked)
    try:
        yield
    finally:
        restore()


def run_uvicorn(application: Any, stop: Stop, *, host: str, port: int) -> None:
    """Serve an ASGI application until *stop* is asked, or a signal comes. Raises ConfigurationError if it cannot."""
    uvicorn = _module("uvicorn")
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            http="h11",  # the one of uvicorn's parsers that has a limit to set
            h11_max_incomplete_event_size=HEADER_LIMIT,
            proxy_headers=False,  # behind_asgi reads them; they would replace the peer's address
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    stop.wakes(lambda: setattr(server, "should_exit", True))
    with _signals(stop.ask):  # uvicorn has handlers of its own, and raises the signal once more for these
        server.run()
    if not server.started:
        raise ConfigurationError(f"uvicorn could not start on {host}:{port}; it said why.")


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        extra = "iis-asgi" if name == "uvicorn" else "iis"
        raise ConfigurationError(f'{name} is not installed: pip install "windowsauth[{extra}]"') from exc
