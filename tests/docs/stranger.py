"""Follow the README word for word, in the checkout's folder and its environment: ``python -m tests.docs.stranger``.

Every command and file is one that the README prints; servers are really started, and their pages opened. It needs
the standard library alone, and leaves its files behind: `.ci/first-hour` runs it in a bare Debian.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEXT = Path("README.md").read_text("utf-8")


def printed(command: str) -> str:
    """The command, which the README prints: alone on its line, or as code in a sentence."""
    assert re.search(rf"^{re.escape(command)}$|`{re.escape(command)}`", TEXT, re.M), f"not printed: {command}"
    sys.stderr.write(f"$ {command}\n")
    return command


def run(command: str) -> str:
    """What it prints."""
    done = subprocess.run(printed(command), shell=True, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


@contextmanager
def serving(command: str, url: str = "", sees: str = "") -> Iterator[None]:
    """While the server runs; *url* of it answers with *sees* before a minute is over."""
    started = ["sh", "-c", f"exec {printed(command)}"]
    process = subprocess.Popen(started, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        if url:
            assert url.startswith("http")
            assert sees in _answer(url, process)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # a reloader's child, too
        process.wait(20)


def _answer(url: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        assert process.poll() is None, "it has ended"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return str(response.read().decode())
        except ConnectionError:
            time.sleep(0.2)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def write(name: str) -> None:
    """The README's file of that name; settings go to the end of what is there."""
    [code] = re.findall(rf"^<!-- file: {re.escape(name)} -->\n```python\n(.*?)^```", TEXT, re.S | re.M)
    with Path(name.partition(" ")[0]).open("a" if "settings" in name else "w", encoding="utf-8") as file:
        file.write(code)


def main() -> None:
    """From the directory to the last snippet."""
    [toml] = re.findall(r"^```toml\n(.*?)^```", TEXT, re.S | re.M)
    os.environ["AD_PASSWORD"] = re.findall(r"`export AD_PASSWORD='(.*?)'`", TEXT)[0]
    with serving("wauth directory --tls-folder ca"):
        Path("wauth.toml").write_text(toml, "utf-8")
        while not Path("ca/ca.pem").exists():
            time.sleep(0.2)
        assert run("wauth doctor").endswith("All is well.\n")
        assert "Bob Builder" in run("wauth user bob")
        write("who.py")
        assert subprocess.run(["python", "who.py"], check=True, capture_output=True, text=True).stdout.startswith("Bob")
        run('pip install ".[django]"')
        run("django-admin startproject intranet .")
        write("intranet/settings.py")
        run("python manage.py migrate")
        with serving("python manage.py runserver", "http://127.0.0.1:8000/admin/", "<strong>Bob</strong>"):
            pass
        run('pip install ".[flask]"')
        write("app.py (Flask)")
        with serving("flask --app app run --debug", "http://127.0.0.1:5000/", "Welcome, Bob Builder"):
            pass
        run('pip install ".[wsgi]" fastapi uvicorn')
        write("app.py (FastAPI)")
        with serving("uvicorn app:app", "http://127.0.0.1:8000/me", '"admin":true'):
            pass
    sys.stderr.write("The README is true.\n")


if __name__ == "__main__":
    main()
