"""The contract between IIS's HttpPlatformHandler and the process that it starts, as pure functions.

Both versions choose a port, pass it in the environment, and forward requests over plain HTTP. Version 2 adds three
things: a secret in each of its requests, the path of the application (a site below another), and a request that asks
the process to end. Source: `SERVER_PROCESS` and `FORWARDING_HANDLER` of
https://github.com/lextudio/httpplatformhandlerv2.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from wauth_core.exceptions import ConfigurationError
from wauth_core.web.sources.token import PAIRING_VARIABLE

PORT_VARIABLE = "HTTP_PLATFORM_PORT"
PATH_VARIABLE = "HTTP_PLATFORM_APPL_PATH"
EVENT_HEADER = "MS-ASPNETCORE-EVENT"
STOP_PATH = "/iisintegration"
STOP_SECONDS = 10.0  # then HttpPlatformHandler kills the process


@dataclass(frozen=True)
class Contract:
    """What IIS told this process when it started it.

    :param port: where to listen, on loopback.
    :param path: the path of the application, without a slash at its end; empty for the site's root.
    :param secret: what each request of this IIS carries; empty with version 1.2, which has none.
    """

    port: int
    path: str = ""
    secret: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Contract | None:
        """The contract, or None if IIS did not start this process. Raises ConfigurationError for a bad port."""
        text = environment.get(PORT_VARIABLE)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise ConfigurationError(
                f"{PORT_VARIABLE} is {text!r}, which is no port: is this run by HttpPlatformHandler?"
            )
        path = environment.get(PATH_VARIABLE, "").rstrip("/")
        return cls(int(text), path, environment.get(PAIRING_VARIABLE, ""))

    def below(self, path: str) -> str | None:
        """The part of a request's *path* after the application's own; None if it lies elsewhere. IIS ignores case."""
        head, rest = path[: len(self.path)], path[len(self.path) :]
        return rest if head.lower() == self.path.lower() and rest[:1] in ("", "/") else None

    def asks_to_stop(self, method: str, path: str, event: str, secret: str, peer: str) -> bool:
        """Whether a request is the one by which IIS ends this process.

        *event* and *secret* are the values of the two headers. A visitor cannot send them: IIS removes both headers and
        writes the secret itself. Without a secret (version 1.2) nobody can ask.
        """
        return (
            bool(self.secret)
            and (method, self.below(path), event.strip()) == ("POST", STOP_PATH, "shutdown")
            and hmac.compare_digest(secret.encode("utf-8", "replace"), self.secret.encode("utf-8", "replace"))
            and is_loopback(peer)
        )


def is_loopback(peer: str) -> bool:
    """Whether *peer* is an address of this machine's own loopback interface."""
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def last(value: str) -> str:
    """The last of the values that proxies have appended: IIS wrote that one."""
    return value.rpartition(",")[2].strip(" \t").lower()


def address(forwarded: str) -> str | None:
    """The address in an element of ``X-Forwarded-For``, which IIS writes with a port and IPv6 in brackets.

    None if it is not an address.
    """
    text = forwarded.strip(" \t")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
