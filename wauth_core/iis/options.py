"""The options of web.config, and a check that refuses values before IIS would."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis.windowspath import is_absolute, is_windows, refuse_expansion

HANDLERS = ("fastcgi", "httpplatform")
SERVERS = {
    "waitress": ("wsgi",),
    "uvicorn": ("asgi",),
    "hypercorn": ("asgi", "wsgi"),
    "granian": ("asgi", "wsgi"),
}
KERBEROS_ONLY = "Negotiate:Kerberos"
PROVIDERS = ("Negotiate", "NTLM", KERBEROS_ONLY)
EXTENDED_PROTECTION = ("None", "Allow", "Require")
DENIED_EXTENSIONS = (".py", ".pyc", ".config", ".sqlite3", ".env", ".log")
HIDDEN_SEGMENTS = (".git", ".hg", ".svn", ".venv", "venv", "__pycache__")
ERROR_PAGES = "error_pages"


@dataclass(frozen=True)
class ServedFolder:
    """A folder that IIS serves by itself: *url* as the browser sees it ("/static/"), *path* on the disk."""

    url: str
    path: str

    @property
    def location(self) -> str | None:
        """The URL path without slashes, for ``<location path>``; None if *url* is another host's or the
        site's root."""
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", self.url):
            return None
        return self.url.strip("/") or None


@dataclass(frozen=True)
class WebConfigOptions:
    """What to generate. Paths are absolute paths on the server.

    :param root: the site's physical path; for Django where manage.py is.
    :param application: what to run, as ``module:attribute`` ("mysite.wsgi:application").
    :param python: the interpreter; one of a virtual environment brings its packages along by itself.
    :param handler: "fastcgi" (wfastcgi) or "httpplatform" (HttpPlatformHandler).
    :param name: the handler's name in IIS.
    :param wfastcgi: the full path of wfastcgi.py; only for "fastcgi".
    :param server: which Python server runs behind HttpPlatformHandler, one of :data:`SERVERS`.
    :param interface: what the application speaks, "wsgi" or "asgi".
    :param server_arguments: further arguments for it.
    :param processes: how many processes HttpPlatformHandler starts, 1 to 100.
    :param environment: variables for the application. Not for secrets: the file is readable by all who
        can read the site.
    :param windowsauth: Windows Authentication on, anonymous access off.
    :param authentication_in_webconfig: False leaves the authentication sections out, for servers on
        which they stay locked.
    :param kernel_mode: None leaves IIS's default (on).
    :param providers: which of :data:`PROVIDERS`, in order; empty leaves what is inherited (Negotiate, NTLM).
    :param extended_protection: one of :data:`EXTENDED_PROTECTION`; None leaves IIS's default.
    :param https: redirect HTTP to HTTPS (needs URL Rewrite).
    :param hsts_seconds: with *https*, for how long browsers refuse plain HTTP; 0 sends no such header.
    :param logs: file for the output of wfastcgi.
    :param static: the folder of static files; gets its own web.config.
    :param media: the folder of uploaded files; gets its own web.config.
    :param cache_static_days: how long browsers keep static files; 0 says nothing about it.
    :param deny_extensions: extensions IIS refuses to serve, wherever they stand in a URL of the site.
    :param hidden_segments: names that IIS refuses anywhere in a URL's path.
    :param error_pages: folder below *root* for own error pages; empty for none.
    :param request_minutes: how long one request may take; 0 leaves the default (2 minutes with HttpPlatformHandler,
        90 seconds with FastCGI).
    :param max_upload_mb: the biggest request body, in MB of 10**6 bytes; 0 leaves IIS's 30.
    :param max_query_bytes: the longest query string; 0 leaves IIS's 2,048.
    :param double_escaping: accept URLs with ``+`` or ``%25`` in the path, which IIS refuses by default.
    """

    root: str
    application: str
    python: str
    handler: str = "httpplatform"
    name: str = "Python"
    wfastcgi: str = ""
    server: str = "waitress"
    interface: str = "wsgi"
    server_arguments: tuple[str, ...] = ()
    processes: int = 1
    environment: tuple[tuple[str, str], ...] = ()
    windowsauth: bool = False
    authentication_in_webconfig: bool = True
    kernel_mode: bool | None = None
    providers: tuple[str, ...] = ()
    extended_protection: str | None = None
    https: bool = False
    hsts_seconds: int = 31_536_000
    logs: str = ""
    static: ServedFolder | None = None
    media: ServedFolder | None = None
    cache_static_days: int = 0
    deny_extensions: tuple[str, ...] = ()
    hidden_segments: tuple[str, ...] = ()
    error_pages: str = ""
    request_minutes: int = 0
    max_upload_mb: int = 0
    max_query_bytes: int = 0
    double_escaping: bool = False


