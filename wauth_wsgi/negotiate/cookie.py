"""The session cookie, by which one handshake serves many requests. It is signed, it expires, and it holds no secret.

It says who signed in, how, and until when. It also holds the group SIDs of the ticket, so that every worker knows them
without asking. Its owner can read it, and finds what ``whoami /groups`` shows anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import Identity, TransportFacts
from wauth_core.web.outcomes import Headers
from wauth_core.web.request import Request

if TYPE_CHECKING:
    from itsdangerous import Signer

logger = logging.getLogger("wauth.sources")

MAX_COOKIE = 4000  # bytes of name and value; browsers keep 4,096 (RFC 6265 6.1)
MAX_UNPACKED = 64 * 1024
WORTH_PACKING = 600  # bytes of JSON; packing takes longer than it is worth below
MIN_KEY = 16  # bytes
VERSION = 2

Key = str | bytes

_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class Session:
    """Who signed in. *login* is the name as it was typed, if a password was. *until* is an aware time. *number* is the
    person's (`wauth_core.web.sessions`): if that has changed, the session has ended."""

    identity: Identity
    until: datetime
    facts: TransportFacts | None = None
    login: str | None = None
    sid: str | None = None
    number: int = 0


class SessionCookie:
    """Reads and writes `Session` as a cookie.

    *keys* sign: the first one writes, all of them read, so that a key is replaced by putting the new one in front.
    The signature also covers *audience*: a cookie for one audience is nothing to another with the same key. With
    *secure* the name has the ``__Host-`` prefix: no other host, no plain-text page can plant one. Raises
    `ConfigurationError` for a short key.
    """

    def __init__(
        self,
        keys: Key | Iterable[Key] | None,
        *,
        audience: str,
        secure: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.name = "__Host-wauth" if secure else "wauth"
        self._secure = secure
        self._now = now
        self._signer = _signer(_checked(keys), f"wauth.session.{VERSION}:{audience}")

    def read(self, request: Request) -> Session | None:
        """The session that a request brings, or None: none, forged, expired, of another key or audience."""
        cookies = "; ".join(request.header_values("cookie")).split(";")
        found = [value for name, _, value in (c.strip(" \t").partition("=") for c in cookies) if name == self.name]
        if len(found) != 1:  # a second one was planted, by a neighbour that may set cookies for us
            return None
        value = found[0].encode("utf-8", "replace")
        if not self._signer.validate(value):
            return None
        try:
            session = _unpack(value.rpartition(b".")[0])
        except (ValueError, KeyError, TypeError, zlib.error, InvalidIdentity):
            logger.warning("A session cookie with a right signature cannot be read; it is ignored.")
            return None
        return session if self._now() < session.until else None

    def headers(self, session: Session) -> Headers:
        """``Set-Cookie``, and what keeps the response out of every cache (RFC 9111 7.3: a cache may store cookies).

        Empty if the group SIDs of a ticket make the cookie too long for a browser.
        """
        value = self._signer.sign(_pack(session)).decode("ascii")
        if len(self.name) + len(value) > MAX_COOKIE:
            return ()
        age = max(0, int((session.until - self._now()) / timedelta(seconds=1)))
        return self._set_cookie(value, age), ("Cache-Control", "no-store")

    def ending(self) -> tuple[str, str]:
        """The ``Set-Cookie`` header that ends the session in the browser."""
        return self._set_cookie("", 0)

    def _set_cookie(self, value: str, age: int) -> tuple[str, str]:
        parts = [f"{self.name}={value}", f"Max-Age={age}", "Path=/", "HttpOnly", "SameSite=Lax"]
        return "Set-Cookie", "; ".join([*parts, "Secure"] if self._secure else parts)


def _signer(keys: list[bytes], salt: str) -> Signer:
    try:
        from itsdangerous import Signer
    except ImportError as error:
        raise ConfigurationError('Negotiate needs itsdangerous: pip install "windowsauth[wsgi]"') from error
    return Signer(keys, salt=salt.encode(), digest_method=hashlib.sha256)


def _checked(keys: Key | Iterable[Key] | None) -> list[bytes]:
    if keys is None:
        logger.info("No secret_key: sessions end with this process, and every worker process has its own.")
        return [secrets.token_bytes(32)]
    listed = [keys] if isinstance(keys, str | bytes) else list(keys)
    encoded = [key.encode() if isinstance(key, str) else key for key in listed]
    if not encoded or any(len(key) < MIN_KEY for key in encoded):
        raise ConfigurationError(
            f"secret_key must be at least {MIN_KEY} random bytes: python -c 'import secrets; "
            "print(secrets.token_urlsafe(32))'"
        )
    return encoded[::-1]  # itsdangerous signs with the last one


def _pack(session: Session) -> bytes:
    said: dict[str, Any] = {
        "d": session.identity.domain,
        "u": session.identity.username,
        "e": int(session.until.timestamp()),
        "n": session.number,
    }
    if session.identity.is_upn:
        said["p"] = 1
    if session.sid is not None:
        said["s"] = session.sid
    if session.login is not None:
        said["l"] = session.login
    if session.facts is not None:
        facts = session.facts
        at = facts.as_of.timestamp() if facts.as_of is not None else None
        kept = facts.believed_for.total_seconds() if facts.believed_for is not None else None
        said["f"] = [facts.user_sid, at, facts.complete, facts.upn, _folded(facts.group_sids), kept]
    text = _JSON.encode(said).encode()
    packed = b"z" + zlib.compress(text) if len(text) > WORTH_PACKING else text
    return base64.urlsafe_b64encode(packed).rstrip(b"=")


def _unpack(value: bytes) -> Session:
    """Raises ValueError, KeyError, TypeError, zlib.error or InvalidIdentity for what `_pack` did not make."""
    text = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
    if text.startswith(b"z"):
        text = zlib.decompressobj().decompress(text[1:], MAX_UNPACKED)
    said = json.loads(text)
    facts = None
    if "f" in said:
        sid, at, complete, upn, groups, kept = said["f"]
        as_of = None if at is None else datetime.fromtimestamp(at, timezone.utc)
        believed_for = None if kept is None else timedelta(seconds=kept)
        facts = TransportFacts(sid, _unfolded(groups), as_of, complete, upn, believed_for)
    until = datetime.fromtimestamp(said["e"], timezone.utc)
    identity = Identity(said["d"], said["u"], "p" in said)
    return Session(identity, until, facts, said.get("l"), said.get("s"), int(said["n"]))


def _folded(sids: Iterable[str]) -> dict[str, list[int]]:
    """SIDs by their domain, the last parts as differences: a thousand groups become two kilobytes."""
    rids: dict[str, list[int]] = {}
    for sid in sids:
        prefix, _, rid = sid.rpartition("-")
        rids.setdefault(prefix, []).append(int(rid))
    return {prefix: _differences(sorted(numbers)) for prefix, numbers in rids.items()}


def _differences(numbers: list[int]) -> list[int]:
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def _unfolded(folded: Mapping[str, list[int]]) -> frozenset[str]:
    sids = []
    for prefix, differences in folded.items():
        rid = 0
        for difference in differences:
            rid += difference
            sids.append(f"{prefix}-{rid}")
    return frozenset(sids)
