"""WAUTH_PRELOAD_DOMAINS: connect while a server starts, in a thread, so that the first visitor does not wait."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from wauth_core.domain_settings import DEFAULT_DOMAIN
from wauth_core.settings import as_names

if TYPE_CHECKING:
    from wauth_core import Wauth
    from wauth_django.apps import WindowsAuthConfig

logger = logging.getLogger("wauth.django")

_SERVER_ENTRIES = {("django.core.wsgi", "get_wsgi_application"), ("django.core.asgi", "get_asgi_application")}


def start(config: WindowsAuthConfig) -> threading.Thread | None:
    """Connect to the configured domains in the background, if this process is a server. Never raises."""
    from django.conf import settings

    if getattr(settings, "WAUTH_PRELOAD_DOMAINS", None) is False or not getattr(settings, "WAUTH_DOMAINS", None):
        return None
    if not is_server(sys.argv, os.environ.get("RUN_MAIN") == "true", _callers()):
        return None
    thread = threading.Thread(target=_connect_all, args=(config,), name="wauth-preload", daemon=True)
    thread.start()
    return thread


def is_server(argv: Sequence[str], reloaded: bool, callers: Iterable[tuple[str, str]]) -> bool:
    """Whether this process will answer requests: it is starting a WSGI or ASGI application, or it is runserver's.

    ``migrate``, ``check``, a shell or a script that calls ``django.setup()`` are none. With the autoreloader only the
    process that serves counts (*reloaded*, RUN_MAIN).
    """
    if PurePath(argv[0] if argv else "").name in {"manage.py", "django-admin", "django-admin.exe", "__main__.py"}:
        return len(argv) > 1 and argv[1].startswith("runserver") and (reloaded or "--noreload" in argv)
    return not _SERVER_ENTRIES.isdisjoint(callers)


def domains_to_preload(wauth: Wauth) -> tuple[str, ...]:
    """The domains that WAUTH_PRELOAD_DOMAINS means: all of WAUTH_DOMAINS for None and True."""
    chosen = wauth.settings.preload_domains
    if chosen is None or chosen is True:
        return tuple(wauth.domains)
    return tuple(name for name in as_names(chosen or None) if name != DEFAULT_DOMAIN)


def _connect_all(config: WindowsAuthConfig) -> None:
    try:
        wauth = config.wauth
        chosen = domains_to_preload(wauth)
    except Exception as error:
        logger.warning("No domain was preloaded: %s", error)
        return
    for domain in chosen:
        try:
            wauth.manager(domain).preload()
        except Exception as error:  # whatever it is, the server starts; a request will tell more
            logger.warning("The domain %s was not preloaded: %s", domain, error)
        else:
            logger.debug("The domain %s was preloaded.", domain)


def _callers() -> Iterator[tuple[str, str]]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_globals.get("__name__", ""), frame.f_code.co_name
        frame = frame.f_back  # type: ignore[assignment]
