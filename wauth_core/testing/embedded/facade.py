"""`EmbeddedDirectory`: the whole server as one object, which starts and closes it."""

from __future__ import annotations

import ipaddress
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

from wauth_core.exceptions import ConfigurationError

from .configuration_partition import enable_recycle_bin
from .faults import Faults
from .fresh import ADMINISTRATOR, SERVICE_ACCOUNT
from .hosted_domain import Domain
from .listener import Listener
from .log import OperationLog
from .people_file import DEFAULT_PASSWORD, People, load_people, read_people
from .pinging import Pinging
from .reading import SearchLimits
from .tls import make_certificates, server_context
from .tree import system_clock
from .values import guid_text, sid_text


class EmbeddedDirectory:
    """An AD-shaped LDAP server on loopback, running in threads from construction until `close`.

    - *people* is a YAML or TOML file (see `wauth_core.testing.embedded.people_file`), a mapping of the same shape, or
      None for the example company.
    - *port* and *tls_port*: 0 means any free one.
    - *tls_folder* keeps the files of the throw-away CA, so that a later run has the same one.
    - *clock* returns Unix seconds.
    - With *recycle_bin* deleted objects keep their attributes and memberships.
    - *forest* is a directory whose forest this domain joins.

    **For development and tests.** Passwords are kept in the clear, everybody in BUILTIN\\Account Operators or
    Administrators may write, and it refuses to listen on anything but loopback.
    """

    def __init__(
        self,
        people: str | Path | People | None = None,
        *,
        port: int = 0,
        tls_port: int = 0,
        host: str = "127.0.0.1",
        domain: str | None = None,
        realm: str | None = None,
        tls_folder: str | Path | None = None,
        clock: Callable[[], float] = system_clock,
        seed: int | None = None,
        recycle_bin: bool = False,
        forest: EmbeddedDirectory | None = None,
        max_page_size: int = 1000,
        max_value_range: int = 1500,
    ) -> None:
        self.host = _loopback(host)
        found = read_people(people)
        self._domain = Domain(
            domain or str(found.get("domain", "EXAMPLE")),
            realm or str(found.get("realm", "example.local")),
            clock=clock,
            seed=seed,
        )
        self.bind_password = str(found.get("password", DEFAULT_PASSWORD))
        for account in (SERVICE_ACCOUNT, ADMINISTRATOR):
            self._domain.find(account).password = self.bind_password
        load_people(self._domain, found)
        if forest is not None:
            self._domain.join(forest._domain)
        if recycle_bin:
            enable_recycle_bin(self._domain)
        self._temporary = None if tls_folder else Path(tempfile.mkdtemp(prefix="wauth-directory-"))
        folder = Path(tls_folder) if tls_folder else self._temporary
        assert folder is not None  # noqa: S101 - one of the two is set; for the type checker
        self.operations = OperationLog()
        self._catalog: Listener | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            names = ["localhost", "127.0.0.1", "::1", self.host, f"dc1.{self.realm}", self.realm]
            ca_file, server_file = make_certificates(folder, dict.fromkeys(names))
            self.ca_file = str(ca_file)
            self._server = Listener(
                self._domain,
                server_context(server_file),
                host=self.host,
                port=port,
                tls_port=tls_port,
                log=self.operations,
                limits=SearchLimits(max_page_size, max_value_range),
            )
            self._server.start()
            self._pinging = Pinging(self._domain, self._server.faults, self.host, self._server.port)
        except BaseException:
            self._remove_files()
            raise
        self._closed = False

    # --- how to connect ---

    @property
    def port(self) -> int:
        """The port of plain LDAP (with StartTLS)."""
        return self._server.port

    @property
    def tls_port(self) -> int:
        """The port of LDAPS."""
        return self._server.tls_port

    @property
    def url(self) -> str:
        """``ldap://…``."""
        return f"ldap://{_in_url(self.host)}:{self.port}"

    @property
    def ldaps_url(self) -> str:
        """``ldaps://…``."""
        return f"ldaps://{_in_url(self.host)}:{self.tls_port}"

    @property
    def base_dn(self) -> str:
        """The domain's DN."""
        return self._domain.store.base_dn

    @property
    def domain(self) -> str:
        """The NetBIOS name."""
        return self._domain.netbios

    @property
    def realm(self) -> str:
        """The DNS name."""
        return self._domain.realm

    @property
    def domain_sid(self) -> str:
        """The domain's SID; an account's is this and ``-RID``."""
        return self._domain.sid

    @property
    def bind_user(self) -> str:
        """A service account that may read and write everything, as ``DOMAIN\\name``."""
        return f"{self.domain}\\{SERVICE_ACCOUNT}"

    @property
    def faults(self) -> Faults:
        """The faults that a test can start."""
        return self._server.faults

    def settings(self, **overrides: object) -> dict[str, Any]:
        """An entry for ``WAUTH_DOMAINS`` that connects here, over verified LDAPS."""
        found: dict[str, Any] = {
            "SERVER": self.ldaps_url,
            "USERNAME": self.bind_user,
            "PASSWORD": self.bind_password,
            "SEARCH_BASE": self.base_dn,
            "CA_FILE": self.ca_file,
        }
        return found | overrides

    @property
    def people_count(self) -> int:
        """How many user accounts there are, the built-in ones included."""
        with self._domain.store.lock:
            store = self._domain.store
            category = store.category_dn("person").encode()
            return sum(store.values(entry, "objectcategory") == (category,) for entry in store.root.walk())

    def global_catalog(self) -> str:
        """The URL (``ldaps://…``) of this controller's Global Catalog. It listens after the first call."""
        if self._catalog is None:
            self._catalog = Listener(
                self._domain,
                self._server.context,
                host=self.host,
                port=0,
                tls_port=0,
                log=self.operations,
                limits=self._server.limits,
                faults=self._server.faults,
                catalog=True,
            )
            self._catalog.start()
        return f"ldaps://{_in_url(self.host)}:{self._catalog.tls_port}"

    # --- people ---

    def dn(self, name: object) -> str:
        """The DN of an account, named by sAMAccountName, ``DOMAIN\\sam``, UPN, GUID, SID or DN."""
        return self._domain.find(name).dn

    def guid(self, name: object) -> UUID:
        """The account's objectGUID."""
        return UUID(guid_text(self._domain.find(name).guid))

    def sid(self, name: object) -> str:
        """The account's SID as text."""
        sid = self._domain.find(name).sid
        if sid is None:
            raise ConfigurationError(f"{name!r} is no security principal and has no SID.")
        return sid_text(sid)

    def password_of(self, sam: str) -> str:
        """The password of the person *sam*; empty if there is none."""
        return self._domain.find(sam).password or ""

    def add_user(self, sam: str, **fields: Any) -> str:
        """A new person: the fields of a people file, and any attribute. Default password: everybody's."""
        fields.setdefault("password", self.bind_password)
        return self._domain.add_user(sam, **fields)

    def add_group(self, sam: str, **fields: Any) -> str:
        """A new group: ``name``, ``members``, ``ou``, ``scope``, ``security``, and any attribute. The new DN."""
        return self._domain.add_group(sam, **fields)

    def add_computer(self, name: str, **fields: Any) -> str:
        """A new computer account ``NAME$``. The new DN."""
        return self._domain.add_computer(name, **fields)

    def add_ou(self, path: str) -> str:
        """The DN of the organizational unit ``Staff/Sales``, which is created if it is missing."""
        return self._domain.add_ou(path)

    def add_member(self, group: object, member: object) -> None:
        """Put a user or group into *group*."""
        self._domain.add_member(group, member)

    def remove_member(self, group: object, member: object) -> None:
        """Take a user or group out of *group*."""
        self._domain.remove_member(group, member)

    def disable(self, user: object) -> None:
        """Disable the account."""
        self._domain.disable(user)

    def enable(self, user: object) -> None:
        """Enable the account."""
        self._domain.enable(user)

    def lock(self, user: object) -> None:
        """Lock the account."""
        self._domain.lock(user)

    def unlock(self, user: object) -> None:
        """Unlock the account."""
        self._domain.unlock(user)

    def expire(self, user: object, when: datetime | None = None) -> None:
        """Set when the account expires (default: an hour ago)."""
        self._domain.expire(user, when)

    def expire_password(self, user: object) -> None:
        """Make the password expire."""
        self._domain.expire_password(user)

    def require_password_change(self, user: object) -> None:
        """The user must change the password at the next logon."""
        self._domain.require_password_change(user)

    def set_password(self, user: object, password: str, *, must_change: bool = False) -> None:
        """Set the account's password."""
        self._domain.set_password(user, password, must_change=must_change)

    def rename(self, user: object, new_sam: str, *, name: str | None = None) -> None:
        """Give the account another sAMAccountName and UPN (with *name*: another CN too); the GUID stays."""
        self._domain.rename(user, new_sam, name=name)

    def move(self, account: object, ou: str) -> None:
        """Move the account to another organizational unit."""
        self._domain.move(account, ou)

    def update(self, account: object, **attributes: object) -> None:
        """Set attributes: a value, several (a list), or none (None)."""
        self._domain.update(account, **attributes)

    def delete(self, account: object) -> None:
        """Delete the account; its names are free again."""
        self._domain.delete(account)

    # --- life ---

    def close(self) -> None:
        """Close all connections and forget everything. It may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._pinging.close()
        if self._catalog is not None:
            self._catalog.close()
        self._server.close()
        self._remove_files()

    def _remove_files(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> EmbeddedDirectory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<EmbeddedDirectory {self.domain} {self.ldaps_url}>"


def _loopback(host: str) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigurationError(
            f"The embedded directory is for development and listens on loopback only, not on {host!r}. "
            "Use 127.0.0.1 (or another 127.x address, or ::1)."
        )
    return address


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
