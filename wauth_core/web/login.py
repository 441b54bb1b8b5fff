"""Signing in by a name and a password that somebody typed: the same answers in every login form."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wauth_core.directory.authenticate import MESSAGES, AuthReason
from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity

if TYPE_CHECKING:
    from wauth_core.service import Wauth

logger = logging.getLogger("wauth.service")

UNAVAILABLE = "The directory cannot be asked just now. Please try again later."
NOT_HERE = "You may not use this site."


@dataclass(frozen=True)
class PasswordCheck:
    """What a check of a typed name and password found.

    - *identity* is who it is, as the directory spells it. None if nobody signs in.
    - *message* may then be shown to the person; *reason* is for the log.
    - *unavailable* means that the directory could not be asked.
    - *retry_after* is, after too many attempts, the number of seconds until the next one.
    """

    identity: Identity | None = None
    sid: str | None = None
    message: str = ""
    reason: str = ""
    unavailable: bool = False
    retry_after: int = 0

    @property
    def status(self) -> int:
        """The status of the form that is shown again."""
        return 429 if self.retry_after else 503 if self.unavailable else 403


def check(wauth: Wauth, username: str | None, password: str | None, peer: str | None = None) -> PasswordCheck:
    """Check a name and a password that came from *peer*, by a bind to the directory. Never raises `WauthError`."""
    if not username or not password:
        return PasswordCheck(message=MESSAGES[AuthReason.EMPTY_PASSWORD], reason=AuthReason.EMPTY_PASSWORD.name)
    try:
        result = wauth.authenticate(username, password, peer=peer)
    except WauthError as error:
        logger.warning("The password of %r could not be checked: %s", username, error)
        return PasswordCheck(message=UNAVAILABLE, reason=str(error), unavailable=True)
    if result.ok and result.identity is not None:
        return PasswordCheck(result.identity, result.user.sid if result.user is not None else None)
    logger.warning("The directory refused the password sign-in of %r: %s", username, result.reason.name)
    unavailable = result.reason is AuthReason.UNAVAILABLE
    return PasswordCheck(None, None, result.message, result.reason.name, unavailable, result.retry_after)
