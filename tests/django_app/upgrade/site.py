"""A site that has moved over: opens the database of django-windowsauth, migrates it, and lets people sign in.

``python -m tests.django_app.upgrade.site``, with WAUTH_TEST_SQLITE naming the database; prints what came of it.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress

import tests.django_app.setup  # noqa: F401

ODD = ("User00002", "user00002", "alice@example.local", "dave ", "no such person", "petra")


def main() -> None:
    """Migrate, sign in, and report."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import CommandError, call_command
    from django.db.migrations.recorder import MigrationRecorder
    from django.test import Client

    from wauth_core.testing import EmbeddedDirectory
    from wauth_django.ldap_metrics.models import LDAPUsage
    from wauth_django.models import LDAPUser

    before = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    users_before = dict(get_user_model().objects.values_list("username", "pk"))
    call_command("migrate", verbosity=0)
    run = set(MigrationRecorder.Migration.objects.values_list("app", "name")) - before
    with EmbeddedDirectory() as directory:
        settings.WAUTH_DOMAINS = {
            "EXAMPLE": directory.settings(ACTIVE_GROUPS="Domain Users", GROUP_MAP={"Editors": "Web Editors"})
        }
        rows = list(
            LDAPUser.objects.exclude(user__username__in=ODD)
            .order_by("pk")
            .values_list("domain", "username", "username_key", "user__username")
        )
        sessions = list(LDAPUser.objects.values_list("sessions", flat=True))
        names = ("ALICE", "bob", "hana", "carol", "olaf")
        signed_in = {}
        for name in names:
            client = Client()
            answer = client.get("/who/", REMOTE_USER=f"EXAMPLE\\{name}").json()
            signed_in[name] = {**answer, "pk": int(client.session.get("_auth_user_id", 0))}
        LDAPUser.objects.get(user__username="User00002").save()
        out = io.StringIO()
        with suppress(CommandError):  # what failed is in the output
            call_command("syncldap", "EXAMPLE", "--max-deactivations", "1", stdout=out, stderr=out, no_color=True)
        odd = {
            link.user.username: [link.username_key, link.guid is not None, link.user.is_active]
            for link in LDAPUser.objects.filter(user__username__in=ODD).select_related("user")
        }
    json.dump(
        {
            "migrations": sorted(name for app, name in run if app in ("windows_auth", "ldap_metrics")),
            "before": users_before,
            "rows": rows,
            "sessions": sessions,
            "signed_in": signed_in,
            "synced": out.getvalue(),
            "odd": odd,
            "usage": LDAPUsage.objects.filter(search_operations__gt=0).exclude(pid=os.getpid()).count(),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
