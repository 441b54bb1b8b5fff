"""Changing people in the middle of a test, as an administrator would: over LDAPS, at a running controller."""

from __future__ import annotations

import itertools
import os
from contextlib import AbstractContextManager
from typing import Any

import ldap3
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, safe_rdn

from tests.ad.client import connected

NORMAL, DISABLED = 0x200, 0x2
ATTRIBUTES = ("objectGUID", "objectSid", "userAccountControl", "sAMAccountName", "memberOf", "mail")
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """A name that no other test and no other run uses; at most 20 characters, so short prefixes only."""
    return f"{prefix[:7]}{os.getpid():x}-{next(_numbers)}"


class Changes:
    """What a `DomainController` lets a test do to people and groups, all named by sAMAccountName."""

    host: str
    address: str
    ca_file: str
    base_dn: str
    dns_name: str
    admin_user: str
    admin_password: str
    password: str

    def connect(self, user: str | None = None, password: str | None = None) -> AbstractContextManager[ldap3.Connection]:
        """A bound, verified, writable ldap3 connection; the administrator's unless told otherwise."""
        return connected(
            self.host,
            636,
            self.ca_file,
            self.admin_user if user is None else user,
            self.admin_password if password is None else password,
        )

    def dn(self, sam: str) -> str:
        """The DN of the person or group of that sAMAccountName."""
        return str(self.entry(sam)["dn"])

    def entry(self, sam: str, attributes: tuple[str, ...] = ATTRIBUTES) -> dict[str, Any]:
        """The raw entry of that sAMAccountName: `dn` and `raw_attributes`."""
        with self.connect() as admin:
            return _find(admin, self.base_dn, sam, attributes)

    def create_user(self, prefix: str = "tmp", *, ou: str = "OU=Staff", **attributes: str) -> str:
        """Make an enabled person with everyone's password and a unique name, which it returns.

        `attributes` are LDAP attributes; `cn`, `sAMAccountName` and `password` are understood too.
        """
        sam = attributes.pop("sAMAccountName", unique(prefix))
        password = attributes.pop("password", self.password)
        dn = f"CN={escape_rdn(attributes.pop('cn', sam))},{ou},{self.base_dn}"
        entry: dict[str, Any] = {
            "sAMAccountName": sam,
            "userPrincipalName": f"{sam}@{self.dns_name}",
            "userAccountControl": str(NORMAL),
            "unicodePwd": f'"{password}"'.encode("utf-16-le"),
            **attributes,
        }
        with self.connect() as admin:
            admin.add(dn, "user", entry)
        return sam

    def create_group(self, prefix: str = "grp", *, ou: str = "OU=Staff", **attributes: str) -> str:
        """Make an empty security group (`groupType="2"`: mailing list) of a unique name, which it returns."""
        sam = attributes.pop("sAMAccountName", unique(prefix))
        dn = f"CN={escape_rdn(attributes.pop('cn', sam))},{ou},{self.base_dn}"
        with self.connect() as admin:
            admin.add(dn, "group", {"sAMAccountName": sam, **attributes})
        return sam

    def add_member(self, group: str, *members: str) -> None:
        """Put people or groups into a group."""
        self._modify_members(group, members, ldap3.MODIFY_ADD)

    def remove_member(self, group: str, *members: str) -> None:
        """Take people or groups out of a group."""
        self._modify_members(group, members, ldap3.MODIFY_DELETE)

    def disable(self, sam: str) -> None:
        """Disable the account."""
        self.modify(sam, userAccountControl=str(NORMAL | DISABLED))

    def enable(self, sam: str) -> None:
        """Enable the account."""
        self.modify(sam, userAccountControl=str(NORMAL))

    def expire(self, sam: str) -> None:
        """Let the account have expired in 2020."""
        self.modify(sam, accountExpires="132223104000000000")

    def must_change_password(self, sam: str) -> None:
        """Demand a new password at the next logon."""
        self.modify(sam, pwdLastSet="0")

    def set_password(self, sam: str, password: str) -> None:
        """Set the password."""
        self.modify(sam, unicodePwd=f'"{password}"'.encode("utf-16-le"))

    def rename(self, sam: str, new_sam: str) -> None:
        """Give the person another logon name and CN: same GUID, same SID, another DN."""
        with self.connect() as admin:
            dn = _find(admin, self.base_dn, sam)["dn"]
            changes = {"sAMAccountName": new_sam, "userPrincipalName": f"{new_sam}@{self.dns_name}"}
            admin.modify(dn, {name: [(ldap3.MODIFY_REPLACE, [value])] for name, value in changes.items()})
            admin.modify_dn(dn, f"CN={escape_rdn(new_sam)}")

    def move(self, sam: str, ou: str) -> None:
        """Move the person or group into another OU of the domain, such as `OU=Leavers`."""
        with self.connect() as admin:
            dn = _find(admin, self.base_dn, sam)["dn"]
            rdn = safe_rdn(dn)[0]
            admin.modify_dn(dn, rdn, new_superior=f"{ou},{self.base_dn}")

    def modify(self, sam: str, **attributes: str | bytes | None) -> None:
        """Replace attributes; None takes one away."""
        values = {
            name: [(ldap3.MODIFY_REPLACE, [] if value is None else [value])] for name, value in attributes.items()
        }
        with self.connect() as admin:
            admin.modify(_find(admin, self.base_dn, sam)["dn"], values)

    def delete(self, *sams: str) -> None:
        """Delete people or groups; a name that is gone already is no error."""
        with self.connect() as admin:
            for sam in sams:
                try:
                    admin.delete(_find(admin, self.base_dn, sam)["dn"])
                except LookupError:
                    continue

    def _modify_members(self, group: str, members: tuple[str, ...], operation: str) -> None:
        with self.connect() as admin:
            dns = [_find(admin, self.base_dn, member)["dn"] for member in members]
            admin.modify(_find(admin, self.base_dn, group)["dn"], {"member": [(operation, dns)]})


def _find(connection: ldap3.Connection, base_dn: str, sam: str, attributes: tuple[str, ...] = ()) -> dict[str, Any]:
    query = f"(sAMAccountName={escape_filter_chars(sam)})"
    connection.search(base_dn, query, attributes=list(attributes))
    found = [entry for entry in connection.response if entry["type"] == "searchResEntry"]
    if len(found) != 1:
        raise LookupError(f"{len(found)} entries are called {sam!r}")
    return dict(found[0])
