"""All of the demo in one process: the embedded directory, both sites, the frame around them, one port on loopback.

The host plays the web server with Windows Authentication. It passes the person chosen in the frame (a cookie) to the
sites as ``REMOTE_USER``, as IIS would after Kerberos. Only this part is not real.
"""

from __future__ import annotations

import importlib
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from datetime import timezone, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wauth_core.directory import trace
from wauth_core.testing.demo.page import settings
from wauth_core.testing.demo.portal import Portal, cookie, visitor_of
from wauth_core.testing.embedded import EmbeddedDirectory

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; frame-ancestors 'self'; form-action 'self'; base-uri 'none'"
)
ZONE = "demo_zone"  # the cookie: the time zone of the visitor's clock
UNSAFE_BUT_FAST = "PRAGMA synchronous = OFF"  # these databases need not survive a power cut
SITES = {"django": "Django", "flask": "Flask"}
_PACKAGED = Path(__file__).parent / "examples"
_CHECKED_OUT = Path(__file__).parents[3] / "examples"

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Demo:
    """The running demo. `close` ends everything. *port* 0 means any free one."""

    def __init__(self, port: int = 0) -> None:
        from waitress.server import create_server

        self.directory = EmbeddedDirectory()
        self._folder = tempfile.TemporaryDirectory(prefix="wauth-demo-", ignore_cleanup_errors=True)
        try:
            shared, folder = settings(self.directory.settings()), Path(self._folder.name)
            self._flask = _flask(shared, folder)
            sites = {"django": _django(shared, folder), "flask": self._flask}
            self._portal = Portal(self.directory, list(SITES.items()))
            self._server: Any = create_server(_host(sites, self._portal), host="127.0.0.1", port=port, threads=8)
        except BaseException:
            self.directory.close()
            self._folder.cleanup()
            raise
        self.url = f"http://127.0.0.1:{self._server.effective_port}/"
        self._portal.url = self.url
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="wauth-demo", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving, close the connections to the directory, and delete both databases."""
        self._closing = True
        self._server.task_dispatcher.shutdown(timeout=5)
        self._server.close()
        self._thread.join(5)
        self._portal.close()
        self._flask.extensions["wauth"].close()
        importlib.import_module("django.apps").apps.get_app_config("windows_auth").close()
        importlib.import_module("django.db").connections.close_all()
        self.directory.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        try:
            self._server.run()
        except OSError:  # its sockets were closed under it: waitress knows no other way to stop from outside
            if not self._closing:
                raise

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _host(sites: dict[str, WSGI], portal: WSGI) -> WSGI:
    """Everything under one port: ``/django/…``, ``/flask/…``, ``/static/…`` for both, and the frame for the rest."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("REMOTE_USER", None)
        start_response = _strictly(start_response)
        _, _, rest = environ.get("PATH_INFO", "").partition("/")
        name, slash, below = rest.partition("/")
        if name == "static":
            return sites["django"](environ, start_response)
        site = sites.get(name)
        if site is None or not slash:
            return portal(environ, start_response)
        if visitor := visitor_of(environ):
            environ["REMOTE_USER"] = f"EXAMPLE\\{visitor}".encode().decode("latin-1")  # as WSGI wants text (PEP 3333)
        environ["SCRIPT_NAME"] = f"/{name}"
        environ["PATH_INFO"] = f"/{below}"
        with trace() as operations:
            environ["demo.operations"] = operations
            return site(environ, start_response)

    return application


def _strictly(start_response: Any) -> Any:
    """Set a content policy without inline code and other hosts for every page that does not set one itself."""

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        if not any(name.lower() == "content-security-policy" for name, _ in headers):
            headers = [*headers, ("Content-Security-Policy", POLICY)]
        return start_response(status, headers, *error)

    return start


def shows_toolbar(request: Any) -> bool:
    """Whether django-debug-toolbar needs this request: the page was requested with it, or its script asks."""
    return "toolbar" in request.GET or request.path_info.startswith("/__debug__/")


def _in_visitors_zone(site: WSGI) -> WSGI:
    """Let Django show times in the zone of the visitor's clock, which the frame's script wrote into a cookie."""
    zones = importlib.import_module("django.utils.timezone")

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            zone: tzinfo = ZoneInfo(cookie(environ, ZONE) or "UTC")
        except (ValueError, OSError, ZoneInfoNotFoundError):  # not a zone, or none that this machine knows
            zone = timezone.utc
        with zones.override(zone):
            return site(environ, start_response)

    return application


def _import(name: str) -> Any:
    """A module of the example sites, which are installed beside this file or are in the checkout."""
    folder = str(_PACKAGED if _PACKAGED.is_dir() else _CHECKED_OUT)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _django(shared: dict[str, Any], folder: Path) -> WSGI:
    database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.sqlite3"}
    database["OPTIONS"] = {"init_command": UNSAFE_BUT_FAST}
    toolbar = {"SHOW_TOOLBAR_CALLBACK": f"{__name__}.shows_toolbar"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_intranet.settings"  # the visitor's shell may name another site
    given = {"DATABASES": {"default": database}, "DEBUG_TOOLBAR_CONFIG": toolbar, **shared}
    return _in_visitors_zone(_import("django_intranet.wsgi").create_app(**given))


def _flask(shared: dict[str, Any], folder: Path) -> Any:
    config = {
        "SECRET_KEY": secrets.token_hex(),
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'flask.sqlite3'}",
        "TRUSTED_HOSTS": ["localhost", "127.0.0.1"],
        **shared,
    }
    module = _import("flask_intranet.app")
    app = module.create_app(config)
    with app.app_context():
        engine = module.db.engine
    engine.dispose()
    importlib.import_module("sqlalchemy.event").listen(engine, "connect", lambda raw, _: raw.execute(UNSAFE_BUT_FAST))
    return app
