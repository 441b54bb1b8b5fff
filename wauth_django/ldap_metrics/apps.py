"""``"wauth_django.ldap_metrics"`` in INSTALLED_APPS."""

from __future__ import annotations

import atexit

from django.apps import AppConfig


class LdapMetricsConfig(AppConfig):
    """Saves what each connection was used for when the process ends (COLLECT_METRICS)."""

    name = "wauth_django.ldap_metrics"
    label = "ldap_metrics"
    verbose_name = "LDAP metrics"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Collect at the end, before `wauth_django` closes its connections."""
        from wauth_django.ldap_metrics.collect import collect_metrics

        atexit.register(collect_metrics)
