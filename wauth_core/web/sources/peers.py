"""Which peers a source believes: addresses and networks, or a unix socket."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from wauth_core.exceptions import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX_SOCKET = "unix"


@dataclass(frozen=True)
class Peers:
    """The peers that the operator listed."""

    unix: bool
    networks: tuple[Network, ...]

    @classmethod
    def listed(cls, trusted: Iterable[str]) -> Peers:
        """Read addresses, networks and "unix". Raises `ConfigurationError` for anything else, and for everybody."""
        peers = (trusted,) if isinstance(trusted, str) else tuple(trusted)
        if not peers:
            raise ConfigurationError("The proxy's address is needed: trusted=['10.0.0.5'].")
        return cls(UNIX_SOCKET in peers, tuple(_network(peer) for peer in peers if peer != UNIX_SOCKET))

    def __contains__(self, peer: str | None) -> bool:
        """Whether *peer* is one of them: an address, a socket's path, or None if the server names no peer."""
        if peer is None:
            return self.unix
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return self.unix and peer.startswith(("/", "unix:"))
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


def _network(peer: str) -> Network:
    try:
        network = ipaddress.ip_network(peer)
    except ValueError as error:
        raise ConfigurationError(f"trusted={peer!r} is no address or network: {error}.") from None
    if network.prefixlen == 0:
        raise ConfigurationError(f"trusted={peer!r} is everybody: list the proxy's own address.")
    return network
