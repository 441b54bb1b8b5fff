"""``wauth serve`` on Windows, from IIS's side: a token is duplicated into the process and named in a header."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; tests/windows/test_wine.py runs it under Wine", allow_module_level=True)

from tests.core.iis.test_serve import running
from tests.e2e.hostile import ANY_PEER, GOOD
from tests.ports import free_port
from tests.windows.inside.win import Windows
from wauth_core.iis.platformhandler import PORT_VARIABLE
from wauth_core.web.sources.token import AUTHENTICATION_VARIABLE, PAIRING_HEADER, PAIRING_VARIABLE, TOKEN_HEADERS

SECRET = "a-secret-of-iis"
PAIRED = {PAIRING_VARIABLE: SECRET, AUTHENTICATION_VARIABLE: "windows;"}


class Site:
    """A process of ours, as IIS sees it."""

    def __init__(self, process: subprocess.Popen[str], connection: http.client.HTTPConnection) -> None:
        self._process, self._connection = process, connection
        self._windows = Windows()

    def token(self) -> str:
        """A token of the visitor, duplicated into the process."""
        own = self._windows.own_token()
        handle = self._windows.duplicate_into(int(self._process._handle), own)  # type: ignore[attr-defined]
        self._windows.close(own)
        return f"{handle:x}"

    def get(self, **headers: str) -> dict[str, Any]:
        self._connection.request("GET", "/", headers={name.replace("_", "-"): v for name, v in headers.items()})
        return self._answer()

    def send(self, headers: Iterable[tuple[str, str | bytes]]) -> dict[str, Any]:
        """A request with exactly these headers, as often as they stand there."""
        self._connection.putrequest("GET", "/", skip_accept_encoding=True)
        for name, value in headers:
            self._connection.putheader(name, value if isinstance(value, bytes) else value.encode("latin-1"))
        self._connection.endheaders()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        response = self._connection.getresponse()
        body = response.read()
        said = json.loads(body) if response.status == 200 else {"outcome": None, "identity": "None"}
        return {"status": response.status, **said}


@contextmanager
def site(application: str, environment: dict[str, str]) -> Iterator[Site]:
    port = free_port()
    code = "from wauth_core.iis.iis_commands import serve; serve()"
    with subprocess.Popen(
        [sys.executable, "-c", code, f"tests.windows.inside.served_apps:{application}"],
        env={**os.environ, PORT_VARIABLE: str(port), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # The log of refused sign-ins would fill the pipe
        drain = threading.Thread(target=lambda: list(process.stdout or ()))
        drain.start()
        try:
            with closing(running(process, port)) as connection:
                yield Site(process, connection)
        finally:
            process.terminate()
            drain.join(20)


@pytest.mark.parametrize("application", ["wsgi", "asgi"])
def test_the_visitor_is_signed_in(application: str) -> None:
    """The token signs the visitor in, with groups, for one request only; the application sees no token."""
    with site(application, {}) as iis:
        token = iis.token()
        answer = iis.get(**{TOKEN_HEADERS[0]: token})
        assert answer["outcome"] == "SignedIn"
        assert answer["identity"].lower().endswith("\\" + getpass.getuser().lower())
        assert "S-1-5-11" in answer["groups"]
        assert answer["headers"] == []
        # The handle was closed with the request: the same number is nobody now
        assert iis.get(**{TOKEN_HEADERS[0]: token})["outcome"] == "Rejected"
        assert iis.get()["outcome"] == "Anonymous"


def test_only_the_iis_that_started_it() -> None:
    """With HttpPlatformHandler 2.x a request without its secret signs nobody in."""
    with site("wsgi", PAIRED) as iis:
        header = TOKEN_HEADERS[0]
        assert iis.get(**{header: iis.token(), PAIRING_HEADER: SECRET})["outcome"] == "SignedIn"
        assert iis.get(**{header: iis.token(), PAIRING_HEADER: "guessed"})["outcome"] == "Rejected"
        assert iis.get(**{header: iis.token()})["outcome"] == "Rejected"


def test_hostile_handles() -> None:
    """Every small number a client may send is refused, and the site goes on answering."""
    with site("wsgi", {}) as iis:
        for handle in [*range(4, 1200, 4), -4, -6, 0xFFFFFFFFFFFFFFFC]:
            answer = iis.get(**{TOKEN_HEADERS[0]: f"{handle:x}"})
            assert (answer["status"], answer["outcome"]) == (200, "Rejected")
        assert iis.get(**{TOKEN_HEADERS[0]: iis.token()})["outcome"] == "SignedIn"


@pytest.mark.parametrize("application", ["wsgi", "asgi"])
def test_another_visitors_token_stays_open(application: str) -> None:
    """Whatever numbers a client adds, under whatever names, the tokens of other visitors are not closed."""
    with site(application, {}) as iis:
        other, numbers = iis.token(), ",".join(f"{n:x}" for n in range(4, 8004, 4))
        for added in ([(TOKEN_HEADERS[1], other)], [(TOKEN_HEADERS[0], numbers)], [(TOKEN_HEADERS[2], numbers)]):
            iis.send([*added, (TOKEN_HEADERS[0], iis.token())])
        assert iis.get(**{TOKEN_HEADERS[0]: other})["outcome"] == "SignedIn"


@pytest.mark.parametrize("application", ["wsgi", "asgi"])
def test_the_hostile_table(application: str) -> None:
    """Nothing of what a client can send signs anybody in, on the servers and the source that IIS has."""
    with site(application, {}) as iis:
        for name, row in {**ANY_PEER, "right-for-a-proxy": [GOOD]}.items():
            answer = iis.send(row)
            assert answer["status"] < 500, name
            assert answer["outcome"] in ("Anonymous", "Rejected", None), name
            assert answer["identity"] == "None", name
        assert iis.send([(TOKEN_HEADERS[0], iis.token())])["outcome"] == "SignedIn"
