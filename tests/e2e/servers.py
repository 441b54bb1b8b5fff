"""Starting real servers for the tests, and talking to them."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
READY_WITHIN = 30.0
ENDS_WITHIN = 10.0

WSGI, ASGI = "wsgi", "asgi"
GRANIAN = ("-m", "granian", "--host=127.0.0.1")
COMMANDS = {
    "waitress": (WSGI, ["-m", "waitress", "--threads=2", "--listen={at}", "--call", "tests.e2e.application:wsgi"]),
    "gunicorn": (
        WSGI,
        [
            "-m",
            "gunicorn",
            "--workers=2",
            "--limit-request-field_size=65536",
            "--bind={at}",
            "tests.e2e.application:wsgi()",
        ],
    ),
    "uvicorn": (
        ASGI,
        ["-m", "uvicorn", "--port={port}", "--no-proxy-headers", "--factory", "tests.e2e.application:asgi"],
    ),
    "hypercorn": (ASGI, ["-m", "hypercorn", "--bind={at}", "tests.e2e.application:asgi()"]),
    "granian": (ASGI, [*GRANIAN, "--interface=asgi", "--port={port}", "--factory", "tests.e2e.application:asgi"]),
    "granian-wsgi": (WSGI, [*GRANIAN, "--interface=wsgi", "--port={port}", "--factory", "tests.e2e.application:wsgi"]),
    **{name: (WSGI, ["-m", "tests.e2e.run_server", name, "{port}"]) for name in ("cheroot", "gevent", "a2wsgi")},
}
LAST_WINS = ("cheroot",)  # of a header that comes twice, only the last one is seen there
FOLDING = ("granian-wsgi", "cheroot", "a2wsgi")  # a client's X_Name may stand in the place of X-Name there


def missing(server):
    """Why this server cannot be run here, or None."""
    module = server.removesuffix("-wsgi")
    return None if importlib.util.find_spec(module) else f"{module} is not installed"


# PR_SET_PDEATHSIG, SIGTERM: on Linux a server is told to end when the test run dies
ENDS_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execvp(sys.argv[1], sys.argv[1:])"


def ending_with_parent(command):
    """The same command, which does not outlive a killed test run."""
    return [sys.executable, "-c", ENDS_WITH_PARENT, *command] if sys.platform == "linux" else command


class Process:
    """A server as a process of its own; ends with the `with` block."""

    def __init__(self, command, log, port, environment=None, name=""):
        self.name = name
        self.port = port
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self._process = subprocess.Popen(
                ending_with_parent(command),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def __enter__(self):
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self):
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start:\n{self.said()}") from None
                time.sleep(0.02)

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self):
        """The number of the process."""
        return self._process.pid

    def said(self):
        """The end of what the server wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def url(self, path, host="intranet.example.local"):
        """The address of a path."""
        return f"http://{host}:{self.port}{path}"

    def get(self, path, headers=(), source_address=None, method="GET"):
        """One request, with exactly these headers, from a socket of its own."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=10, source_address=source_address and (source_address, 0)
        )
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", "intranet.example.local")
            for name, value in headers:
                connection.putheader(name, value if isinstance(value, bytes) else value.encode("latin-1"))
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()


@dataclass
class Answer:
    """A response."""

    status: int
    headers: list = field(repr=False)
    body: bytes

    @property
    def told(self):
        """What the application said; nothing where it was not asked."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {"identity": None}

    def all(self, name):
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def python_server(name, log, environment):
    """A server of `COMMANDS` with `tests.e2e.application`."""
    port = free_port()
    _, arguments = COMMANDS[name]
    places = {"at": f"127.0.0.1:{port}", "port": port}
    return Process([sys.executable, *(a.format(**places) for a in arguments)], log, port, environment, name=name)


def curl(url, *arguments, environment=None):
    """What `curl` gets: the last response. With *environment* from kinit, `--negotiate` works."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", "20", *arguments, url],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"curl ended with {done.returncode}: {done.stderr.decode()}")
    head, _, body = done.stdout.rpartition(b"\r\n\r\n")
    lines = head.rpartition(b"\r\n\r\n")[2].decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]
    return Answer(int(lines[0].split()[1]), headers, body)


def negotiate(url, environment, *arguments):
    """`curl --negotiate` with a ticket."""
    return curl(url, "--negotiate", "--user", ":", *arguments, environment=environment)


def chromium(url, profile, environment):
    """The page that headless Chromium shows, as HTML.

    A fresh profile's network service is sandboxed and cannot load the Kerberos library; it notes in the profile that a
    server asked for it, and the next start can. So it is started twice.
    """
    _start_chromium(url, profile, environment)
    return _start_chromium(url, profile, environment)


def _start_chromium(url, profile, environment):
    done = subprocess.run(
        [
            shutil.which("chromium") or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
            "--auth-server-allowlist=*.example.local",
            "--dump-dom",
            url,
        ],
        env={**os.environ, "HOME": str(profile), **environment},
        capture_output=True,
        timeout=90,
        check=True,
    )
    return done.stdout.decode()
