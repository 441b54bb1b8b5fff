"""A stand-in for HttpPlatformHandler 2.x: it starts a process from a web.config, passes requests on, and ends it.

It does what the module's source says (`SERVER_PROCESS` and `FORWARDING_HANDLER`), the same on Windows and elsewhere;
off Windows, where there is no Ctrl-Break, it sends SIGTERM instead. It does not sign anybody in: *token* is what a test
made. Standard streams go through pipes, since Python under Wine takes nothing else.
"""

from __future__ import annotations

import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.etree import ElementTree

from tests.ports import free_port

WINDOWS = sys.platform == "win32"
CLIENT = ("10.1.2.3", 50123)
SHUTDOWN_SECONDS = 10.0
STARTUP_SECONDS = 60.0


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """``%NAME%`` as Windows expands it: a name that is not known stays."""
    return re.sub(r"%([^%]+)%", lambda m: variables.get(m[1].upper(), m[0]), text)


class Answer:
    """What a visitor gets."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class HttpPlatformHandler:
    """One process of an application, as the module keeps it. Use as a context manager.

    :param webconfig: the application's file.
    :param path: the application's virtual path, "/" for a site's root.
    :param authentication: what the module says is switched on, like "windows;".
    :param environment: the variables of the worker process, which the Python process inherits.
    """

    def __init__(
        self,
        webconfig: Path,
        *,
        path: str = "/",
        authentication: str = "windows;",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        element = ElementTree.parse(webconfig).find(".//httpPlatform")
        assert element is not None
        self.settings: dict[str, str] = dict(element.attrib)
        self._own = {each.get("name", ""): each.get("value", "") for each in element.iter("environmentVariable")}
        self._folder, self._path, self._authentication = webconfig.parent, path, authentication
        self._inherited = {**os.environ, **(environment or {})}
        self.secret = str(uuid.uuid4())
        self.port = 0
        self.log_file: Path | None = None
        self.output = b""
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> HttpPlatformHandler:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._reader.join(30)

    def start(self) -> None:
        """CreateProcess, in a group of its own and in the application's folder; then wait until it listens."""
        self.port = free_port()
        system = {name.upper(): value for name, value in self._inherited.items()}
        port = {"HTTP_PLATFORM_PORT": str(self.port)}
        own = {name: expanded(value, {**system, **port}) for name, value in self._own.items()}
        variables = {
            **self._inherited,
            **own,
            **port,
            "HTTP_PLATFORM_APPL_PATH": self._path,
            "HTTP_PLATFORM_TOKEN": self.secret,
            "HTTP_PLATFORM_IIS_HTTPAUTH": self._authentication,
            "HTTP_PLATFORM_IIS_WEBSOCKETS_SUPPORTED": "true",
        }
        line = f'"{self.settings["processPath"]}" {expanded(self.settings.get("arguments", ""), {**system, **port})}'
        # Python without a terminal buffers its output; what a test waits for must not stay in there
        variables["PYTHONUNBUFFERED"] = "1"
        self.process = subprocess.Popen(
            line if WINDOWS else shlex.split(line),
            env=variables,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **_new_group(),
        )
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._reader = threading.Thread(target=self._log)
        self._reader.start()
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._listens():
            if self.process.poll() is not None:
                self._reader.join(30)
                raise ChildProcessError(self.output.decode("utf-8", "replace"))
            assert time.monotonic() < deadline, "the process does not listen"
            time.sleep(0.05)

    def request(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        client: tuple[str, int] = CLIENT,
        scheme: str = "https",
        token: str | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Pass a visitor's request on, with what the module adds and takes away."""
        sent = [pair for pair in headers if not pair[0].upper().startswith("MS-ASPNETCORE")]
        sent.append(("MS-ASPNETCORE-TOKEN", self.secret))
        if token is not None:
            sent.append(("MS-ASPNETCORE-WINAUTHTOKEN", token))
        host = f"[{client[0]}]" if ":" in client[0] else client[0]
        sent = _appended(sent, "X-Forwarded-For", f"{host}:{client[1]}")
        sent = _appended(sent, "X-Forwarded-Proto", scheme)
        return self._send(method, path, [pair for pair in sent if pair[0].lower() != "connection"], body)

    def stop(self) -> str:
        """End the process as the module does. Returns "asked", "signalled" or "killed"."""
        if self._send_stop() == 202:
            how = "asked"
        else:
            how = "signalled"
            _signal(self.process)
        try:
            self.process.wait(SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"
        return how

    def _send_stop(self) -> int | None:
        path = ("" if self._path == "/" else self._path) + "/iisintegration"
        try:
            event = [("MS-ASPNETCORE-EVENT", "shutdown "), ("MS-ASPNETCORE-TOKEN", self.secret)]
            return self._send("POST", path, event, None).status
        except OSError:
            return None

    def _send(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SHUTDOWN_SECONDS * 3)
        try:
            headers = list(headers)
            connection.putrequest(method, path, skip_host=any(name.lower() == "host" for name, _ in headers))
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            if body is not None or method == "POST":
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def _listens(self) -> bool:
        with socket.socket() as attempt:
            attempt.settimeout(5)
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0

    def _log(self) -> None:
        """What the process prints goes into PREFIX_YYYYMMDDhhmmss_PID.log, by UTC and the worker's own number."""
        stream: Any = self.process.stdout
        if self.settings["stdoutLogEnabled"] == "true":
            prefix = self._folder / self.settings["stdoutLogFile"]
            now = datetime.now(timezone.utc)
            self.log_file = Path(f"{prefix}_{now:%Y%m%d%H%M%S}_{os.getpid()}.log")
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            with open(self.log_file, "wb", buffering=0) as log:
                for line in stream:
                    self.output += line
                    log.write(line)
        else:
            self.output = stream.read()
        stream.close()


def _new_group() -> dict[str, Any]:
    if WINDOWS:
        flags: Any = subprocess
        return {"creationflags": flags.CREATE_NEW_PROCESS_GROUP | flags.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _signal(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-Break from the console of the process, or an end without mercy where it has none."""
    if not WINDOWS:
        process.send_signal(signal.SIGTERM)
        return
    import ctypes

    kernel32: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel32.FreeConsole()
    if kernel32.AttachConsole(process.pid):
        if not kernel32.GenerateConsoleCtrlEvent(signal.CTRL_BREAK_EVENT, process.pid):  # type: ignore[attr-defined]
            process.kill()
        kernel32.FreeConsole()
    else:
        process.kill()


def _appended(headers: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    """The module appends to what the client sent, in one header."""
    before = [text for key, text in headers if key.lower() == name.lower()]
    others = [pair for pair in headers if pair[0].lower() != name.lower()]
    return [*others, (name, ", ".join([*before, value]))]
