"""`HeaderSource`: the base of sources that read a name from one header, which a proxy or a server in front sets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import NameRules
from wauth_core.web.outcomes import Handshake, Outcome, Rejected, SignedIn
from wauth_core.web.request import Request
from wauth_core.web.sources import proxy_check
from wauth_core.web.sources.encoding import as_text
from wauth_core.web.sources.peers import Peers
from wauth_core.web.sources.proxy_check import ARRIVED, NOTHING, PROBE

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")  # RFC 9110 5.6.2, without the underscore
_PROBE = re.compile(r"[0-9a-f]{32}")


class NotBelieved(Exception):
    """A header's value is not believed. The text says why, for the log."""


class HeaderSource:
    r"""A source that reads the header *name*, from the peers in *trusted* (addresses, networks, "unix") only.

    A subclass has `named`, which returns the user's name that a value tells. This class sees to the rest:

    - The header from any other peer is refused, not ignored.
    - It must come exactly once and hold no comma. An underscore twin (``Remote_User``) is refused.
    - Under WSGI a name with a hyphen is refused, unless the server is known to drop a client's ``X_Remote_User``, or
      *server_drops_twins* says so.
    - The name is read by the site's rules; one that cannot be a name is refused.

    *self_test* is the site's own address: see `wauth_wsgi.ProxyHeader`. Raises `ConfigurationError` for what is no
    header's name, and for *trusted* that is empty or everybody.

    Risk: whoever can connect from a trusted address, or set the header through the proxy, can be anyone.
    """

    def __init__(
        self, name: str, trusted: Iterable[str], *, server_drops_twins: bool = False, self_test: str | None = None
    ) -> None:
        self.name = f"{type(self).__name__}({name})"
        self.header = checked_name(name)
        self._peers = Peers.listed(trusted)
        self._drops_twins = server_drops_twins or "-" not in name
        self._self_test = self_test

    def named(self, value: str, request: Request) -> str:
        r"""The name that *value* tells: ``DOMAIN\user``, or a UPN on a site with WAUTH_USE_SPN.

        *value* is as it came, in Latin-1: bytes of UTF-8 are decoded after this. Raises `NotBelieved`.
        """
        raise NotImplementedError

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        """See `wauth_core.web.Source`."""
        if self._self_test is not None:
            url, self._self_test = self._self_test, None
            proxy_check.begin(url, self.header)
        values = request.header_values(self.header)
        twins = self._twins(request)
        if probes := request.header_values(PROBE):
            return self._answer_probe(probes[0], request)
        if not values and not twins:
            return None
        if request.peer not in self._peers:
            return self._rejected(f"it came from {request.peer!r}, which is not a trusted peer")
        if twins:
            return self._rejected(f"the underscore form {twins[0]!r} came too")
        if len(values) != 1 or "," in values[0]:
            return self._rejected("it came more than once, or holds a comma")
        if request.may_fold and not self._drops_twins:
            return self._rejected(
                f"this server may take a client's {self.header.replace('-', '_')} for it: choose a name without a "
                "hyphen (RemoteUser), or say server_drops_twins=True if it drops such headers"
            )
        try:
            return SignedIn(rules.parse(as_text(self.named(values[0], request))), self.name)
        except (NotBelieved, InvalidIdentity) as error:
            return self._rejected(str(error))

    def _rejected(self, reason: str) -> Rejected:
        return Rejected(reason, self.name)

    def _twins(self, request: Request) -> list[str]:
        """Headers that a WSGI server might fold into ours; an environ cannot show them, a scope can."""
        if "-" not in self.header:
            return []
        wanted = self.header.lower()
        return [key for key, _ in request.headers if "_" in key and key.replace("_", "-") == wanted]

    def _answer_probe(self, probe: str, request: Request) -> Handshake:
        """Tell `wauth doctor --proxy` under which names a client's own value arrives. Nobody is signed in by it."""
        ours = self.header.lower()
        found = {name for name, value in request.headers if name.replace("_", "-") == ours and probe in value}
        arrived = ",".join(sorted(found)) if _PROBE.fullmatch(probe) and found else NOTHING
        return Handshake(((ARRIVED, arrived),), self.name, "it is a probe of the proxy", 403)


def checked_name(name: str) -> str:
    """*name*, if a header can have it. Raises `ConfigurationError`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not a header's name: write it as it is sent (RemoteUser), with no underscore."
        )
    return name
