"""What ``manage.py check --deploy`` adds: the points of the deployment checklist that settings show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.core.checks import CheckMessage, Warning

A_DAY = timedelta(days=1)

PROCESS_CACHES = ("LocMemCache", "DummyCache")


def check_deployment() -> Iterator[CheckMessage]:
    """docs/iis/checklist.md, as far as Django's own checks do not look."""
    cache = settings.CACHES.get("default", {}).get("BACKEND", "")
    if cache.endswith(PROCESS_CACHES):
        yield Warning(
            f"The cache is {cache!r}, which processes do not share: each asks the directory what another knows.",
            hint="Use Redis, Memcached or the database cache in CACHES.",
            id="wauth.W014",
        )
    if settings.DATABASES.get("default", {}).get("ENGINE", "").endswith("sqlite3"):
        yield Warning(
            "The database is SQLite, in which one process at a time can write: sign-ins wait for one another.",
            hint="Use a database server.",
            id="wauth.W015",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS allows every host name, so a client chooses what links and redirects name.",
            hint="List the host names of the site's bindings.",
            id="wauth.W016",
        )
    if not _is_logged():
        yield Warning(
            "LOGGING keeps nothing of the logger 'wauth', which tells who was refused and why.",
            hint="Give the logger 'wauth' (or the root logger) a handler.",
            id="wauth.W017",
        )
    for name in ("SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE"):
        if getattr(settings, name) not in ("Lax", "Strict"):
            yield Warning(
                f"{name} is {getattr(settings, name)!r}, so requests that other sites start bring the cookie along.",
                hint=f"Set {name} to 'Lax'. (Django's own checks look at SECURE and HTTPONLY.)",
                id="wauth.W020",
            )
    if not settings.SESSION_EXPIRE_AT_BROWSER_CLOSE and timedelta(seconds=settings.SESSION_COOKIE_AGE) > A_DAY:
        yield Warning(
            f"A session lasts for {_in_words(settings.SESSION_COOKIE_AGE)} on a machine that is left alone.",
            hint="Set SESSION_EXPIRE_AT_BROWSER_CLOSE, or a SESSION_COOKIE_AGE of a day (86400) or less.",
            id="wauth.W018",
        )


def _in_words(seconds: int) -> str:
    days, rest = divmod(timedelta(seconds=seconds), A_DAY)
    hours = rest // timedelta(hours=1)
    counted = [(days, "day"), (hours, "hour")]
    return " and ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in counted if count)


def _is_logged() -> bool:
    loggers = dict(settings.LOGGING.get("loggers", {}))
    found = [loggers.get("wauth"), loggers.get(""), settings.LOGGING.get("root")]
    return any(logger and logger.get("handlers") for logger in found)
