"""Computers, organizational units, contacts, service accounts, foreign principals, deleted objects: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wauth_core.directory import decode
from wauth_core.directory.entries import DirectoryObject

# Principals of no domain, by SID: https://learn.microsoft.com/en-us/windows-server/identity/ad-ds/manage/understand-security-identifiers
WELL_KNOWN = {
    "S-1-1-0": "Everyone",
    "S-1-5-1": "Dialup",
    "S-1-5-2": "Network",
    "S-1-5-3": "Batch",
    "S-1-5-4": "Interactive",
    "S-1-5-6": "Service",
    "S-1-5-7": "Anonymous Logon",
    "S-1-5-9": "Enterprise Domain Controllers",
    "S-1-5-10": "Self",
    "S-1-5-11": "Authenticated Users",
    "S-1-5-13": "Terminal Server User",
    "S-1-5-15": "This Organization",
    "S-1-5-17": "IUSR",
    "S-1-5-18": "Local System",
    "S-1-5-19": "Local Service",
    "S-1-5-20": "Network Service",
}


class _Account(DirectoryObject):
    """The common part of accounts of machines and services."""

    @property
    def username(self) -> str:
        """The sAMAccountName, its ``$`` included."""
        return str(self.attributes.get("sAMAccountName", ""))

    @property
    def dns_name(self) -> str | None:
        """The full host name, if the account has one."""
        return self.attributes.get("dNSHostName")

    @property
    def enabled(self) -> bool:
        """Whether the account may be used: not disabled."""
        return not int(self.attributes.get("userAccountControl", 0)) & decode.ACCOUNT_DISABLE

    @property
    def last_logon(self) -> datetime | None:
        """The last known sign-in to the domain. It may be 14 days too old, see `DirectoryUser.last_logon`."""
        moment = self.attributes.get("lastLogonTimestamp")
        return moment if isinstance(moment, datetime) else None

    @property
    def password_set(self) -> datetime | None:
        """When the account's password was set. A machine in use changes its own every 30 days."""
        moment = self.attributes.get("pwdLastSet")
        return moment if isinstance(moment, datetime) else None


@dataclass(frozen=True, kw_only=True)
class DirectoryComputer(_Account):
    """A computer account. *name* is without the ``$``."""

    @property
    def kind(self) -> str:
        """ "computer"."""
        return "computer"

    @property
    def operating_system(self) -> str | None:
        """As the machine last reported it, such as "Windows 11 Enterprise"."""
        return self.attributes.get("operatingSystem")


@dataclass(frozen=True, kw_only=True)
class ServiceAccount(_Account):
    """A managed service account: of one machine, of a group of machines (gMSA), or delegated."""

    @property
    def kind(self) -> str:
        """ "service_account"."""
        return "service_account"

    @property
    def is_group_managed(self) -> bool:
        """Whether several machines may use it (gMSA)."""
        return "msDS-GroupManagedServiceAccount" in self.attributes.get("objectClass", ())

    @property
    def password_interval(self) -> int | None:
        """The days after which AD makes a new password; None if it is no gMSA."""
        found = self.attributes.get("msDS-ManagedPasswordInterval")
        return found if isinstance(found, int) else None


@dataclass(frozen=True, kw_only=True)
class OrganizationalUnit(DirectoryObject):
    """An organizational unit."""

    @property
    def kind(self) -> str:
        """ "ou"."""
        return "ou"

    @property
    def description(self) -> str | None:
        """The description that administrators wrote."""
        return _text(self.attributes.get("description"))


@dataclass(frozen=True, kw_only=True)
class DirectoryContact(DirectoryObject):
    """A contact: an address without an account."""

    @property
    def kind(self) -> str:
        """ "contact"."""
        return "contact"

    @property
    def email(self) -> str | None:
        """The mail address."""
        return _text(self.attributes.get("mail"))

    @property
    def display_name(self) -> str | None:
        """The name as address books show it."""
        return _text(self.attributes.get("displayName"))


@dataclass(frozen=True, kw_only=True)
class ForeignPrincipal(DirectoryObject):
    """A member of a group here who belongs to another domain or to none. Only the SID is known.

    *name* is the well-known one, such as "Authenticated Users"; else the SID.
    """

    @property
    def kind(self) -> str:
        """ "foreign"."""
        return "foreign"

    @property
    def domain_sid(self) -> str | None:
        """The SID of the principal's domain: that of one of `LDAPManager.trusts`; None for well-known ones."""
        return self.sid.rpartition("-")[0] if self.sid and self.sid.startswith("S-1-5-21-") else None


@dataclass(frozen=True, kw_only=True)
class DeletedObject(DirectoryObject):
    """What is left of a deleted object: with the recycle bin everything, without it only identifiers."""

    @property
    def kind(self) -> str:
        """The class that it had: "user", "group", "computer", …"""
        return str(self.attributes.get("objectClass", ["object"])[-1])

    @property
    def last_parent(self) -> str | None:
        """The DN of its former parent."""
        return self.attributes.get("lastKnownParent")

    @property
    def deleted_at(self) -> datetime | None:
        """When it was deleted: its last change."""
        return self.attributes.get("whenChanged")

    @property
    def is_complete(self) -> bool:
        """Whether all its attributes and memberships are kept, so that `restore` brings them back; else identifiers
        only.
        """
        return not self.attributes.get("isRecycled", False)


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None
