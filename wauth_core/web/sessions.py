"""Whose a session is. The number by which a person's sessions end is in the link or in `session_numbers`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wauth_core.exceptions import InvalidIdentity, SyncError
from wauth_core.identity import Identity
from wauth_core.sync.repository import Change, Link, UserRepository, Wanted
from wauth_core.web.outcomes import Outcome, SignedIn

if TYPE_CHECKING:
    from wauth_core.service import Wauth

TRIES = 5  # how often a row is read anew that others write at the same time


@dataclass(frozen=True)
class Owner:
    """Whose session it is, and how it was begun.

    *identity* is None for a user of the application's own. *key* is the user's primary key, as text. *number* is the
    link's ``sessions`` when it was begun. *named* is whom a source named at that time, if that was somebody else, and
    *named_sid* that person's SID.
    """

    identity: Identity | None
    key: str = ""
    guid: uuid.UUID | None = None
    sid: str | None = None
    by_password: bool = False
    number: int | None = None
    named: Identity | None = None
    named_sid: str | None = None

    @classmethod
    def of(
        cls, identity: Identity | None, key: object, link: Link | None, outcome: Outcome | None, *, by_password: bool
    ) -> Owner:
        """The owner of a session that begins now, for the user of that *key* and *link*, in a request of *outcome*."""
        owner = cls(identity, str(key), by_password=by_password)
        if link is not None:
            owner = replace(owner, guid=link.guid, sid=link.sid, number=link.sessions)
        if isinstance(outcome, SignedIn) and not (identity is not None and outcome.identity.same_name(identity)):
            owner = replace(owner, named=outcome.identity, named_sid=outcome.user_sid)
        return owner

    def goes_with(self, identity: Identity, sid: str | None = None) -> bool:
        """Whether a request that names *identity* may use this session. *sid* is that person's, if it is known."""
        whose, held = (self.identity, self.sid) if self.named is None else (self.named, self.named_sid)
        return whose is not None and whose.same_name(identity) and (sid is None or held is None or sid == held)

    def to_session(self) -> dict[str, Any]:
        """As plain values, which JSON can hold."""
        said = {
            "u": _said(self.identity),
            "k": self.key,
            "g": self.guid.hex if self.guid else None,
            "s": self.sid,
            "p": self.by_password,
            "n": self.number,
            "by": _said(self.named),
            "bs": self.named_sid,
        }
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def from_session(cls, said: object) -> Owner | None:
        """What `to_session` made; None for anything else."""
        try:
            assert isinstance(said, dict)  # noqa: S101 - what is not is refused below
            return cls(
                _heard(said.get("u")),
                str(said["k"]),
                uuid.UUID(said["g"]) if "g" in said else None,
                said.get("s"),
                bool(said["p"]),
                said.get("n"),
                _heard(said.get("by")),
                said.get("bs"),
            )
        except (AssertionError, KeyError, TypeError, ValueError, AttributeError, InvalidIdentity):
            return None


def _said(identity: Identity | None) -> list[Any] | None:
    return None if identity is None else [identity.domain, identity.username, *([1] if identity.is_upn else [])]


def _heard(said: Any) -> Identity | None:
    if said is None:
        return None
    domain, username, *rest = [*said] if isinstance(said, (list, tuple)) else []
    return Identity(str(domain), str(username), bool(rest))


def end_sessions(
    wauth: Wauth, repository: UserRepository, identity: Identity, *, guid: uuid.UUID | None = None
) -> bool:
    """End all sessions of *identity*, whose user is in *repository*: those of the user, and those of the wrappers.

    Return whether there is such a user. The directory is not asked. Raises `SyncError`.
    """
    for _ in range(TRIES):
        found = repository.find(
            Wanted((), (), groups=False), domain=identity.domain, username=identity.username, guid=guid
        )
        user = next((user for user in found if user.link is not None and guid in (None, user.link.guid)), None)
        if user is None or user.link is None:
            wauth.end_sessions(identity)
            return False
        ended = Change(user.key, seen=user.link, answered=False, end_sessions=True)
        if repository.apply([ended], now=wauth.now()) != [None]:
            wauth.end_sessions(identity, user.link.sid)
            return True
    raise SyncError(f"The sessions of {identity} could not be ended: others write that user all the time.")
