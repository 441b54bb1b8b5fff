"""The real wfastcgi in a process of its own, with a socket where IIS has a named pipe."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import fastcgi

ROOT = Path(__file__).parents[2]
# wfastcgi takes a few functions from Windows' libraries when it is imported, and calls them only to watch files
STAND_IN = """
import ctypes, sys
class Function:
    def __call__(self, *arguments):
        return 0
class Library:
    def __init__(self):
        self.functions = {}
    def __getattr__(self, name):
        return self.functions.setdefault(name, Function())
if sys.platform != "win32":
    ctypes.windll = Library()
    ctypes.windll.kernel32 = Library()
import wfastcgi
wfastcgi.main()
"""


class Wfastcgi:
    """Sends requests to one wfastcgi process, one after another, as IIS does."""

    def __init__(self, end: socket.socket, folder: Path) -> None:
        self._stream = end.makefile("rwb")
        self._folder = folder

    def get(self, url: str = "/", user: bytes = b"", body: bytes = b"", **more: bytes) -> fastcgi.Answer:
        parameters = fastcgi.iis_parameters(str(self._folder), url, user, **more)
        self._stream.write(fastcgi.request(parameters, body))
        self._stream.flush()
        return fastcgi.read_answer(self._stream.read)

    def close(self) -> None:
        self._stream.close()


@contextmanager
def wfastcgi(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Wfastcgi]:
    """Start wfastcgi for the web.config in *folder*."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", STAND_IN],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search, **(environment or {})},
    )
    theirs.close()
    server = Wfastcgi(ours, folder)
    try:
        yield server
    finally:
        server.close()
        ours.close()
        try:
            process.wait(timeout=20)  # the end of the stream is the end of wfastcgi
        finally:
            process.kill()
