"""LDAP in the project's own code (manual 1.7): `get_ldap_manager`, and ldap3's own objects for a link."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps

from wauth_core.directory import LDAPManager, filters
from wauth_core.settings import as_names, mapped_attributes
from wauth_django.conf import get_wauth

if TYPE_CHECKING:
    from wauth_django.models import LDAPUser

__all__ = ["close_connections", "get_ldap_manager"]


def get_ldap_manager(domain: str) -> LDAPManager:
    """The manager of *domain*, one for each domain and process. Nothing connects before it is used.

    Raises `UnknownDomain` for a domain without settings.
    """
    manager: LDAPManager = get_wauth().manager(domain)
    return manager


def close_connections() -> None:
    """Close every connection of this process; the next use opens new ones."""
    config: Any = apps.get_app_config("windows_auth")
    config.close()


def user_entry(link: LDAPUser, wanted: frozenset[str]) -> tuple[Any, frozenset[str]]:
    """The directory user of *link* as an ldap3 ``Entry``, and the attributes that were asked for.

    Raises `UserNotFound`, `AmbiguousUser`, `DirectoryError`.
    """
    manager = link.get_ldap_manager()
    person = manager.person(guid=link.guid, username=link.identity.username, attributes=(), groups=False)
    attributes = wanted | {"distinguishedName", *mapped_attributes(manager.settings.USER_FIELD_MAP)}
    reader = manager.get_reader("user", "", sorted(attributes))
    return reader.search_object(person.dn), attributes


def group_reader(link: LDAPUser, attributes: Iterable[str] | None, *, preload: bool) -> Any:
    """An ldap3 ``Reader`` over the groups of *link*'s directory user, found by their SIDs."""
    manager = link.get_ldap_manager()
    person = manager.person(guid=link.guid, username=link.identity.username, attributes=(), groups=True)
    of_sids = [filters.equals("objectSid", sid) for sid in sorted(person.group_sids or ())]
    wanted = as_names(manager.settings.GROUP_ATTRS) if attributes is None else tuple(attributes)
    reader = manager.get_reader("group", filters.any_of(of_sids) if of_sids else filters.NOBODY, wanted)
    if preload:
        reader.search()
    return reader
