"""Run Django's own tests of ``RemoteUserMiddleware`` with our middleware and backend in its place.

``python -m tests.django_app.remote_user.run FOLDER``: *FOLDER* holds ``auth_tests`` of Django's source distribution.
Prints how each test ended, as JSON. What had to be adapted, and nothing else:

- A name in those tests has no domain ("newuser"), so a source of the tests' own reads it as one of EXAMPLE. By itself
  no header is ever read: under ASGI, where Django's tests send a header, the source is what reads it.
- Whoever signs in must be in the directory, so the tests' people are in it; and the accounts that the tests make first
  have no link, so they are adopted (WAUTH_ADOPT_EXISTING_USERS).
"""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django_app.remote_user.settings"
sys.path.insert(0, sys.argv[1])

import django

django.setup()

from auth_tests import test_remote_user as theirs  # type: ignore[import-not-found]  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402
from django.test import TestCase  # noqa: E402
from django.test.utils import (  # noqa: E402
    override_settings,
    setup_databases,
    setup_test_environment,
    teardown_databases,
)

from wauth_core.identity import Identity, NameRules  # noqa: E402
from wauth_core.testing import EmbeddedDirectory  # noqa: E402
from wauth_core.web.outcomes import Outcome, SignedIn  # noqa: E402
from wauth_core.web.request import Request  # noqa: E402
from wauth_django.models import LDAPUser  # noqa: E402

MIDDLEWARE = "wauth_django.middleware.WindowsAuthMiddleware"
PEOPLE = ("fakeuser", "newuser", "knownuser", "knownuser2", "newnewuser")


class AsWritten:
    """The tests' names, each a person of EXAMPLE, from where the tests put them."""

    def __init__(self, header: str) -> None:
        self.header = header

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """The name in the server's variable, or in a header of that name."""
        found = [request.server.get(self.header)] if self.header in request.server else []
        for spelled in (self.header, "http-" + self.header, self.header.removeprefix("HTTP_")):
            found += request.header_values(spelled.replace("_", "-"))
        return SignedIn(Identity("EXAMPLE", found[0]), "tests") if found and found[0] else None


class Ours(theirs.RemoteUserTest):  # type: ignore[misc]
    """RemoteUserTest with our parts."""

    middleware = MIDDLEWARE
    backend = "wauth_django.backends.WindowsAuthBackend"
    source_header = "REMOTE_USER"

    @classmethod
    def setUpClass(cls) -> None:
        sources = override_settings(WAUTH_SOURCES=[AsWritten(cls.source_header)])
        cls.enterClassContext(sources)
        super().setUpClass()


class OursNoCreate(theirs.RemoteUserNoCreateTest, Ours):  # type: ignore[misc]
    """RemoteUserNoCreateTest: a backend that lets nobody in who has no account. Ours knows people by their links."""

    backend = "tests.django_app.project.backends.Known"

    def setUp(self) -> None:
        super().setUp()
        post_save.connect(self.link, sender=User)
        self.addCleanup(post_save.disconnect, self.link, sender=User)

    @staticmethod
    def link(instance: Any, created: bool, **_: Any) -> None:
        """The accounts that the tests make are known people's."""
        if created:
            LDAPUser.objects.create(user=instance, domain="EXAMPLE")


class OursAllowAll(theirs.AllowAllUsersRemoteUserBackendTest, Ours):  # type: ignore[misc]
    """AllowAllUsersRemoteUserBackendTest: a backend that lets inactive users in."""

    backend = "tests.django_app.project.backends.LetsInactiveIn"


class OursCustomHeader(theirs.CustomHeaderRemoteUserTest, Ours):  # type: ignore[misc]
    """CustomHeaderRemoteUserTest: the name in a header; for us a matter of the source, not of the middleware."""

    middleware = MIDDLEWARE
    source_header = "HTTP_AUTHUSER"


CLASSES: list[type[Any]] = [Ours, OursNoCreate, OursAllowAll, OursCustomHeader]

if hasattr(theirs, "ASGISyncPathRemoteUserTest"):  # Django 6.1
    LATER = "auth_tests.test_remote_user.sync_middleware"

    class OursSyncPath(theirs.ASGISyncPathRemoteUserTest, Ours):  # type: ignore[misc]
        """ASGISyncPathRemoteUserTest: a later middleware makes ours run in its sync form, under ASGI."""

        middleware = [MIDDLEWARE, LATER]  # type: ignore[assignment]  # noqa: RUF012

    class OursCustomHeaderSyncPath(theirs.CustomHeaderASGISyncPathRemoteUserTest, Ours):  # type: ignore[misc]
        """CustomHeaderASGISyncPathRemoteUserTest: the same, with the name in a header."""

        middleware = [MIDDLEWARE, LATER]  # type: ignore[assignment]  # noqa: RUF012
        source_header = "HTTP_AUTHUSER"

    CLASSES += [OursSyncPath, OursCustomHeaderSyncPath]


class Result(unittest.TestResult):
    """How each test ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: dict[str, str] = {}

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.ended[_name(test)] = "ok"

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self.ended[_name(test)] = self._exc_info_to_string(err, test)  # type: ignore[attr-defined]

    addFailure = addError

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        """Django's own skips: tests that are about async code only."""


def _name(test: unittest.TestCase) -> str:
    return f"{type(test).__name__}.{getattr(test, '_testMethodName', test)}"


def main() -> None:
    """Run all, print all."""
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    with EmbeddedDirectory({"users": {name: {"name": name.title()} for name in PEOPLE}}) as directory:
        settings.WAUTH_DOMAINS = {"EXAMPLE": directory.settings()}
        result = Result()
        load = unittest.defaultTestLoader.loadTestsFromTestCase
        unittest.TestSuite(load(case) for case in CLASSES).run(result)
    teardown_databases(databases, verbosity=0)
    found = [value for value in vars(theirs).values() if isinstance(value, type) and issubclass(value, TestCase)]
    json.dump({"ended": result.ended, "classes": [case.__name__ for case in found]}, sys.stdout)


if __name__ == "__main__":
    main()
