"""Tables for SQLAlchemy: the link between a row of yours and a Windows user, and mixins for those with no model yet.

Everything is made of plain column types with named constraints in the metadata of your own models, so Alembic's
autogenerate finds it and writes migrations that import nothing from here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Double,
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
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column, relationship
from sqlalchemy.types import TypeEngine

from wauth_core.exceptions import ConfigurationError
from wauth_core.sync import store
from wauth_core.sync.freshness import horizon
from wauth_core.sync.repository import Change, Link
from wauth_core.sync.store import domain_key, fitted, name_key, only_lowers

LINK_TABLE = "windows_auth_link"
LOCK_TABLE = "windows_auth_lock"
BOOKMARK_TABLE = "windows_auth_bookmark"
_CLOCKS = {
    "sqlite": "((JULIANDAY('now') - 2440587.5) * 86400.0)",
    "postgresql": "EXTRACT(EPOCH FROM CLOCK_TIMESTAMP())",
    "mysql": (mysql_clock := "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000.0)"),
    "mariadb": mysql_clock,
}


def exact(length: int) -> TypeEngine[str]:
    """A text that compares letter by letter. The default collation of MySQL and MariaDB takes ``weiß`` for ``weis``."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(binary, "mysql", "mariadb")


def moment() -> TypeEngine[datetime]:
    """UTC, naive, to the microsecond: moments are compared for equality."""
    return DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


class WindowsUserMixin:
    """The columns that the default ``USER_FIELD_MAP`` and flags speak of: a user model for those who have none.

    It keeps no password. ``class User(WindowsUserMixin, db.Model): __tablename__ = "user"`` is a whole model.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(exact(520), unique=True)  # holds {domain}\{username} too
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
    name: Mapped[str] = mapped_column(exact(256), unique=True)

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
    Names compare by the ``_key`` columns. Times are UTC, naive.
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
        Column("domain_key", exact(255), nullable=False),
        Column("username_key", exact(256), nullable=False),
        Column("guid", Uuid(), nullable=True),
        Column("sid", String(184), nullable=True),  # the longest SID, MS-DTYP 2.4.2.1
        Column("deactivated", Boolean(), nullable=False, default=False),  # by a sync, not by an administrator
        Column("lapsed", Boolean(), nullable=False, default=False, server_default=false()),
        Column("password_set", moment(), nullable=True),
        Column("controller", String(255), nullable=False, default="", server_default=""),
        Column("lowered_at", moment(), nullable=True),
        Column("last_sync", moment(), nullable=True),
        Column("sessions", BigInteger(), nullable=False, default=store.new_sessions, server_default="0"),
        UniqueConstraint("domain_key", "username_key", name="uq_windows_auth_link_username"),
        UniqueConstraint("domain_key", "guid", name="uq_windows_auth_link_guid"),
        schema=schema,
    )
    lock = Table(
        LOCK_TABLE,
        metadata,
        Column("domain_key", exact(255), primary_key=True),
        Column("username_key", exact(256), primary_key=True),
        Column("token", String(32), nullable=False),
        Column("until", Double(), nullable=False),  # seconds since 1970, by the database's clock
        schema=schema,
    )
    bookmark = Table(
        BOOKMARK_TABLE,
        metadata,
        Column("domain_key", exact(255), primary_key=True),
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
    """Delete links to users that were deleted behind the ORM's back, if they would stand in the way of *values*."""
    same = or_(
        link.c.username_key == values["username_key"],
        link.c.guid == values["guid"] if values["guid"] else false(),
    )
    orphaned = link.c.user_id.not_in(select(key))
    connection.execute(delete(link).where(link.c.domain_key == values["domain_key"], same, orphaned))


def link_values(link: Link) -> dict[str, Any]:
    """What a link is in the table, but for what only the repository writes."""
    return {
        "domain": link.domain,
        "domain_key": domain_key(link.domain),
        "username": link.username,
        "username_key": name_key(link.username),
        "guid": link.guid,
        "sid": link.sid,
        "deactivated": link.deactivated,
        "lapsed": link.lapsed,
        "password_set": naive(link.password_set),
        "controller": fitted(link.controller, 255, f"{LINK_TABLE}.controller"),
        "lowered_at": naive(link.lowered_at),
    }


def stored_link(values: Any) -> Link | None:
    """The link in a row, None in an outer join's empty one."""
    if values["user_id"] is None:
        return None
    return Link(
        values["domain"],
        values["username"],
        guid=values["guid"],
        sid=values["sid"],
        deactivated=values["deactivated"],
        lapsed=values["lapsed"],
        password_set=aware(values["password_set"]),
        controller=values["controller"],
        lowered_at=aware(values["lowered_at"]),
        last_sync=aware(values["last_sync"]),
        sessions=values["sessions"],
    )


