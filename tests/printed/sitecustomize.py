"""For a process whose PYTHONPATH names this folder: every controller of ``example.local`` is the embedded directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

PORT = "WAUTH_TEST_LDAPS_PORT"
_real = socket.getaddrinfo


def leading_to(port: int) -> Callable[..., Any]:
    """A name service that knows ``example.local`` and its hosts: their LDAPS is at *port* of this machine."""

    def found(host: Any, wanted: Any, *more: Any, **options: Any) -> Any:
        if str(host).endswith("example.local") and wanted == 636:
            host, wanted = "127.0.0.1", port
        return _real(host, wanted, *more, **options)

    return found


if PORT in os.environ:
    socket.getaddrinfo = leading_to(int(os.environ[PORT]))
