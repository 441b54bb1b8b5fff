"""SQLAlchemy models of any shape, and what the tables of the links guard against."""

from __future__ import annotations

import dataclasses
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import ForeignKey, String, create_engine, event, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)
from sqlalchemy.pool import StaticPool

from wauth_core.exceptions import ConfigurationError, SyncError
from wauth_core.settings import ConfigurationWarning, LDAPSettings
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import Change, Link, Wanted
from wauth_core.sync.sqlalchemy import (
    SQLAlchemyUserRepository,
    WindowsGroupMixin,
    WindowsUserMixin,
    add_memberships,
    link_tables,
)
from wauth_core.sync.store import LOCK_SECONDS

NOW = datetime(2026, 3, 4, tzinfo=timezone.utc)
WANTED = Wanted(("username", "email"), ("is_active", "is_superuser"))


def engine():
    """A SQLite database in memory that threads may share."""
    return create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


@pytest.fixture
def base():
    """A declarative base of its own for each test."""

    class Base(DeclarativeBase):
        pass

    return Base


def ready(base, user, group=None, **options):
    """A repository over the models, with the tables made."""
    made = engine()
    repository = SQLAlchemyUserRepository(scoped_session(sessionmaker(made)), user, group, **options)
    base.metadata.create_all(made)
    return repository


def create(repository, username="alice", **fields):
    """A linked user."""
    link = Link("EXAMPLE", username, uuid.uuid5(uuid.NAMESPACE_DNS, username))
    [key] = repository.apply([Change(None, link, {"username": username, **fields}, {"is_superuser": True})], now=NOW)
    return key


def write(repository, key, **more):
    """A change of alice, made from her row as it stands."""
    [alice] = repository.find(WANTED, domain="EXAMPLE", username="alice")
    assert repository.apply([Change(key, seen=alice.link, answered=False, **more)], now=NOW) == [key]


def test_other_names_other_keys_and_a_set_of_roles(base):
    """A model with its own names, a UUID as key, required arguments and a set of roles is kept in step."""

    class Role(base):
        __tablename__ = "roles"
        code: Mapped[str] = mapped_column(String(20), primary_key=True)

    class Membership(base):
        __tablename__ = "memberships"
        account: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.uid"), primary_key=True)
        role: Mapped[str] = mapped_column(ForeignKey("roles.code"), primary_key=True)

    class Account(base):
        __tablename__ = "accounts"
        uid: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
        login: Mapped[str] = mapped_column(String(50), unique=True)
        mail: Mapped[str | None]
        admin: Mapped[bool] = mapped_column(default=False)
        roles: Mapped[set[Role]] = relationship(secondary="memberships")
        watched: Mapped[set[Role]] = relationship(secondary="memberships", viewonly=True)

        def __init__(self, login, **values):
            super().__init__(login=login, **values)

    with pytest.raises(ConfigurationError, match="roles, watched"):
        SQLAlchemyUserRepository(Session(), Account, Role, group_name="code")
    names = {"username": "login", "email": "mail", "is_superuser": "admin"}
    repository = ready(base, Account, Role, names=names, groups="roles", group_name="code")
    key = create(repository, email="a@example.local")
    assert isinstance(key, uuid.UUID)
    write(repository, key, groups_add=frozenset({"editor", "writer"}))
    write(repository, key, groups_remove=frozenset({"editor"}))
    [found] = repository.find(WANTED, domain="EXAMPLE", username="alice")
    assert found.fields == {"username": "alice", "email": "a@example.local"}
    assert found.flags == {"is_superuser": True}
    assert found.groups == {"writer"}
    assert repository.record(key).admin is True


def test_what_a_model_lacks_is_left_alone_and_said_once(base):
    """A model without a column for something still works; a warning says what a setting asks for in vain."""

    class User(base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str]

    repository = ready(base, User)
    create(repository, email="a@example.local")
    create(repository, "bob", email="b@example.local")
    asking = dataclasses.replace(WANTED, asked=frozenset({"username", "email", "is_superuser", "groups"}))
    with pytest.warns(ConfigurationWarning) as told:
        [found] = repository.find(asking, domain="EXAMPLE", username="alice")
    assert repository.find(asking, domain="EXAMPLE", username="alice"), "with no other warning, which would be an error"
    assert (found.fields, found.flags) == ({"username": "alice"}, {})
    said = [str(each.message) for each in told]
    assert len(said) == 3
    for each, name in zip(said, ("'email'", "no groups", "'is_superuser'"), strict=True):
        assert name in each


