"""The port through which `iis_doctor` sees a Windows server, and its implementation."""

from __future__ import annotations

import base64
import http.client
import importlib
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, Protocol

SECONDS = 60


class Machine(Protocol):
    """The questions to a server. No method changes anything or raises. A method returns None if there is no answer."""

    def text(self, path: str) -> str | None:
        """The content of a text file."""

    def names(self, folder: str) -> list[str] | None:
        """The names in a folder."""

    def registry(self, key: str, name: str) -> Any:
        """A value below HKEY_LOCAL_MACHINE."""

    def run(self, *command: str) -> str | None:
        """What a program prints, whatever its exit code."""

    def powershell(self, script: str) -> str | None:
        """What a line of Windows PowerShell prints."""

    def ask(self, port: int, host: str, path: str) -> tuple[int, dict[str, str]] | None:
        """The status and the headers (names in lower case) that IIS answers on this machine, without a sign-in."""

    def variable(self, name: str) -> str:
        """An environment variable; empty if it is not set."""


class ThisMachine:
    """The server that this process runs on."""

    def text(self, path: str) -> str | None:
        try:
            return Path(path).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return None

    def names(self, folder: str) -> list[str] | None:
        try:
            return sorted(os.listdir(folder))
        except OSError:
            return None

    def registry(self, key: str, name: str) -> Any:
        try:
            winreg: Any = importlib.import_module("winreg")
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY) as opened:
                return winreg.QueryValueEx(opened, name)[0]
        except (ImportError, OSError):
            return None

    def run(self, *command: str) -> str | None:
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - ours
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")

    def powershell(self, script: str) -> str | None:
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        return self.run("powershell.exe", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded)

    def ask(self, port: int, host: str, path: str) -> tuple[int, dict[str, str]] | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        try:
            connection.request("GET", path, headers={"Host": host} if host else {})
            response = connection.getresponse()
            headers: dict[str, str] = {}
            for name, value in response.getheaders():
                headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value)))
            return response.status, headers
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def variable(self, name: str) -> str:
        return socket.gethostname() if name == "COMPUTERNAME" else os.environ.get(name, "")
