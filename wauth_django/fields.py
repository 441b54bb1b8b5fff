"""The columns of a link that fill themselves, so that a row made by hand (manual 1.4.1) or by ``bulk_create`` works."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from wauth_core.exceptions import InvalidIdentity
from wauth_core.identity import Identity, canonical_domain, fold_username


class _PlainCharField(models.CharField):  # type: ignore[type-arg]
    """A CharField to the database and to migrations; only what is saved differs."""

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class DomainField(_PlainCharField):
    """A domain, kept in its one spelling."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The domain in its canonical form."""
        value = canonical_domain(getattr(model_instance, self.attname) or "")
        setattr(model_instance, self.attname, value)
        return value


def own_name(user: Any) -> str:
    """The Django user's own name, if it can be a logon name; else none: the link is then known by GUID alone, or
    until the first sync by USER_QUERY_FIELD."""
    return logon_name(user.get_username())


def logon_name(name: object) -> str:
    """*name*, if it can be a sAMAccountName; else none."""
    try:
        return Identity("DOMAIN", str(name)).username
    except InvalidIdentity:
        return ""


class UsernameField(_PlainCharField):
    """A sAMAccountName; the Django user's own name where nothing else was given."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The name given, else the Django user's."""
        value = getattr(model_instance, self.attname) or own_name(model_instance.user)
        setattr(model_instance, self.attname, value)
        return value


class UsernameKeyField(_PlainCharField):
    """The user name as it is compared: without case, letter by letter, on every database alike."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """What this row's name is compared by."""
        value = fold_username(model_instance.username or own_name(model_instance.user)) or None
        if not add and value and getattr(model_instance, self.attname) is None:
            others = type(model_instance)._base_manager.filter(domain=model_instance.domain, username_key=value)
            if others.exclude(pk=model_instance.pk).exists():
                return None  # the twin, by case, of another row: see `LDAPUserManager.twins`
        setattr(model_instance, self.attname, value)
        return value


class MomentField(models.DateTimeField):  # type: ignore[type-arg]
    """A moment, aware in Python also if the project keeps its own without a zone (``USE_TZ = False``)."""

    def deconstruct(self) -> Any:
        """A DateTimeField to migrations."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        """Without a zone where the database is to keep none."""
        if isinstance(value, datetime) and timezone.is_aware(value) and not settings.USE_TZ:
            value = timezone.make_naive(value)
        return super().get_prep_value(value)

    def from_db_value(self, value: datetime | None, *_: Any) -> datetime | None:
        """Aware, whatever the database keeps."""
        return timezone.make_aware(value) if value is not None and timezone.is_naive(value) else value
