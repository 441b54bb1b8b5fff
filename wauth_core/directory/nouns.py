"""Look-ups of all other objects by `LDAPManager`: computers, units, contacts, service accounts, deleted objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from wauth_core.directory.entries import DirectoryObject
from wauth_core.directory.facts import Controller, DomainInfo, ForestInfo, PasswordPolicy, Site, Trust
from wauth_core.directory.inventory import Inventory
from wauth_core.directory.kinds import KINDS, OBJECT, Kind
from wauth_core.directory.objects import (
    DeletedObject,
    DirectoryComputer,
    DirectoryContact,
    OrganizationalUnit,
    ServiceAccount,
)
from wauth_core.directory.topology import Topology
from wauth_core.settings import as_names

Made = TypeVar("Made", bound=DirectoryObject)


class Nouns:
    """The look-ups of `LDAPManager` besides those of people and groups. Only AD has these kinds.

    - A method in the singular takes a name, GUID, SID or DN. It returns the one object, or raises `NotFound` or
      `Ambiguous`.
    - A method in the plural takes *filter* as `LDAPManager.users` does, and streams page by page.
    """

    _inventory: Inventory
    _topology: Topology

    def computer(self, x: object, attributes: Iterable[str] = ()) -> DirectoryComputer:
        """The one computer; also by host name, with or without the ``$`` of its account."""
        return self._one(KINDS["computer"], DirectoryComputer, x, attributes)

    def computers(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryComputer]:
        """All computers that match *filter*, without managed service accounts."""
        return self._all(KINDS["computer"], DirectoryComputer, filter, attributes)

    def ou(self, x: object, attributes: Iterable[str] = ()) -> OrganizationalUnit:
        """The one organizational unit; also by a path, such as ``Staff/Sales``."""
        return self._one(KINDS["ou"], OrganizationalUnit, x, attributes)

    def ous(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[OrganizationalUnit]:
        """All organizational units that match *filter*."""
        return self._all(KINDS["ou"], OrganizationalUnit, filter, attributes)

    def contact(self, x: object, attributes: Iterable[str] = ()) -> DirectoryContact:
        """The one contact; also by mail address."""
        return self._one(KINDS["contact"], DirectoryContact, x, attributes)

    def contacts(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryContact]:
        """All contacts that match *filter*."""
        return self._all(KINDS["contact"], DirectoryContact, filter, attributes)

    def service_account(self, x: object, attributes: Iterable[str] = ()) -> ServiceAccount:
        """The one managed service account, with or without its ``$``."""
        return self._one(KINDS["service_account"], ServiceAccount, x, attributes)

    def service_accounts(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[ServiceAccount]:
        """All managed service accounts that match *filter*: gMSA, those of one machine, and delegated ones."""
        return self._all(KINDS["service_account"], ServiceAccount, filter, attributes)

    def find(self, x: object, attributes: Iterable[str] = ()) -> DirectoryObject:
        """The one object of any kind: a `DirectoryUser` for a person, a `DirectoryGroup` for a group, …"""
        return self._inventory.one(OBJECT, x, as_names(attributes))

    def objects(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DirectoryObject]:
        """All objects of any kind that match *filter*."""
        return self._inventory.all(OBJECT, filter, as_names(attributes))

    def deleted(self, filter: Any = None, attributes: Iterable[str] = ()) -> Iterator[DeletedObject]:
        """The deleted objects that the domain still has. By default only administrators may see them."""
        return self._inventory.deleted(filter, as_names(attributes))

    # -- the domain itself ---------------------------------------------------------------------------------------------

    def domain_info(self) -> DomainInfo:
        """The domain: names, SID, functional level, password and lockout policies, fine-grained ones included."""
        return self._topology.domain_info()

    def password_policy(self, x: object) -> PasswordPolicy:
        """The password and lockout policy that holds for the person *x*: the domain's, or a fine-grained one."""
        return self._topology.policy_of(self.find(x))

    def forest_info(self) -> ForestInfo:
        """The forest: its domains, level, UPN suffixes, and whether it has a recycle bin."""
        return self._topology.forest_info()

    def controllers(self) -> list[Controller]:
        """The domain's controllers with their sites and roles."""
        return self._topology.controllers()

    def sites(self) -> list[Site]:
        """The forest's sites with their subnets and controllers."""
        return self._topology.sites()

    def trusts(self) -> list[Trust]:
        """The domains and forests that trust this domain, or are trusted by it."""
        return self._topology.trusts()

    @property
    def clock_skew(self) -> timedelta:
        """How far the controller's clock is ahead of this machine's. Kerberos allows five minutes (RFC 4120 1.6)."""
        return self._topology.clock_skew()

    def _one(self, kind: Kind, made: type[Made], x: object, attributes: Iterable[str]) -> Made:
        found = self._inventory.one(kind, x, as_names(attributes))
        assert isinstance(found, made)  # noqa: S101 - the kind says what it makes; for the type checker
        return found

    def _all(self, kind: Kind, made: type[Made], condition: Any, attributes: Iterable[str]) -> Iterator[Made]:
        found = self._inventory.all(kind, condition, as_names(attributes))
        return (each for each in found if isinstance(each, made))
