"""The LDAP ping over UDP: who this controller is, and which site the asking address is in (MS-ADTS 6.3.3)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading

from . import ber
from .configuration_partition import SITE
from .distinguished_names import fold
from .faults import Faults
from .filter_syntax import And, Compare, Filter
from .hosted_domain import Domain
from .messages import SearchRequest, entry_message, read_message, result_message

_RESPONSE_EX = 23
_FLAGS = 0x1 | 0x4 | 0x8 | 0x10 | 0x20 | 0x80 | 0x100  # PDC, GC, LDAP, DS, KDC, closest, writable (MS-ADTS 6.3.1.2)
_VERSION, _TOKEN = 0x5, 0xFFFF


class Pinging:
    """Answers pings on the UDP port with plain LDAP's number, until it is closed."""

    def __init__(self, domain: Domain, faults: Faults, host: str, port: int) -> None:
        self._domain = domain
        self._faults = faults
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, name="wauth-directory-ping", daemon=True)
        try:
            self._socket.bind((host, port))
            self._socket.settimeout(0.5)
        except OSError:
            self._socket.close()
            raise
        self._closing = False
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())  # wakes the thread
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing:
            try:
                data, address = self._socket.recvfrom(4096)
                answer = b"" if self._faults.active("outage") else self._answer(data, str(address[0]))
                if answer:
                    self._socket.sendto(answer, address)
            except (TimeoutError, ConnectionError, ber.BerError):
                continue
            except OSError:
                return

    def _answer(self, data: bytes, client: str) -> bytes:
        message = read_message(data)
        request = message.request
        if not isinstance(request, SearchRequest) or request.base or request.scope != 0:
            return b""
        found: bytes = b""
        with self._domain.store.lock:
            if "netlogon" in {name.lower() for name in request.attributes} and self._is_meant(request.filter):
                found = entry_message(message.id, "", [("netlogon", (self._response(client),))])
        return found + result_message(message.id, request, 0)

    def _is_meant(self, asked: Filter) -> bool:
        """Whether the filter names this domain, or none."""
        conditions = asked.parts if isinstance(asked, And) else (asked,)
        named = {each.attribute.lower(): each.value for each in conditions if isinstance(each, Compare)}
        domain = named.get("dnsdomain", self._domain.realm.encode()).decode("utf-8", "replace").rstrip(".")
        return fold(domain) in (fold(self._domain.realm), fold(self._domain.netbios))

    def _response(self, client: str) -> bytes:
        realm = self._domain.realm
        names = (realm, realm, f"dc1.{realm}", self._domain.netbios, "DC1", "", SITE, self._site_of(client))
        head = struct.pack("<HHI", _RESPONSE_EX, 0, _FLAGS) + self._domain.store.root.guid
        return head + b"".join(map(_name, names)) + struct.pack("<IHH", _VERSION, _TOKEN, _TOKEN)

    def _site_of(self, client: str) -> str:
        """The site of the smallest network that holds the address. If there is one site only, that one."""
        store = self._domain.store
        sites = store.find(f"CN=Sites,CN=Configuration,{store.base_dn}")
        subnets = store.find(f"CN=Subnets,CN=Sites,CN=Configuration,{store.base_dn}")
        if sites is None or subnets is None:
            return ""
        best: tuple[int, str] | None = None
        for subnet in (subnets.children or {}).values():
            with contextlib.suppress(ValueError):
                network = ipaddress.ip_network(subnet.rdn.value)
                linked = list(subnet.linked("siteobject"))
                if linked and ipaddress.ip_address(client) in network and (not best or network.prefixlen > best[0]):
                    best = (network.prefixlen, linked[0].rdn.value)
        if best is not None:
            return best[1]
        named = [each for each in (sites.children or {}).values() if store.classes(each)[-1] == b"site"]
        return named[0].rdn.value if len(named) == 1 else ""


def _name(text: str) -> bytes:
    """A name as DNS writes it (RFC 1035 3.1)."""
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
