"""The real wfastcgi on Windows, over a named pipe as IIS gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; tests/windows/test_wine.py runs it under Wine", allow_module_level=True)

import _winapi
import json
import msvcrt

from tests.e2e import fastcgi
from wauth_core.iis import here, webconfig
from wauth_core.iis.options import WebConfigOptions

PIPE_ACCESS_DUPLEX, OPEN_EXISTING, GENERIC_READ_WRITE = 3, 3, 0xC0000000


@contextmanager
def wfastcgi(folder: Path, application: str) -> Iterator[int]:
    """wfastcgi.py with our web.config; gives this side's end of the pipe."""
    options = WebConfigOptions(
        root=str(folder),
        application=application,
        python=here.interpreter(),
        handler="fastcgi",
        wfastcgi=here.wfastcgi(),
        logs=str(folder / "wfastcgi.log"),
    )
    (folder / "web.config").write_bytes(webconfig.build(options).files[0].content)
    name = rf"\\.\pipe\wauth-tests-{os.getpid()}"
    ours = _winapi.CreateNamedPipe(name, PIPE_ACCESS_DUPLEX, 0, 1, 65536, 65536, 0, _winapi.NULL)
    theirs = _winapi.CreateFile(name, GENERIC_READ_WRITE, 0, _winapi.NULL, OPEN_EXISTING, 0, _winapi.NULL)
    stdin = msvcrt.open_osfhandle(theirs, 0)
    process = subprocess.Popen(
        [options.python, options.wfastcgi], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    os.close(stdin)
    try:
        yield ours
    finally:
        _winapi.CloseHandle(ours)
        process.kill()
        process.communicate(timeout=20)


def ask(pipe: int, folder: Path, user: bytes) -> fastcgi.Answer:
    _winapi.WriteFile(pipe, fastcgi.request(fastcgi.iis_parameters(str(folder), "/", user)))

    def read(size: int) -> bytes:
        content = b""
        while len(content) < size:
            content += _winapi.ReadFile(pipe, size - len(content))[0]
        return content

    return fastcgi.read_answer(read)


def test_over_a_named_pipe(tmp_path: Path) -> None:
    """The site is found by our web.config, in a folder with a letter outside ASCII; each request has its own user."""
    folder = tmp_path / "Zoë's shop"
    folder.mkdir()
    with wfastcgi(folder, "tests.e2e.fastcgi_apps:wrapped") as pipe:
        answers = [ask(pipe, folder, user) for user in (rb"EXAMPLE\alice", b"", "EXAMPLE\\Zoë".encode())]
    assert [json.loads(answer.body)["identity"] for answer in answers] == [r"EXAMPLE\alice", None, "EXAMPLE\\zoë"]
