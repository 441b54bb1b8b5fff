"""The stores that the contract suite runs over, each as a function that gives a fresh, empty repository."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from cachelib import FileSystemCache, RedisCache
from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from wauth_core import SQLiteUserRepository
from wauth_core.sync.memory import MemoryUserRepository
from wauth_core.sync.sqlalchemy import (
    SQLAlchemyUserRepository,
    WindowsGroupMixin,
    WindowsUserMixin,
    add_memberships,
)
from wauth_flask.cache_repository import CacheUserRepository


def sqlalchemy_repository(url: str) -> SQLAlchemyUserRepository:
    """The ready mixins in empty tables of their own at *url*."""
    repository, metadata, engine = _at(url)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return repository


@functools.cache
def _at(url: str) -> tuple[SQLAlchemyUserRepository, MetaData, Engine]:
    class Base(DeclarativeBase):
        pass

    class Group(WindowsGroupMixin, Base):
        __tablename__ = "groups"

    class User(WindowsUserMixin, Base):
        __tablename__ = "users"

    add_memberships(User, Group)
    engine = create_engine(url, poolclass=NullPool)
    repository = SQLAlchemyUserRepository(scoped_session(sessionmaker(engine)), User, Group)
    Base.metadata.create_all(engine)
    return repository, Base.metadata, engine


STORES = (
    "memory",
    "sqlite",
    "cache",
    "cache-files",
    "cache-redis",
    "sqlalchemy-sqlite",
    "sqlalchemy-postgresql",
    "sqlalchemy-mariadb",
    "django-sqlite",
    "django-cache",
    "django-postgresql",
    "django-mariadb",
)


def make(store: str, request: pytest.FixtureRequest) -> Any:
    """A fresh repository of the kind *store*."""
    if store == "sqlalchemy-sqlite":
        return sqlalchemy_repository(f"sqlite:///{request.getfixturevalue('tmp_path')}/users.sqlite3")
    if store in ("sqlalchemy-postgresql", "sqlalchemy-mariadb"):
        server = request.getfixturevalue("postgres" if store.endswith("postgresql") else "mariadb")
        if "contract" not in server.databases:
            server.databases.add(server.emptied("contract"))
        return sqlalchemy_repository(server.sqlalchemy_url("contract"))
    if store == "cache":
        return CacheUserRepository()
    if store == "cache-files":
        return CacheUserRepository(FileSystemCache(str(request.getfixturevalue("tmp_path")), threshold=10_000))
    if store == "cache-redis":
        client = request.getfixturevalue("redis")
        client.flushdb()
        return CacheUserRepository(RedisCache(client))
    if store == "memory":
        return MemoryUserRepository()
    if store == "sqlite":
        kept = SQLiteUserRepository(request.getfixturevalue("tmp_path") / "users.sqlite3")
        request.addfinalizer(kept.close)
        return kept
    if store.startswith("django-"):
        from tests.contract.django_stores import repository

        return repository(store, request)
    raise LookupError(store)
