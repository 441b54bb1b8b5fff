"""Sign in to a project with a custom user model, and print what came of it.

``python -m tests.django_app.custom_user.run``
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import django
from django.conf import settings

from wauth_core.testing import EmbeddedDirectory
from wauth_django.settings import LDAPSettings

FIELDS = {
    "login": "sAMAccountName",
    "telephone": "telephoneNumber",
    "country_code": "countryCode",
    "job_title": "title",
    "department": "department",
}


@dataclass()
class MyLDAPSettings(LDAPSettings):
    """Defaults of the project's own, as the manual writes them."""

    USER_FIELD_MAP = FIELDS
    USER_QUERY_FIELD = "login"


def main() -> None:
    """Set up, sign in, report."""
    with EmbeddedDirectory() as directory:
        directory.update("alice", countryCode=826)
        settings.configure(
            SECRET_KEY="custom",
            INSTALLED_APPS=[
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "django.contrib.sessions",
                "tests.django_app.custom_user",
                "wauth_django",
            ],
            AUTH_USER_MODEL="custom_user.CustomUser",
            AUTHENTICATION_BACKENDS=["wauth_django.backends.WindowsAuthBackend"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            USE_TZ=True,
            WAUTH_DOMAINS={"EXAMPLE": MyLDAPSettings(**directory.settings())},
        )
        django.setup()
        from django.contrib.auth import authenticate, get_user_model
        from django.core.management import call_command

        call_command("migrate", run_syncdb=True, verbosity=0)
        call_command("check")
        for name in ("alice", "petra", "ALICE"):
            authenticate(None, remote_user=f"EXAMPLE\\{name}")
        authenticate(None, remote_user="EXAMPLE\\dan")
        fields = ("login", "telephone", "country_code", "job_title", "department", "is_active")
        users = [{name: getattr(user, name) for name in fields} for user in get_user_model().objects.order_by("pk")]
        directory.update("alice", title="Chairwoman")
        user = get_user_model().objects.get(login="alice")
        user.ldap.sync()
        user.refresh_from_db()
        json.dump({"users": users, "title": user.job_title, "link": str(user.ldap)}, sys.stdout)


if __name__ == "__main__":
    main()
