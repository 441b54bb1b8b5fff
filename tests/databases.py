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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REQUIRED = os.environ.get("WAUTH_REQUIRE_AD") == "1"


@dataclass(frozen=True)
class PostgreSQL:
    """A running server: its socket's folder, the role that may do everything, and databases that tests share."""

    folder: Path
    user: str
    databases: set[str] = field(default_factory=set)

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
    data, control = folder / "data", [*prefix, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-s", "-w"]
    initdb = [*prefix, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=200"
    log = str(folder / "log")
    subprocess.run([*control, "-l", log, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        yield PostgreSQL(folder, user)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class MariaDB:
    """A running server: its socket, and databases that tests share. Everybody is root."""

    socket: Path
    databases: set[str] = field(default_factory=set)

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
    running = MariaDB(folder / "socket")
    options = [f"--socket={running.socket}", f"--pid-file={folder / 'pid'}", f"--log-error={folder / 'log.err'}"]
    light = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"]
    process = subprocess.Popen(
        [server, "--no-defaults", data, *options, *light, *user], cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        log, until = folder / "log.err", time.monotonic() + 60
        while not (log.exists() and "ready for connections" in log.read_text("utf-8", "replace")):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"MariaDB does not start: {log.read_text('utf-8', 'replace') if log.exists() else ''}")
            time.sleep(0.05)
        yield running
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    """A client of a Redis server for the session; skipped with the reason where there is none."""
    server = shutil.which("redis-server")
    if server is None:
        _cannot("Redis is not installed")
    try:
        from redis import Redis
    except ImportError:
        _cannot("redis is not installed")
    folder = Path(tempfile.mkdtemp(prefix="re", dir="/tmp"))  # a socket's path holds 107 bytes at most
    socket = folder / "socket"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not socket.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        with Redis(unix_socket_path=str(socket)) as client:
            yield client
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


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


def _cannot(reason: str) -> None:
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
