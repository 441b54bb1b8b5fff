"""What becomes of a visit: one table for every front end, and whose a session still is."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone

import pytest

from wauth_core.exceptions import SyncError
from wauth_core.identity import Identity, TransportFacts
from wauth_core.sync.repository import Link, UserSnapshot
from wauth_core.web.authority import Row
from wauth_core.web.outcomes import ANONYMOUS, Handshake, Rejected, SignedIn, Unchecked
from wauth_core.web.sessions import Owner, end_sessions
from wauth_core.web.visit import Step, belongs, next_step

X, Y = Identity("EXAMPLE", "xenia"), Identity("EXAMPLE", "yves")
SID, OTHER_SID = "S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-1106"
GUID = uuid.UUID(int=7)

OUTCOMES = {
    "nobody": ANONYMOUS,
    "X": SignedIn(X, "s"),
    "X in another case": SignedIn(Identity("example", "XENIA"), "s"),
    "X with the SID": SignedIn(X, "s", TransportFacts(SID, frozenset())),
    "X by a password": SignedIn(X, "s", by_password=True, sid=SID),
    "Y": SignedIn(Y, "s"),
    "X of another domain": SignedIn(Identity("OTHER", "xenia"), "s"),
    "X with another SID": SignedIn(X, "s", TransportFacts(OTHER_SID, frozenset())),
    "X by a UPN": SignedIn(Identity("EXAMPLE", "xenia", is_upn=True), "s"),
    "a false claim": Rejected("forged", "s"),
    "a step": Handshake((("WWW-Authenticate", "Negotiate"),), "s"),
    "unchecked": Unchecked("down", "s"),
}
OWNERS = {
    "no session": None,
    "X by a source": Owner(X, "1", GUID, SID),
    "X by a password": Owner(X, "1", GUID, SID, by_password=True),
    "Z by a password while X was named": Owner(None, "9", by_password=True, named=X),
    "Z without one while X was named": Owner(None, "9", named=X),
    "Z linked, while X was named": Owner(Y, "9", by_password=True, named=X),
    "Z linked, while X was named with the SID": Owner(Y, "9", by_password=True, named=X, named_sid=SID),
    "Z by a password while nobody was named": Owner(None, "9", by_password=True),
}
SAME = ("X", "X in another case", "X with the SID", "X by a password")
ELSE = ("Y", "X of another domain", "X with another SID", "X by a UPN")


def expected(outcome, owner):
    """The table of the design, in words."""
    if outcome == "a step":
        return Step.ANSWER
    if outcome == "unchecked":
        return Step.UNAVAILABLE
    if outcome == "a false claim":
        return Step.REFUSE if owner == "no session" else Step.END_AND_REFUSE
    if outcome == "nobody":
        if owner == "no session":
            return Step.GO_ON
        by_password = OWNERS[owner].by_password
        return Step.GO_ON if by_password else Step.END
    if owner == "no session":
        return Step.BEGIN
    if owner == "Z by a password while nobody was named":
        return Step.END_AND_BEGIN
    is_known = OWNERS[owner].named_sid or OWNERS[owner].sid
    same = outcome in SAME or (outcome == "X with another SID" and not is_known)
    return Step.GO_ON if same else Step.END_AND_BEGIN


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_table(outcome, owner):
    """Every outcome in every session."""
    assert outcome in (*SAME, *ELSE, "nobody", "a false claim", "a step", "unchecked")
    assert next_step(OUTCOMES[outcome], OWNERS[owner]) is expected(outcome, owner)


@pytest.mark.parametrize("owner", [owner for owner in OWNERS.values() if owner is not None], ids=list(OWNERS)[1:])
def test_an_owner_survives_the_session(owner):
    """What a session keeps is JSON, and says the same when it is read."""
    assert Owner.from_session(json.loads(json.dumps(owner.to_session()))) == owner


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        ["EXAMPLE", "xenia"],
        {},
        {"k": "1"},
        {"k": "1", "p": True, "g": "junk"},
        {"k": "1", "p": True, "u": ["EXAMPLE"]},
        {"k": "1", "p": True, "u": ["EXAMPLE", "a\u200bb"]},
        {"k": "1", "p": True, "u": "EXAMPLE"},
    ],
)
def test_what_is_not_ours_in_a_session_is_nobody(said):
    """Another version's session, or junk, begins anew."""
    assert Owner.from_session(said) is None


def row(key=1, **link):
    """A row of X."""
    return Row(key, Link("EXAMPLE", "xenia", **{"guid": GUID, "sid": SID, "sessions": 5, **link}))


MINE = Owner(X, "1", GUID, SID, number=5)


