"""Signing in with a user name and a password: a bind as that user, on a separate connection."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from wauth_core.directory import diagnosis, limits
from wauth_core.directory.connection import Connection, Secret
from wauth_core.directory.entries import DirectoryUser
from wauth_core.directory.filters import rdn
from wauth_core.directory.pool import Pool
from wauth_core.identity import Identity


class AuthReason(Enum):
    """Why a user name and a password were, or were not, accepted."""

    OK = "ok"
    BAD_PASSWORD = "bad password"  # noqa: S105 - a reason's name
    NO_SUCH_USER = "no such user"
    LOGON_HOURS = "logon hours"
    WORKSTATION = "workstation"
    PASSWORD_EXPIRED = "password expired"  # noqa: S105
    DISABLED = "disabled"
    EXPIRED = "expired"
    MUST_CHANGE = "must change password"
    LOCKED = "locked"
    EMPTY_PASSWORD = "empty password"  # noqa: S105
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    THROTTLED = "too many attempts"


POLICY = "msDS-ResultantPSO"  # MS-ADTS 3.1.1.4.5.36
COUNTED = ("badPwdCount", "badPasswordTime", POLICY)

_WRONG = "The user name or the password is wrong."
MESSAGES = {
    AuthReason.OK: "Signed in.",
    AuthReason.BAD_PASSWORD: _WRONG,
    AuthReason.NO_SUCH_USER: _WRONG,  # the same, so that nobody can try which names exist
    AuthReason.LOGON_HOURS: "This account may not sign in at this time.",
    AuthReason.WORKSTATION: "This account may not sign in from this computer.",
    AuthReason.PASSWORD_EXPIRED: "The password has expired. Change it in Windows, then sign in again.",
    AuthReason.DISABLED: "This account is disabled. Ask your administrator.",
    AuthReason.EXPIRED: "This account has expired. Ask your administrator.",
    AuthReason.MUST_CHANGE: "The password must be changed in Windows before the first sign-in.",
    AuthReason.LOCKED: _WRONG,  # AD says so to everybody, whatever the password
    AuthReason.EMPTY_PASSWORD: "A password is needed.",
    AuthReason.UNAVAILABLE: "The directory cannot be reached at the moment. Try again later.",
    AuthReason.REFUSED: _WRONG,  # nobody may learn whether two people have a name, or none
    AuthReason.THROTTLED: "There were too many attempts to sign in. Wait a few minutes, then try again.",
}

_SUB_CODES = {  # a failed bind's "data …": https://learn.microsoft.com/windows/win32/debug/system-error-codes--1300-1699-
    "525": AuthReason.NO_SUCH_USER,
    "52e": AuthReason.BAD_PASSWORD,
    "530": AuthReason.LOGON_HOURS,
    "531": AuthReason.WORKSTATION,
    "532": AuthReason.PASSWORD_EXPIRED,
    "533": AuthReason.DISABLED,
    "701": AuthReason.EXPIRED,
    "773": AuthReason.MUST_CHANGE,
    "775": AuthReason.LOCKED,
}


@dataclass(frozen=True)
class AuthResult:
    """The answer to a user name and a password. It is true only if both were right and the account may be used.

    - *message* may be shown to the person who tries.
    - *user* is None if there is no such user.
    - *identity* is who signs in. `wauth_core.Wauth.authenticate` sets it; a manager leaves it None.
    - *own* is what the caller's reader read over the person's own connection, if there is no service account.
    - *retry_after* is how many seconds to wait after too many attempts (status 429), else 0.
    """

    reason: AuthReason
    user: DirectoryUser | None = field(default=None, repr=False)
    identity: Identity | None = None
    own: Any = field(default=None, repr=False)
    retry_after: int = 0

    @property
    def ok(self) -> bool:
        """Whether the user may sign in."""
        return self.reason is AuthReason.OK

    @property
    def message(self) -> str:
        """A sentence for the person at the keyboard."""
        return MESSAGES[self.reason]

    def __bool__(self) -> bool:
        return self.ok


def is_empty(password: object) -> bool:
    """Whether *password* is no password: it holds only blanks, NULs, controls or letters without width.

    An empty password would be an "unauthenticated bind" (RFC 4513 5.1.2), which succeeds for everybody. A server
    written in C may read a password that begins with a NUL as empty.
    """
    if not isinstance(password, str) or "\x00" in password:
        return True
    return all(letter.isspace() or unicodedata.category(letter) in {"Cc", "Cf", "Zs"} for letter in password)


@dataclass(frozen=True)
class Lockout:
    """When an account is locked: after *threshold* wrong passwords within *window*. A threshold of 0 means never."""

    threshold: int = 0
    window: timedelta = timedelta(0)

    def is_near(self, user: DirectoryUser, now: datetime) -> bool:
        """Whether one more wrong password would lock *user*, by the count of the server that was asked.

        *user* must have been read with `COUNTED`. After *window* without a wrong password AD counts from zero again.
        """
        count, last, _ = (user.attributes.get(name) for name in COUNTED)
        if not self.threshold or not isinstance(count, int) or count < self.threshold - 1:
            return False
        return not isinstance(last, datetime) or now - last < self.window


UNREADABLE = Lockout(3, timedelta(minutes=30))
"""What is taken for a fine-grained policy that the service account may not read: by default administrators may."""


def pretend(pool: Pool) -> None:
    """Do what `check` does, for a name that nobody has, so that the time does not tell which names exist.

    Raises as `check` does.
    """
    deadline = limits.deadline(pool.dialer.settings.OPERATION_TIMEOUT)
    with pool.unbound(deadline) as connection:
        pool.dialer.refuse_plaintext(connection.endpoint)
        nobody = ",".join((rdn("CN", secrets.token_hex(8)), pool.dialer.settings.search_bases[0]))
        connection.bind_simply(nobody, Secret(secrets.token_hex(8).encode()), deadline)


def check(
    pool: Pool, name: str, password: Secret, then: Callable[[Connection], None] = lambda connection: None
) -> AuthReason:
    """Bind as *name*, a DN or UPN, and call *then* with the bound connection. A refused bind is a reason, no error.

    Raises `DirectoryUnavailable` and `ConfigurationError`, and what *then* raises.
    """
    deadline = limits.deadline(pool.dialer.settings.OPERATION_TIMEOUT)
    with pool.unbound(deadline) as connection:
        pool.dialer.refuse_plaintext(connection.endpoint)
        result = connection.bind_simply(name, password, deadline)
        if result.code == diagnosis.SUCCESS:
            then(connection)
    if result.code == diagnosis.SUCCESS:
        return AuthReason.OK
    if result.code in {diagnosis.BUSY, diagnosis.UNAVAILABLE}:
        raise diagnosis.operation_failed(result.code, result.message, what="a bind", server=str(connection.endpoint))
    reason = _SUB_CODES.get(diagnosis.sub_code(result.message) or "")
    if reason is not None:
        return reason
    if result.code in {diagnosis.INVALID_CREDENTIALS, diagnosis.NO_SUCH_OBJECT}:
        return AuthReason.BAD_PASSWORD
    return AuthReason.REFUSED
