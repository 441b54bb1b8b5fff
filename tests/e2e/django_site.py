"""The tests' Django project, with its admin, as a WSGI application behind a proxy on this machine that names the user.

What the environment says: E2E_LDAP (an entry for WAUTH_DOMAINS, as JSON), WAUTH_TEST_SQLITE (the database's file).
"""

from __future__ import annotations

import json
import os
from typing import Any


def application() -> Any:
    """The project, with its tables made."""
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    import tests.django_app.setup  # noqa: F401
    from wauth_wsgi import ProxyHeader

    settings.WAUTH_DOMAINS = {"EXAMPLE": json.loads(os.environ["E2E_LDAP"])}
    settings.WAUTH_SOURCES = [ProxyHeader("RemoteUser", trusted=["127.0.0.1"])]
    settings.WAUTH_RESYNC_DELTA = 0
    settings.STATIC_URL = "/admin-site/static/"
    call_command("migrate", verbosity=0)
    return get_wsgi_application()
