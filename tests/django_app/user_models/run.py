"""Sign people in to a project whose user model is WAUTH_TEST_USER_MODEL's, by every door; print what came of it.

``WAUTH_TEST_USER_MODEL=email python -m tests.django_app.user_models.run``
"""

from __future__ import annotations

import io
import json
import sys

import django
from django.conf import settings

from wauth_core.testing import EmbeddedDirectory


def urls():
    """The admin, and who is signed in."""
    from django.contrib import admin
    from django.http import JsonResponse
    from django.urls import path

    return [
        path("admin/", admin.site.urls),
        path("who/", lambda request: JsonResponse({"user": request.user.get_username() or ""})),
    ]


def main() -> None:
    """Set up, act, report."""
    with EmbeddedDirectory() as directory:
        settings.configure(
            SECRET_KEY="user models",
            ALLOWED_HOSTS=["*"],
            DEBUG=False,
            ROOT_URLCONF=__name__,
            INSTALLED_APPS=[
                "django.contrib.admin",
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "django.contrib.messages",
                "django.contrib.sessions",
                "tests.django_app.user_models",
                "wauth_django",
            ],
            MIDDLEWARE=[
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
                "wauth_django.middleware.WindowsAuthMiddleware",
                "wauth_django.middleware.UserSyncMiddleware",
            ],
            TEMPLATES=[
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                    "OPTIONS": {
                        "context_processors": [
                            "django.template.context_processors.request",
                            "django.contrib.auth.context_processors.auth",
                            "django.contrib.messages.context_processors.messages",
                        ]
                    },
                }
            ],
            AUTH_USER_MODEL="user_models.User",
            AUTHENTICATION_BACKENDS=["wauth_django.backends.WindowsAuthBackend", "wauth_django.backends.LDAPBackend"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            USE_TZ=True,
            WAUTH_RESYNC_DELTA=0,
            WAUTH_DOMAINS={"EXAMPLE": directory.settings()},
        )
        django.setup()
        json.dump(report(directory), sys.stdout)


def report(directory: EmbeddedDirectory) -> dict[str, object]:
    """What became of alice, bob, carol and dan."""
    from django.contrib.auth import authenticate, get_user_model
    from django.core import checks
    from django.core.management import call_command
    from django.test import Client

    from wauth_django.models import LDAPUser

    globals()["urlpatterns"] = urls()
    call_command("migrate", run_syncdb=True, verbosity=0)
    said: dict[str, object] = {
        "errors": [each.msg for each in checks.run_checks() if (each.id or "").startswith(("wauth.E", "admin", "auth"))]
    }
    alice, bob = Client(), Client()

    def who(client: Client, name: str) -> str:
        return str(client.get("/who/", REMOTE_USER=f"EXAMPLE\\{name}").json()["user"])

    users = get_user_model()._base_manager
    name = get_user_model().USERNAME_FIELD
    said["first"] = who(alice, "alice")
    said["again"] = who(alice, "ALICE")
    said["password"] = getattr(authenticate(None, username="alice", password="Passw0rd!x"), name)
    said["created"] = getattr(LDAPUser.objects.create_user("EXAMPLE\\carol"), name)
    said["no mail"] = who(Client(), "svc_web")
    key = LDAPUser.objects.get(username="alice").user_id
    said["count"] = users.count()
    directory.rename("alice", "alicia")
    directory.update("alicia", mail="alicia@example.local")
    said["renamed"] = who(Client(), "alicia")
    said["same"] = LDAPUser.objects.get(username="alicia").user_id == key
    said["link"] = str(LDAPUser.objects.get(username="alicia"))
    said["dan"] = who(Client(), "dan")
    said["bob"] = who(bob, "bob")
    directory.disable("bob")
    said["bob disabled"] = who(bob, "bob")
    directory.enable("bob")
    said["bob enabled"] = who(bob, "bob")
    out = io.StringIO()
    call_command("syncldap", "--create", stdout=out, stderr=out)
    said["bulk"] = out.getvalue().strip()
    call_command("syncldap", stdout=out, stderr=out)
    said["links"] = LDAPUser.objects.count() == users.count()
    if hasattr(get_user_model(), "is_superuser"):
        root = users.get(pk=LDAPUser.objects.get(username="bob").user_id)
        said["superuser"] = root.is_superuser
        if hasattr(root, "is_staff"):
            said["admin"] = bob.get("/admin/windows_auth/ldapuser/?q=alici", REMOTE_USER="EXAMPLE\\bob").status_code
    return said


if __name__ == "__main__":
    main()