def is_older(table: Table, now: datetime, *, or_equal: bool = False) -> ColumnElement[bool]:
    """`wauth_core.sync.store.is_older` for the rows of a table; with *or_equal* those of *now* as well."""
    moment = table.c.last_sync
    older = moment <= naive(now) if or_equal else moment < naive(now)
    return or_(moment.is_(None), older, moment > naive(horizon()))


def write_link(session: Session, table: Table, change: Change, now: datetime) -> bool:
    """Write the link of a change, if that was not changed since; False if it was."""
    seen = change.seen
    assert seen is not None  # noqa: S101
    values: dict[str, Any] = link_values(change.link) if change.link else {"lapsed": seen.lapsed}
    where = [table.c.user_id == change.key, table.c.last_sync == naive(seen.last_sync), table.c.lapsed == seen.lapsed]
    if change.answered:
        where.append(is_older(table, now, or_equal=only_lowers(change)))
        values["last_sync"] = naive(now)
    if change.end_sessions:
        values["sessions"] = table.c.sessions + 1
    done = cast("CursorResult[Any]", session.execute(update(table).where(*where).values(values)))
    return done.rowcount == 1


def _now(engine: Engine | Connection) -> ColumnElement[float]:
    """The database's clock, in seconds since 1970; this process's where we do not know how to ask."""
    clock = _CLOCKS.get(engine.dialect.name)
    return literal_column(clock, Double()) if clock else literal(time.time(), Double())


def take_claim(engine: Engine | Connection, table: Table, key: dict[str, str], token: str) -> bool:
    """Insert the claim of *key*, or take it over once it has ended.

    One that ends too late was made while the database's clock was wrong.
    """
    now, row = _now(engine), [table.c[name] == value for name, value in key.items()]
    until = now + store.lease()
    with Session(engine) as session:
        try:
            session.execute(insert(table).values(**key, token=token, until=until))
            session.commit()
            return True
        except IntegrityError:
            session.rollback()
        ended = or_(table.c.until <= now, table.c.until > now + 2 * store.LOCK_SECONDS)
        taken = session.execute(update(table).where(*row, ended).values(until=until, token=token))
        session.commit()
        return cast("CursorResult[Any]", taken).rowcount == 1


def release_claim(engine: Engine | Connection, table: Table, key: dict[str, str], token: str) -> None:
    """Delete the claim of *key*, unless another worker has taken it over."""
    with Session(engine) as session, session.begin():
        mine = [table.c[name] == value for name, value in key.items()]
        session.execute(delete(table).where(*mine, table.c.token == token))


def naive(moment: datetime | None) -> datetime | None:
    """*moment* in UTC without its zone, as the tables keep it: some databases know no zones."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None


def aware(moment: datetime | None) -> datetime | None:
    """What the tables keep, with its zone."""
    return moment.replace(tzinfo=timezone.utc) if moment else None


def primary_key(model: type[Any]) -> Column[Any]:
    """The one primary key column of *model*. Raises `ConfigurationError` if there are several."""
    columns = _mapper(model).primary_key
    if len(columns) != 1:
        raise ConfigurationError(f"{model.__name__} has {len(columns)} primary key columns; windowsauth needs one.")
    return cast("Column[Any]", columns[0])


def settable(model: type[Any], name: str) -> bool:
    """Whether *name* is a property that can be set."""
    found = getattr(model, name, None)
    return isinstance(found, property) and found.fset is not None


def missing(model: type[Any], name: str) -> str:
    """Raise `ConfigurationError` for a name that the model lacks."""
    raise ConfigurationError(f"{model.__name__} has no attribute {name!r}: tell SQLAlchemyUserRepository its name.")


def groups_of(user: type[Any], group: type[Any], name: str | None) -> Any:
    """The relationship attribute from *user* to *group*."""
    candidates = {r.key: r for r in sa_inspect(user).relationships if r.uselist and r.mapper.class_ is group}
    if name is None and len(candidates) == 1:
        [name] = candidates
    if name is None or name not in candidates:
        listed = ", ".join(sorted(candidates)) or "none"
        raise ConfigurationError(
            f"Which relationship of {user.__name__} holds its {group.__name__} objects? Found: {listed}. "
            f'Say SQLAlchemyUserRepository(…, groups="…").'
        )
    return getattr(user, name)


def _mapper(model: type[Any]) -> Mapper[Any]:
    return cast("Mapper[Any]", sa_inspect(model))


def _table(model: type[Any]) -> Table:
    return cast(Table, _mapper(model).local_table)


def _qualified(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name
