"""The Django intranet as a WSGI application."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application


def create_app(**overrides: Any) -> Any:
    """The site; *overrides* replace settings. Makes the tables that are missing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_intranet.settings")
    from django.conf import settings

    for name, value in overrides.items():
        setattr(settings, name, value)
    application = StaticFilesHandler(get_wsgi_application())
    from django.core.management import call_command

    import_module("django_intranet.urls")  # its receiver shall hear of the first sync too
    call_command("migrate", verbosity=0)
    return application


if __name__ == "__main__":
    import waitress

    waitress.serve(create_app(), listen=os.environ.get("LISTEN", "127.0.0.1:8000"))
