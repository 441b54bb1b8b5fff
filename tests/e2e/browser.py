"""A headless Chromium that is told what to do over a pair of pipes (``--remote-debugging-pipe``): no driver needed."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

REQUIRED = os.environ.get("WAUTH_REQUIRE_AD") == "1"
TIMEOUT = 30  # seconds that a page may take


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        (pytest.fail if REQUIRED else pytest.skip)("Chromium is not installed")
    return found


class Browser:
    """One browser with one page. *arguments* are Chromium's own; *env* adds to its environment."""

    def __init__(self, *arguments: str, width: int = 1440, height: int = 1000, **env: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()

        def wire() -> None:  # the browser reads its file 3 and writes its file 4
            spare_in, spare_out = os.dup(to_browser), os.dup(from_browser)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        self._process = subprocess.Popen(
            [
                chromium(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--remote-debugging-pipe",
                f"--user-data-dir={self._profile}",
                f"--window-size={width},{height}",
                *arguments,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._profile, **env},
            close_fds=False,
            preexec_fn=wire,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        [page] = [target for target in targets if target["type"] == "page"][:1]
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        self.resize(width, height)

    def call(self, method: str, **params: Any) -> Any:
        """One command of the DevTools protocol, and its answer."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer.get("result", {})
            self._events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            received = os.read(self._from, 1 << 20)
            if not received:
                raise RuntimeError("The browser has ended.")
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _wait_for_load(self) -> None:
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._read())

    def go(self, url: str) -> int:
        """Open *url* and wait until it is there, frames included. The status of the page."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self._wait_for_load()
        statuses = [
            event["params"]["response"]["status"]
            for event in self._events
            if event.get("method") == "Network.responseReceived" and event["params"]["type"] == "Document"
        ]
        return int(statuses[0]) if statuses else 0

    def click(self, selector: str) -> None:
        """Click what *selector* finds, and wait for the page that comes."""
        self._events.clear()
        self.run(f"document.querySelector({selector!r}).click()")
        self._wait_for_load()

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "script failed"))
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        script = (
            f"new Promise(done => {{ const look = () => ({condition}) ? done(1) : setTimeout(look, 20); look(); }})"
        )
        self.run(script)

    def requests(self) -> list[dict[str, Any]]:
        """What the page has asked for since it was opened."""
        return [e["params"]["request"] for e in self._events if e.get("method") == "Network.requestWillBeSent"]

    def log(self) -> list[str]:
        """What the browser had to say of the page, such as broken policies; after ``Log.enable``."""
        return [e["params"]["entry"]["text"] for e in self._events if e.get("method") == "Log.entryAdded"]

    def text(self, frame: str = "") -> str:
        """The page's text; with *frame*, a selector, that of a frame of the same origin."""
        where = f"document.querySelector({frame!r}).contentDocument" if frame else "document"
        return str(self.run(f"{where}.body.innerText"))

    def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Give the page another size."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def screenshot(self, path: Path) -> None:
        """Write what is to be seen as a PNG file."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
