"""``manage.py clearldapmetrics``: delete old rows of the LDAP metrics."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from wauth_django.ldap_metrics.models import LDAPUsage


class Command(BaseCommand):
    """See *help*."""

    help = "Delete the LDAP metrics of processes that were last heard of so many days ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        parser.add_argument("--days", type=int, default=90, help="Default: 90.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if options["days"] < 1:
            raise CommandError("--days must be at least 1.")
        oldest = timezone.now() - timedelta(days=options["days"])
        deleted, _ = LDAPUsage.objects.filter(timestamp__lt=oldest).delete()
        self.stdout.write(self.style.SUCCESS(f"{deleted:,} rows deleted."))
