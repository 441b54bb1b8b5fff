"""What the settings of a domain ask of the project's user model, and the model does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.db.models import ForeignKey

from wauth_core.settings import LDAPSettings
from wauth_core.sync.policy import asked_of_users


def check_model(domain: str, found: LDAPSettings) -> Iterator[CheckMessage]:
    """Fields, flags and groups that *found* fills. A setting that was left at its default asks for nothing."""
    model = get_user_model()
    columns = {column.name: column for column in (*model._meta.fields, *model._meta.many_to_many)}
    for name in _that_nothing_fills(columns.values()):
        yield Error(
            f"{model._meta.label}.{name} must be set before a user is saved, and no directory gives its value.",
            hint="Let it be null or have a default; or set WAUTH_CREATE_USERS = False and make users yourself.",
            id="wauth.E012",
        )
    for setting, names in asked_of_users(found).items():
        for name in names:
            if name not in columns:
                yield Error(
                    f"Domain {domain}: {setting} speaks of {name!r}, which the user model {model._meta.label} does not "
                    f"have.",
                    hint=f"Add the field to the model, or take it out of {setting}.",
                    id="wauth.E010",
                )


def _that_nothing_fills(columns: Iterable[Any]) -> Iterator[str]:
    for column in columns:
        needed = isinstance(column, ForeignKey) and not column.null and not column.has_default()
        if needed and not column.remote_field.parent_link:
            yield column.name
