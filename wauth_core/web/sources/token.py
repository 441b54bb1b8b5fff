"""Who is behind the sign-in token that IIS hands to the Python process.

With ``forwardWindowsAuthToken`` HttpPlatformHandler duplicates the visitor's token into the process and
names its handle, in hexadecimal, in a request header (:data:`TOKEN_HEADERS`). The rules here are pure and
hold on any system; Windows is asked through :class:`TokenReader`, of which :mod:`wauth_core.web.sources.win32` is
the real one.

A handle is a small number that anybody can write into a header. So:

* only what proves to be a token is read, and only that is closed: closing a number that a client made up
could close a socket or a file of this process;
* pseudo-handles (``-4``, ``-6``), which mean the process itself, are never numbers in the accepted range;
* a token of this process's own account is refused, since every process can open its own;
* the header counts only from a peer and with a pairing that :func:`check_forwarder` accepts.
"""

from __future__ import annotations

import hmac
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wauth_core.exceptions import WauthError

# HttpPlatformHandler 1.2 and 2.x; ASP.NET Core Module; HttpPlatformHandler 1.3
TOKEN_HEADERS = ("X-IIS-WindowsAuthToken", "MS-ASPNETCORE-WINAUTHTOKEN", "MS-PLATFORM-HANDLER-WINAUTHTOKEN")
PAIRING_HEADER = "MS-ASPNETCORE-TOKEN"
PAIRING_VARIABLE = "HTTP_PLATFORM_TOKEN"
AUTHENTICATION_VARIABLE = "HTTP_PLATFORM_IIS_HTTPAUTH"

# Two requests that name one handle: the second must not close what has got that number meanwhile
_ONE_AT_A_TIME = threading.Lock()
_NOBODY = {"S-1-5-7": "the anonymous account", "S-1-5-17": "IUSR, IIS's anonymous account"}
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3}")


@dataclass(frozen=True)
class TokenFacts:
    """What a token says. *group_sids* holds all enabled groups, nested ones included: no LDAP is needed for them."""

    user_sid: str
    domain: str
    username: str
    group_sids: frozenset[str]


class InvalidToken(WauthError):
    """A sign-in token that says nobody, or that nobody who may have sent it.

    *reason* holds no part of the header: a handle is not written to logs.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The sign-in token from IIS is refused: {reason}.")


class TokenReader(Protocol):
    """The few things Windows must be asked. A handle is one of this process; each method raises OSError on failure."""

    def user_sid(self, handle: int) -> str:
        """Whose token it is. This is also the proof that *handle* is a token, and one that can be read."""

    def group_sids(self, handle: int) -> frozenset[str]:
        """The groups that count: enabled ones, without those that are there only to deny."""

    def account(self, sid: str) -> tuple[str, str]:
        """The domain and the name of a user."""

    def own_sid(self) -> str:
        """The SID of the account that this process runs as."""

    def close(self, handle: int) -> None:
        """Give the handle back."""


def read_token(header_value: str, reader: TokenReader) -> TokenFacts:
    """Read and close the token that *header_value* names. Raises :class:`InvalidToken`, and nothing else.

    Call it once for each request that carries the header, whether the answer is needed or not: a token that
    is not closed stays in the process for ever. Never keep the answer by the header's value, because
    Windows uses the numbers again. *Risk*: call it only after :func:`check_forwarder`.
    """
    handle = parse_handle(header_value)
    with _ONE_AT_A_TIME:
        user_sid, group_sids = _take(handle, reader)
    if user_sid in _NOBODY:
        raise InvalidToken(f"it is of {_NOBODY[user_sid]}")
    try:
        domain, username = reader.account(user_sid)
    except OSError as exc:
        raise InvalidToken(f"Windows does not say who {user_sid} is") from exc
    if not username or not domain:
        raise InvalidToken(f"{user_sid} has no name")
    return TokenFacts(user_sid, domain, username, group_sids)


def _take(handle: int, reader: TokenReader) -> tuple[str, frozenset[str]]:
    """Whose token it is, and the groups; closes the handle if it proves to be a visitor's token."""
    try:
        user_sid = reader.user_sid(handle)
        own_sid = reader.own_sid()
    except OSError as exc:
        raise InvalidToken("Windows knows no readable token of that number") from exc
    if user_sid == own_sid:
        # It may be a handle that this process opened itself: not ours to close
        raise InvalidToken("it is of the account that this process runs as")
    try:
        return user_sid, reader.group_sids(handle)
    except OSError as exc:
        raise InvalidToken("Windows does not tell its groups") from exc
    finally:
        reader.close(handle)


def parse_handle(text: str) -> int:
    """The handle that a header names; raises :class:`InvalidToken` unless it can be a real one.

    Handles are multiples of four and, in practice, small; the upper half of the range holds the
    pseudo-handles.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}", text, flags=re.ASCII):
        raise InvalidToken("it is not a hexadecimal number")
    handle = int(text, 16)
    if not 0 < handle < 2**31 or handle % 4:
        raise InvalidToken("no handle has such a number")
    return handle


def check_forwarder(peer: str | None, pairing: str | None, environment: Mapping[str, str]) -> None:
    """Raise :class:`InvalidToken` unless the request comes from the IIS that started this process.

    :param peer: the address of the other end of the socket (not one from a header).
    :param pairing: the value of the header :data:`PAIRING_HEADER`, or None.
    :param environment: this process's environment variables. HttpPlatformHandler 2.x puts a secret
        there; 1.2 does not, and then any program on the same machine that reaches the port is believed.
    """
    if not peer or not _LOOPBACK.fullmatch(peer):
        raise InvalidToken("it did not come over the loopback interface")
    secret = environment.get(PAIRING_VARIABLE)
    if secret is None:
        return
    if not secret or not hmac.compare_digest(
        (pairing or "").encode("utf-8", "replace"), secret.encode("utf-8", "replace")
    ):
        raise InvalidToken("the request does not carry the secret of the IIS that started this process")
    if environment.get(AUTHENTICATION_VARIABLE, "").lower().strip(";") != "windows":
        # With anonymous access beside it, IIS passes on whatever token header a client made up
        raise InvalidToken("Windows Authentication is not the site's only authentication")
