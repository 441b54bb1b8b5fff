"""What a person may read about themselves over the connection that they have bound with their own password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wauth_core.directory.connection import Connection
from wauth_core.directory.dialer import Dialer
from wauth_core.directory.domain_profile import DomainProfile
from wauth_core.directory.lookup import ByName, ByUPN, question
from wauth_core.directory.membership import token_groups
from wauth_core.directory.users import TOKEN_GROUPS
from wauth_core.exceptions import DirectoryError, DirectoryUnavailable, OperationFailed, UserNotFound

if TYPE_CHECKING:
    from wauth_core.directory.entries import DirectoryUser
    from wauth_core.directory.manager import LDAPManager


class OwnConnection:
    """The one connection of a person, in place of a pool. If it breaks, the sign-in ends."""

    def __init__(self, connection: Connection, dialer: Dialer) -> None:
        self.dialer = dialer
        self._connection = connection

    @contextmanager
    def connection(self, deadline: float, *, fresh: bool = False) -> Iterator[Connection]:
        """That connection."""
        if fresh:
            raise DirectoryUnavailable(f"Domain {self.dialer.domain}: the connection of a sign-in broke.")
        yield self._connection


def bind_name(domain: DomainProfile, typed: str) -> str | None:
    """The name to bind as, for a typed logon name or UPN. None if it is of another domain, or not a person's name.

    A bare name is sent as its implicit UPN, which AD accepts for everybody (MS-ADTS 5.1.1.1.1).
    """
    try:
        asked = question(typed)
    except ValueError:
        return None
    if isinstance(asked, ByUPN):
        return asked.upn
    if not isinstance(asked, ByName) or not asked.name.strip():
        return None
    try:
        ours = asked.domain is None or domain.is_ours(asked.domain)
    except OperationFailed:  # nobody is signed in, so the forest's names cannot be read
        ours = False
    return f"{asked.name}@{domain.dns_name}" if ours else None


def proved(manager: LDAPManager, typed: str) -> DirectoryUser:
    """The user named *typed*, who must be the one who has bound: an explicit UPN may be another's implicit one.

    The directory reports the SIDs of the bound user (MS-ADTS 3.1.1.3.2, tokenGroups of the root DSE). Raises
    `UserNotFound`.
    """
    entry = manager._searcher.read("", (TOKEN_GROUPS,))
    sids = token_groups(entry) if entry is not None else None
    if not sids:
        raise DirectoryError(f"The domain {manager.domain} did not tell who is signed in.")
    user = manager.user(typed)
    if user.sid not in sids:
        raise UserNotFound(typed, manager.domain)
    return user
