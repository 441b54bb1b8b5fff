"""``wauth serve``: what it loads, what it tells the application, and both servers for real."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.iis import sample_apps
from tests.core.iis.samples import HTTPPLATFORM
from tests.ports import free_port
from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import serve
from wauth_core.iis.commandlines import process_arguments
from wauth_core.iis.platformhandler import PORT_VARIABLE
from wauth_core.iis.serve import ServeOptions

HERE = "tests.core.iis.sample_apps"
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{HERE}:wsgi", sample_apps.wsgi),
        (f"{HERE}:create()", sample_apps.wsgi),
        (f"{HERE}:Holder.app", sample_apps.wsgi),
        (f"{HERE}:asgi", sample_apps.asgi),
    ],
)
def test_loads(path: str, expected: object) -> None:
    """An attribute, one further down, or what a factory makes."""
    assert serve.load_application(path) is expected or serve.load_application(path).__name__ == expected.__name__  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("mysite.wsgi.application", "module:attribute"),
        (":app", "module:attribute"),
        (f"{HERE}:", "module:attribute"),
        ("no_such_package.wsgi:app", "no module 'no_such_package.wsgi'"),
        (f"{HERE}.deeper:app", "no module"),
        (f"{HERE}:missing", "has no 'missing'"),
        (f"{HERE}:text", "'str', which is no application"),
    ],
)
def test_refuses_to_load(path: str, says: str) -> None:
    """What is wrong is said in the words of the command line."""
    with pytest.raises(ConfigurationError, match=says):
        serve.load_application(path)


def test_an_import_error_inside_the_application_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the application itself lacks is the application's error, with its traceback."""
    (tmp_path / "wauth_broken_app.py").write_text("import no_such_dependency\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        serve.load_application("wauth_broken_app:app")


@pytest.mark.parametrize(
    ("application", "interface"),
    [
        (sample_apps.wsgi, "wsgi"),
        (sample_apps.asgi, "asgi"),
        (sample_apps.Asgi(), "asgi"),
        (sample_apps.Holder.app, "wsgi"),
    ],
)
def test_interface(application: object, interface: str) -> None:
    """A coroutine function, or an object whose call is one, is ASGI."""
    assert serve.interface_of(application) == interface


@pytest.mark.parametrize(
    ("application", "server", "says"),
    [("wsgi", "uvicorn", "use waitress"), ("asgi", "waitress", "use uvicorn")],
)
def test_server_that_does_not_fit(application: str, server: str, says: str) -> None:
    """A server that cannot run the application is refused before it would answer every request with an error."""
    with pytest.raises(ConfigurationError, match=says):
        serve.serve(ServeOptions(f"{HERE}:{application}", server), {})


def test_missing_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to install it is in the message."""
    monkeypatch.setitem(sys.modules, "waitress", None)
    with pytest.raises(ConfigurationError, match=r"pip install \"windowsauth\[iis\]\""):
        serve.serve(ServeOptions(f"{HERE}:wsgi"), {})
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match=r"pip install \"windowsauth\[iis-asgi\]\""):
        serve.serve(ServeOptions(f"{HERE}:asgi"), {})


def test_missing_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages behind the wrapper Windows Authentication does not silently stay off."""
    monkeypatch.setitem(sys.modules, "wauth_wsgi", None)
    with pytest.raises(ConfigurationError, match=r"pip install \"windowsauth\[iis\]\""):
        serve.serve(ServeOptions(f"{HERE}:wsgi", windows_auth=True), {})


def running(process: subprocess.Popen[str], port: int) -> http.client.HTTPConnection:
    """A connection, as soon as the server listens."""
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, process.communicate()[0]
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.02)
        else:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


@contextmanager
def served(application: str, server: str, interface: str) -> Iterator[http.client.HTTPConnection]:
    """The application in a process of its own, started by the command line of the generated web.config."""
    port = free_port()
    options = replace(HTTPPLATFORM, application=f"{HERE}:{application}", server=server, interface=interface)
    line = process_arguments(options).replace(f"%{PORT_VARIABLE}%", str(port))
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, PORT_VARIABLE: str(port), "PYTHONPATH": search}
    with subprocess.Popen(
        [sys.executable, *line.split()], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            connection = running(process, port)
            try:
                yield connection
            finally:
                connection.close()
        finally:
            process.terminate()
            process.communicate(timeout=20)


SERVERS = [("wsgi", "waitress"), ("asgi", "uvicorn")]


@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_both_servers(interface: str, server: str) -> None:
    """waitress and uvicorn answer on IIS's port, and take headers as big as Kerberos tickets get."""
    with served(interface, server, interface) as connection:
        for size in (10, 64 * 1024):
            connection.request("GET", "/", headers={"Authorization": "x" * size, "X-Forwarded-Proto": "http, https"})
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200
            assert response.getheader("Server") is None
            seen = json.loads(body)
            assert (seen["scheme"], seen["proto"], seen["header"]) == ("https", "https", size)


@pytest.mark.skipif(sys.platform == "win32", reason="Wine runs neither of them")
@pytest.mark.parametrize(
    ("interface", "server"), [("asgi", "hypercorn"), ("wsgi", "hypercorn"), ("asgi", "granian"), ("wsgi", "granian")]
)
def test_the_other_servers(interface: str, server: str) -> None:
    """The command lines for hypercorn and granian, which web.config starts directly, are ones that work."""
    with served(interface, server, interface) as connection:
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["scheme"] == "http"


@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_headers_have_a_limit(interface: str, server: str) -> None:
    """A megabyte of headers is refused, not kept in memory."""
    with served(interface, server, interface) as connection:
        try:
            connection.request("GET", "/", headers={"Authorization": "x" * 2**20})
            status = connection.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            status = 431  # refused before it had read everything
        assert status in (400, 431)