ASKED = [
    pytest.param({}, set(), id="defaults-ask-for-nothing"),
    pytest.param({"USER_FIELD_MAP": {"username": "sAMAccountName", "phone": "mobile"}}, {"username", "phone"}),
    pytest.param({"FLAG_MAP": {"is_boss": "Bosses"}, "STAFF_GROUPS": "Staff"}, {"is_boss", "is_staff"}),
    pytest.param({"USER_QUERY_FIELD": "mail"}, {"mail"}),
    pytest.param({"MIRROR_GROUPS": True}, {"groups"}),
]


@pytest.mark.parametrize(("given", "asked"), ASKED)
def test_what_settings_ask_of_users(given, asked):
    """What was written, and nothing that was not; nothing at all where warnings are not wanted."""
    settings = LDAPSettings(SERVER="dc1", SEARCH_BASE="DC=example,DC=local", **given).for_domain("EXAMPLE")
    assert Policy.of("EXAMPLE", settings, SiteSettings()).wanted.asked == asked
    assert Policy.of("EXAMPLE", settings, SiteSettings(ignore_setting_warnings=True)).wanted.asked == set()


def test_dataclass_models_and_properties_work(base):
    """A MappedAsDataclass is made by its own arguments; a property with a setter counts as an attribute."""

    class Plain(MappedAsDataclass, DeclarativeBase):
        pass

    class User(Plain):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(init=False, primary_key=True)
        username: Mapped[str]
        level: Mapped[int] = mapped_column(default=0, init=False)

        @property
        def is_superuser(self):
            return self.level > 9

        @is_superuser.setter
        def is_superuser(self, value):
            self.level = 10 if value else 0

    def make(username, is_superuser=False):
        user = User(username=username)
        user.is_superuser = is_superuser
        return user

    repository = ready(Plain, User, create=make)
    key = create(repository)
    [found] = repository.find(WANTED, domain="EXAMPLE", username="alice")
    assert found.flags == {"is_superuser": True}
    assert repository.record(key).level == 10


def test_a_composite_key_is_refused(base):
    """A user must have one key column; that is told when the application starts."""

    class User(base):
        __tablename__ = "users"
        site: Mapped[int] = mapped_column(primary_key=True)
        id: Mapped[int] = mapped_column(primary_key=True)
        username: Mapped[str]

    with pytest.raises(ConfigurationError, match="2 primary key columns"):
        SQLAlchemyUserRepository(Session(), User)


def mixin_user(base):
    """The ready user model."""

    class User(WindowsUserMixin, base):
        __tablename__ = "users"

    return User


def test_long_texts_are_cut_and_long_names_refused(base, caplog):
    """A column shorter than AD's text gets its beginning; a name is never cut."""
    user = mixin_user(base)
    repository = ready(base, user)
    create(repository, email="x" * 300)
    assert len(repository.find(WANTED, domain="EXAMPLE", username="alice")[0].fields["email"]) == 254
    assert "cut to 254" in caplog.text
    with pytest.raises(SyncError, match="longer than the column allows"):
        create(repository, "y" * 600)


def test_a_deleted_users_windows_account_is_inherited_by_nobody(base):
    """SQLite hands a deleted row's key to the next row; the link must not come with it."""
    user = mixin_user(base)
    repository = ready(base, user)
    key = create(repository)
    with Session(repository._engine()) as session, session.begin():
        session.delete(session.get(user, key))
    with Session(repository._engine()) as session, session.begin():
        heir = user(username="heir")
        session.add(heir)
        session.flush()
        assert heir.id == key
    assert repository.find(WANTED, domain="EXAMPLE", username="alice") == []


def test_a_user_deleted_behind_the_orm_leaves_nothing_in_the_way(base):
    """After a bulk DELETE the heir of the key has no link, and the person can come back."""
    user = mixin_user(base)
    repository = ready(base, user)
    key = create(repository)
    with Session(repository._engine()) as session, session.begin():
        session.execute(user.__table__.delete())
        session.execute(user.__table__.insert().values(id=key + 1, username="x"))
    assert repository.find(WANTED, domain="EXAMPLE", username="alice") == []
    create(repository)
    with Session(repository._engine()) as session, session.begin():
        session.execute(user.__table__.delete())
        session.add(user(username="heir"))
    assert repository.find(WANTED, domain="EXAMPLE", username="alice") == []


