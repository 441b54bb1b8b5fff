"""Running an application behind HttpPlatformHandler: on loopback, on the port that IIS chose, until IIS ends it.

The contract with IIS is in `platformhandler`. What the application sees of it is in `behind`.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import behind
from wauth_core.iis.platformhandler import Contract
from wauth_core.iis.servers import Stop, run_uvicorn, run_waitress

logger = logging.getLogger("wauth.iis")

KEPT_LOGS = 30
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
    :param logs: the prefix of IIS's logs of this process, of which old ones are deleted; empty deletes none.
    """

    application: str
    server: str = ""
    port: int | None = None
    host: str = "127.0.0.1"
    windows_auth: bool | None = None
    threads: int = 8
    logs: str = ""


def serve(options: ServeOptions, environment: Mapping[str, str] = os.environ) -> None:
    """Run until stopped. Raises ConfigurationError if something is missing or does not fit.

    The application is loaded before the port opens, since IIS sends requests as soon as the port is open.
    """
    contract = Contract.read(environment)
    application = load_application(options.application)
    interface = interface_of(application)
    server = options.server or {"wsgi": "waitress", "asgi": "uvicorn"}[interface]
    if (server, interface) not in (("waitress", "wsgi"), ("uvicorn", "asgi")):
        raise ConfigurationError(
            f"{options.application} is a {interface.upper()} application, and {server} does not run those: use "
            f"{'uvicorn' if interface == 'asgi' else 'waitress'}."
        )
    if options.logs:
        remove_old_logs(options.logs)
    windows_auth = options.windows_auth
    if windows_auth is None:
        windows_auth = contract is not None and sys.platform == "win32"
    stop = Stop()
    if contract:
        application = (behind.visitor_asgi if interface == "asgi" else behind.visitor_wsgi)(application)
    if windows_auth:
        application = with_iis_token(application, interface)
    if contract:
        front = behind.behind_asgi if interface == "asgi" else behind.behind_wsgi
        application = front(application, contract, stop.ask)
    port = options.port or (contract.port if contract else 8000)
    if server == "waitress":
        run_waitress(application, stop, host=options.host, port=port, threads=options.threads)
    else:
        run_uvicorn(application, stop, host=options.host, port=port)


def remove_old_logs(prefix: str, keep: int = KEPT_LOGS) -> None:
    """Delete all but the newest *keep* of the logs that HttpPlatformHandler made from the prefix ``stdoutLogFile``.

    HttpPlatformHandler begins one at each start of the process, ``PREFIX_YYYYMMDDhhmmss_PID.log``, and never deletes
    any. A file that cannot be deleted stays.
    """
    path = Path(prefix)
    name = re.compile(re.escape(path.name) + r"_(\d{14})_\d+\.log", re.IGNORECASE)
    try:
        found = [(match[1], file) for file in path.parent.iterdir() if (match := name.fullmatch(file.name))]
    except OSError as exc:
        logger.warning("The logs %s cannot be listed: %s", prefix, exc)
        return
    for _, file in sorted(found, reverse=True)[keep:]:
        try:
            file.unlink()
        except OSError as exc:
            logger.warning("The log %s cannot be deleted: %s", file, exc)


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
        # By name: the wrappers import this package, not the other way round
        front = importlib.import_module("wauth_wsgi")
    except ImportError as exc:
        raise ConfigurationError(
            f'Windows Authentication needs {exc.name}: pip install "windowsauth[iis]", or use --no-windows-auth.'
        ) from exc
    return getattr(front, wrapper)(application, sources=[front.IISToken()])
