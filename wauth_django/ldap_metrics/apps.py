"""``"wauth_django.ldap_metrics"`` in INSTALLED_APPS."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.core.signals import request_finished
from django.utils.translation import gettext_lazy as _


class LdapMetricsConfig(AppConfig):
    """Saves what each connection was used for, now and then and when the process ends (COLLECT_METRICS)."""

    name = "wauth_django.ldap_metrics"
    label = "ldap_metrics"
    verbose_name = _("LDAP metrics")
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Collect now and then (after a request, or between two uses), and at the end, while there are connections."""
        from wauth_django.ldap_metrics.collect import Collector

        collector = Collector()
        request_finished.connect(collector.after_request, dispatch_uid="wauth_django.ldap_metrics", weak=False)
        config: Any = apps.get_app_config("windows_auth")
        config.at_use.append(collector.at_use)
        config.at_end.append(collector.at_end)
