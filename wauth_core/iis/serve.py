"""Running an application behind HttpPlatformHandler: on loopback, on the port that IIS chose, with big headers.

IIS speaks plain HTTP to this process and tells the visitor's scheme in ``X-Forwarded-Proto``. It appends to what the
client sent ("http, https"), and many applications believe the first; so only the last is kept here. The peer's
address stays as it is: the sign-in token counts only from loopback.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wauth_core.exceptions import ConfigurationError

PORT_VARIABLE = "HTTP_PLATFORM_PORT"
# A Kerberos ticket of somebody in hundreds of groups, in base64: Windows' own limit for a token is 48,000 bytes,
# https://learn.microsoft.com/en-us/troubleshoot/windows-server/windows-security/kerberos-authentication-problems-if-user-belongs-to-groups
HEADER_LIMIT = 128 * 1024
SERVERS = ("waitress", "uvicorn")


@dataclass(frozen=True)
class ServeOptions:
    """What to run, and where.

    :param application: ``module:attribute``; with ``()`` at the end it is called to get the application.
    :param server: one of :data:`SERVERS`; empty takes waitress for WSGI and uvicorn for ASGI.
    :param port: None takes IIS's port from the environment, or 8000 outside IIS.
    :param host: *Risk*: on anything but loopback, other machines reach the application without IIS's sign-in.
    :param windows_auth: read IIS's sign-in tokens; None does so where IIS on Windows started this process.
    :param threads: how many requests waitress works on at once.
    """

    application: str
    server: str = ""
    port: int | None = None
    host: str = "127.0.0.1"
    windows_auth: bool | None = None
    threads: int = 8


def serve(options: ServeOptions, environment: Mapping[str, str] = os.environ) -> None:
    """Run until stopped. Raises ConfigurationError for what is missing or does not fit."""
    application = load_application(options.application)
    interface = interface_of(application)
    server = options.server or {"wsgi": "waitress", "asgi": "uvicorn"}[interface]
    if (server, interface) not in (("waitress", "wsgi"), ("uvicorn", "asgi")):
        raise ConfigurationError(
            f"{options.application} is a {interface.upper()} application, and {server} does not run those: use "
            f"{'uvicorn' if interface == 'asgi' else 'waitress'}."
        )
    behind_iis = PORT_VARIABLE in environment
    windows_auth = options.windows_auth
    if windows_auth is None:
        windows_auth = behind_iis and sys.platform == "win32"
    if windows_auth:
        application = with_iis_token(application, interface)
    if behind_iis:
        application = (forwarded_asgi if interface == "asgi" else forwarded_wsgi)(application)
    port = options.port if options.port is not None else port_from(environment)
    _run(server, application, options, port)


def port_from(environment: Mapping[str, str]) -> int:
    """The port that IIS chose, or 8000."""
    text = environment.get(PORT_VARIABLE, "8000")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ConfigurationError(f"{PORT_VARIABLE} is {text!r}, which is no port: is this run by HttpPlatformHandler?")
    return int(text)


def load_application(path: str) -> Any:
    """Import ``module:attribute``; the current folder is searched first, as ``python -m`` does."""
    module_name, _, attribute = path.partition(":")
    call = attribute.endswith("()")
    if not module_name or not attribute:
        raise ConfigurationError(f"{path!r}: write it as module:attribute, like mysite.wsgi:application.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise
        raise ConfigurationError(f"There is no module {module_name!r} in {os.getcwd()} or on the search path.") from exc
    for name in attribute.removesuffix("()").split("."):
        if not hasattr(found, name):
            raise ConfigurationError(f"The module {module_name!r} has no {attribute!r}.")
        found = getattr(found, name)
    application = found() if call else found
    if not callable(application):
        raise ConfigurationError(f"{path!r} is {type(application).__name__!r}, which is no application.")
    return application


def interface_of(application: Any) -> str:
    """ "asgi" for a coroutine function, or an object whose call is one; "wsgi" for anything else."""
    candidates = (application, getattr(application, "__call__", None))  # noqa: B004 - the method itself is looked at
    return "asgi" if any(map(inspect.iscoroutinefunction, candidates)) else "wsgi"


def with_iis_token(application: Any, interface: str) -> Any:
    """Wrap *application* so that it knows the user whose token IIS forwards."""
    wrapper = "WindowsAuthASGI" if interface == "asgi" else "WindowsAuthWSGI"
    try:
        # By name: the wrappers stand on this package, not the other way round
        front = importlib.import_module("wauth_wsgi")
    except ImportError as exc:
        raise ConfigurationError(
            f'Windows Authentication needs {exc.name}: pip install "windowsauth[iis]", or use --no-windows-auth.'
        ) from exc
    return getattr(front, wrapper)(application, sources=[front.IISToken()])


def forwarded_wsgi(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Tell a WSGI application the scheme that the visitor used."""

    def forwarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for key in ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR"):
            if key in environ:
                environ[key] = _last(environ[key])
        if environ.get("HTTP_X_FORWARDED_PROTO") in ("http", "https"):
            environ["wsgi.url_scheme"] = environ["HTTP_X_FORWARDED_PROTO"]
        return application(environ, start_response)

    return forwarded


def forwarded_asgi(application: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Tell an ASGI application the scheme that the visitor used."""

    async def forwarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = _forwarded_scope(scope)
        await application(scope, receive, send)

    return forwarded


def _forwarded_scope(scope: Mapping[str, Any]) -> dict[str, Any]:
    last: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in (b"x-forwarded-proto", b"x-forwarded-for"):
            last[name] = _last(value.decode("latin-1")).encode("latin-1")
    others = [(name, value) for name, value in scope["headers"] if name not in last]
    changed = {**scope, "headers": [*others, *last.items()]}
    proto = last.get(b"x-forwarded-proto")
    if proto in (b"http", b"https"):
        secure = proto == b"https"
        websocket = scope["type"] == "websocket"
        changed["scheme"] = ("wss" if secure else "ws") if websocket else ("https" if secure else "http")
    return changed


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip().lower()


def _run(server: str, application: Any, options: ServeOptions, port: int) -> None:
    try:
        module: Any = importlib.import_module(server)
    except ImportError as exc:
        extra = '"windowsauth[iis]"' if server == "waitress" else server
        raise ConfigurationError(f"{server} is not installed: pip install {extra}") from exc
    if server == "waitress":
        module.serve(
            application,
            host=options.host,
            port=port,
            threads=options.threads,
            max_request_header_size=HEADER_LIMIT,
            clear_untrusted_proxy_headers=False,  # forwarded_wsgi reads them
            ident=None,
        )
    else:
        module.run(
            application,
            host=options.host,
            port=port,
            http="h11",  # the one of uvicorn's parsers that has a limit to set
            h11_max_incomplete_event_size=HEADER_LIMIT,
            proxy_headers=False,  # they would replace the peer's address
            server_header=False,
        )
