"""One domain: what a fresh domain controller holds, and what an administrator does to people and groups."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from wauth_core.exceptions import Ambiguous, ConfigurationError, NotFound

from . import values as v
from .administrator import AccountChanges, encode
from .configuration_partition import know_one_another
from .distinguished_names import BadName, Rdn, fold, parse_dn
from .entry import Entry, Values
from .fresh import build
from .schema import Schema
from .tree import Store, system_clock


class Domain(AccountChanges):
    """The store of one domain, filled with what every domain has, and methods that change its people.

    A person or group is named by sAMAccountName, ``DOMAIN\\sam``, UPN, GUID, SID or DN, or by a CN that only one has.
    """

    def __init__(
        self,
        domain: str = "EXAMPLE",
        realm: str = "example.local",
        *,
        clock: Callable[[], float] = system_clock,
        seed: int | None = None,
    ) -> None:
        self.netbios = domain
        self.realm = realm
        self.clock = clock
        self.random = random.Random(seed)
        base = ",".join(f"DC={part}" for part in realm.split("."))
        parts = [self.random.getrandbits(32) for _ in range(3)]
        self.sid = "S-1-5-21-" + "-".join(map(str, parts))
        self.store = Store(base, v.pack_sid(self.sid), Schema(), clock)
        self.forest = [self]  # its domains, the root first
        self.templates: dict[str, dict[str, bytes | Values]] = {}
        build(self)

    # --- finding ---

    def find(self, name: object) -> Entry:
        """The one account (or other entry, by GUID or DN) that *name* names; raises `NotFound` or `Ambiguous`."""
        with self.store.lock:
            found = self._find(name)
        live = [entry for entry in found if not entry.deleted]
        if len(live) > 1:
            raise Ambiguous(name, self.netbios, tuple(entry.dn for entry in live))
        if not live:
            raise NotFound(name, self.netbios)
        return live[0]

    def _find(self, name: object) -> list[Entry]:
        store = self.store
        if isinstance(name, Entry):
            return [name]
        if isinstance(name, uuid.UUID):
            return [store.by_guid[name.bytes_le]] if name.bytes_le in store.by_guid else []
        text = str(name)
        if text[:4].upper() == "S-1-":
            entry = store.by_sid.get(v.pack_sid(text))
            return [] if entry is None else [entry]
        if text.startswith("<") or "=" in text:
            try:
                entry = store.find(text)
            except BadName:
                return []
            return [] if entry is None else [entry]
        netbios, _, sam = text.rpartition("\\")
        if netbios and fold(netbios) != fold(self.netbios):
            others = (each for each in self.forest if fold(each.netbios) == fold(netbios))
            return [entry for each in others if each is not self for entry in each._find(sam)]
        found = store.lookup("samaccountname", sam.encode()) or []
        if not found and "@" in sam:
            found = store.lookup("userprincipalname", sam.encode()) or []
        if not found:
            found = [entry for entry in store.lookup("cn", sam.encode()) or [] if entry.sid is not None]
        return found

    # --- adding ---

    def add_ou(self, path: str) -> str:
        """The DN of the organizational unit ``Staff/Sales`` below the domain, which is created if it is missing."""
        with self.store.lock:
            return self.container(path).dn

    def add_user(
        self,
        sam: str,
        *,
        name: str | None = None,
        given_name: str | None = None,
        surname: str | None = None,
        display_name: str | None = None,
        email: str | None = None,
        upn: str | None = None,
        password: str | None = None,
        ou: str | None = None,
        groups: Iterable[object] = (),
        manager: object = None,
        disabled: bool = False,
        locked: bool = False,
        must_change_password: bool = False,
        password_expired: bool = False,
        password_never_expires: bool = False,
        expires: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
        **more: str,
    ) -> str:
        """A new person; *more* are further attributes (``title=…``, ``department=…``). The new DN."""
        cn = name or display_name or sam
        attrs: dict[str, bytes | Values] = {
            "samaccountname": sam.encode(),
            "userprincipalname": (upn or f"{sam}@{self.realm}").encode(),
            "displayname": (display_name or cn).encode(),
        }
        for attribute, text in (("givenname", given_name), ("sn", surname), ("mail", email)):
            if text:
                attrs[attribute] = text.encode()
        self._more_attributes(attrs, more)
        self._more_attributes(attrs, attributes or {})
        with self.store.lock:
            self._must_be_free(sam)
            parent = self.container(ou)
            rdn = self.free_rdn(parent, cn)
            entry = self.store.create(
                parent, rdn, self.templates["user"], attrs, sid=self.store.new_sid(), guid=self.guid()
            )
            entry.password = password
            flags = v.NORMAL_ACCOUNT | (v.DISABLED if disabled else 0)
            flags |= v.DONT_EXPIRE_PASSWORD if password_never_expires else 0
            if flags != v.NORMAL_ACCOUNT:
                attrs["useraccountcontrol"] = b"%d" % flags
            if expires is not None:
                attrs["accountexpires"] = b"%d" % v.filetime(expires.timestamp())
            if locked:
                attrs["lockouttime"] = b"%d" % v.filetime(self.clock())
            if must_change_password:
                attrs["pwdlastset"] = b"0"
            if password_expired:
                attrs["pwdlastset"] = b"%d" % v.filetime(self.clock() - 400 * 86400)
            if manager is not None:
                self.store.load_link(entry, "manager", self.find(manager))
            for group in groups:
                self.store.link(self.find(group), "member", entry)
            return entry.dn

    def add_computer(self, name: str, *, ou: str | None = None) -> str:
        """A new computer account ``NAME$``; its DN."""
        sam = name.rstrip("$").upper()
        attrs: dict[str, bytes | Values] = {
            "samaccountname": f"{sam}$".encode(),
            "dnshostname": f"{sam.lower()}.{self.realm}".encode(),
            "operatingsystem": b"Windows 11 Enterprise",
        }
        with self.store.lock:
            self._must_be_free(f"{sam}$")
            parent = self.container(ou) if ou else self.child(self.store.root, "CN=Computers")
            rdn = self.free_rdn(parent, sam)
            sid = self.store.new_sid()
            entry = self.store.create(parent, rdn, self.templates["computer"], attrs, sid=sid, guid=self.guid())
            return entry.dn

    def add_group(
        self,
        sam: str,
        *,
        name: str | None = None,
        ou: str | None = None,
        scope: str = "global",
        security: bool = True,
        members: Iterable[object] = (),
        attributes: Mapping[str, object] | None = None,
        **more: str,
    ) -> str:
        """A new group; *scope* is ``global``, ``local`` or ``universal``. The new DN."""
        if scope not in v.GROUP_SCOPES:
            raise ConfigurationError(f"Group {sam!r}: scope must be one of {', '.join(v.GROUP_SCOPES)}, not {scope!r}.")
        attrs: dict[str, bytes | Values] = {"samaccountname": sam.encode()}
        self._more_attributes(attrs, more)
        self._more_attributes(attrs, attributes or {})
        with self.store.lock:
            self._must_be_free(sam)
            parent = self.container(ou)
            rdn = self.free_rdn(parent, name or sam)
            entry = self.new_group(parent, rdn, v.GROUP_SCOPES[scope] - (v.SECURITY if security else 0), attrs)
            for member in members:
                self.store.load_link(entry, "member", self.find(member))
            return entry.dn

    # --- for the rest of the server ---

    def template(self, lineage: tuple[str, ...]) -> dict[str, bytes | Values]:
        """What all new entries of these classes share."""
        name = lineage[-1]
        if name in self.templates:
            return self.templates[name]
        return {
            "objectclass": tuple(c.encode() for c in lineage),
            "objectcategory": self.store.category_dn(name).encode(),
            "instancetype": b"4",
        }

    def graveyard(self) -> Entry:
        """CN=Deleted Objects."""
        return self.child(self.store.root, "CN=Deleted Objects")

    def may_write(self, who: Entry | None) -> bool:
        """Whether an account may write: Administrators and Account Operators. Everybody else reads."""
        return self._has(who, "S-1-5-32-544", "S-1-5-32-548")

    def may_replicate(self, who: Entry | None) -> bool:
        """Whether DirSync answers an account without the flag OBJECT_SECURITY: Administrators only."""
        return self._has(who, "S-1-5-32-544")

    def _has(self, who: Entry | None, *sids: str) -> bool:
        if who is None:
            return False
        groups = (self.store.by_sid.get(v.pack_sid(sid)) for sid in sids)
        return not self.store.token_groups(who).keys().isdisjoint(groups)

    def join(self, other: Domain) -> None:
        """Become a further domain of *other*'s forest: each knows the others, and trusts them."""
        for each in other.forest:
            know_one_another(each, self)
        self.forest = other.forest
        self.forest.append(self)
        self.store.lock = other.store.lock  # a Global Catalog looks into all of them at once

    # --- inside ---

    def guid(self) -> bytes:
        """A new objectGUID, the same in every run with the same seed."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4).bytes_le

    def child(self, parent: Entry, rdn: str) -> Entry:
        """The entry of this RDN below *parent*, which must be there."""
        return (parent.children or {})[parse_dn(rdn)[0].key]

    def container(self, path: str | None) -> Entry:
        """The container of a path like Staff/Sales (created if it is missing), or of a DN. None means CN=Users."""
        if path is None:
            return self.child(self.store.root, "CN=Users")
        if "=" in path:
            found = self.store.find(path)
            if found is None:
                raise ConfigurationError(f"There is no container {path!r}; name an OU like Staff/Sales.")
            return found
        at = self.store.root
        for step in path.split("/"):
            rdn = Rdn("OU", step)
            child = (at.children or {}).get(rdn.key) or (at.children or {}).get(Rdn("CN", step).key)
            at = child or self.plain(at, rdn, "organizationalUnit", {"ou": step.encode()})
        return at

    def plain(self, parent: Entry, rdn: Rdn, class_name: str, attrs: dict[str, bytes | Values]) -> Entry:
        """A new entry that is no account."""
        shared = self.template(self.store.schema.lineage(class_name))
        own = {name: value for name, value in attrs.items() if name != rdn.attribute.lower()}
        return self.store.create(parent, rdn, shared, own, guid=self.guid())

    def _must_be_free(self, sam: str) -> None:
        holder = self.store.principal(sam)
        if holder is not None:
            raise ConfigurationError(f"The name {sam!r} is taken by {holder.dn}.")

    def free_rdn(self, parent: Entry, cn: str) -> Rdn:
        """The RDN of this name, which must be free below *parent*."""
        rdn = Rdn("CN", cn)
        if rdn.key in (parent.children or {}):
            raise ConfigurationError(f"There is a {rdn.text} in {parent.dn} already; give it another name.")
        return rdn

    def _more_attributes(self, attrs: dict[str, bytes | Values], more: Mapping[str, object]) -> None:
        for name, value in more.items():
            known = self.store.schema.attribute(name)
            if known is None:
                raise ConfigurationError(f"Active Directory's schema has no attribute {name!r}.")
            encoded = encode(value)
            if encoded:
                attrs[known.name.lower()] = encoded[0] if len(encoded) == 1 else encoded

    def new_group(
        self,
        parent: Entry,
        rdn: Rdn,
        group_type: int,
        attrs: dict[str, bytes | Values],
        sid: bytes | None = None,
    ) -> Entry:
        """A new group entry."""
        attrs["grouptype"] = b"%d" % group_type
        attrs["samaccounttype"] = b"%d" % v.group_account_type(group_type)
        sid = sid or self.store.new_sid()
        return self.store.create(parent, rdn, self.templates["group"], attrs, sid=sid, guid=self.guid())
