"""Django's users as stores under contract, each in a fresh database of its own beside the one of other tests."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import tests.django_app.setup  # noqa: F401  (before anything of wauth_django)


def repository(store: str, request: pytest.FixtureRequest) -> Any:
    """A `DjangoUserRepository` over a new, migrated database."""
    from django.db import connections

    alias = f"contract_{uuid.uuid4().hex[:12]}"
    connections.databases[alias] = {**connections.databases["default"], **_settings(store, request)}
    name = connections.databases[alias]["NAME"]

    def forget() -> None:
        _forget(alias)
        if store == "django-postgresql":
            request.getfixturevalue("postgres").drop(name)

    request.addfinalizer(forget)
    made = _repository_class()(use_cache=store.endswith("-cache"))
    made.database = alias
    return made


def _repository_class() -> type[Any]:
    from django.db import connections

    from wauth_django.orm import DjangoUserRepository

    class Closing(DjangoUserRepository):
        """Closes the connection of a thread that ends with its one call, as a request's end does."""

        def apply(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().apply(*args, **kwargs)
            finally:
                self._end_of_thread()

        @contextmanager
        def lock(self, *args: Any, **kwargs: Any) -> Iterator[bool]:
            try:
                with super().lock(*args, **kwargs) as mine:
                    yield mine
            finally:
                self._end_of_thread()

        def _end_of_thread(self) -> None:
            if threading.current_thread() is not threading.main_thread():
                connections[self.database].close()

    return Closing


def _settings(store: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    if store == "django-postgresql":
        server = request.getfixturevalue("postgres")
        settings = {"ENGINE": "django.db.backends.postgresql", "HOST": str(server.folder), "USER": server.user}
        return {**settings, "NAME": _copy_of_postgresql_template(server, settings)}
    if store == "django-mariadb":
        return _mariadb(request.getfixturevalue("mariadb"))
    template = _sqlite_template(request.getfixturevalue("tmp_path_factory"))
    path = request.getfixturevalue("tmp_path") / "users.sqlite3"
    shutil.copy(template, path)
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def _copy_of_postgresql_template(server: Any, settings: dict[str, Any]) -> str:
    import psycopg

    template = f"template_{Path(server.folder).name}"
    name = f"copy_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(host=str(server.folder), user=server.user, dbname="postgres", autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone()
        if not known:
            connection.execute(f'CREATE DATABASE "{template}"')
            _migrate({**settings, "NAME": template})
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def _mariadb(server: Any) -> dict[str, Any]:
    """One migrated database, emptied of what tests write: MariaDB has no templates."""
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # what Django asks of mysqlclient; PyMySQL does as well
    pymysql.install_as_MySQLdb()
    settings = {"ENGINE": "django.db.backends.mysql", "HOST": str(server.socket), "USER": "root", "NAME": "django"}
    connection = server.connect()
    with connection, connection.cursor() as cursor:
        if not cursor.execute("SHOW DATABASES LIKE 'django'"):
            server.emptied("django")
            _migrate(settings)
        cursor.execute("USE django")
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("SHOW TABLES WHERE Tables_in_django REGEXP '^(auth_user|auth_group|windows_auth)'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM `{table}`")
    return settings


def _sqlite_template(factory: pytest.TempPathFactory) -> Path:
    path = factory.getbasetemp() / "django-template.sqlite3"
    if not path.exists():
        _migrate({"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)})
    return path


def _migrate(settings: dict[str, Any]) -> None:
    from django.core.management import call_command
    from django.db import connections

    alias = f"template_{uuid.uuid4().hex[:12]}"
    connections.databases[alias] = {**connections.databases["default"], **settings}
    try:
        call_command("migrate", database=alias, verbosity=0)
    finally:
        _forget(alias)


def _forget(alias: str) -> None:
    from django.db import connections

    connections[alias].close()
    del connections[alias]
    del connections.databases[alias]
