"""Tables for SQLAlchemy: the link between a row of yours and a Windows user, and mixins for those with no model yet.

Everything is made of plain column types with named constraints in the metadata of your own models, so Alembic's
autogenerate finds it and writes migrations that import nothing from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    CursorResult,
    DateTime,
    Engine,
    ForeignKey,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    event,
    false,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column, relationship

from wauth_core.exceptions import ConfigurationError

LINK_TABLE = "windows_auth_link"
LOCK_TABLE = "windows_auth_lock"
BOOKMARK_TABLE = "windows_auth_bookmark"
LOCK_LEASE = timedelta(minutes=1)  # a worker that died in the middle of a sync is waited for no longer


class WindowsUserMixin:
    """The columns that the default ``USER_FIELD_MAP`` and flags speak of: a user model for those who have none.

    It keeps no password. ``class User(WindowsUserMixin, db.Model): __tablename__ = "user"`` is a whole model.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(520), unique=True)  # holds {domain}\{username} too
    first_name: Mapped[str] = mapped_column(String(150), default="")
    last_name: Mapped[str] = mapped_column(String(150), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    is_staff: Mapped[bool] = mapped_column(default=False)
    is_superuser: Mapped[bool] = mapped_column(default=False)

    def __str__(self) -> str:
        return self.username


class WindowsGroupMixin:
    """A group or role with a name, for `add_memberships`."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(256), unique=True)

    def __str__(self) -> str:
        return self.name


def add_memberships(user: type[Any], group: type[Any], *, name: str = "groups") -> Table:
    """Give *user* a many-to-many relationship *name* to *group*, and make the table between them."""
    users, groups = _table(user), _table(group)
    table = Table(
        f"{users.name}_{name}",
        users.metadata,
        Column("user_id", ForeignKey(primary_key(user), ondelete="CASCADE"), primary_key=True),
        Column("group_id", ForeignKey(primary_key(group), ondelete="CASCADE"), primary_key=True),
        schema=groups.schema,
    )
    setattr(user, name, relationship(group, secondary=table))
    return table


@dataclass(frozen=True)
class LinkTables:
    """Which directory user a row is (*link*), who is being synced at this moment (*lock*), and how far the bulk sync
    of a domain has read (*bookmark*)."""

    link: Table
    lock: Table
    bookmark: Table


def link_tables(user: type[Any]) -> LinkTables:
    """The three tables of `SQLAlchemyUserRepository`, in the metadata of the model *user*; made at the first call.

    Call it (or make the repository) beside your models, before ``create_all`` or Alembic reads the metadata.
    Names compare without case by the ``_key`` columns, whatever the database's collation. Times are UTC, naive.
    """
    table = _table(user)
    metadata, schema = table.metadata, table.schema
    found = metadata.tables.get(_qualified(LINK_TABLE, schema))
    if found is not None:
        lock, bookmark = (metadata.tables[_qualified(name, schema)] for name in (LOCK_TABLE, BOOKMARK_TABLE))
        return LinkTables(found, lock, bookmark)
    link = Table(
        LINK_TABLE,
        metadata,
        Column(
            "user_id",
            ForeignKey(primary_key(user), name="fk_windows_auth_link_user", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        Column("domain", String(255), nullable=False),
        Column("username", String(256), nullable=False),
        Column("domain_key", String(255), nullable=False),
        Column("username_key", String(256), nullable=False),
        Column("guid", Uuid(), nullable=True),
        Column("sid", String(184), nullable=True),  # the longest SID, MS-DTYP 2.4.2.1
        Column("deactivated", Boolean(), nullable=False, default=False),  # by a sync, not by an administrator
        Column("last_sync", DateTime(), nullable=True),
        UniqueConstraint("domain_key", "username_key", name="uq_windows_auth_link_username"),
        UniqueConstraint("domain_key", "guid", name="uq_windows_auth_link_guid"),
        schema=schema,
    )
    lock = Table(
        LOCK_TABLE,
        metadata,
        Column("domain_key", String(255), primary_key=True),
        Column("username_key", String(256), primary_key=True),
        Column("until", DateTime(), nullable=False),
        schema=schema,
    )
    bookmark = Table(
        BOOKMARK_TABLE,
        metadata,
        Column("domain_key", String(255), primary_key=True),
        Column("value", Text(), nullable=False),
        schema=schema,
    )
    _never_inherit(user, link)
    return LinkTables(link, lock, bookmark)


def _never_inherit(user: type[Any], link: Table) -> None:
    """Delete a link with its user, and any link that stands where a new user comes to stand.

    SQLite enforces no foreign key unless told to, and gives the key of a deleted row to the next: without this,
    a new user could inherit a deleted one's Windows account.
    """

    def forget(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
        key = mapper.primary_key_from_instance(target)[0]
        connection.execute(delete(link).where(link.c.user_id == key))

    event.listen(user, "after_delete", forget, propagate=True)
    event.listen(user, "after_insert", forget, propagate=True)


def forget_orphans(connection: Connection, link: Table, key: Column[Any], values: dict[str, Any]) -> None:
    """Delete links to users that were deleted behind the ORM's back, where they would stand in the way of *values*."""
    same = or_(
        link.c.username_key == values["username_key"],
        link.c.guid == values["guid"] if values["guid"] else false(),
    )
    orphaned = link.c.user_id.not_in(select(key))
    connection.execute(delete(link).where(link.c.domain_key == values["domain_key"], same, orphaned))


def take_lock(engine: Engine | Connection, table: Table, key: dict[str, str], now: datetime) -> datetime | None:
    """Insert the row of *key*, or take it over once its lease ended; the lease's end if that worked, else None."""
    until = naive(now + LOCK_LEASE)
    with Session(engine) as session:
        try:
            session.execute(insert(table).values(**key, until=until))
            session.commit()
            return until
        except IntegrityError:
            session.rollback()
        expired = [table.c[name] == value for name, value in key.items()] + [table.c.until < naive(now)]
        taken = cast("CursorResult[Any]", session.execute(update(table).where(*expired).values(until=until)))
        session.commit()
        return until if taken.rowcount else None


def release_lock(engine: Engine | Connection, table: Table, key: dict[str, str], until: datetime) -> None:
    """Delete the row of *key*, unless another worker has taken it over."""
    with Session(engine) as session, session.begin():
        mine = [table.c[name] == value for name, value in key.items()]
        session.execute(delete(table).where(*mine, table.c.until == until))


def naive(moment: datetime) -> datetime:
    """*moment* in UTC without its zone, as the tables keep it: some databases know no zones."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def primary_key(model: type[Any]) -> Column[Any]:
    """The one primary key column of *model*. Raises `ConfigurationError` where there are several."""
    columns = _mapper(model).primary_key
    if len(columns) != 1:
        raise ConfigurationError(f"{model.__name__} has {len(columns)} primary key columns; windowsauth needs one.")
    return cast("Column[Any]", columns[0])


def _mapper(model: type[Any]) -> Mapper[Any]:
    return cast("Mapper[Any]", sa_inspect(model))


def _table(model: type[Any]) -> Table:
    return cast(Table, _mapper(model).local_table)


def _qualified(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name
