"""Signing in by user name and password where a browser has no ticket: HTTP Basic, or a form of ours.

The form is a page that comes with the 401. Its script sends what was typed in an ``Authorization`` header, with a
header of our own beside it: no other site's page can send that pair, so nobody can be signed in as somebody else by a
link.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wauth_core.directory import AuthReason
from wauth_core.exceptions import ConfigurationError, WauthError
from wauth_core.identity import Identity
from wauth_core.web.asking import Challenge
from wauth_core.web.outcomes import Headers
from wauth_core.web.request import Request
from wauth_wsgi.negotiate.form import FORM_HEADER, page

if TYPE_CHECKING:
    from wauth_core import AuthResult, Wauth

TRY_AGAIN = 30  # seconds, while no directory answers
MAX_CREDENTIALS = 4096  # base64 characters


class WrongPassword(WauthError):
    """The directory does not let this name and password in. The text is for the log; it holds no password."""


class NotNow(WauthError):
    """No password was tried: too many attempts (*status* 429), or no directory (503). *seconds*: when to try again."""

    def __init__(self, status: int, seconds: int) -> None:
        self.status = status
        self.seconds = seconds
        super().__init__("the password was not tried: " + ("too many attempts" if status == 429 else "no directory"))


@dataclass(frozen=True)
class BasicCredentials:
    """What somebody typed. *keep*: a session may be kept for it."""

    username: str
    password: str = field(repr=False)
    keep: bool = True


class Fallback:
    """Passwords, checked by *authenticate* (`wauth_core.Wauth.authenticate`, unless another is given).

    *kind* is "basic" or "form". With *secure* passwords are asked for and taken over TLS only.
    """

    def __init__(self, kind: str, authenticate: Callable[[str, str], AuthResult] | None, *, secure: bool) -> None:
        if kind not in ("basic", "form"):
            raise ConfigurationError(f"fallback must be 'basic' or 'form', not {kind!r}.")
        self._form = kind == "form"
        self._authenticate = authenticate
        self._wauth: Wauth | None = None
        self._secure = secure

    def bind(self, wauth: Any) -> None:
        """Check passwords with *wauth* where nothing else was given."""
        if self._authenticate is None:
            if wauth is None:
                raise ConfigurationError("Negotiate(fallback=…) checks passwords by LDAP: give the wrapper wauth=.")
            self._wauth = wauth

    def challenge(self, headers: Headers) -> Challenge:
        """*headers*, and the question for a password."""
        if self._form:
            return Challenge(headers, tls_page=page()) if self._secure else Challenge(headers, page())
        basic: Headers = (("WWW-Authenticate", 'Basic realm="Windows", charset="UTF-8"'),)  # RFC 7617 2.1
        return Challenge(headers, tls_headers=basic) if self._secure else Challenge(headers + basic)

    def refusal(self, challenge: Headers) -> Headers:
        """The headers of a 401 after a wrong password: Basic asks again, the form's own script does."""
        return ((FORM_HEADER, "wrong"),) if self._form else challenge

    def typed(self, request: Request, credentials: str) -> BasicCredentials | None:
        """What the request brings, or None: nothing that this fallback asked for."""
        if self._secure and not request.secure:
            return None
        if self._form and request.header_values(FORM_HEADER) != ["1"]:
            return None
        if len(credentials) > MAX_CREDENTIALS:
            return None
        try:
            username, colon, password = base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            return None
        if not colon:
            return None
        # A link with a password in it (https://mallory:x@host/) must not leave a session of mallory's behind.
        cross = not {"cross-site", "same-site"}.isdisjoint(request.header_values("sec-fetch-site"))
        return BasicCredentials(username, password, keep=not cross)

    def check(self, typed: BasicCredentials, peer: str | None) -> tuple[Identity, str | None]:
        """The identity and the SID of the person who signs in by this name and password, as the directory spells them.

        Raises `WrongPassword`, `NotNow`, or `DirectoryError` if nobody can check it now.
        """
        if self._authenticate is not None:
            result = self._authenticate(typed.username, typed.password)
        elif self._wauth is not None:
            result = self._wauth.authenticate(typed.username, typed.password, peer=peer)
        else:
            raise ConfigurationError("Negotiate(fallback=…) was given nothing to check passwords with.")
        if result.reason is AuthReason.THROTTLED:
            raise NotNow(429, result.retry_after)
        if result.reason is AuthReason.UNAVAILABLE:
            raise NotNow(503, TRY_AGAIN)
        if not result.ok:
            raise WrongPassword(f"{typed.username!r}: {result.reason}")
        if result.identity is None:
            raise ConfigurationError("authenticate= must say who signs in (AuthResult.identity), as Wauth's own does.")
        return result.identity, result.user.sid if result.user is not None else None
