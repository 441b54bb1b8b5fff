"""LDAP metrics in the admin: to be read only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from wauth_django.ldap_metrics.models import LDAPUsage


@admin.register(LDAPUsage)
class LDAPUsageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """One row for each process and domain."""

    date_hierarchy = "timestamp"
    list_display = ("timestamp", "elapsed_time", "domain", "pid", "operations", "sockets", "traffic", "messages")
    list_filter = ("domain",)
    search_fields = ("domain", "pid")

    @admin.display(description="Elapsed time")
    def elapsed_time(self, usage: LDAPUsage) -> timedelta | None:
        """From the first socket to the last."""
        if not usage.connection_stop_time or not usage.open_socket_start_time:
            return None
        elapsed: timedelta = usage.connection_stop_time - usage.open_socket_start_time
        return elapsed

    @admin.display(description="Sockets (opened / closed / TLS)")
    def sockets(self, usage: LDAPUsage) -> str:
        """Three counters in one column."""
        return f"{usage.open_sockets} / {usage.closed_sockets} / {usage.wrapped_sockets}"

    @admin.display(description="Bytes (received / sent)")
    def traffic(self, usage: LDAPUsage) -> str:
        """Two counters in one column."""
        return f"{filesizeformat(usage.bytes_received)} / {filesizeformat(usage.bytes_transmitted)}"

    @admin.display(description="Messages (received / sent)")
    def messages(self, usage: LDAPUsage) -> str:
        """Two counters in one column."""
        return f"{usage.messages_received} / {usage.messages_transmitted}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by processes alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was measured stays."""
        return False
