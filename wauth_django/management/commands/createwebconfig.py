"""``manage.py createwebconfig``: the web.config files for IIS (manual 1.17.1)."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from wauth_core import WauthError
from wauth_core.iis import here, instructions, options, setupscript
from wauth_core.iis.files import Generated, write
from wauth_core.iis.setupscript import SiteOptions
from wauth_core.iis.webconfig import build


class Command(BaseCommand):
    """See *help*."""

    help = "Generate the web.config files that run this project on an IIS website."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        add = parser.add_argument
        add("--name", "-n", default="", help="Name of the handler in IIS (default: Django FastCGI).")
        add("--static", "-s", action="store_true", help="Let IIS serve STATIC_ROOT, with a web.config there.")
        add("--media", "-m", action="store_true", help="Let IIS serve MEDIA_ROOT, with a web.config there.")
        add("--windowsauth", "-w", action="store_true", help="Windows Authentication only; no anonymous access.")
        add("--https", action="store_true", help="Redirect HTTP to HTTPS. Needs IIS's URL Rewrite module.")
        add("--logs", "-l", default="", metavar="PATH", help="Log file, or a folder for it (default: logs).")
        add("--override", "-f", action="store_true", help="Replace existing files; keeps backups.")
        add(
            "--handler", choices=options.HANDLERS, default="fastcgi", help="wfastcgi (default), or HttpPlatformHandler."
        )
        add("--server", choices=sorted(options.SERVERS), help="The Python server behind HttpPlatformHandler.")
        add("--asgi", action="store_true", help="Run ASGI_APPLICATION; needs --handler httpplatform.")
        add("--processes", type=int, default=1, help="Processes of HttpPlatformHandler, 1 to 100 (default: 1).")
        add("--keep-locked", action="store_true", help="Leave the authentication sections out, where they stay locked.")
        add("--deny-extensions", action="store_true", help="Let IIS refuse .py, .config, .sqlite3 and the like.")
        add("--error-pages", action="store_true", help="Make pages for the errors that IIS answers by itself.")
        add("--python", default="", metavar="PATH", help="The interpreter on the server (default: this one).")
        add("--wfastcgi", default="", metavar="PATH", help="wfastcgi.py on the server (default: the installed one).")
        add("--site", default="", help="Name of the IIS site (default: the project folder's name).")
        add("--setup-script", default="", metavar="FILE", help="Write a PowerShell script that makes the site, too.")
        add("--fastcgi-application", action="store_true", help="Print the lines to run once as administrator.")
        add("--dry-run", action="store_true", help="Show what would be written.")

    def handle(self, *args: Any, **given: Any) -> None:
        """Run."""
        try:
            wanted = webconfig_options(given)
            site = SiteOptions(given["site"] or os.path.basename(wanted.root) or "Django")
            generated = build(wanted)
            if given["setup_script"]:
                script = setupscript.build(given["setup_script"], wanted, site)
                generated = Generated((*generated.files, script), generated.folders, generated.notes)
            write(generated, override=given["override"], dry_run=given["dry_run"], echo=self.stdout.write)
        except WauthError as error:
            raise CommandError(str(error)) from error
        for note in generated.notes:
            self.stderr.write(f"* {note}")
        if given["fastcgi_application"]:
            self.stdout.write("\n".join(instructions.for_administrator(wanted, site.name)))


def webconfig_options(given: dict[str, Any]) -> options.WebConfigOptions:
    """The command line and the project's settings as the generator's options. Raises CommandError."""
    root = os.path.abspath(getattr(settings, "BASE_DIR", None) or os.getcwd())
    interface = "asgi" if given["asgi"] else "wsgi"
    handler = given["handler"] or ("httpplatform" if given["asgi"] else here.default_handler())
    return options.WebConfigOptions(
        root=root,
        application=_application(interface),
        python=given["python"] or here.interpreter(),
        handler=handler,
        name=given["name"] or {"fastcgi": "Django FastCGI", "httpplatform": "Django HttpPlatform"}[handler],
        wfastcgi=given["wfastcgi"] or here.wfastcgi(),
        server=given["server"] or {"wsgi": "waitress", "asgi": "uvicorn"}[interface],
        interface=interface,
        processes=given["processes"],
        environment=(("DJANGO_SETTINGS_MODULE", os.environ.get("DJANGO_SETTINGS_MODULE", "")),),
        windowsauth=given["windowsauth"],
        authentication_in_webconfig=not given["keep_locked"],
        https=given["https"],
        logs=_log_file(root, given["logs"]),
        static=_served("STATIC", root) if given["static"] else None,
        media=_served("MEDIA", root) if given["media"] else None,
        deny_extensions=options.DENIED_EXTENSIONS if given["deny_extensions"] else (),
        hidden_segments=options.HIDDEN_SEGMENTS if given["deny_extensions"] else (),
        error_pages=options.ERROR_PAGES if given["error_pages"] else "",
    )


def _application(interface: str) -> str:
    """The project's application as ``module:attribute``; Django's own factory where the settings name none."""
    path = getattr(settings, f"{interface.upper()}_APPLICATION", None)
    if not path:
        return f"django.core.{interface}:get_{interface}_application()"
    module, _, name = str(path).rpartition(".")
    return f"{module}:{name}"


def _log_file(root: str, given: str) -> str:
    """A log file below the project; a path without an extension is a folder (the manual's default: logs)."""
    path = os.path.join(root, given or "logs")
    return path if Path(path).suffix else os.path.join(path, "wfastcgi.log")


def _served(which: str, root: str) -> options.ServedFolder:
    url, path = getattr(settings, f"{which}_URL", None), getattr(settings, f"{which}_ROOT", None)
    if not url or not path:
        raise CommandError(f"Set {which}_URL and {which}_ROOT in the settings first.")
    return options.ServedFolder(str(url), os.path.abspath(os.path.join(root, path)))
