"""Check a name and a password: find who is meant, decide whether it is safe to try, and bind once."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wauth_core.directory import own
from wauth_core.directory.authenticate import COUNTED, POLICY, AuthReason, AuthResult, check, is_empty, pretend
from wauth_core.directory.connection import Connection, Secret
from wauth_core.directory.dialer import authentication
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.entries import DirectoryUser
from wauth_core.directory.pool import Pool
from wauth_core.exceptions import AmbiguousUser, DirectoryError, UserNotFound

if TYPE_CHECKING:
    from wauth_core.directory.manager import LDAPManager

log = logging.getLogger("wauth.directory")

OwnReader = Callable[["LDAPManager", DirectoryUser], tuple[DirectoryUser, Any]]


class PasswordBind:
    """Checks passwords for one manager.

    *over* makes a manager of the same domain that uses only the connection passed to it.
    """

    def __init__(
        self, manager: LDAPManager, pool: Pool, domain: DomainProfile, over: Callable[[own.OwnConnection], LDAPManager]
    ) -> None:
        self._manager = manager
        self._pool = pool
        self._domain = domain
        self._over = over

    def authenticate(self, username: str, secret: Secret, read: OwnReader | None) -> AuthResult:
        """See `LDAPManager.authenticate`."""
        try:
            if self._has_no_account():
                return self._by_own_bind(username, secret, read)
            found = self._person_to_try(username)
            if isinstance(found, DirectoryUser):
                return AuthResult(check(self._pool, found.dn, secret), found)
            pretend(self._pool)
            return found
        except (UserNotFound, AmbiguousUser) as error:
            return _nobody(error)
        except DirectoryError as error:
            log.error("A sign-in could not be checked: %s", error)
            return AuthResult(AuthReason.UNAVAILABLE)

    def _person_to_try(self, username: str) -> DirectoryUser | AuthResult:
        """The user whose password is to be tried, or the reason not to try. Raises `DirectoryError`."""
        self._pool.dialer.refusals.learn(self._domain.lockout().window)
        try:
            user = self._manager.user(username, COUNTED)
            if not self._domain.is_home(user.dn):  # a DN, GUID or SID finds people anywhere
                return AuthResult(AuthReason.NO_SUCH_USER)
            if self._domain.settings.USER_QUERY_FILTER:
                user = self._manager.person(guid=user.guid, username=user.username, attributes=COUNTED, groups=False)
        except (UserNotFound, AmbiguousUser) as error:
            return _nobody(error)
        lockout = self._domain.lockout(user.attributes.get(POLICY))
        return AuthResult(AuthReason.LOCKED, user) if lockout.is_near(user, datetime.now(timezone.utc)) else user

    def _has_no_account(self) -> bool:
        """Whether this is AD, and there is no service account: then anonymous questions get no answer."""
        settings = self._domain.settings
        without = not settings.USERNAME and authentication(settings) == "SIMPLE"
        return without and self._domain.settled().is_ad

    def _by_own_bind(self, username: str, secret: Secret, read: OwnReader | None) -> AuthResult:
        name = own.bind_name(self._domain, username)
        if name is None:
            pretend(self._pool)
            return AuthResult(AuthReason.NO_SUCH_USER)
        found: list[AuthResult] = []

        def look(connection: Connection) -> None:
            manager = self._over(own.OwnConnection(connection, self._pool.dialer))
            user = own.proved(manager, username)
            user, more = read(manager, user) if read is not None else (user, None)
            self._domain.learn_sid(user.dn, user.sid)
            found.append(AuthResult(AuthReason.OK, dataclasses.replace(user, door=self._manager), own=more))

        reason = check(self._pool, name, secret, look)
        if reason is not AuthReason.OK:
            return AuthResult(reason)
        return found[0]


def sealed(password: str) -> Secret | AuthResult:
    """*password*, hidden from tracebacks; or the answer, if nothing needs to be tried."""
    if is_empty(password):
        return AuthResult(AuthReason.EMPTY_PASSWORD)
    try:
        return Secret(password.encode())
    except UnicodeEncodeError:
        return AuthResult(AuthReason.BAD_PASSWORD)


def _nobody(error: UserNotFound | AmbiguousUser) -> AuthResult:
    if isinstance(error, UserNotFound):
        return AuthResult(AuthReason.NO_SUCH_USER)
    log.warning("A sign-in was refused: %s", error)
    return AuthResult(AuthReason.REFUSED)
