"""ldap3 against the embedded directory, as plainly as it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import ldap3

from tests.ad.client import VerifiedTls
from wauth_core.testing import EmbeddedDirectory


class Clients:
    """Makes connections, and closes them all at the end of the test."""

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def __call__(
        self,
        directory: EmbeddedDirectory,
        user: str | None = None,
        password: str | bytes | None = None,
        *,
        secure: bool = True,
        bind: bool = True,
        get_info: str = ldap3.NONE,
    ) -> Any:
        """A connection, bound as the service account unless told otherwise."""
        server = ldap3.Server(
            directory.ldaps_url if secure else directory.url,
            tls=VerifiedTls(directory.ca_file),
            get_info=get_info,
            connect_timeout=5,
        )
        connection = ldap3.Connection(
            server,
            user or directory.bind_user,
            password or directory.bind_password,
            receive_timeout=5,
            auto_referrals=False,
            return_empty_attributes=False,
        )
        self.opened.append(connection)
        connection.open()
        if bind:
            connection.bind()
        return connection

    def close(self) -> None:
        """Close the sockets, whatever state they are in."""
        for connection in self.opened:
            if connection.socket is not None:
                connection.socket.close()


def found(connection: Any, base: str, query: str, scope: str = "SUBTREE", **options: Any) -> list[dict[str, Any]]:
    """The entries that a search finds, references left out."""
    connection.search(base, query, scope, **options)
    return [entry for entry in connection.response or () if entry["type"] == "searchResEntry"]


def names(connection: Any, base: str, query: str, scope: str = "SUBTREE") -> set[str]:
    """The sAMAccountNames (or names) that a search finds."""
    entries = found(connection, base, query, scope, attributes=["sAMAccountName", "name"])
    return {
        (entry["raw_attributes"].get("sAMAccountName") or entry["raw_attributes"]["name"])[0].decode()
        for entry in entries
    }


def until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until it holds; whether it came to hold."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.002)
    return condition()
