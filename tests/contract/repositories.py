"""The stores that the contract suite runs over, each as a function that gives a fresh, empty repository."""

from __future__ import annotations

from typing import Any

import pytest
from cachelib import FileSystemCache
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from wauth_core import SQLiteUserRepository
from wauth_core.testing.memory import MemoryUserRepository
from wauth_flask.cache import CacheUserRepository
from wauth_flask.models import WindowsGroupMixin, WindowsUserMixin, add_memberships
from wauth_flask.repository import SQLAlchemyUserRepository


def sqlalchemy_repository(url: str) -> SQLAlchemyUserRepository:
    """The ready mixins in tables of their own at *url*."""

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
    return repository


STORES = (
    "memory",
    "sqlite",
    "cache",
    "cache-files",
    "sqlalchemy-sqlite",
    "sqlalchemy-postgresql",
    "django-sqlite",
    "django-cache",
    "django-postgresql",
)


def make(store: str, request: pytest.FixtureRequest) -> Any:
    """A fresh repository of the kind *store*."""
    if store == "sqlalchemy-sqlite":
        return sqlalchemy_repository(f"sqlite:///{request.getfixturevalue('tmp_path')}/users.sqlite3")
    if store == "sqlalchemy-postgresql":
        server = request.getfixturevalue("postgres")
        return sqlalchemy_repository(server.sqlalchemy_url(server.emptied("contract")))
    if store == "cache":
        return CacheUserRepository()
    if store == "cache-files":
        return CacheUserRepository(FileSystemCache(str(request.getfixturevalue("tmp_path"))))
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
