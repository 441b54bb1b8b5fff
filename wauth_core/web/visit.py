"""What becomes of a visit: who is there, whose session it is, what the front end does about it. Pure, no I/O.

A front end finds the outcome of the request (`wauth_core.web.asking.decide`) and the owner of the session, asks
`next_step`, and does as it says. Nothing else decides.

| the request names | no session | X's, begun by a source | X's, by a password | Z's, begun while X was named |
|---|---|---|---|---|
| nobody | go on | end | go on | go on if a password proved Z, else end |
| X | begin | go on | go on | go on |
| somebody else | begin | end and begin | end and begin | end and begin |
| a false claim | refuse | end and refuse | end and refuse | end and refuse |
| a step of a handshake | answer | answer | answer | answer |
| somebody who could not be checked | unavailable | unavailable | unavailable | unavailable |
"""

from __future__ import annotations

import enum

from wauth_core.web.authority import Row
from wauth_core.web.outcomes import Handshake, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.sessions import Owner


class Step(enum.Enum):
    """What a front end does next."""

    GO_ON = "go on"  # the session stays as it is; without one nobody is there
    BEGIN = "begin"  # a session of whom the request names
    END = "end"  # the session; nobody is there
    END_AND_BEGIN = "end and begin"
    REFUSE = "refuse"  # nobody is there; if a sign-in is required, answer with the outcome's status
    END_AND_REFUSE = "end and refuse"
    ANSWER = "answer"  # with the outcome's status and headers; the session is neither used nor touched
    UNAVAILABLE = "unavailable"  # 503 with Retry-After; the session is neither used nor touched

    @property
    def ends(self) -> bool:
        """Whether the session ends."""
        return self in (Step.END, Step.END_AND_BEGIN, Step.END_AND_REFUSE)

    @property
    def begins(self) -> bool:
        """Whether a session begins."""
        return self in (Step.BEGIN, Step.END_AND_BEGIN)


def next_step(outcome: Outcome, owner: Owner | None) -> Step:
    """What to do about a request with *outcome* in the session of *owner*; None for no session."""
    if isinstance(outcome, Handshake):
        return Step.ANSWER
    if isinstance(outcome, Unchecked):
        return Step.UNAVAILABLE
    if isinstance(outcome, Rejected):
        return Step.REFUSE if owner is None else Step.END_AND_REFUSE
    if isinstance(outcome, SignedIn):
        if owner is None:
            return Step.BEGIN
        return Step.GO_ON if owner.goes_with(outcome.identity, outcome.user_sid) else Step.END_AND_BEGIN
    return Step.GO_ON if owner is None or owner.by_password else Step.END


def belongs(owner: Owner, row: Row | None) -> bool:
    """Whether the session of *owner* is still that of the user in *row*. A session that is not ends.

    It is not when the user is another one now, or when the sessions of the person were ended: its number is another.
    """
    if row is None or str(row.key) != owner.key:
        return False
    if row.link is None or owner.identity is None:
        return row.link is None and owner.identity is None
    if owner.guid is not None and row.link.guid is not None:
        if owner.guid != row.link.guid:
            return False
    elif owner.sid is not None and row.link.sid is not None and owner.sid != row.link.sid:
        return False
    return owner.number == row.link.sessions
