"""`LDAPManager`: one domain's door to the directory."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, overload

from wauth_core.cache import FileCache, SharedCache
from wauth_core.directory import decode, filters
from wauth_core.directory.authenticate import AuthResult
from wauth_core.directory.breaker import Breaker
from wauth_core.directory.catalog import Catalog
from wauth_core.directory.changes import Changes, ChangeSet
from wauth_core.directory.connection import Connection
from wauth_core.directory.definitions import Definitions
from wauth_core.directory.dialer import Dialer
from wauth_core.directory.discovery import servers
from wauth_core.directory.doctor import Check, examine
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryEntry, DirectoryGroup, DirectoryObject, DirectoryUser
from wauth_core.directory.groups import Groups
from wauth_core.directory.growing import Growing
from wauth_core.directory.inventory import Inventory
from wauth_core.directory.kinds import chosen
from wauth_core.directory.members import Members
from wauth_core.directory.membership import ResolvedGroups
from wauth_core.directory.password_bind import OwnReader, PasswordBind, sealed
from wauth_core.directory.pool import Pool
from wauth_core.directory.search import Connections, Searcher
from wauth_core.directory.topology import Topology
from wauth_core.directory.users import Users
from wauth_core.directory.writer import Writer
from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings, as_names, mapped_attributes


class LDAPManager(Growing):
    """Look-ups, membership and password checks in one domain, and ldap3 for everything else.

    Threads may share it. It survives a fork. It connects only when it must. *settings* are those of *domain*.

    - *shared* is the cache of an application with many processes; it may be None. If a directory was silent a moment
      ago, no process asks it, and `DirectoryOffline` is raised at once. If a service password was refused once, it
      counts as refused in all processes.
    - *max_staleness* is how long the last known rights hold; the log says so.

    Methods raise `wauth_core.exceptions.DirectoryError` leaves, and `ConfigurationError`.
    """

    def __init__(
        self,
        settings: LDAPSettings,
        domain: str,
        *,
        shared: SharedCache | None = None,
        max_staleness: timedelta | None = None,
    ) -> None:
        self._settings = settings if settings.is_resolved else settings.for_domain(domain)
        self._name = domain
        servers_named = as_names(self._settings.SERVER)
        file = SharedCache(FileCache())
        self.stores: tuple[SharedCache, ...] = () if shared is None else (file, shared)
        breaker = None if shared is None else Breaker(domain, servers_named, file, max_staleness=max_staleness)
        dialer = Dialer(self._settings, domain, self.stores)
        self._pool = Pool(dialer, servers(self._settings), self._settings.POOL_SIZE, breaker)
        self._writer = Writer(self._pool, domain)
        self._schema = Definitions()
        self._catalog: Catalog | None = None
        self._search_over(self._pool)
        self._passwords = PasswordBind(self, self._pool, self._domain, self._asking_over)

    def _asking_over(self, connections: Connections) -> LDAPManager:
        manager = LDAPManager(self._settings, self._name)
        manager._search_over(connections)
        return manager

    def _search_over(self, connections: Connections) -> None:
        self._searcher = Searcher(connections, self._name)
        self._domain = DomainProfile(self._settings, self._name, self._searcher)
        self._groups = Groups(self._domain, self)
        self._members = Members(self._domain, self)
        self._people = Users(self._domain, self._groups, self)
        self._inventory = Inventory(self._domain, self)
        self._topology = Topology(self._domain)

    @property
    def settings(self) -> LDAPSettings:
        """The settings of this domain, extra ones of a subclass included."""
        return self._settings

    @property
    def domain(self) -> str:
        """The domain, as the settings name it."""
        return self._name

    def pass_by_if_offline(self) -> None:
        """Raise `DirectoryOffline` if a question would raise it. Sends nothing, and costs nothing."""
        if self._pool.breaker is not None:
            self._pool.breaker.pass_by()

    def goes_by(self, name: str) -> bool:
        """Whether the domain really has that NetBIOS or DNS name, whatever the settings call it."""
        return self._domain.goes_by(name)

    @property
    def domain_sid(self) -> str:
        """The domain's SID, ``S-1-5-21-…``."""
        return self._domain.sid

    @property
    def controller(self) -> str:
        """The server of this thread's last answer, such as "ldaps://dc1.example.local:636"."""
        return self._pool.asked()

    @property
    def global_catalog(self) -> Catalog:
        """The look-ups across the whole forest. Raises `ConfigurationError` if GC is not set."""
        if self._catalog is None:
            if not self._settings.GC:
                raise ConfigurationError(f"Domain {self._name}: GC is not set: the server of the Global Catalog.")
            self._catalog = Catalog(self, LDAPManager)
        return self._catalog

    # -- people --------------------------------------------------------------------------------------------------------

    def user(self, x: object, attributes: Iterable[str] = ()) -> DirectoryUser:
        r"""The one user that *x* names: sAMAccountName, ``DOMAIN\sam``, `Identity`, UPN, GUID, SID or DN.

        Raises `UserNotFound` or `AmbiguousUser`; never "the first one".
        """
        return self._people.user(x, as_names(attributes))

    def users(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryUser]:
        """All users that match *filter* (RFC 4515 text, or a mapping of attribute to value), streamed in pages."""
        return self._people.users(filter, as_names(attributes))

    def person(
        self, *, guid: uuid.UUID | None, username: str, attributes: Iterable[str] = (), groups: bool = True
    ) -> DirectoryUser:
        """What a sync needs of one user: attributes, account state and all group SIDs, in **one** search by *guid*.

        Without *guid* one more search finds it by *username*. USER_QUERY_FILTER and SEARCH_BASE apply.
        """
        return self._people.person(guid=guid, username=username, attributes=attributes, groups=groups)

    def others_named(self, username: str, guid: uuid.UUID | None) -> tuple[str, ...]:
        """The DNs of all in the domain, under SEARCH_BASE or not, who have that name and are not the user *guid*."""
        return self._people.others_named(username, guid)

    def authenticate(self, username: str, password: str, read: OwnReader | None = None) -> AuthResult:
        """Check a password by one bind over an encrypted connection. A directory that fails is a result, not an error.

        - An empty password, and whatever looks like one, never leaves this process.
        - An unknown name costs a bind too, and so takes the same time.
        - If one more wrong password would lock the account, the password is not tried.
        - Without a service account (AD, no USERNAME) the person's own connection reads who they are and their groups.
          *read*, if given, is called with a manager that uses that connection.

        Raises `ConfigurationError`.
        """
        secret = sealed(password)
        del password  # a traceback shows what a frame holds
        return secret if isinstance(secret, AuthResult) else self._passwords.authenticate(username, secret, read)

    # -- groups --------------------------------------------------------------------------------------------------------

    def group(self, x: object, attributes: Iterable[str] = ()) -> DirectoryGroup:
        """The one group that *x* names: sAMAccountName or cn, GUID, SID, DN, or a well-known name.

        Raises `GroupNotFound` or `AmbiguousGroup`.
        """
        return self._groups.group(x, as_names(attributes))

    def groups(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryGroup]:
        """All groups that match *filter*, streamed in pages."""
        return self._groups.groups(filter, as_names(attributes))

    def groups_of(self, user: object, attributes: Iterable[str] = ()) -> list[DirectoryGroup]:
        """All security groups of *user*, nested and primary ones included, by name."""
        return self._groups.groups_of(self._user(user), as_names(attributes))

    def is_member(self, user: object, group: object) -> bool:
        """Whether *user* is in *group*, directly or nested, by SID."""
        return self._groups.is_member(self._user(user), group)

    @overload
    def members(
        self, group: object, recursive: bool = False, attributes: Iterable[str] = (), *, kinds: None = None
    ) -> Iterator[DirectoryUser]: ...

    @overload
    def members(
        self, group: object, recursive: bool = False, attributes: Iterable[str] = (), *, kinds: Iterable[str]
    ) -> Iterator[DirectoryObject]: ...

    def members(
        self,
        group: object,
        recursive: bool = False,
        attributes: Iterable[str] = (),
        *,
        kinds: Iterable[str] | None = None,
    ) -> Iterator[DirectoryUser] | Iterator[DirectoryObject]:
        """The users in *group*, streamed, each once; with *recursive* those of nested groups too.

        *kinds* are some of "user", "group", "computer", "contact", "service_account", "foreign"; "all" means all.
        """
        wanted = chosen(kinds) if kinds is not None else None
        found = group if isinstance(group, DirectoryGroup) else self.group(group)
        if wanted is None:
            return self._members.of(found, recursive=recursive, attributes=as_names(attributes))
        return self._members.of_kinds(found, wanted, recursive=recursive, attributes=as_names(attributes))

    def resolve_groups(self, names: Iterable[str]) -> ResolvedGroups:
        """What group names in settings mean, as SIDs: one search for all together, kept for ten minutes."""
        return self._groups.resolve(names)

    def _user(self, user: object) -> DirectoryUser:
        return user if isinstance(user, DirectoryUser) else self.user(user)

    def _only_group(self, x: object, attributes: tuple[str, ...]) -> DirectoryGroup:
        return self._groups.group(x, attributes)

    # -- anything ------------------------------------------------------------------------------------------------------

    def search(
        self, filter: Any, attributes: Iterable[str] = (), base: str | None = None, scope: str = "subtree"
    ) -> Iterator[DirectoryEntry]:
        """All entries that match *filter* under *base* (SEARCH_BASE), decoded, streamed in pages.

        If *attributes* is empty, all but constructed ones are read. *scope* is "base", "level" or "subtree".
        """
        pages = self._searcher.pages(
            self._domain.bases if base is None else base,
            filters.given(filter) or filters.ANY,
            as_names(attributes) or ("*",),
            scope=scope,
        )
        for page in pages:
            for entry in page:
                yield DirectoryEntry(entry.dn, decode.attributes(self._searcher.complete(entry).attributes))

    def changes(self, since: str | None = None, attributes: Iterable[str] = ()) -> ChangeSet:
        """Who changed since the call that returned the cookie *since*; without one, everybody.

        It watches the attributes of USER_FIELD_MAP, the account state, group membership, and *attributes*.
        """
        watched = (*mapped_attributes(self._settings.USER_FIELD_MAP), *as_names(attributes))
        return Changes(self._domain, self._groups, self._members).since(since, watched, datetime.now(timezone.utc))

    def doctor(self) -> list[Check]:
        """Check the way to the directory step by step, with advice for each fault. Raises nothing."""
        return examine(self._pool, self._domain, self._groups, self._people)

    # -- ldap3 ---------------------------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The calling thread's own ldap3 Connection, open and bound. Read-only unless READ_ONLY=False.

        It does not belong to the pool. The thread keeps it until the thread, or the manager, ends.
        """
        local = self._pool.state.local
        owned: _Owned | None = getattr(local, "owned", None)
        if owned is not None and owned.connection.is_idle():
            return owned.connection
        local.owned = None  # closes what was there
        deadline = time.monotonic() + float(self._settings.OPERATION_TIMEOUT)
        local.owned = _Owned(self._pool, self._pool.dedicated(deadline))
        connection: Connection = local.owned.connection
        self._schema.lend(connection)
        return connection

    def get_definition(self, object_class: str, attributes: Iterable[str] | None = None) -> Any:
        """ldap3's ObjectDef of *object_class*, with *attributes* (or those of PRELOAD_DEFINITIONS) besides its own."""
        return self._schema.definition(self.connection, object_class, attributes, self._settings.PRELOAD_DEFINITIONS)

    def get_reader(
        self, object_class: str, query: str = "", attributes: Iterable[str] | None = None, **options: Any
    ) -> Any:
        """ldap3's Reader of *object_class* under SEARCH_BASE, on the calling thread's connection.

        A Reader has one base: *base*, else SEARCH_BASE; if that lists several, the domain's root. *query* is ldap3's
        simplified language.

        *Risk*: in that language commas and semicolons have a meaning. Never put a visitor's text into *query*. `user`
        and `search` escape their arguments.
        """
        from ldap3 import Reader

        bases = self._domain.bases
        options.setdefault("base", bases[0] if len(bases) == 1 else self._domain.root)
        definition = self.get_definition(object_class, attributes)
        return Reader(
            self.connection,
            definition,
            query=query,
            attributes=list(attributes) if attributes is not None else None,
            **options,
        )

    def get_usage(self) -> Any:
        """ldap3's ConnectionUsage, summed over all connections so far; None with COLLECT_METRICS=False."""
        return self._pool.usage() if self._settings.COLLECT_METRICS else None

    def preload(self) -> None:
        """Connect, and load the definitions that PRELOAD_DEFINITIONS lists, before the first visitor needs them."""
        for listed in self._settings.PRELOAD_DEFINITIONS or ():
            self.get_definition(listed if isinstance(listed, str) else listed[0])

    def close(self) -> None:
        """Close all connections. If the manager is used again, it opens new ones."""
        if self._catalog is not None:
            self._catalog.close()
        self._pool.close()

    def __enter__(self) -> LDAPManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LDAPManager {self._name}>"


class _Owned:
    """A thread's own connection. It is closed when the thread ends."""

    def __init__(self, pool: Pool, connection: Connection) -> None:
        self.pool = pool
        self.connection = connection

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be ending
            self.pool.release(self.connection)
