"""`ProxyHeader`: a reverse proxy signed the user in, and says so in a header."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import Rules
from wauth_core.web.outcomes import Outcome, Rejected, Request, SignedIn
from wauth_core.web.sources.encoding import as_text

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECRET_HEADER = "X-Wauth-Secret"  # noqa: S105 - a header's name
UNIX_SOCKET = "unix"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")  # RFC 9110 5.6.2, without the underscore


class ProxyHeader:
    r"""The header *name*, believed from the peers in *trusted* (addresses, networks, "unix" for a unix socket) only.

    It must come exactly once, hold exactly one name, and stand under exactly this name: a second one, a comma or an
    underscore twin (``X_Remote_User``) is refused, and so is any of them from another peer. With *secret* (a text, or
    a pair of header name and text) the proxy must send that too; it is compared in constant time.

    Risk: the proxy must set the header on every request, or strip a client's own; a client's ``Connection:
    X-Remote-User`` makes some proxies drop what they set, which signs nobody in. A WSGI server that folds
    ``X_Remote_User`` into ``X-Remote-User`` (wsgiref does; gunicorn, waitress and mod_wsgi do not) lets a client
    exploit that: choose a *name* without hyphens there. Whoever can connect from a trusted address can be anyone: list
    the proxy, not the office network, and keep the server from replacing the peer's address by ``X-Forwarded-For``
    (``uvicorn --no-proxy-headers``).
    """

    def __init__(self, name: str, trusted: Iterable[str], secret: str | tuple[str, str] | None = None) -> None:
        self.name = f"ProxyHeader({name})"
        self._header = _checked_name(name)
        self._unix, self._networks = _peers(trusted)
        if secret is None:
            self._secret_header, self._secret = None, b""
        else:
            header, text = (SECRET_HEADER, secret) if isinstance(secret, str) else secret
            if not text:
                raise ConfigurationError("ProxyHeader: the secret is empty.")
            self._secret_header, self._secret = _checked_name(header), text.encode()

    def identify(self, request: Request, rules: Rules) -> Outcome | None:
        values = request.header_values(self._header)
        twins = self._twins(request)
        if not values and not twins:
            return None
        if not self._trusts(request.peer):
            return self._rejected(f"it came from {request.peer!r}, which is not a trusted peer")
        if twins:
            return self._rejected(f"the underscore form {twins[0]!r} came too")
        if len(values) != 1 or "," in values[0]:
            return self._rejected("it came more than once, or holds a comma")
        if not self._knows_secret(request):
            return self._rejected("the proxy's secret is missing or wrong")
        try:
            return SignedIn(rules.parse(as_text(values[0])), self.name)
        except InvalidIdentity as error:
            return self._rejected(str(error))

    def release(self, request: Request) -> None:
        """Keep the proxy's secret from the application (and so from its error pages)."""
        if self._secret_header is not None:
            request.remove_header(self._secret_header)

    def _rejected(self, reason: str) -> Rejected:
        return Rejected(reason, self.name)

    def _twins(self, request: Request) -> list[str]:
        """Headers that a WSGI server might fold into ours; an environ cannot show them, a scope can."""
        if "-" not in self._header:
            return []
        wanted = self._header.lower()
        return [key for key, _ in request.headers if "_" in key and key.replace("_", "-") == wanted]

    def _trusts(self, peer: str | None) -> bool:
        if peer is None:
            return self._unix
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return self._unix and peer.startswith(("/", "unix:"))
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def _knows_secret(self, request: Request) -> bool:
        if self._secret_header is None:
            return True
        given = request.header_values(self._secret_header)
        return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1", "replace"), self._secret)


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not a header's name: write it as it is sent (X-Remote-User), with no underscore."
        )
    return name


def _peers(trusted: Iterable[str]) -> tuple[bool, tuple[Network, ...]]:
    listed = (trusted,) if isinstance(trusted, str) else tuple(trusted)
    if not listed:
        raise ConfigurationError("ProxyHeader needs the proxy's address: trusted=['10.0.0.5'].")
    networks: list[Network] = []
    for peer in listed:
        if peer == UNIX_SOCKET:
            continue
        try:
            network = ipaddress.ip_network(peer)
        except ValueError as error:
            raise ConfigurationError(f"trusted={peer!r} is no address or network: {error}.") from None
        if network.prefixlen == 0:
            raise ConfigurationError(f"trusted={peer!r} is everybody: list the proxy's own address.")
        networks.append(network)
    return UNIX_SOCKET in listed, tuple(networks)
