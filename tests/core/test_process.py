"""What a forked child gets instead of its parent's locks and sockets."""

from __future__ import annotations

import os
import threading

import pytest

from wauth_core.process import PerProcess


def test_one_for_a_process() -> None:
    """In one process it is always the same."""
    lock = PerProcess(threading.Lock)
    assert lock.here is lock.here


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_starts_anew() -> None:
    """A lock that the parent holds is free in the child, which is told what it inherited, once."""
    inherited: list[object] = []
    lock = PerProcess(threading.Lock, inherited.append)
    parents = lock.here
    reading, writing = os.pipe()
    with parents:
        child = os.fork()
        if not child:
            try:
                free = lock.here.acquire(blocking=False)
                same = lock.here is lock.here is not parents
                os.write(writing, f"{free} {same} {inherited == [parents]}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    assert os.read(reading, 100) == b"True True True"
    assert lock.here is parents
    assert inherited == []
    os.close(reading)
    os.close(writing)
