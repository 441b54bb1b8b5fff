"""The decorators as mixins for class-based views; put them left of the view class."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from wauth_django.decorators import in_domain, in_groups, is_synced, refused


class _CheckMixin:
    login_url: str | None = None
    raise_exception = False

    def allows(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.allows(request):
            return refused(request, request.user, self.login_url, self.raise_exception)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response


class DomainRequiredMixin(_CheckMixin):
    """`domain_required`: *domain* and *bypass_superuser* are attributes of the class."""

    domain: str | None = None
    bypass_superuser = True

    def allows(self, request: HttpRequest) -> bool:
        """Whether the user is linked to the domain."""
        return in_domain(request.user, self.domain, self.bypass_superuser)


class LDAPSyncRequiredMixin(_CheckMixin):
    """`ldap_sync_required`: *sync_timedelta*, *allow_non_ldap* and *raise_sync_exception* are attributes."""

    sync_timedelta: timedelta | None = None
    allow_non_ldap = True
    raise_sync_exception = False

    def allows(self, request: HttpRequest) -> bool:
        """Whether the user is in step with the directory."""
        return is_synced(request, request.user, self.sync_timedelta, self.allow_non_ldap, self.raise_sync_exception)


class GroupRequiredMixin(_CheckMixin):
    """`group_required`: *groups* and *bypass_superuser* are attributes of the class."""

    raise_exception = True
    groups: tuple[str, ...] = ()
    bypass_superuser = False

    def allows(self, request: HttpRequest) -> bool:
        """Whether the user is in one of the groups."""
        return in_groups(request, request.user, tuple(self.groups), self.bypass_superuser)
