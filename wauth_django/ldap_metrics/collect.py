"""From the managers' usage counters to rows."""

from __future__ import annotations

import logging
import os
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from wauth_django.ldap_metrics.models import LDAPUsage

logger = logging.getLogger("wauth.django")

_OWN = {"id", "timestamp", "pid", "domain"}


def create_usage(domain: str, usage: Any) -> LDAPUsage:
    """The unsaved row for ldap3's *usage* of *domain*."""
    values: dict[str, Any] = {}
    for field in LDAPUsage._meta.concrete_fields:
        if field.name in _OWN or (value := getattr(usage, field.name, None)) is None:
            continue
        is_moment = isinstance(field, models.DateTimeField)
        values[field.name] = timezone.make_aware(value) if is_moment and timezone.is_naive(value) else value
    return LDAPUsage(domain=domain, pid=os.getpid(), **values)


def collect_metrics() -> int:
    """Save the usage of every domain that this process has used; how many. Never raises: the process is ending."""
    try:
        config: Any = apps.get_app_config("windows_auth")
        rows = [create_usage(domain, usage) for domain, usage in config.usage().items()]
        if rows:
            LDAPUsage.objects.bulk_create(rows)
    except Exception as error:
        logger.warning("The LDAP metrics were not saved: %s", error)
        return 0
    return len(rows)
