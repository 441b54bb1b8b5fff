"""`ProxyHeader` and `SignedHeader`: a reverse proxy signed the user in, and says so in a header."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterable

from wauth_core.exceptions import ConfigurationError
from wauth_core.web.request import Request
from wauth_core.web.sources.header import HeaderSource, NotBelieved, checked_name

SECRET_HEADER = "WauthSecret"  # noqa: S105 - a header's name
MIN_KEY = 16  # bytes
MAX_AGE = 30  # seconds, of a signature; the clocks of both machines may differ by as much
_SIGNED = re.compile(r"([0-9]{1,12}) ([0-9A-Fa-f]{64}) (.+)", re.DOTALL)


class ProxyHeader(HeaderSource):
    r"""The header *name*, believed from the peers in *trusted* (addresses, networks, "unix" for a unix socket) only.

    It must come exactly once, hold exactly one name, and stand under exactly this name: a second one, a comma or an
    underscore twin (``Remote_User``) is refused, and so is any of them from another peer. With *secret* (a text, or
    a pair of header name and text) the proxy must send that too; it is compared in constant time.

    Choose a *name* without a hyphen. Under WSGI a client's ``X_Remote_User`` may replace the proxy's ``X-Remote-User``;
    so a name with a hyphen is refused there, unless the server is known to drop such twins (waitress, gunicorn,
    Werkzeug, gevent, Apache) or *server_drops_twins* says so.

    *self_test* is the site's own address, for development: at the first request the site sends itself there, and so
    through the proxy, what `wauth doctor --proxy` sends, and logs what arrives.

    Risk: the proxy must set the header on every request, and so overwrite a client's own. A client's ``Connection:
    RemoteUser`` makes some proxies drop what they set, which signs nobody in. Whoever can connect from a trusted
    address can be anyone: list the proxy, not the office network, and keep the server from replacing the peer's
    address by ``X-Forwarded-For`` (``uvicorn --no-proxy-headers``). `SignedHeader` binds more.
    """

    def __init__(
        self,
        name: str,
        trusted: Iterable[str],
        secret: str | tuple[str, str] | None = None,
        *,
        server_drops_twins: bool = False,
        self_test: str | None = None,
    ) -> None:
        super().__init__(name, trusted, server_drops_twins=server_drops_twins, self_test=self_test)
        if secret is None:
            self._secret_header, self._secret = None, b""
        else:
            header, text = (SECRET_HEADER, secret) if isinstance(secret, str) else secret
            if not text:
                raise ConfigurationError("ProxyHeader: the secret is empty.")
            self._secret_header, self._secret = checked_name(header), text.encode()

    def release(self, request: Request) -> None:
        """Keep the proxy's secret from the application (and so from its error pages)."""
        if self._secret_header is not None:
            request.remove_header(self._secret_header)

    def named(self, value: str, request: Request) -> str:
        if self._secret_header is not None:
            given = request.header_values(self._secret_header)
            if len(given) != 1 or not hmac.compare_digest(given[0].encode("latin-1", "replace"), self._secret):
                raise NotBelieved("the proxy's secret is missing or wrong")
        return value


class SignedHeader(HeaderSource):
    """The header *name*, from the peers in *trusted*, signed by the proxy with *key*: nothing else can set it.

    It holds ``TIME SIGNATURE NAME``: seconds since 1970; in hexadecimal the HMAC-SHA256 of method, host, time and name,
    with a line feed between each; and the name in UTF-8. The host is the Host header as the application gets it. A
    signature counts for thirty seconds, for that method and host. Several keys are all believed, so that a key can be
    replaced. *now* is the clock, in seconds. *self_test*: see `ProxyHeader`.

    Risk: within these thirty seconds whoever reads the header and can connect from a trusted address can send it again.
    Raises `ConfigurationError` for a key of less than 16 bytes.
    """

    def __init__(
        self,
        name: str,
        trusted: Iterable[str],
        key: str | bytes | Iterable[str | bytes],
        *,
        now: Callable[[], float] = time.time,
        self_test: str | None = None,
    ) -> None:
        super().__init__(name, trusted, server_drops_twins=True, self_test=self_test)  # no twin has the signature
        listed = [key] if isinstance(key, str | bytes) else list(key)
        self._keys = [one.encode() if isinstance(one, str) else one for one in listed]
        if not self._keys or any(len(one) < MIN_KEY for one in self._keys):
            raise ConfigurationError(f"SignedHeader: a key has at least {MIN_KEY} random bytes.")
        self._now = now

    def release(self, request: Request) -> None:
        """Keep the signature from the application: it is as good as a password for a moment."""
        request.remove_header(self.header)

    def named(self, value: str, request: Request) -> str:
        found = _SIGNED.fullmatch(value)
        hosts = request.header_values("host")
        if found is None or len(hosts) != 1:
            raise NotBelieved("it is not TIME SIGNATURE NAME, or there is not one Host")
        at, signature, name = found.groups()
        message = "\n".join((request.method, hosts[0], at, name)).encode("latin-1", "replace")
        given = bytes.fromhex(signature)
        if not any(hmac.compare_digest(hmac.digest(key, message, "sha256"), given) for key in self._keys):
            raise NotBelieved("its signature is wrong")
        if abs(self._now() - int(at)) > MAX_AGE:
            raise NotBelieved(f"it was signed more than {MAX_AGE} seconds ago, or the clocks differ")
        return name
