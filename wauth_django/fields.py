"""The columns of a link that fill themselves, so that a row made by hand (manual 1.4.1) or by ``bulk_create`` works."""

from __future__ import annotations

from typing import Any

from django.db import models

from wauth_core.identity import canonical_domain, fold_username


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


class UsernameField(_PlainCharField):
    """A sAMAccountName; the Django user's own name where nothing else was given."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """The name given, else the Django user's."""
        value = getattr(model_instance, self.attname) or model_instance.user.get_username()
        setattr(model_instance, self.attname, value)
        return value


class UsernameKeyField(_PlainCharField):
    """The user name as it is compared: without case, letter by letter, on every database alike."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """What this row's name is compared by."""
        value = fold_username(model_instance.username or model_instance.user.get_username())
        setattr(model_instance, self.attname, value)
        return value
