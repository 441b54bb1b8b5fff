"""The servers that SERVER names: a host name, a URL, or several of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings, names


@dataclass(frozen=True)
class Endpoint:
    """A server as the settings name it."""

    host: str
    port: int
    tls: bool  # LDAPS; StartTLS is the settings' START_TLS

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"


def endpoints(settings: LDAPSettings) -> tuple[Endpoint, ...]:
    """The servers that SERVER names, in order. Raises `ConfigurationError`."""
    use_ssl = bool(settings.SERVER_OPTIONS.get("use_ssl", settings.USE_SSL and not settings.START_TLS))
    port = settings.SERVER_OPTIONS.get("port")
    found = [_endpoint(str(one).strip(), use_ssl, port) for one in names(settings.SERVER)]
    if not found:
        raise ConfigurationError("SERVER is required: the host name or URL of a domain controller.")
    return tuple(dict.fromkeys(found))


_URL = re.compile(
    r"(?:(?P<scheme>ldaps?)://)?(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)


def _endpoint(text: str, use_ssl: bool, port: int | None) -> Endpoint:
    if not (found := _URL.fullmatch(text)):
        shown = "" if "@" in text else f" {text!r}"  # a URL may hold a password
        raise ConfigurationError(
            f"SERVER{shown} is neither a host name nor a URL such as ldaps://dc1.example.local:636."
        )
    tls = found["scheme"].lower() == "ldaps" if found["scheme"] else use_ssl
    return Endpoint(found["host"].strip("[]"), int(found["port"] or port or (636 if tls else 389)), tls)
