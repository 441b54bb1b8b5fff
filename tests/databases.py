"""A throw-away PostgreSQL server for the tests of both adapters: fixture `postgres`, databases by `PostgreSQL.create`.

It listens on a Unix socket only. PostgreSQL refuses to run as root, so root starts it as the user ``postgres``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REQUIRED = os.environ.get("WAUTH_REQUIRE_AD") == "1"


@dataclass(frozen=True)
class PostgreSQL:
    """A running server: its socket's folder, and the role that may do everything."""

    folder: Path
    user: str

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
