"""People who have been gone from the directory for long: their users are deleted, or made nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from wauth_core.exceptions import UserNotFound
from wauth_core.sync.result import SyncStatus
from wauth_django.conf import get_wauth
from wauth_django.models import LDAPUser


def gone_since(domain: str, moment: datetime) -> Iterator[LDAPUser]:
    """The links of *domain* whose people the directory has not known since *moment* or longer, and does not know now.

    A link that was never known by its GUID says nothing of anybody. Somebody who is merely outside SEARCH_BASE or
    USER_QUERY_FILTER is still there. Raises `DirectoryError` and `UnknownDomain`.
    """
    links = LDAPUser.objects.filter(
        domain=domain, state=SyncStatus.NOT_FOUND.value, deactivated=True, lowered_at__lt=moment
    ).exclude(guid=None)
    for link in links.select_related("user").order_by("pk"):
        try:
            link.get_ldap_manager().user(link.guid)
        except UserNotFound:
            yield link


def delete(links: Iterable[LDAPUser]) -> int:
    """Delete the users, with all that the project's models delete with them; how many rows."""
    with transaction.atomic():
        return sum(link.user.delete()[0] for link in links)


def anonymise(links: Iterable[LDAPUser]) -> int:
    """Keep the users, whom other rows may refer to, without what the directory said of them; how many."""
    count = 0
    with transaction.atomic():
        for link in links:
            fields = get_wauth().directories.policy(link.domain).fields
            link.delete()
            _make_nobodys(link.user, fields)
            count += 1
    return count


def _make_nobodys(user: Any, fields: Iterable[str]) -> None:
    columns = {column.name: column for column in user._meta.concrete_fields}
    for name in fields:
        if name in columns and name != user.USERNAME_FIELD:
            column = columns[name]
            setattr(user, name, None if column.null else column.get_default() if column.has_default() else "")
    setattr(user, user.USERNAME_FIELD, f"gone-{user.pk}")
    user.is_active = False
    user.set_unusable_password()
    user.save()
    if hasattr(user, "groups"):
        user.groups.clear()
