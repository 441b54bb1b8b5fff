"""LDAP metrics in the admin: to be read only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from wauth_django.ldap_metrics.models import LDAPUsage


@admin.register(LDAPUsage)
class LDAPUsageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """One row for each process and domain."""

    date_hierarchy = "timestamp"
    list_display = ("timestamp", "elapsed_time", "domain", "pid", "operations", "sockets", "traffic")
    list_filter = ("domain",)
    search_fields = ("domain", "pid")

    class Media:
        """Columns that wrap."""

        css: ClassVar = {"all": ["wauth_django/admin.css"]}

    @admin.display(description=_("Elapsed time"))
    def elapsed_time(self, usage: LDAPUsage) -> timedelta | None:
        """From the first connection until the last was closed; while one is open, until the row was written."""
        started, stopped = usage.initial_connection_start_time, usage.connection_stop_time
        if not started:
            return None
        is_open = not stopped or usage.open_sockets > usage.closed_sockets
        elapsed: timedelta = (usage.timestamp if is_open else stopped) - started
        return timedelta(seconds=round(elapsed.total_seconds()))

    @admin.display(description=_("Sockets (opened / closed / TLS)"))
    def sockets(self, usage: LDAPUsage) -> str:
        """Three counters in one column."""
        return f"{usage.open_sockets} / {usage.closed_sockets} / {usage.wrapped_sockets}"

    @admin.display(description=_("Bytes (received / sent)"))
    def traffic(self, usage: LDAPUsage) -> str:
        """Two counters in one column."""
        return f"{filesizeformat(usage.bytes_received)} / {filesizeformat(usage.bytes_transmitted)}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by processes alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was measured stays."""
        return False
