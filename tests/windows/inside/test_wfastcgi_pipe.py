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
from tests.e2e.hostile import ANY_PEER, GOOD
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


def ask(pipe: int, folder: Path, user: bytes, **more: bytes) -> fastcgi.Answer:
    _winapi.WriteFile(pipe, fastcgi.request(fastcgi.iis_parameters(str(folder), "/", user, **more)))

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


def test_names_in_the_machines_code_page(tmp_path: Path) -> None:
    """A REMOTE_USER in the ANSI code page comes out right with no setting, and one in UTF-8 does too."""
    code_page = f"cp{int(os.environ.get('WAUTH_EXPECT_CODE_PAGE', '1252'))}"
    name = {"cp1252": "Zoë", "cp1251": "Зоя"}[code_page]
    with wfastcgi(tmp_path, "tests.e2e.fastcgi_apps:wrapped") as pipe:
        answers = [ask(pipe, tmp_path, f"EXAMPLE\\{name}".encode(encoding)) for encoding in (code_page, "utf-8")]
    assert [json.loads(answer.body)["identity"] for answer in answers] == [f"EXAMPLE\\{name.lower()}"] * 2


def test_the_hostile_table(tmp_path: Path) -> None:
    """Nothing of what a client can send signs anybody in under IIS with FastCGI."""
    with wfastcgi(tmp_path, "tests.e2e.fastcgi_apps:wrapped") as pipe:
        for name, row in {**ANY_PEER, "right-for-a-proxy": [GOOD]}.items():
            answer = ask(pipe, tmp_path, b"", **fastcgi.header_variables(row))
            assert (answer.status, json.loads(answer.body)["identity"]) == (200, None), name
        assert json.loads(ask(pipe, tmp_path, rb"EXAMPLE\alice").body)["identity"] == r"EXAMPLE\alice"
