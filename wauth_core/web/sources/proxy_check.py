"""Whether a client's own header reaches the application through the proxy: ``wauth doctor --proxy URL``, *self_test*.

The application's own source answers. It gets a random number, and returns the header names under which that number
arrived (`wauth_core.web.sources.header`). It returns nothing else, and signs nobody in.
"""

from __future__ import annotations

import http.client
import logging
import secrets
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from wauth_core.directory import Check, Outcome
from wauth_core.exceptions import ConfigurationError, WauthError
from wauth_core.web.outcomes import Headers

logger = logging.getLogger("wauth.sources")

PROBE, ARRIVED, NOTHING = "WauthProbe", "WauthArrived", "nothing"  # two headers, and what the second says of nothing
TIMEOUT = 10  # seconds
OVERWRITE = "Let the proxy set {name} on every request, also for people who are not signed in, and so overwrite it."
NO_TWINS = (
    "Choose a name without a hyphen (RemoteUser), or let the proxy drop headers with an underscore in their names."
)
NOT_THERE = (
    "Is the application with ProxyHeader({name!r}, …) behind this address? Where the proxy wants a sign-in first, send "
    "one along: --send 'Authorization: Basic …', or a cookie."
)


def examine(url: str, name: str, along: Headers = ()) -> Iterator[Check]:
    """Send to *url* what a client can send for the header *name*, with the headers *along*. Return what arrives.

    Raises `ConfigurationError` if *url* is no address.
    """
    probe = secrets.token_hex(16)
    status, arrived = _ask(url, ((PROBE, probe), *along))
    if arrived is None:
        yield Check("the site answers", Outcome.FAILED, f"status {status}, from no source", NOT_THERE.format(name=name))
        return
    yield Check("the site answers", Outcome.OK, f"status {status}")
    for what, headers, advice in _attempts(name, probe):
        status, arrived = _ask(url, (*headers, (PROBE, probe), *along))
        if arrived == NOTHING:
            yield Check(what, Outcome.OK, "does not arrive")
        elif arrived is None:
            yield Check(what, Outcome.OK, f"the proxy answers status {status} by itself")
        else:
            yield Check(what, Outcome.FAILED, f"arrives, as {arrived}", advice.format(name=name))


def begin(url: str, name: str) -> threading.Thread:
    """Run `examine` in a thread and log what it finds. The site is asked while it serves."""
    thread = threading.Thread(target=_report, args=(url, name), name="wauth-proxy-check", daemon=True)
    thread.start()
    return thread


def _report(url: str, name: str) -> None:
    try:
        failed = [check for check in examine(url, name) if check.outcome is Outcome.FAILED]
    except WauthError as error:
        logger.warning("The proxy was not tried: %s", error)
        return
    for check in failed:
        logger.error("The proxy at %s, %s: %s. %s", url, check.name, check.detail, check.advice)
    if not failed:
        logger.info("The proxy at %s lets no client's own %s through.", url, name)


def _attempts(name: str, probe: str) -> Iterator[tuple[str, Headers, str]]:
    yield "a client's own header", ((name, probe),), OVERWRITE
    yield "in other letters", ((name.swapcase(), probe),), OVERWRITE
    yield "sent twice", ((name, probe), (name, probe)), OVERWRITE
    yield "named in Connection", (("Connection", f"close, {name}"), (name, probe)), OVERWRITE
    if "-" in name:
        yield "with underscores", ((name.replace("-", "_"), probe),), NO_TWINS
        yield "with one underscore", ((name.replace("-", "_", 1), probe),), NO_TWINS


def _ask(url: str, headers: Headers) -> tuple[int | None, str | None]:
    """The status and the source's answer. None if nobody answered, or if no source did."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{url!r} is no address of a site: write it like https://intranet.example.local/.")
    connection = (
        http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
        if parts.scheme == "http"
        else http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT, context=ssl.create_default_context()
        )
    )
    try:
        connection.putrequest("GET", parts.path or "/")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.getheader(ARRIVED)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, http.client.BadStatusLine | ConnectionResetError):
            return None, None
        raise ConfigurationError(f"{url} cannot be asked: {error}") from None
    finally:
        connection.close()
