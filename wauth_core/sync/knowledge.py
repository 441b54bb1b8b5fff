"""What is known of a person, the time at which it was true, and what follows from it: pure, no I/O."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import TransportFacts, is_builtin_group
from wauth_core.sync.freshness import CLOCK_SKEW


class May(enum.Enum):
    """Whether a person may go on."""

    YES = "yes"
    NO = "no"  # and the session ends
    UNKNOWN = "unknown"  # 503 with Retry-After, and the session stays


@dataclass(frozen=True)
class Known:
    """One answer of the directory about a person: true at *as_of*, a lower bound in the site's own clock.

    *granting* are the SIDs that can give something, *denying* those that can take something away. They are the same,
    unless two answers of the same time were put together. *usable* is False for an account that is disabled, or
    that is *gone*. *expires_at* is accountExpires, which is judged by the clock. *controller* is the server that
    answered, and *lowered_at* when an answer last took something.
    """

    as_of: datetime
    sid: str | None
    guid: uuid.UUID | None = None
    granting: frozenset[str] = field(default=frozenset(), repr=False)
    denying: frozenset[str] = field(default=frozenset(), repr=False)
    usable: bool = True
    gone: bool = False
    expires_at: datetime | None = None
    password_set: datetime | None = None
    controller: str = ""
    lowered_at: datetime | None = None

    def usable_at(self, now: datetime) -> bool:
        """Whether the account may be used at *now*, as far as this answer goes."""
        return self.usable and not (self.expires_at is not None and self.expires_at <= now)

    def older_than(self, age: timedelta | None, now: datetime) -> bool:
        """Whether this is older than *age*, or from the future. Nothing is older than None."""
        return age is not None and not now - age <= self.as_of <= now


@dataclass(frozen=True)
class Heard:
    """Where an answer comes from: *as_of* is a time at which it was true, *controller* the server that answered.

    Controllers lag behind one another. So for *patience* after one has lowered a right, no other raises it. For as long
    after one knew somebody, a "not found" of another does not count.
    """

    as_of: datetime
    controller: str = ""
    patience: timedelta = timedelta(0)

    def lags(self, controller: str, since: datetime | None) -> bool:
        """Whether this may be older news than what *controller* said at *since*."""
        if since is None or not controller or self.controller == controller:
            return False
        return -CLOCK_SKEW < self.as_of - since < self.patience

    def lowered_at(self, lowers: object, before: datetime | None) -> datetime | None:
        """When a right was last taken: now, if this answer *lowers* something, else still *before*."""
        return self.as_of if lowers else before


def settled(before: Known | None, known: Known, heard: Heard) -> Known | None:
    """*known*, as *heard* after *before*, without what it only gives because its controller may lag behind.

    None if it is a "not found" that does not count.
    """
    if before is None:
        return known
    if known.gone and not before.gone:
        return None if heard.lags(before.controller, before.as_of) else replace(known, lowered_at=heard.as_of)
    if heard.lags(before.controller, before.lowered_at):
        return replace(
            known,
            granting=known.granting & before.granting,
            denying=known.denying | before.denying,
            usable=known.usable and before.usable,
            gone=known.gone or before.gone,
            controller=before.controller,
            lowered_at=before.lowered_at,
        )
    lowers = before.granting - known.granting or known.denying - before.denying or (before.usable and not known.usable)
    return replace(known, lowered_at=heard.lowered_at(lowers, before.lowered_at))


def joined(one: Known | None, other: Known | None) -> Known | None:
    """Two answers about one person put together, in any order: the newer one; of two as old the harsher one."""
    if one is None or other is None:
        return one or other
    if one.as_of != other.as_of:
        return one if one.as_of > other.as_of else other
    ends = [each.expires_at for each in (one, other) if each.expires_at is not None]
    set_at = [each.password_set for each in (one, other) if each.password_set is not None]
    return Known(
        one.as_of,
        min((each.sid for each in (one, other) if each.sid), default=None),
        min((each.guid for each in (one, other) if each.guid), default=None),
        one.granting & other.granting,
        one.denying | other.denying,
        one.usable and other.usable,
        one.gone or other.gone,
        min(ends, default=None),
        max(set_at, default=None),
        min(one.controller, other.controller),
        max((each.lowered_at for each in (one, other) if each.lowered_at), default=None),
    )


def of_user(user: DirectoryUser, heard: Heard, password_set: datetime | None = None) -> Known:
    """What the directory's answer *user* says."""
    sids = (user.group_sids or frozenset()) | ({user.sid} if user.sid else frozenset())
    usable, expires = not user.state.disabled, user.state.expires_at
    return Known(heard.as_of, user.sid, user.guid, sids, sids, usable, False, expires, password_set, heard.controller)