def test_a_sync_leaves_the_applications_own_session_alone(base):
    """What the application has pending is neither written nor lost; what the sync wrote is seen at once."""
    user = mixin_user(base)
    repository = ready(base, user)
    key = create(repository, email="old@example.local")
    session = repository._session
    held = session.get(user, key)
    assert held.email == "old@example.local"
    held.first_name = "Pending"
    write(repository, key, fields={"email": "new@example.local"})
    assert held in session.dirty
    assert (held.email, held.first_name) == ("new@example.local", "Pending")
    session.rollback()
    assert repository.record(key).first_name == ""


def test_a_claim_of_a_wrong_clock_holds_nobody_up(base):
    """A claim that was made while the database's clock was days ahead is free when that is put right."""
    user = mixin_user(base)
    repository = ready(base, user)
    claims = link_tables(user).lock
    with Session(repository._engine()) as session, session.begin():
        for name, until in (("alice", time.time() + 3 * 86400), ("bob", time.time() + LOCK_SECONDS)):
            values = {"domain_key": "EXAMPLE", "username_key": name, "token": "x", "until": until}
            session.execute(claims.insert().values(values))
    with repository.lock("EXAMPLE", "alice") as mine, repository.lock("EXAMPLE", "bob") as too:
        assert (mine, too) == (True, False)


def statements(engine):
    """What is sent to the database from now on."""
    sent = []
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    return sent


def test_an_unchanged_sync_is_two_statements(base):
    """A look-up, groups included, and the note that nothing had changed; a claim is two more."""

    class Group(WindowsGroupMixin, base):
        __tablename__ = "groups"

    user = mixin_user(base)
    add_memberships(user, Group)
    repository = ready(base, user, Group)
    key = create(repository)
    write(repository, key, groups_add=frozenset({"A", "B"}))
    sent = statements(repository._engine())
    [alice] = repository.find(WANTED, domain="EXAMPLE", username="alice")
    repository.touch({key: alice.link.last_sync}, now=NOW + timedelta(minutes=1))
    assert alice.groups == {"A", "B"}
    assert len(sent) == 2
    with repository.lock("EXAMPLE", "alice"):
        assert len(sent) == 3
    assert len(sent) == 4


def test_alembic_finds_the_tables_and_then_nothing_more(base, tmp_path):
    """Autogenerate makes a migration of plain SQLAlchemy types; after it models and database agree."""
    from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    link_tables(mixin_user(base))
    made = engine()
    with made.connect() as connection:
        context = MigrationContext.configure(connection)
        migration = produce_migrations(context, base.metadata)
        code = render_python_code(migration.upgrade_ops)
        assert "windows_auth_link" in code
        assert "wauth" not in code.replace("windows_auth", "")
        operations = Operations(context)
        for operation in migration.upgrade_ops.ops:
            operations.invoke(operation)
        assert compare_metadata(context, base.metadata) == []


def test_two_models_may_live_in_one_process(base):
    """Link tables belong to the metadata of their model; asking twice gives the same."""

    class Other(DeclarativeBase):
        pass

    one, other = mixin_user(base), mixin_user(Other)
    assert link_tables(one).link is link_tables(one).link
    assert link_tables(one).link is not link_tables(other).link


def test_sixteen_threads_keep_sixteen_people_apart(base, tmp_path):
    """Threads that create and read at once each see their own person."""
    user = mixin_user(base)
    made = create_engine(f"sqlite:///{tmp_path}/users.sqlite3")
    repository = SQLAlchemyUserRepository(scoped_session(sessionmaker(made)), user)
    base.metadata.create_all(made)
    wrong: list[object] = []

    def work(number):
        name = f"user{number}"
        key = create(repository, name)
        for _ in range(5):
            found = repository.find(WANTED, domain="EXAMPLE", username=name)
            if [(u.key, u.fields["username"]) for u in found] != [(key, name)]:
                wrong.append((name, found))
        repository._session.remove()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    with Session(made) as session:
        assert len(session.execute(select(user)).scalars().all()) == 16
    made.dispose()


def test_a_database_that_is_locked_is_a_sync_error(base, tmp_path):
    """Somebody else's long transaction stops a sync, and only that: the core lets the last known rights hold."""
    user = mixin_user(base)
    made = create_engine(f"sqlite:///{tmp_path}/users.sqlite3", connect_args={"timeout": 0})
    repository = SQLAlchemyUserRepository(scoped_session(sessionmaker(made)), user)
    base.metadata.create_all(made)
    key = create(repository)
    [alice] = repository.find(WANTED, domain="EXAMPLE", username="alice")
    with made.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(SyncError, match="locked"):
            repository.apply([Change(key, fields={"email": "x"}, seen=alice.link)], now=NOW)
        with pytest.raises(SyncError, match="locked"), repository.lock("EXAMPLE", "alice"):
            pass
    made.dispose()
