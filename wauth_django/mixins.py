"""The decorators as mixins for class-based views; put them left of the view class."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from wauth_django.decorators import domain_required, group_required, ldap_sync_required

__all__ = ["DomainRequiredMixin", "GroupRequiredMixin", "LDAPSyncRequiredMixin"]


class _GuardedMixin:
    login_url: str | None = None

    def guard(self) -> Any:
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = self.guard()(super().dispatch)(request, *args, **kwargs)  # type: ignore[misc]
        return response


class DomainRequiredMixin(_GuardedMixin):
    """`domain_required`: its parameters are attributes of the class."""

    domain: str | None = None
    bypass_superuser = True

    def guard(self) -> Any:
        """The decorator."""
        return domain_required(None, self.domain, self.login_url, self.bypass_superuser)


class LDAPSyncRequiredMixin(_GuardedMixin):
    """`ldap_sync_required`: *sync_timedelta*, *allow_non_ldap* and *raise_sync_exception* are attributes."""

    sync_timedelta: timedelta | None = None
    allow_non_ldap = True
    raise_sync_exception = False

    def guard(self) -> Any:
        """The decorator."""
        return ldap_sync_required(
            None, self.sync_timedelta, self.login_url, self.allow_non_ldap, self.raise_sync_exception
        )


class GroupRequiredMixin(_GuardedMixin):
    """`group_required`: *groups* and *bypass_superuser* are attributes of the class."""

    groups: tuple[str, ...] = ()
    bypass_superuser = False

    def guard(self) -> Any:
        """The decorator."""
        return group_required(*self.groups, login_url=self.login_url, bypass_superuser=self.bypass_superuser)
