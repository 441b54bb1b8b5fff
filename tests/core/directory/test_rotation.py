"""Which server is asked: a name that hangs, or a server that fails, holds nobody up who could ask another one."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from wauth_core.directory import LDAPManager
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

SILENT = "dc0.example.local"


def test_the_next_server_is_asked_while_a_name_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server's name is never resolved. The second one serves, and the name is not waited for again."""
    resolve, released, asked = socket.getaddrinfo, threading.Event(), []

    def hanging(host: str, *where: Any, **how: Any) -> Any:
        if host == SILENT and not how.get("flags"):
            asked.append(host)
            released.wait(30)
        return resolve(host, *where, **how)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    try:
        with EmbeddedDirectory() as directory:
            given = directory.settings(CONNECT_TIMEOUT=1)
            given["SERVER"] = [f"ldaps://{SILENT}", given["SERVER"]]
            with LDAPManager(LDAPSettings(**given), "EXAMPLE") as manager:
                assert manager.user("alice").username == "alice"
                manager.close()  # so that the next question needs a new connection
                assert manager.user("bob").username == "bob"
                assert manager.controller == given["SERVER"][1]
    finally:
        released.set()
    assert asked == [SILENT]
