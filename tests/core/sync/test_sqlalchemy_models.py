"""SQLAlchemy's users of every kind, by all that a sync does: no user name, UUID and text keys, inherited tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ForeignKey, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.sync.sqlalchemy import SQLAlchemyUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory

BY_MAIL = {"USER_FIELD_MAP": {"email": "mail"}, "USER_QUERY_FIELD": "email"}


def by_email() -> tuple[type[DeclarativeBase], type[Any]]:
    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "user"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(String(254), unique=True)
        is_active: Mapped[bool] = mapped_column(default=True)

    return Base, User


def by_uuid() -> tuple[type[DeclarativeBase], type[Any]]:
    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "user"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        username: Mapped[str] = mapped_column(String(64), unique=True)
        is_active: Mapped[bool] = mapped_column(default=True)

    return Base, User


def by_text() -> tuple[type[DeclarativeBase], type[Any]]:
    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "user"
        code: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: f"U-{uuid.uuid4().hex}")
        username: Mapped[str] = mapped_column(String(64), unique=True)
        is_active: Mapped[bool] = mapped_column(default=True)

    return Base, User


def inherited() -> tuple[type[DeclarativeBase], type[Any]]:
    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str] = mapped_column(String(10))
        username: Mapped[str] = mapped_column(String(64), unique=True)
        is_active: Mapped[bool] = mapped_column(default=True)
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    class User(Person):
        __tablename__ = "user"
        id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
        badge: Mapped[str] = mapped_column(String(10), default="")
        __mapper_args__ = {"polymorphic_identity": "user"}  # noqa: RUF012

    return Base, User


MODELS = [
    pytest.param(by_email, BY_MAIL, id="email"),
    pytest.param(by_uuid, {}, id="uuid"),
    pytest.param(by_text, {}, id="text"),
    pytest.param(inherited, {}, id="inherited"),
]


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize(("models", "settings"), MODELS)
def test_a_user_model(directory: EmbeddedDirectory, session: Session, models: Any, settings: dict[str, Any]) -> None:
    """Made, found again, renamed, deactivated, active again, and brought in step with everybody else."""
    base, user = models()
    repository = SQLAlchemyUserRepository(session, user)
    base.metadata.create_all(session.get_bind())
    with Wauth({"EXAMPLE": directory.settings(**settings)}) as wauth:

        def sync(name: str) -> Any:
            result = wauth.sync(Identity.parse(f"EXAMPLE\\{name}"), repository)
            session.expire_all()
            return result

        def named(record: Any) -> str:
            return str(getattr(record, "email" if settings else "username"))

        made = sync("alice")
        assert made.status is SyncStatus.CREATED
        assert sync("ALICE").status is SyncStatus.UNCHANGED
        directory.rename("alice", "alicia")
        directory.update("alicia", mail="alicia@example.local")
        renamed = sync("alicia")
        assert (renamed.status, renamed.key) == (SyncStatus.UPDATED, made.key)
        assert named(session.get(user, made.key)) == ("alicia@example.local" if settings else "alicia")
        directory.disable("alicia")
        assert sync("alicia").status is SyncStatus.DISABLED
        assert session.get(user, made.key).is_active is False
        directory.enable("alicia")
        assert sync("alicia").ok
        assert session.get(user, made.key).is_active is True
        result = wauth.sync_all(repository, "EXAMPLE")
        assert result.ok, result.failures
        assert len(session.scalars(select(user)).all()) > 20
        assert wauth.sync_all(repository, "EXAMPLE", create=False).counts.keys() <= {
            SyncStatus.UNCHANGED,
            SyncStatus.DISABLED,
        }