@pytest.mark.parametrize(
    ("owner", "stands_in", "theirs"),
    [
        pytest.param(MINE, row(), True, id="the-same"),
        pytest.param(MINE, row(sessions=6), False, id="ended"),
        pytest.param(MINE, row(sessions=4), False, id="a-store-that-forgot"),
        pytest.param(MINE, row(guid=uuid.UUID(int=8)), False, id="another-guid"),
        pytest.param(MINE, row(guid=uuid.UUID(int=8), sid=OTHER_SID), False, id="another-person"),
        pytest.param(MINE, row(guid=None, sid=OTHER_SID), False, id="another-sid"),
        pytest.param(MINE, row(guid=None), True, id="the-sid-is-enough"),
        pytest.param(MINE, row(key=2), False, id="another-row"),
        pytest.param(MINE, None, False, id="the-row-is-gone"),
        pytest.param(MINE, Row(1, None), False, id="the-link-is-gone"),
        pytest.param(Owner(X, "1", number=5), row(), True, id="begun-before-the-guid-was-known"),
        pytest.param(Owner(None, "1", by_password=True), Row(1, None), True, id="the-applications-own"),
        pytest.param(Owner(None, "1", by_password=True), row(), False, id="linked-since"),
        pytest.param(Owner(X, "1", GUID, SID), row(), False, id="without-a-number"),
    ],
)
def test_whose_a_session_still_is(owner, stands_in, theirs):
    """A session that is not its owner's any more ends."""
    assert belongs(owner, stands_in) is theirs


def test_an_owner_that_is_whom_the_source_names_is_no_impersonation():
    """Somebody who types the own password where the source names them already."""
    link = Link("EXAMPLE", "xenia", GUID, SID, sessions=5)
    by_ticket = SignedIn(Y, "s", TransportFacts(OTHER_SID, frozenset()))
    assert Owner.of(X, 1, link, OUTCOMES["X"], by_password=True) == Owner(X, "1", GUID, SID, True, 5)
    assert Owner.of(X, 1, link, ANONYMOUS, by_password=True) == Owner(X, "1", GUID, SID, True, 5)
    assert Owner.of(X, 1, link, by_ticket, by_password=True) == Owner(X, "1", GUID, SID, True, 5, Y, OTHER_SID)
    assert Owner.of(None, 1, None, OUTCOMES["X"], by_password=True) == Owner(None, "1", by_password=True, named=X)


def test_a_step_says_whether_a_session_ends_and_begins():
    """Each step by itself: front ends go by these two."""
    assert {step for step in Step if step.ends} == {Step.END, Step.END_AND_BEGIN, Step.END_AND_REFUSE}
    assert {step for step in Step if step.begins} == {Step.BEGIN, Step.END_AND_BEGIN}


def test_a_session_is_by_a_source_unless_it_says_otherwise():
    """Nobody's session outlives a request that names nobody by an oversight; a UPN stays one in a session."""
    assert Owner(X).by_password is False
    upn = Owner(Identity("example.local", "al", is_upn=True), "1")
    assert upn.to_session()["u"] == ["example.local", "al", 1]
    assert Owner.from_session(upn.to_session()) == upn


class Rows:
    """A store of one user that others write so many times meanwhile."""

    def __init__(self, *links, busy=0):
        self.users = [
            UserSnapshot(number, link, {}, {"is_active": True}, frozenset()) for number, link in enumerate(links)
        ]
        self.busy = busy
        self.wanted, self.written = [], []

    def find(self, wanted, **by):
        self.wanted.append((wanted, by))
        return self.users

    def apply(self, changes, *, now):
        self.busy -= 1
        self.written += changes if self.busy < 0 else []
        return [None if self.busy >= 0 else 7]


class Ended:
    """Hears whose sessions of the wrappers end."""

    def __init__(self):
        self.heard = []

    def now(self):
        return datetime(2026, 1, 1, tzinfo=timezone.utc)

    def end_sessions(self, identity, sid=None):
        self.heard.append((identity, sid))


LINK = Link("EXAMPLE", "xenia", uuid.UUID(int=1), "S-1-5-21-1")


@pytest.mark.parametrize("busy", [0, 4])
def test_sessions_end_whoever_writes_the_row_meanwhile(busy):
    """The number alone is raised: it is no answer of the directory. No groups are read for it."""
    wauth, rows = Ended(), Rows(LINK, busy=busy)
    assert end_sessions(wauth, rows, X) is True
    [change] = rows.written
    assert (change.key, change.seen, change.answered, change.end_sessions) == (0, LINK, False, True)
    assert not change.flags
    assert wauth.heard == [(X, "S-1-5-21-1")]
    assert {wanted.groups for wanted, _ in rows.wanted} == {False}


def test_a_row_that_others_write_all_the_time_is_told():
    """Five tries, and then an error that somebody sees."""
    with pytest.raises(SyncError, match="could not be ended"):
        end_sessions(Ended(), Rows(LINK, busy=5), X)


@pytest.mark.parametrize(
    ("links", "guid"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param([None], None, id="a-user-of-the-applications-own"),
        pytest.param([LINK], uuid.UUID(int=2), id="another-persons"),
    ],
)
def test_whoever_has_no_user_here_loses_the_sessions_of_wrappers(links, guid):
    """And nobody else's row is written."""
    wauth, rows = Ended(), Rows(*links)
    assert end_sessions(wauth, rows, X, guid=guid) is False
    assert (wauth.heard, rows.written) == ([(X, None)], [])


def test_the_row_with_the_guid_is_the_persons():
    """Of two rows that a store finds."""
    other = Link("EXAMPLE", "xenia", uuid.UUID(int=2), "S-1-5-21-2")
    rows = Rows(None, other, LINK)
    assert end_sessions(Ended(), rows, X, guid=LINK.guid) is True
    assert [change.key for change in rows.written] == [2]
