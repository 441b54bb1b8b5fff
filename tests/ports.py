"""A port for a server that a test starts."""

from __future__ import annotations

import contextlib
import random
import socket

BELOW_CLIENTS = range(20_000, 32_000)
"""Linux gives clients 32,768 and above, Windows 49,152 and above."""


def free_port() -> int:
    """A port of loopback that nothing listens on, and that no client is given until the server has started."""
    while True:
        port = random.choice(BELOW_CLIENTS)
        with contextlib.suppress(OSError), socket.socket() as attempt:
            attempt.bind(("127.0.0.1", port))
            return port
