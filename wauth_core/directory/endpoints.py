"""The servers that SERVER names: a host name, a URL, or several of them; or a domain, ``dns:example.local``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings, as_names


@dataclass(frozen=True)
class Endpoint:
    """A server as the settings name it."""

    host: str
    port: int
    tls: bool  # LDAPS; StartTLS is the settings' START_TLS

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"


DNS = "dns:"
CATALOG = "gc:"  # within this package only: stands for GC's "dns:"


def discovered_domain(settings: LDAPSettings) -> tuple[str, bool] | None:
    """The DNS domain whose controllers SERVER says to look up, and whether its catalogs are meant.

    None if SERVER names servers.
    """
    listed = [str(one).strip() for one in as_names(settings.SERVER)]
    if not any(one.lower().startswith((DNS, CATALOG)) for one in listed):
        return None
    domain = listed[0].partition(":")[2].strip().rstrip(".")
    if len(listed) != 1 or not re.fullmatch(r"[^\s:/.]+(?:\.[^\s:/.]+)+", domain):
        raise ConfigurationError(f'SERVER {settings.SERVER!r} must be one domain, such as "dns:example.local".')
    return domain, listed[0].lower().startswith(CATALOG)


def uses_tls(settings: LDAPSettings) -> bool:
    """Whether LDAPS is used for a server that is named without a scheme."""
    return bool(settings.SERVER_OPTIONS.get("use_ssl", settings.USE_SSL and not settings.START_TLS))


def found_by_dns(settings: LDAPSettings, host: str, port: int) -> Endpoint:
    """The endpoint of an SRV record, whose port is that of plain LDAP."""
    tls = uses_tls(settings)
    return Endpoint(host, int(settings.SERVER_OPTIONS.get("port") or (636 if tls else port)), tls)


def endpoints(settings: LDAPSettings) -> tuple[Endpoint, ...]:
    """The servers that SERVER names, in order. Raises `ConfigurationError`."""
    use_ssl = uses_tls(settings)
    port = settings.SERVER_OPTIONS.get("port")
    found = [_endpoint(str(one).strip(), use_ssl, port) for one in as_names(settings.SERVER)]
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
