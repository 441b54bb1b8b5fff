"""How `LDAPManager` changes the tree: create, move, rename, protect, delete, restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wauth_core.directory import encode, filters, security, wire
from wauth_core.directory.changing import Changing, password_octets
from wauth_core.directory.decode import ACCOUNT_DISABLE
from wauth_core.directory.edits import Edit, Mod
from wauth_core.directory.entries import DirectoryObject
from wauth_core.directory.inventory import WITH_DELETED
from wauth_core.directory.tracing import NOT_SHOWN, is_secret
from wauth_core.directory.wire_writes import ADD, DELETE, REPLACE, TREE_DELETE, sd_flags_control
from wauth_core.directory.writer import WriteResult
from wauth_core.exceptions import ChangeRefused, ChangeUncertain, ConfigurationError, DirectoryError, NotFound

_SECURITY = 0x80000000
SCOPES = {"global": 2, "local": 4, "universal": 8}  # groupType, MS-ADTS 2.2.12
_NORMAL, _WORKSTATION = 0x200, 0x1000  # userAccountControl, MS-ADTS 2.2.16
# Where new accounts go by default: https://learn.microsoft.com MS-ADTS 6.1.1.4
_USERS, _COMPUTERS = "a9d1ca15768811d1aded00c04fd8d5cd", "aa312825768811d1aded00c04fd8d5cd"
_INSUFFICIENT = 50


class Growing(Changing):
    """The writes of `LDAPManager` that make, move and delete objects. See `Changing` for the rules of all writes.

    *ou* is a path such as ``Staff/Sales``, the name, DN or GUID of an organizational unit or container, or the object.
    """

    def create_user(
        self,
        username: str,
        *,
        name: str | None = None,
        password: str | None = None,
        must_change: bool = False,
        ou: object = None,
        upn: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> WriteResult:
        """Create a user, in one request: enabled if there is a *password*, else disabled.

        *name* is the CN (default: displayName, else *username*); *upn* defaults to ``username@domain``.
        """
        given = dict(attributes or {})
        flags = _NORMAL if password else _NORMAL | ACCOUNT_DISABLE
        fields = {
            "sAMAccountName": username,
            "userPrincipalName": upn or f"{username}@{self._dns_name}",
            "userAccountControl": flags,
            **({"pwdLastSet": 0} if must_change else {}),
            **given,
        }
        secret = (Mod(ADD, "unicodePwd", (password_octets(password),)),) if password else ()
        del password
        leaf = name or str(given.get("displayName") or username)
        return self._create("create_user", "user", "CN", leaf, ou, _USERS, fields, secret, dry_run=dry_run)

    def create_group(
        self,
        name: str,
        *,
        scope: str = "global",
        security: bool = True,
        ou: object = None,
        attributes: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> WriteResult:
        """Create a group. *scope* is "global", "local" or "universal". Without *security* it is a mailing list."""
        if scope not in SCOPES:
            raise ConfigurationError(f"scope must be one of {', '.join(SCOPES)}; not {scope!r}.")
        kind = SCOPES[scope] - (_SECURITY if security else 0)
        fields = {"sAMAccountName": name, "groupType": kind, **(attributes or {})}
        return self._create("create_group", "group", "CN", name, ou, _USERS, fields, dry_run=dry_run)

    def create_computer(
        self, name: str, *, ou: object = None, attributes: Mapping[str, Any] | None = None, dry_run: bool = False
    ) -> WriteResult:
        """Create an account for a machine that will join the domain. *name* is without the ``$``."""
        leaf = name.rstrip("$").upper()
        fields = {"sAMAccountName": f"{leaf}$", "userAccountControl": _WORKSTATION, **(attributes or {})}
        return self._create("create_computer", "computer", "CN", leaf, ou, _COMPUTERS, fields, dry_run=dry_run)

    def create_ou(
        self,
        name: str,
        *,
        ou: object = None,
        protected: bool = True,
        attributes: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> WriteResult:
        """Create an organizational unit below *ou*, or below the domain; *protected*: from accidental deletion, as
        usual.

        If it cannot be protected, it is deleted again. A dry run does not show the unit's own permissions: they depend
        on those that AD sets first.
        """
        made = self._create("create_ou", "organizationalUnit", "OU", name, ou, None, attributes or {}, dry_run=dry_run)
        if not protected:
            return made
        edits = self._protected_parent(made.dn) if dry_run else self._protect_or_delete(made.dn)
        return replace(made, edits=(*made.edits, *edits), after={**made.after, "protected": True})

    def _protect_or_delete(self, dn: str) -> tuple[Edit, ...]:
        try:
            return self.protect(dn).edits
        except DirectoryError as error:
            try:
                if self._protected(self.find(dn), tree=False):
                    return ()  # only the answer was lost
                self.delete(dn)
            except DirectoryError as also:
                raise ChangeUncertain(
                    f"{dn!r} was made, and is not protected ({error}). It could not be deleted again: {also} Look."
                ) from error
            raise

    def move(self, x: object, ou: object, *, dry_run: bool = False) -> WriteResult:
        """Move *x* into *ou*. Names, GUID, SID and memberships stay."""
        found = self._to_change(x, (), dry_run=dry_run)
        return self._rename("move", found, filters.leaf_rdn(found.dn), self._place(ou, None), dry_run=dry_run)

    def rename(self, x: object, name: str, *, dry_run: bool = False) -> WriteResult:
        """Rename *x* in the tree. To change the logon name, call ``set(x, {"sAMAccountName": …})``."""
        found = self._to_change(x, (), dry_run=dry_run)
        kind = filters.leaf_rdn(found.dn).partition("=")[0]
        return self._rename("rename", found, filters.rdn(kind, name), filters.parent_dn(found.dn), dry_run=dry_run)

    def delete(self, x: object, *, tree: bool = False, dry_run: bool = False) -> WriteResult:
        """Delete *x*; with *tree* all below it too. What is protected from accidental deletion stays: see `protect`."""
        found = self._to_change(x, (), dry_run=dry_run)
        for dn in self._protected(found, tree=tree):
            raise ChangeRefused(
                f"{dn!r} is protected from accidental deletion. protect({dn!r}, False) takes that away.",
                result=_INSUFFICIENT,
                reason="protected",
            )
        controls = (wire.Control(TREE_DELETE, critical=True),) if tree else ()
        before = {
            name: found.attributes[name] for name in ("sAMAccountName", "objectClass") if name in found.attributes
        }
        edits = (Edit("delete", found.dn, controls=controls),)
        return self._writer.run(
            WriteResult(what="delete", dn=found.dn, guid=found.guid, edits=edits, before=before, dry_run=dry_run)
        )

    def restore(self, x: object, *, ou: object = None, dry_run: bool = False) -> WriteResult:
        """Restore a deleted object (see `deleted`) where it was, or in *ou* (MS-ADTS 3.1.1.5.3.7).

        With the recycle bin it comes back complete. Without, it is an account with no password, names or memberships.
        """
        self._writer.check(dry_run=dry_run)
        found = self._inventory.deleted_one(x)
        parent = self._place(ou, None) if ou is not None else found.last_parent
        if not parent:
            raise DirectoryError(f"{found.dn!r} does not tell where it was. Give restore() an ou.")
        kind = filters.leaf_rdn(found.dn).partition("=")[0]
        dn = f"{filters.rdn(kind, found.name)},{parent}"
        mods = (Mod(DELETE, "isDeleted", ()), Mod(REPLACE, "distinguishedName", (dn.encode(),)))
        edits = (Edit("modify", found.dn, mods, controls=WITH_DELETED[:1]),)
        result = WriteResult(
            what="restore",
            dn=dn,
            guid=found.guid,
            edits=edits,
            before={"distinguishedName": found.dn},
            after={"distinguishedName": dn},
            dry_run=dry_run,
        )
        return self._writer.run(result)

    def protect(self, x: object, protected: bool = True, *, dry_run: bool = False) -> WriteResult:
        """Protect *x* from accidental deletion as administrators' tools do; with False, no longer.

        The object denies Everyone its own deletion. When it is protected, its parent denies Everyone the deletion of
        objects below it.
        """
        found = self._to_change(x, (), dry_run=dry_run)
        own = self._descriptor(found.dn)
        edits = self._protected_parent(found.dn) if protected else ()
        if security.is_protected(own) != protected:
            edits = (*edits, _permissions(found.dn, own, security.DELETE | security.DELETE_TREE, deny=protected))
        result = WriteResult(
            what="protect",
            dn=found.dn,
            guid=found.guid,
            edits=edits,
            before={"protected": security.is_protected(own)},
            after={"protected": protected},
            dry_run=dry_run,
        )
        return self._writer.run(result)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _dns_name(self) -> str:
        return filters.dns_domain(self._root)

    @property
    def _root(self) -> str:
        """The DN of the domain."""
        return self._inventory.root

    def _create(
        self,
        what: str,
        object_class: str,
        kind: str,
        name: str,
        ou: object,
        usual: str | None,
        fields: Mapping[str, Any],
        secret: tuple[Mod, ...] = (),
        *,
        dry_run: bool,
    ) -> WriteResult:
        self._writer.check(dry_run=dry_run)
        encoded = {"objectClass": (object_class.encode(),), **encode.attributes(fields)}
        mods = (*(Mod(ADD, attribute, values) for attribute, values in encoded.items() if values), *secret)
        dn = f"{filters.rdn(kind, name)},{self._place(ou, usual)}"
        after = {mod.attribute: NOT_SHOWN if is_secret(mod.attribute) else mod.shown for mod in mods}
        return self._writer.run(
            WriteResult(what=what, dn=dn, edits=(Edit("add", dn, mods),), after=after, dry_run=dry_run)
        )

    def _rename(self, what: str, found: DirectoryObject, rdn: str, parent: str, *, dry_run: bool) -> WriteResult:
        dn = f"{rdn},{parent}"
        stays = filters.same_dn(filters.parent_dn(found.dn), parent)
        edits = () if dn == found.dn else (Edit("rename", found.dn, new_rdn=rdn, new_parent=None if stays else parent),)
        if filters.same_dn(dn, found.dn) and what == "move":
            edits = ()
        return self._writer.run(
            WriteResult(
                what=what,
                dn=dn,
                guid=found.guid,
                edits=edits,
                before={"distinguishedName": found.dn},
                after={"distinguishedName": dn},
                dry_run=dry_run,
            )
        )

    def _place(self, ou: object, usual: str | None) -> str:
        """The DN of the container that *ou* means. None means the default, whose well-known GUID is *usual*."""
        if ou is None:
            return self._inventory.well_known(usual) if usual else self._root
        if isinstance(ou, DirectoryObject):
            return ou.dn
        try:
            return self.ou(ou).dn
        except NotFound:
            if isinstance(ou, str) and not filters.is_dn(ou):
                raise
            return self.find(ou).dn

    def _protected(self, found: DirectoryObject, *, tree: bool) -> list[str]:
        """The DNs of protected objects: *found*, and with *tree* all below it."""
        return [
            dn
            for dn, descriptor in self._inventory.descriptors(found.dn, wire.SUBTREE if tree else wire.BASE)
            if security.is_protected(descriptor)
        ]

    def _protected_parent(self, dn: str) -> tuple[Edit, ...]:
        """The edit that makes the parent of *dn* deny the deletion of objects below it, if it does not yet."""
        parent = filters.parent_dn(dn)
        above = self._descriptor(parent)
        if security.denies(above, security.DELETE_CHILD):
            return ()
        return (_permissions(parent, above, security.DELETE_CHILD, deny=True),)

    def _descriptor(self, dn: str) -> bytes:
        for _, descriptor in self._inventory.descriptors(dn, wire.BASE):
            return descriptor
        raise DirectoryError(f"The service account may not read the permissions of {dn!r}.")


def _permissions(dn: str, descriptor: bytes, rights: int, *, deny: bool) -> Edit:
    try:
        changed = security.denying(descriptor, rights) if deny else security.allowing(descriptor, rights)
    except ValueError as error:
        raise DirectoryError(f"The permissions of {dn!r} cannot be changed: {error}.") from None
    now, before = (
        Edit("modify", dn, (Mod(REPLACE, "nTSecurityDescriptor", (octets,)),), controls=(sd_flags_control(),))
        for octets in (changed, descriptor)
    )
    return replace(now, undo=before)
