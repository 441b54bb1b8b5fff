"""`SQLAlchemyUserRepository`: the users of an application that keeps them with SQLAlchemy or Flask-SQLAlchemy.

It uses sessions of its own on the same engine. A sync is one short transaction: it neither commits nor loses what the
application has pending. If a sync writes, objects in the application's session are expired, so that the request that
signs somebody in sees the new rights.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from typing import Any

if find_spec("sqlalchemy") is None:
    raise ModuleNotFoundError(
        'wauth_core.sync.sqlalchemy needs SQLAlchemy: pip install "windowsauth[sqlalchemy]"', name="sqlalchemy"
    )

from sqlalchemy import Connection, Engine, Row, Select, Uuid, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, joinedload, scoped_session
from sqlalchemy.orm.util import identity_key

from wauth_core.exceptions import SyncError
from wauth_core.settings import ConfigurationWarning
from wauth_core.sync import store
from wauth_core.sync.repository import Change, Key, UserSnapshot, Wanted
from wauth_core.sync.sqlalchemy_tables import (
    WindowsGroupMixin,
    WindowsUserMixin,
    add_memberships,
    forget_orphans,
    groups_of,
    is_older,
    link_tables,
    link_values,
    missing,
    naive,
    primary_key,
    release_claim,
    settable,
    stored_link,
    take_claim,
    write_link,
)
from wauth_core.sync.store import domain_key, fitted, name_key, same_domain, same_link

__all__ = ["SQLAlchemyUserRepository", "WindowsGroupMixin", "WindowsUserMixin", "add_memberships", "link_tables"]


class SQLAlchemyUserRepository:
    """Users in the SQLAlchemy model *user*, groups (roles) in *group*, by a relationship from one to the other.

    *session* is the application's: a ``Session``, a ``scoped_session`` or Flask-SQLAlchemy's ``db.session``.

    The keys of ``USER_FIELD_MAP`` and the names of flags are attributes of *user*; *names* says where yours differ
    (``{"is_superuser": "admin"}``). What *user* does not have is left alone, with a `ConfigurationWarning` where a
    setting was given that asks for it. *groups* is
    the relationship (found by itself where there is just one to *group*), *group_name* the attribute that names a
    group. *create* makes a new user from keyword arguments; by default it is *user* itself.

    Raises `ConfigurationError` for models that cannot work.
    """

    def __init__(
        self,
        session: Session | scoped_session[Any],
        user: type[Any],
        group: type[Any] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        groups: str | None = None,
        group_name: str = "name",
        create: Callable[..., Any] | None = None,
    ) -> None:
        self._session = session
        self._user = user
        self._group = group
        self._names = dict(names or {})
        self._create = create or user
        self._key = primary_key(user)
        self._key_name = sa_inspect(user).get_property_by_column(self._key).key
        self._asked: set[str] = set()
        self._finders: dict[tuple[bool, bool], Select[Any]] = {}
        self._tables = link_tables(user)
        self._groups = groups_of(user, group, groups) if group is not None else None
        self._group_name = group_name
        if group is not None and not hasattr(group, group_name):
            missing(group, group_name)

    # -- UserRepository

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """See `UserRepository`. One query."""
        self._warn_of_what_is_not_kept(wanted.asked)
        wants = (wanted.groups, guid is not None)
        if wants not in self._finders:  # building it costs more than running it, and it is run at each request
            link = self._tables.link
            same = link.c.username_key == bindparam("username")
            if guid is not None:
                same = or_(same, link.c.guid == bindparam("guid", type_=Uuid()))
            self._finders[wants] = self._query(wanted, and_(link.c.domain_key == bindparam("domain"), same))
        values = {"domain": domain_key(domain), "username": name_key(username), "guid": guid}
        found = self._snapshots(wanted, self._finders[wants], values)
        return [user for user in found if same_link(user.link, domain, username, guid)]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`. Of names that differ in case only, the exact one; else the oldest."""
        attribute = self._attribute(wanted.username_field) or missing(self._user, wanted.username_field)
        name = getattr(self._user, attribute)
        # Databases disagree on the lower case of letters beyond ASCII: let each such letter be any, compare here.
        folded = name_key(username)
        pattern = "".join(_escaped(c) if c.isascii() else "_" for c in folded)
        query = select(self._key, name).where(func.lower(name).like(pattern, escape="!")).order_by(self._key)
        with self._reading() as session:
            found = [(s != username, key) for key, s in session.execute(query) if name_key(s) == folded]
        if not found:
            return None
        _, key = min(found, key=lambda pair: pair[0])
        return next(iter(self._select(wanted, self._key == key, outer=True)), None)

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Each batch is read in a transaction of its own, by ascending key."""
        link = self._tables.link
        where = link.c.domain_key == domain_key(domain)
        last: Any = None
        while True:
            after = where if last is None else and_(where, self._key > last)
            keys = select(link.c.user_id).select_from(self._joined()).where(after).order_by(self._key).limit(batch)
            with self._reading() as session:
                page = session.execute(keys).scalars().all()
            if not page:
                return
            yield [user for user in self._select(wanted, self._key.in_(page)) if same_domain(user.link, domain)]
            last = page[-1]

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """See `UserRepository`."""
        listed = list(changes)
        link = self._tables.link
        with self._writing() as session:
            current = {n: c for n, c in enumerate(listed) if c.seen is None or write_link(session, link, c, now)}
            users = self._load(session, [c.key for c in current.values() if c.key is not None])
            linked = self._links(session, [c.key for c in current.values() if c.key is not None and c.seen is None])
            current = {n: c for n, c in current.items() if c.seen is not None or c.key not in linked}
            groups = self._groups_named(session, {g for c in current.values() for g in c.groups_add | c.groups_remove})
            keys = {n: self._write(session, change, users, groups, now) for n, change in current.items()}
        for n, key in keys.items():
            self._expire(key, listed[n])
        return [keys.get(n) for n in range(len(listed))]

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """See `UserRepository`."""
        link = self._tables.link
        with self._writing() as session:
            for part in store.by_last_sync(seen):
                same = [and_(link.c.last_sync == naive(then), link.c.user_id.in_(keys)) for then, keys in part.items()]
                session.execute(update(link).where(or_(*same), is_older(link, now)).values(last_sync=naive(now)))

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """See `UserRepository`. Holds among all processes that use the database, by its clock."""
        key = {"domain_key": domain_key(domain), "username_key": name_key(username)}
        take, release = (partial(self._claim, what, key) for what in (take_claim, release_claim))
        return store.claiming(take, release, wait=wait)

    def _claim(self, what: Callable[..., Any], key: dict[str, str], token: str) -> Any:
        with _refusals():
            return what(self._engine(), self._tables.lock, key, token)

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        table, key = self._tables.bookmark, domain_key(domain)
        with self._writing() as session:
            if value is None:
                rows = session.execute(select(table.c.domain_key, table.c.value).where(table.c.domain_key == key))
                return next((kept for name, kept in rows if name == key), None)
            session.execute(delete(table).where(table.c.domain_key == key))
            session.execute(insert(table).values(domain_key=key, value=value))
        return value

    # -- for a front end

    def record(self, key: Key) -> Any | None:
        """The row of *key* as an object of the application's own session, or None."""
        return self._session.get(self._user, key)

    # -- reading

    def _select(self, wanted: Wanted, where: Any, *, outer: bool = False) -> list[UserSnapshot]:
        return self._snapshots(wanted, self._query(wanted, where, outer=outer))

    def _query(self, wanted: Wanted, where: Any, *, outer: bool = False) -> Select[Any]:
        query = select(self._user, *self._tables.link.c).select_from(self._joined(outer=outer)).where(where)
        if self._groups is not None and wanted.groups:
            query = query.options(joinedload(self._groups))
        return query.order_by(self._key)

    def _snapshots(self, wanted: Wanted, query: Select[Any], values: Any = None) -> list[UserSnapshot]:
        with self._reading() as session:
            return [self._snapshot(wanted, row) for row in session.execute(query, values).unique()]

    def _snapshot(self, wanted: Wanted, row: Row[Any]) -> UserSnapshot:
        record = row[0]
        return UserSnapshot(
            key=getattr(record, self._key_name),
            link=stored_link(row._mapping),
            fields={name: getattr(record, a) for name in wanted.fields if (a := self._attribute(name))},
            flags={name: bool(getattr(record, a)) for name in wanted.flags if (a := self._attribute(name))},
            groups=frozenset(getattr(group, self._group_name) for group in self._groups_of(record))
            if wanted.groups
            else frozenset(),
        )

    def _joined(self, *, outer: bool = False) -> Any:
        link, users = self._tables.link, sa_inspect(self._user).persist_selectable
        return users.join(link, link.c.user_id == self._key, isouter=outer)

    def _groups_of(self, record: Any) -> Any:
        return getattr(record, self._groups.key) if self._groups is not None else ()

    def _attribute(self, name: str) -> str | None:
        """What *name* is called on the model; None if it cannot be written there."""
        attribute = self._names.get(name, name)
        if attribute in sa_inspect(self._user).all_orm_descriptors or settable(self._user, attribute):
            return attribute
        return None

    def _warn_of_what_is_not_kept(self, asked: frozenset[str]) -> None:
        """Warn, once, of names that a setting has been given and *user* does not have."""
        new = sorted(asked - self._asked)
        self._asked.update(new)
        for name in new:
            if name == "groups" and self._groups is None:
                said = "no groups: give SQLAlchemyUserRepository(group=…), or take them out of GROUP_MAP, MIRROR_GROUPS"
            elif name != "groups" and self._attribute(name) is None:
                said = (
                    f"no column or property {self._names.get(name, name)!r}, so what the directory says of it is not "
                    f"kept: add it, name yours in SQLAlchemyUserRepository(names=…), or take it out of the settings"
                )
            else:
                continue
            warnings.warn(f"{self._user.__name__} has {said}.", ConfigurationWarning, stacklevel=2)

    # -- writing

    def _load(self, session: Session, keys: list[Any]) -> dict[Hashable, Any]:
        found: dict[Hashable, Any] = {}
        for start in range(0, len(keys), 500):
            query = select(self._user).where(self._key.in_(keys[start : start + 500]))
            if self._groups is not None:
                query = query.options(joinedload(self._groups))
            for record in session.execute(query).unique().scalars():
                found[getattr(record, self._key_name)] = record
        return found

    def _links(self, session: Session, keys: list[Any]) -> set[Hashable]:
        column = self._tables.link.c.user_id
        pages = (keys[start : start + 500] for start in range(0, len(keys), 500))
        return {key for page in pages for key in session.execute(select(column).where(column.in_(page))).scalars()}

    def _groups_named(self, session: Session, names: set[str]) -> dict[str, Any]:
        if self._group is None or not names:
            return {}
        column = getattr(self._group, self._group_name)
        query = select(self._group).where(column.in_(names))
        return {getattr(group, self._group_name): group for group in session.execute(query).scalars()}

    def _write(
        self,
        session: Session,
        change: Change,
        users: dict[Hashable, Any],
        groups: dict[str, Any],
        now: datetime,
    ) -> Key:
        given = {**change.fields, **change.flags}.items()
        values = {a: self._fitted(a, value) for name, value in given if (a := self._attribute(name))}
        if change.key is None:
            record = self._create(**values)
            session.add(record)
        elif change.key in users:
            record = users[change.key]
            for attribute, value in values.items():
                setattr(record, attribute, value)
        else:
            raise SyncError(f"The user {change.key!r} is gone from {self._user.__name__}.")
        self._write_groups(session, record, change, groups)
        session.flush()  # change by change: a name must be free before its next owner takes it
        key: Key = getattr(record, self._key_name)
        if change.link is not None and change.seen is None:
            values = {**link_values(change.link), "last_sync": naive(now) if change.answered else None}
            forget_orphans(session.connection(), self._tables.link, self._key, values)
            session.execute(insert(self._tables.link).values(user_id=key, **values))
        return key

    def _fitted(self, attribute: str, value: Any) -> Any:
        column = sa_inspect(self._user).columns.get(attribute)
        limit = getattr(column.type, "length", None) if column is not None else None
        return fitted(value, limit, f"{self._user.__name__}.{attribute}", whole=bool(limit and column.unique))

    def _write_groups(self, session: Session, record: Any, change: Change, groups: dict[str, Any]) -> None:
        if self._groups is None or self._group is None:
            return
        collection = self._groups_of(record)
        for group in [g for g in collection if getattr(g, self._group_name) in change.groups_remove]:
            collection.remove(group)
        held = {getattr(group, self._group_name) for group in collection}
        for name in sorted(change.groups_add - held):
            if name not in groups:
                groups[name] = self._group(**{self._group_name: name})
                session.add(groups[name])
            (collection.add if isinstance(collection, set) else collection.append)(groups[name])

    def _expire(self, key: Key, change: Change) -> None:
        """Make the application's session read anew what *change* wrote, keeping what is pending there."""
        held = self._session.identity_map.get(identity_key(self._user, key))
        if held is None:
            return
        stale = [a for name in (*change.fields, *change.flags) if (a := self._attribute(name))]
        if self._groups is not None and (change.groups_add or change.groups_remove):
            stale.append(self._groups.key)
        mapped = sa_inspect(self._user).attrs
        if stale := [name for name in stale if name in mapped]:
            self._session.expire(held, stale)

    # -- sessions

    def _engine(self) -> Engine | Connection:
        return self._session.get_bind(sa_inspect(self._user))

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with _refusals(), Session(self._engine()) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """One transaction."""
        with _refusals(), Session(self._engine(), expire_on_commit=False) as session, session.begin():
            yield session


@contextmanager
def _refusals() -> Iterator[None]:
    """What the database refuses, or is too busy for, is a `SyncError`: the last known rights hold for a while."""
    with store.as_sync_error(SQLAlchemyError, ValueError, OverflowError):
        try:
            yield
        except DBAPIError as error:  # without the statement, which holds people's data
            raise SyncError(f"The database refused: {error.orig}") from error


def _escaped(letter: str) -> str:
    return f"!{letter}" if letter in "%_!" else letter
