"""`LDAPUsage`: what one process did with one domain's connections, by ldap3's own counters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


def _counter(help_text: str) -> Any:
    return models.PositiveBigIntegerField(default=0, help_text=help_text)


def _moment(help_text: str) -> Any:
    return models.DateTimeField(null=True, help_text=help_text)


class LDAPUsage(models.Model):
    """The counters of ldap3's ``ConnectionUsage``, summed over the connections of a domain."""

    id: models.AutoField[int, int] = models.AutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    timestamp: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        auto_now=True, db_index=True, help_text="Metrics Collection Time"
    )
    pid: models.IntegerField[int, int] = models.IntegerField(help_text="Process ID")
    domain: models.CharField[str, str] = models.CharField(
        max_length=255, db_index=True, help_text="Connection's domain"
    )

    initial_connection_start_time = _moment("Initialization timestamp")
    open_socket_start_time = _moment("Socket Open timestamp")
    connection_stop_time = _moment("Close timestamp")
    last_transmitted_time = _moment("Last message transmitted timestamp")
    last_received_time = _moment("Last message received timestamp")

    servers_from_pool = _counter("Num. servers from pool")
    open_sockets = _counter("Num. of sockets opened")
    closed_sockets = _counter("Num. of sockets closed")
    wrapped_sockets = _counter("Num. of sockets wrapped by TLS")

    bytes_transmitted = _counter("Bytes transmitted")
    bytes_received = _counter("Bytes received")
    messages_transmitted = _counter("Messages transmitted")
    messages_received = _counter("Messages received")

    operations = _counter("Num. Operations")
    abandon_operations = _counter("Num. Abandon Operations")
    bind_operations = _counter("Num. Bind Operations")
    add_operations = _counter("Num. Add Operations")
    compare_operations = _counter("Num. Compare Operations")
    delete_operations = _counter("Num. Delete Operations")
    extended_operations = _counter("Num. Extended Operations")
    modify_operations = _counter("Num. Modify Operations")
    modify_dn_operations = _counter("Num. Move Operations")
    search_operations = _counter("Num. Search Operations")
    unbind_operations = _counter("Num. Unbind Operations")
    referrals_received = _counter("Num. Referrals Received")
    referrals_followed = _counter("Num. Referrals Followed")
    referrals_connections = _counter("Num. Referrals Connections")
    restartable_failures = _counter("Num. Restartable Failures")
    restartable_successes = _counter("Num. Restartable Successes")

    class Meta:
        ordering = ("-timestamp",)
        get_latest_by = "timestamp"
        verbose_name = _("LDAP usage")
        verbose_name_plural = _("LDAP usage")

    def __str__(self) -> str:
        return f"{self.domain}, process {self.pid}"
