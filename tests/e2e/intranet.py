"""The example intranets as the tests serve them: behind a proxy on this machine that names the user.

What the environment says: E2E_LDAP (an entry for WAUTH_DOMAINS, as JSON), E2E_DATABASE (for Flask an SQLAlchemy URL,
for Django a SQLite file).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from wauth_core.testing.demo.page import settings
from wauth_wsgi import ProxyHeader

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))


def _shared() -> dict[str, Any]:
    rules = settings(json.loads(os.environ["E2E_LDAP"]))
    return {**rules, "WAUTH_SOURCES": [ProxyHeader("RemoteUser", trusted=["127.0.0.1"])]}


def flask() -> Any:
    """The Flask intranet."""
    from flask_intranet.app import create_app

    return create_app(
        {"SECRET_KEY": "a key for tests", "SQLALCHEMY_DATABASE_URI": os.environ["E2E_DATABASE"], **_shared()}
    )


def django() -> Any:
    """The Django intranet."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_intranet.settings"
    from django_intranet.wsgi import create_app

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["E2E_DATABASE"]}
    return create_app(DATABASES={"default": database}, ALLOWED_HOSTS=["*"], **_shared())
