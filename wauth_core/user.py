"""`WindowsUser`: who is signed in, somebody or nobody, with or without a directory. One class for all front ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable, UserNotFound
from wauth_core.identity import Identity, TransportFacts, is_builtin_group
from wauth_core.sync.knowledge import Admission, Limits, May, Told, heard_from, tell, with_builtin

if TYPE_CHECKING:
    from wauth_core.directory.entries import DirectoryGroup, DirectoryUser
    from wauth_core.exceptions import DirectoryError

BELIEVED_FOR = timedelta(minutes=10)  # WAUTH_RESYNC_DELTA's default, if there are no settings to say otherwise
A_REQUEST = timedelta(seconds=10)  # for so long an answer is kept, so that one request asks once


class UserDirectory(Protocol):
    """What a user asks of the ``people`` of a `wauth_core.Wauth`."""

    def user(self, identity: Identity) -> DirectoryUser:
        """The person in the directory."""

    def told(self, identity: Identity, facts: TransportFacts | None = None) -> tuple[Told, DirectoryError | None]:
        """What is known of the person's groups."""

    def group_sids(self, domain: str, group: str, *, user_sid: str | None = None) -> frozenset[str]:
        """What a group's name means."""

    def builtin_groups(self, domain: str, sids: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """Which built-in groups somebody is in."""


class WindowsUser:
    """The person behind *identity*; with None nobody, who is in no group.

    Nothing is asked of the directory before it must be; an answer holds for WAUTH_RESYNC_DELTA. While it cannot be
    asked, the last known groups hold for WAUTH_MAX_STALENESS. With *facts* of a young ticket ``in_group`` needs no
    search. With *sid*, or the one in *facts*, nobody but its owner is meant, whoever has the name today.

    *told* is what was just found out about the person (``Wauth.people.told``). Without a *directory* there is what
    *facts* say, and what they do not say raises `ConfigurationError`.
    """

    def __init__(
        self,
        identity: Identity | None = None,
        facts: TransportFacts | None = None,
        *,
        directory: UserDirectory | None = None,
        sid: str | None = None,
        told: Told | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.identity = identity
        self.facts = facts
        self._directory = directory
        self._sid = facts.user_sid if facts is not None else sid
        self._now = now
        self._told = None if told is None else (told, now())
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
    def display_name(self) -> str:
        """The identity as text, empty for nobody."""
        return str(self.identity or "")

    @property
    def directory_user(self) -> DirectoryUser:
        """The person as the directory has them. Raises `UserNotFound`, other `DirectoryError`, `ConfigurationError`."""
        if self.identity is None:
            raise UserNotFound("", "")
        if self._user is None:
            user = self._asked("The entry").user(self.identity)
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

    @property
    def group_sids(self) -> frozenset[str]:
        """The SIDs of all security groups, as far as they are known, and the person's own; none for nobody.

        Empty too for an account that is disabled, expired or gone. Raises `DirectoryUnavailable` if nothing is
        known that is young enough, other `DirectoryError`, and `ConfigurationError`.
        """
        if self.identity is None:
            return frozenset()
        if self._directory is None:
            return self._ticket().groups
        error: DirectoryError | None = None
        if self._told is None or self._now() - self._told[1] > A_REQUEST:
            told, error = self._directory.told(self.identity, self._own_facts())
            self._told = told, self._now()
        told = self._told[0]
        if told.may is May.NO:
            return frozenset()
        if told.may is May.UNKNOWN:
            why = told.reason if error is None else str(error)
            raise DirectoryUnavailable(f"The groups of {self.identity} are not known: {why}") from error
        return told.groups

    def in_group(self, group: DirectoryGroup | str) -> bool:
        """Whether the person is in *group* (a name by GROUP_ATTRS, a DN, a SID), directly or nested.

        A group that is not found, or found twice, has no members, and the log says so. Raises as `group_sids`.
        """
        if self.identity is None:
            return False
        name = group if isinstance(group, str) else group.sid or group.dn
        if self._directory is None:
            return self._in_known_group(name)
        wanted = self._directory.group_sids(self.identity.domain, name, user_sid=self._sid)
        if not wanted:
            return False
        own = self.group_sids
        if own and self.facts is not None and wanted.isdisjoint(own):
            ask = partial(self._directory.builtin_groups, self.identity.domain)
            own = with_builtin(own, self.facts.complete, wanted, ask)
        return not wanted.isdisjoint(own)

    def _own_facts(self) -> TransportFacts | None:
        """The facts; if a SID alone is known, that."""
        if self.facts is None and self._sid:
            return TransportFacts(self._sid, frozenset())
        return self.facts

    def _in_known_group(self, name: str) -> bool:
        """Without a directory: a SID, or a name that means the same SID in every domain."""
        from wauth_core.directory.membership import well_known

        own = self._ticket().groups
        sid = well_known(name, lambda: (self._sid or "").rpartition("-")[0], lambda: "")
        told = sid is not None and sid.startswith("S-1-")
        if not told or sid is None or (is_builtin_group(sid) and not (self.facts and self.facts.complete)):
            self._asked(f"The group {name!r}")
        return sid in own

    def _ticket(self) -> Told:
        """What the facts say by themselves, while they are young."""
        now = self._now()
        told = tell(heard_from(self.facts, now), Admission(), Limits(BELIEVED_FOR, None), now)
        if told.may is not May.YES:
            self._asked("The groups")
        return told

    def _asked(self, what: str) -> UserDirectory:
        if self._directory is None:
            raise ConfigurationError(
                f"{what} of {self.identity} must be read from the directory: give the wrapper wauth= with its domain."
            )
        return self._directory

    def __bool__(self) -> bool:
        return self.is_authenticated

    def __str__(self) -> str:
        return self.display_name

    def __repr__(self) -> str:
        return f"<WindowsUser {self.identity if self.identity else 'nobody'}>"
