"""`WindowsUser`: who is signed in, for applications without users of their own. Asks the directory when it must."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wauth_core.exceptions import UserNotFound
from wauth_core.identity import Identity, TransportFacts

if TYPE_CHECKING:
    from wauth_core.directory.entries import DirectoryGroup, DirectoryUser
    from wauth_core.service import Wauth


class WindowsUser:
    """The person behind *identity*; with None nobody, who is in no group.

    Nothing is asked of the directory until ``groups``, ``attributes``, ``directory_user`` or ``in_group`` is used;
    its answer is kept for WAUTH_RESYNC_DELTA. With *facts*, of a token or a ticket, ``in_group`` needs no search. With
    *sid*, or the one in *facts*, nobody but its owner is meant, whoever bears the name today.
    """

    def __init__(
        self, wauth: Wauth, identity: Identity | None, facts: TransportFacts | None = None, sid: str | None = None
    ) -> None:
        self.identity = identity
        self.facts = facts
        self._wauth = wauth
        self._sid = facts.user_sid if facts is not None else sid
        self._user: DirectoryUser | None = None
        self._groups: tuple[DirectoryGroup, ...] | None = None

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is signed in."""
        return self.identity is not None

    @property
    def username(self) -> str:
        """The user name, empty for nobody."""
        return self.identity.username if self.identity else ""

    @property
    def directory_user(self) -> DirectoryUser:
        """The person as the directory has them. Raises `UserNotFound`, and other `DirectoryError`."""
        if self.identity is None:
            raise UserNotFound("", "")
        if self._user is None:
            user = self._wauth.directory_user(self.identity)
            if self._sid and user.sid and user.sid != self._sid:  # the name has passed to somebody else
                raise UserNotFound(str(self.identity), self.identity.domain)
            self._user = user
        return self._user

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The decoded attributes of USER_FIELD_MAP and some more. Raises as `directory_user`; empty for nobody."""
        return self.directory_user.attributes if self.identity else {}

    @property
    def groups(self) -> tuple[DirectoryGroup, ...]:
        """All security groups, nested ones included. Raises as `directory_user`; empty for nobody."""
        if self.identity is None:
            return ()
        if self._groups is None:
            self._groups = tuple(self.directory_user.groups())
        return self._groups

    def in_group(self, group: DirectoryGroup | str) -> bool:
        """Whether the person is in *group* (a name by GROUP_ATTRS, a DN, a SID), directly or nested.

        A group that is not found, or found twice, has no members, and the log says so; nor has any group a member
        whose account is disabled, expired or gone. Raises `DirectoryError` where the directory cannot be asked.
        """
        if self.identity is None:
            return False
        name = group if isinstance(group, str) else group.sid or group.dn
        user_sid = self.facts.user_sid if self.facts else None
        wanted = self._wauth.group_sids(self.identity.domain, name, user_sid=user_sid)
        if not wanted:
            return False
        if self.facts is not None and self._wauth.facts_hold(self.facts):
            return self._wauth.facts_in(self.identity.domain, self.facts, wanted)
        try:
            user = self.directory_user
        except UserNotFound:
            return False
        if not user.enabled:
            return False
        return not wanted.isdisjoint((user.group_sids or frozenset()) | {user.sid})

    def __bool__(self) -> bool:
        return self.is_authenticated

    def __str__(self) -> str:
        return str(self.identity) if self.identity else ""

    def __repr__(self) -> str:
        return f"<WindowsUser {self.identity if self.identity else 'nobody'}>"


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(timezone.utc)
