"""Name servers that are silent hold nobody up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from wauth_core.directory.addresses import Addresses
from wauth_core.directory.endpoints import Endpoint
from wauth_core.exceptions import DirectoryUnavailable

DC = Endpoint("dc1.example.local", 636, tls=True)
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 636))]


class Resolver:
    """The system's resolver: silent until `answer` is set, or failing with *error*."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.error: OSError | None = None
        self.asked = 0

    def __call__(self, host: str, *_: Any, flags: int = 0, **__: Any) -> list[Any]:
        if flags:
            raise socket.gaierror("a name")
        self.asked += 1
        assert self.answer.wait(10)
        if self.error is not None:
            raise self.error
        return FOUND


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    fake = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    yield fake
    fake.answer.set()


def test_a_silent_name_server_is_an_error_at_the_deadline(resolver: Resolver) -> None:
    """Callers wait together for one question, which goes on; once it is answered, all are served."""
    addresses = Addresses()
    for _ in range(3):
        with pytest.raises(DirectoryUnavailable, match="did not answer about 'dc1"):
            addresses.of(DC, time.monotonic() + 0.05)
    assert resolver.asked == 1
    resolver.answer.set()
    assert addresses.of(DC, time.monotonic() + 5) == FOUND
    assert resolver.asked == 1


def test_the_last_good_addresses_are_kept(resolver: Resolver) -> None:
    """They serve while DNS is silent, and while it knows nothing."""
    addresses = Addresses()
    resolver.answer.set()
    assert addresses.of(DC, time.monotonic() + 5) == FOUND
    resolver.error = socket.gaierror(-2, "Name or service not known")
    assert addresses.of(DC, time.monotonic() + 5) == FOUND
    resolver.answer.clear()
    assert addresses.of(DC, time.monotonic() + 0.05) == FOUND


def test_a_name_that_nobody_knows(resolver: Resolver) -> None:
    """It is told at once, with what to check."""
    resolver.answer.set()
    resolver.error = socket.gaierror(-2, "Name or service not known")
    with pytest.raises(DirectoryUnavailable, match=r"cannot be resolved \(Name or service not known"):
        Addresses().of(DC, time.monotonic() + 5)


def test_an_address_needs_no_resolver() -> None:
    """No thread is begun for it."""
    before = threading.active_count()
    [(*_, address)] = Addresses().of(Endpoint("127.0.0.1", 636, tls=True), time.monotonic() + 5)
    assert address == ("127.0.0.1", 636)
    assert threading.active_count() == before