def check(options: WebConfigOptions) -> None:
    """Raise ConfigurationError for values that IIS does not accept. The error says what to write instead."""
    _one_of("handler", options.handler, HANDLERS)
    _one_of("interface", options.interface, ("wsgi", "asgi"))
    for provider in options.providers:
        _one_of("provider", provider, PROVIDERS)
    if options.extended_protection is not None:
        _one_of("extended protection", options.extended_protection, EXTENDED_PROTECTION)
    if options.handler == "fastcgi":
        _check_fastcgi(options)
    else:
        _check_httpplatform(options)
    if not re.fullmatch(r"[\w.]+:[\w.]+(\(\))?", options.application):
        raise ConfigurationError(
            f"The application is {options.application!r}: write it as module:attribute, "
            'for example "mysite.wsgi:application".'
        )
    if not options.name.strip():
        raise ConfigurationError("The handler needs a name.")
    if options.hsts_seconds < 0 or options.cache_static_days < 0:
        raise ConfigurationError("A time cannot be negative.")
    if not 0 <= options.request_minutes < 24 * 60:
        raise ConfigurationError(f"{options.request_minutes} minutes for a request: less than a day, please.")
    if not 0 <= options.max_upload_mb <= 4_294:
        raise ConfigurationError(f"{options.max_upload_mb} MB for an upload: IIS takes 1 to 4294.")
    if not 0 <= options.max_query_bytes < 2**32:
        raise ConfigurationError(f"{options.max_query_bytes} bytes for a query string: IIS takes 1 to 4294967295.")
    if KERBEROS_ONLY in options.providers:
        if options.kernel_mode:
            raise ConfigurationError(f"{KERBEROS_ONLY} does not work in kernel mode: use --no-kernel-mode.")
        if len(options.providers) > 1:
            raise ConfigurationError(f"Any provider beside {KERBEROS_ONLY} lets NTLM in again: name it alone.")
    for extension in options.deny_extensions:
        if not re.fullmatch(r"\.[^\s./\\]+", extension):
            raise ConfigurationError(f"{extension!r} is not a file extension: write it with its dot, like .py")
    for segment in options.hidden_segments:
        if not re.fullmatch(r"[^/\\]+", segment):
            raise ConfigurationError(f"{segment!r} is not one segment of a URL: it may hold no slash.")
    if options.error_pages and not re.fullmatch(r"[\w-]+", options.error_pages):
        raise ConfigurationError(f"The error pages go into a folder below the site, not {options.error_pages!r}.")
    if options.static and options.media:
        one, other = options.static, options.media
        if one.path == other.path or (one.location and one.location == other.location):
            raise ConfigurationError("Static and media files have the same folder or URL: keep uploads apart.")
    for what, path in _paths(options):
        if not is_absolute(path):
            raise ConfigurationError(f"The {what} is {path!r}: IIS needs its full path.")
        if '"' in path and is_windows(path):
            raise ConfigurationError(f"The {what} is {path!r}: a Windows path holds no quotes.")
        if "|" in path:
            raise ConfigurationError(f"The {what} is {path!r}: IIS reads | as the end of the path.")
        refuse_expansion(path, f"The {what}")


def _check_fastcgi(options: WebConfigOptions) -> None:
    if not options.wfastcgi:
        raise ConfigurationError(
            "wfastcgi is not installed in this Python: pip install wfastcgi, or use --handler httpplatform."
        )
    if not _is_latin1(options.root):
        raise ConfigurationError(
            f"wfastcgi cannot find the site folder {options.root!r}: it reads the path as latin-1. Rename the "
            "folder, or use --handler httpplatform."
        )
    if options.interface != "wsgi":
        raise ConfigurationError("FastCGI runs WSGI applications only: use --handler httpplatform for ASGI.")


def _check_httpplatform(options: WebConfigOptions) -> None:
    _one_of("server", options.server, tuple(SERVERS))
    if options.interface not in SERVERS[options.server]:
        raise ConfigurationError(
            f"{options.server} runs no {options.interface.upper()} application: use "
            f"{' or '.join(name for name, speaks in SERVERS.items() if options.interface in speaks)}."
        )
    if options.application.endswith("()") and options.server in ("hypercorn", "granian"):
        raise ConfigurationError(f"{options.server} calls no factory: name an application, without ().")
    if not 1 <= options.processes <= 100:
        raise ConfigurationError(f"{options.processes} processes: HttpPlatformHandler takes 1 to 100.")


def _paths(options: WebConfigOptions) -> Iterable[tuple[str, str]]:
    yield "site folder", options.root
    yield "Python interpreter", options.python
    if options.handler == "fastcgi":
        yield "path of wfastcgi", options.wfastcgi
    if options.logs:
        yield "log file", options.logs
    if options.static:
        yield "static folder", options.static.path
    if options.media:
        yield "media folder", options.media.path


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"Unknown {what} {value!r}: one of {', '.join(allowed)}.")