def with_builtin(
    sids: frozenset[str],
    complete: bool,
    named: Iterable[str],
    ask: Callable[[frozenset[str], frozenset[str]], frozenset[str]],
) -> frozenset[str]:
    """The *sids* that came with a sign-in, and those built-in groups (S-1-5-32-…) among *named* that follow from them.

    A ticket that is not *complete* leaves built-in groups out. But somebody who has the SID of a member is in the
    group. *ask* is called with *sids* and the built-in groups, if there are any. It returns those that somebody with
    *sids* is in.
    """
    untold = frozenset() if complete else frozenset(filter(is_builtin_group, named))
    return sids | ask(sids, untold) if untold else sids


@dataclass(frozen=True)
class Limits:
    """What the settings say of time."""

    delta: timedelta | None
    max_staleness: timedelta | None
    account_state: bool = True


@dataclass(frozen=True)
class Admission:
    """The SIDs of REQUIRE_GROUPS and DENY_GROUPS. *require* None: everybody may enter."""

    require: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()

    @property
    def sids(self) -> frozenset[str]:
        """All of them."""
        return (self.require or frozenset()) | self.deny

    @property
    def builtin(self) -> bool:
        """Whether a built-in group (S-1-5-32-…) decides, of which tickets say nothing."""
        return any(map(is_builtin_group, self.sids))


@dataclass(frozen=True)
class Knowledge:
    """All that is known of one person: the directory's last answer, and what a ticket says.

    They are kept apart. A ticket proves a usable account and its groups at that time, but it does not overrule a "no"
    of the directory. *believed_for* is how long a ticket may give something. *complete* says whether it lists built-in
    groups.
    """

    directory: Known | None = None
    ticket: Known | None = None
    believed_for: timedelta | None = None
    complete: bool = True

    def __add__(self, other: Knowledge) -> Knowledge:
        """Both put together, in any order."""
        newer = max((self, other), key=lambda k: (k.ticket is not None, k.ticket.as_of if k.ticket else datetime.min))
        return Knowledge(
            joined(self.directory, other.directory),
            joined(self.ticket, other.ticket),
            newer.believed_for,
            self.complete and other.complete,
        )


@dataclass(frozen=True)
class Told:
    """What *knowledge* allows: *may*, with the SIDs *groups*. With *ask* the directory should be asked first; this
    holds if that fails."""

    may: May
    ask: bool
    groups: frozenset[str] = frozenset()
    as_of: datetime | None = None
    reason: str = ""


def tell(knowledge: Knowledge, entry: Admission, limits: Limits, now: datetime) -> Told:
    """What a person may do at *now*: a pure function. The newest statement wins; time alone gives nothing."""
    said, ticket = knowledge.directory, knowledge.ticket
    newer = ticket is not None and ticket.as_of <= now and (said is None or ticket.as_of > said.as_of)
    limit = knowledge.believed_for if knowledge.believed_for is not None else limits.delta
    young = newer and ticket is not None and limit is not None and now - ticket.as_of <= limit
    old = said is None or said.older_than(limits.delta, now)
    untold = frozenset() if said is None or knowledge.complete else frozenset(filter(is_builtin_group, said.granting))
    if said is not None and limits.account_state and (said.gone or not said.usable_at(now)):
        why = "nobody of that name is known to the directory" if said.gone else "the account is disabled or expired"
        return Told(May.NO, old, as_of=said.as_of, reason=why)
    if said is not None and not entry.deny.isdisjoint(said.denying):
        return Told(May.NO, old or young, as_of=said.as_of, reason="a member of one of DENY_GROUPS")
    if newer and ticket is not None and not entry.deny.isdisjoint(ticket.denying):
        return Told(May.NO, True, as_of=ticket.as_of, reason="a member of one of DENY_GROUPS")
    if young and ticket is not None and (knowledge.complete or not entry.builtin):
        groups, as_of, ask = ticket.granting | untold, ticket.as_of, False
    elif said is None:
        return Told(May.UNKNOWN, True, reason="the directory was never asked")
    elif newer and ticket is not None:  # too old to give anything: what it lacks, the older answer does not give either
        groups, as_of, ask = (said.granting & ticket.granting) | untold, said.as_of, True
    else:
        groups, as_of, ask = said.granting, said.as_of, old
    if entry.require is not None and entry.require.isdisjoint(groups):
        return Told(May.NO, ask, as_of=as_of, reason="a member of none of REQUIRE_GROUPS")
    if limits.max_staleness is not None and not now - limits.max_staleness <= as_of <= now:
        return Told(May.UNKNOWN, True, as_of=as_of, reason="what is known is too old")
    return Told(May.YES, ask, groups, as_of)


def heard_from(facts: TransportFacts | None, now: datetime) -> Knowledge:
    """What came with the sign-in, as knowledge. Facts of unknown age are none."""
    at = facts.true_at(now) if facts is not None else None
    if facts is None or at is None:
        return Knowledge()
    sids = facts.group_sids | {facts.user_sid}
    known = Known(at, facts.user_sid, granting=sids, denying=sids)
    return Knowledge(ticket=known, believed_for=facts.believed_for, complete=facts.complete)
