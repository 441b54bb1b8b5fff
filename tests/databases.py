"""Throw-away servers for the tests: fixtures `postgres`, `mariadb` and `redis`, each a process in a folder of its own.

They listen on Unix sockets only. PostgreSQL and MariaDB do not run as root; root starts them as Debian's users.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

REQUIRED = os.environ.get("WAUTH_REQUIRE_AD") == "1"


def _kill(running: list[subprocess.Popen[bytes]]) -> None:
    while running:
        process = running.pop()
        process.kill()
        process.wait()


@dataclass(frozen=True)
class PostgreSQL:
    """A running server: its socket's folder, the role that may do everything, and databases that tests share."""

    folder: Path
    user: str
    control: tuple[str, ...] = ()
    databases: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._run("-l", str(self.folder / "log"), "-o", f"{options} -c max_connections=200", "start")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._run("-m", "immediate", "stop")

    def _run(self, *arguments: str) -> None:
        subprocess.run([*self.control, *arguments], check=False, stdout=subprocess.DEVNULL, cwd=self.folder)

    def create(self) -> str:
        """Make an empty database; its name."""
        import psycopg

        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(host=str(self.folder), user=self.user, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def emptied(self, database: str) -> str:
        """*database* with nothing in it, made if it is not there: faster than one more database. Its name."""
        import psycopg

        options = {"host": str(self.folder), "user": self.user, "autocommit": True}
        with psycopg.connect(dbname="postgres", **options) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                connection.execute(f'CREATE DATABASE "{database}"')
        with psycopg.connect(dbname=database, **options) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return database

    def drop(self, database: str) -> None:
        """Delete *database*, whoever is connected to it."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=self.user, dbname="postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def sqlalchemy_url(self, database: str) -> str:
        """The URL of *database* for SQLAlchemy."""
        return f"postgresql+psycopg://{self.user}@/{database}?host={self.folder}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the session; skipped with the reason where there is none."""
    with running_postgres() as server:
        yield server


@contextmanager
def running_postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the block; the test is skipped with the reason where there is none."""
    binaries = _binaries()
    if binaries is None:
        _cannot("PostgreSQL is not installed")
    try:
        import psycopg  # noqa: F401
    except ImportError:
        _cannot("psycopg is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path holds 107 bytes at most
    user, prefix = _owner()
    try:
        shutil.chown(folder, user)
    except (LookupError, PermissionError) as error:
        _cannot(f"PostgreSQL cannot be run as {user!r}: {error}")
    data = str(folder / "data")
    initdb = [*prefix, str(binaries / "initdb"), "-D", data, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    server = PostgreSQL(folder, user, (*prefix, str(binaries / "pg_ctl"), "-D", data, "-s", "-w"))
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class MariaDB:
    """A running server: its socket, and databases that tests share. Everybody is root."""

    socket: Path
    command: tuple[str, ...] = ()
    databases: set[str] = field(default_factory=set)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.socket.with_name("log.err")
        log.unlink(missing_ok=True)
        process = subprocess.Popen(self.command, cwd=self.socket.parent, stderr=subprocess.DEVNULL)
        self._running.append(process)
        until = time.monotonic() + 60
        while not (log.exists() and "ready for connections" in log.read_text("utf-8", "replace")):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"MariaDB does not start: {log.read_text('utf-8', 'replace') if log.exists() else ''}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        _kill(self._running)

    def connect(self, database: str | None = None) -> Any:
        """A connection of PyMySQL, which commits by itself."""
        import pymysql

        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True, charset="utf8mb4"
        )

    def execute(self, statement: str) -> None:
        """Run one statement."""
        connection = self.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def emptied(self, database: str) -> str:
        """*database* with nothing in it. Its name."""
        self.execute(f"DROP DATABASE IF EXISTS `{database}`")
        self.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        return database

    def sqlalchemy_url(self, database: str) -> str:
        """The URL of *database* for SQLAlchemy."""
        return f"mysql+pymysql://root@localhost/{database}?charset=utf8mb4&unix_socket={self.socket}"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server for the session; skipped with the reason where there is none."""
    with running_mariadb() as server:
        yield server


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """A MariaDB server for the block; the test is skipped with the reason where there is none."""
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if server is None or install is None:
        _cannot("MariaDB is not installed")
    try:
        import pymysql  # noqa: F401
    except ImportError:
        _cannot("PyMySQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="my", dir="/tmp"))  # a socket's path holds 107 bytes at most
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    data = f"--datadir={folder / 'data'}"
    quick = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    subprocess.run([install, "--no-defaults", data, *quick, *user], check=True, capture_output=True, cwd=folder)
    options = [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--log-error={folder / 'log.err'}"]
    light = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"]
    running = MariaDB(folder / "socket", (server, "--no-defaults", data, *options, *light, *user))
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Daemon:
    """A server that keeps nothing on disk, such as Redis: a command that listens on *socket*."""

    socket: Path
    command: tuple[str, ...]
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.socket.unlink(missing_ok=True)
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        self._running.append(process)
        until = time.monotonic() + 60
        while not self.socket.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once; it forgets everything."""
        _kill(self._running)


@contextmanager
def running_daemon(name: str, *command: str) -> Iterator[Daemon]:
    """A server for the block. ``{socket}`` and ``{folder}`` in *command* are where it listens, and lives."""
    program = shutil.which(command[0])
    if program is None:
        _cannot(f"{name} is not installed")
    folder = Path(tempfile.mkdtemp(prefix=command[0][:2], dir="/tmp"))  # a socket's path holds 107 bytes at most
    socket = folder / "socket"
    daemon = Daemon(socket, (program, *(part.format(socket=socket, folder=folder) for part in command[1:])))
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)


REDIS = (
    *("redis-server", "--port", "0", "--unixsocket", "{socket}"),
    *("--save", "", "--appendonly", "no", "--dir", "{folder}"),
)


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    """A client of a Redis server for the session; skipped with the reason where there is none."""
    try:
        from redis import Redis
    except ImportError:
        _cannot("redis is not installed")
    with running_daemon("Redis", *REDIS) as daemon, Redis(unix_socket_path=str(daemon.socket)) as client:
        yield client


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    where = shutil.which("pg_ctl")
    return Path(where).resolve().parent if where and shutil.which("initdb") else None


def _owner() -> tuple[str, list[str]]:
    """Who runs the server, and what makes a command run as them."""
    import pwd  # not on Windows

    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, []
    return "postgres", ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _cannot(reason: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
