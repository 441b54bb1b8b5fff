"""``manage.py createwebconfig``: the web.config files for IIS (manual 1.17.1)."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from wauth_core import WauthError
from wauth_core.iis import arguments, here
from wauth_core.iis.options import ServedFolder
from wauth_django.checks import OURS


class Command(BaseCommand):
    """See *help*."""

    help = "Generate the web.config files that run this project on an IIS website."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        arguments.add_to_parser(parser, arguments.WEBCONFIG)

    def handle(self, *args: Any, **given: Any) -> None:
        """Run."""
        _complete(given)
        root = os.path.abspath(getattr(settings, "BASE_DIR", None) or os.getcwd())
        try:
            wanted = arguments.settle(
                {**given, "logs": _log_file(given["logs"], given["handler"] or here.default_handler())},
                root=root,
                application=_application(given["interface"]),
                product="Django",
                environment={"DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "")},
                static=_served("STATIC", root) if given["static"] else None,
                media=_served("MEDIA", root) if given["media"] else None,
            )
            arguments.carry_out(wanted, given, echo=self._say, note=self.stderr.write)
        except WauthError as error:
            raise CommandError(str(error)) from error
        if wanted.handler == "httpplatform" and wanted.windowsauth and OURS not in settings.MIDDLEWARE:
            self.stderr.write(f"* Nobody would be signed in: put {OURS!r} in the place of RemoteUserMiddleware.")

    def _say(self, text: str) -> None:
        """Print; letters that the output cannot carry become ``?``."""
        try:
            self.stdout.write(text)
        except UnicodeEncodeError:
            encoding = getattr(self.stdout, "encoding", None) or "ascii"
            self.stdout.write(text.encode(encoding, "replace").decode(encoding))


def _application(interface: str) -> str:
    """The project's application as ``module:attribute``; Django's own factory where the settings name none."""
    path = getattr(settings, f"{interface.upper()}_APPLICATION", None)
    if not path:
        return f"django.core.{interface}:get_{interface}_application()"
    module, _, name = str(path).rpartition(".")
    return f"{module}:{name}"


def _log_file(given: str | None, handler: str) -> str:
    """A log file; a path without an extension is a folder for it (the manual's default: logs). Empty means none."""
    path = "logs" if given is None else given
    if not path or Path(path).suffix:
        return path
    return os.path.join(path, "wfastcgi.log" if handler == "fastcgi" else "python.log")


def _complete(given: Mapping[str, Any]) -> None:
    """Raise CommandError with the lines that the settings lack for ``--static`` and ``--media``, to be copied."""
    lines = []
    for which in ("static", "media"):
        if given[which] and getattr(settings, f"{which.upper()}_URL", None) in (None, "", "/"):  # "/" is Django's ""
            lines.append(f'{which.upper()}_URL = "/{which}/"')
        if given[which] and not getattr(settings, f"{which.upper()}_ROOT", None):
            lines.append(f'{which.upper()}_ROOT = BASE_DIR / "{which}"')
    if lines:
        raise CommandError("\n".join(["Add this to the settings first:", "", *lines]))


def _served(which: str, root: str) -> ServedFolder:
    path = os.path.join(root, getattr(settings, f"{which}_ROOT"))
    return ServedFolder(str(getattr(settings, f"{which}_URL")), os.path.abspath(path))
