"""What follows from what is known, and when it was true: properties that hold for every history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import reduce

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wauth_core.identity import TransportFacts
from wauth_core.sync.knowledge import (
    Admission,
    Heard,
    Knowledge,
    Known,
    Limits,
    May,
    heard_from,
    joined,
    settled,
    tell,
    with_builtin,
)

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ADMINS, STAFF, DENIED, REQUIRED, BUILTIN = (
    "S-1-5-21-1-512",
    "S-1-5-21-1-1",
    "S-1-5-21-1-2",
    "S-1-5-21-1-3",
    "S-1-5-32-5",
)
ALICE = "S-1-5-21-1-1105"


def at(seconds):
    """That many seconds after the start."""
    return START + timedelta(seconds=seconds)


def directory(seconds, *groups, **more):
    """An answer of the directory."""
    return Knowledge(Known(at(seconds), ALICE, granting=frozenset(groups), denying=frozenset(groups), **more))


def ticket(seconds, *groups, now=None, complete=True, believed_for=None):
    """A ticket of that time."""
    facts = TransportFacts(ALICE, frozenset(groups), at(seconds), complete, None, believed_for)
    return heard_from(facts, at(seconds if now is None else now))


LIMITS = Limits(timedelta(minutes=10), timedelta(hours=1))
ENTRIES = [
    Admission(),
    Admission(deny=frozenset({DENIED})),
    Admission(require=frozenset({REQUIRED}), deny=frozenset({DENIED})),
    Admission(deny=frozenset({BUILTIN})),
]
groups = st.frozensets(st.sampled_from([ADMINS, STAFF, DENIED, REQUIRED, BUILTIN]))
times = st.integers(0, 4000)
answers = st.builds(
    lambda seconds, held, usable, gone: directory(seconds, *held, usable=usable, gone=gone),
    times,
    groups,
    st.booleans(),
    st.sampled_from([False, False, True]),
)
tickets = st.builds(
    lambda seconds, held, complete: ticket(seconds, *held, complete=complete), times, groups, st.booleans()
)
histories = st.lists(st.one_of(answers, tickets), max_size=6)
entries = st.sampled_from(ENTRIES)
limits = st.sampled_from(
    [
        LIMITS,
        Limits(timedelta(minutes=10), None),
        Limits(None, timedelta(hours=1)),
        Limits(timedelta(0), timedelta(0)),
        Limits(timedelta(minutes=10), timedelta(hours=1), account_state=False),
    ]
)


def all_of(heard):
    """Everything put together."""
    return reduce(lambda one, other: one + other, heard, Knowledge())


@given(histories, st.randoms(), entries, limits, st.integers(0, 20_000))
def test_the_order_in_which_things_are_heard_does_not_matter(heard, random, entry, limit, now):
    """Nor does it that something is heard twice."""
    other = heard[:]
    random.shuffle(other)
    one, two = all_of(heard), all_of(other + heard)
    assert (one.directory, one.ticket) == (two.directory, two.ticket)
    assert tell(one, entry, limit, at(now)) == tell(replace(two, complete=one.complete), entry, limit, at(now))


@given(histories, st.one_of(answers, tickets), entries, limits, st.integers(0, 20_000))
def test_nothing_older_raises_what_something_newer_lowered(heard, old, entry, limit, now):
    """A statement that is older than the directory's last answer gives nothing."""
    known = all_of(heard)
    assume(known.directory is not None)
    older = [each for each in (old.directory, old.ticket) if each is not None]
    assume(all(each.as_of < known.directory.as_of for each in older))
    before, after = (
        tell(known, entry, limit, at(now)),
        tell(replace(known, complete=old.complete) + old, entry, limit, at(now)),
    )
    before = tell(replace(known, complete=known.complete and old.complete), entry, limit, at(now))
    assert after.groups <= before.groups
    assert not (after.may is May.YES and before.may is not May.YES)


@given(histories, entries, limits, st.integers(4000, 9000), st.integers(0, 90_000))
def test_time_and_outage_never_raise(heard, entry, limit, now, later):
    """Where nothing new is heard, rights only go."""
    known = all_of(heard)
    before, after = tell(known, entry, limit, at(now)), tell(known, entry, limit, at(now + later))
    assert after.groups <= before.groups or before.may is not May.YES
    if known.ticket is None:
        assert not (after.may is May.YES and before.may is not May.YES)


@given(histories, entries, limits, st.integers(4000, 20_000), groups)
def test_a_ticket_overrules_no_no(heard, entry, limit, now, held):
    """Neither a disabled account nor DENY_GROUPS is undone by a ticket, however young."""
    known = replace(all_of(heard), ticket=None)
    before = tell(known, entry, limit, at(now))
    after = tell(known + ticket(now, *held), entry, limit, at(now))
    required = entry.require is not None and before.reason.endswith("REQUIRE_GROUPS")
    assert not (before.may is May.NO and not required and after.may is May.YES)


def test_a_young_ticket_asks_nothing():
    """It is the directory's word of that time."""
    row = directory(0, ADMINS)
    told = tell(row + ticket(4000, STAFF), ENTRIES[1], LIMITS, at(4100))
    assert (told.may, told.ask, told.groups) == (May.YES, False, {STAFF, ALICE})
    assert tell(row + ticket(4000, DENIED), ENTRIES[1], LIMITS, at(4100)).may is May.NO
    assert tell(ticket(4000, STAFF), ENTRIES[1], LIMITS, at(4100)).may is May.YES, "of a stranger too"
    assert tell(row + ticket(4000, STAFF, complete=False), ENTRIES[3], LIMITS, at(4100)).ask, (
        "PACs tell no built-in groups"
    )


def test_an_old_ticket_gives_nothing_and_takes_what_it_lacks():
    """Two hours old: the directory is asked; where that fails, what both say holds."""
    row = directory(0, ADMINS, STAFF)
    told = tell(row + ticket(1000, STAFF), ENTRIES[0], LIMITS, at(3000))
    assert (told.may, told.ask, told.groups) == (May.YES, True, {STAFF})
    assert tell(row + ticket(1000, STAFF, believed_for=timedelta(hours=10)), ENTRIES[0], LIMITS, at(3000)).ask is False
    assert tell(ticket(1000, STAFF), ENTRIES[0], LIMITS, at(3000)).may is May.UNKNOWN


def test_bobs_morning_ticket_at_noon():
    """Taken out of the admins and into DENY_GROUPS, bob comes with the ticket of the morning: nothing comes back."""
    known = directory(0, ADMINS) + ticket(0, ADMINS) + directory(14_400, DENIED)
    told = tell(known + ticket(0, ADMINS, now=14_500), ENTRIES[1], LIMITS, at(14_500))
    assert told.may is May.NO


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        pytest.param(TransportFacts(ALICE, frozenset({ADMINS})), False, id="of-unknown-age"),
        pytest.param(TransportFacts(ALICE, frozenset({ADMINS}), at(10)), False, id="from-the-future"),
        pytest.param(TransportFacts(ALICE, frozenset({ADMINS}), at(0)), True, id="now"),
        pytest.param(
            TransportFacts(ALICE, frozenset({ADMINS}), believed_for=timedelta(hours=1)), True, id="vouched-for"
        ),
    ],
)
def test_facts_without_a_time_are_no_knowledge(facts, known):
    """Unless the operator vouches for them."""
    assert (heard_from(facts, at(0)).ticket is not None) is known
    assert heard_from(None, at(0)) == Knowledge()


def test_an_account_that_expires_is_judged_by_the_clock():
    """accountExpires is known beforehand."""
    known = directory(0, STAFF, expires_at=at(300))
    assert tell(known, ENTRIES[0], LIMITS, at(299)).may is May.YES
    assert tell(known, ENTRIES[0], LIMITS, at(300)).may is May.NO
    assert tell(known, ENTRIES[0], replace(LIMITS, account_state=False), at(300)).may is May.YES


def test_of_two_answers_of_one_time_the_harsher_stands():
    """Granting groups intersect, denying ones unite."""
    one = directory(0, ADMINS, STAFF, expires_at=at(9)).directory
    two = directory(0, STAFF, DENIED, usable=False).directory
    both = joined(one, two)
    assert (both.granting, both.denying, both.usable, both.expires_at) == (
        {STAFF},
        {ADMINS, STAFF, DENIED},
        False,
        at(9),
    )


# -- controllers that lag behind one another, and what tickets leave out

PATIENCE = timedelta(minutes=10)
words = st.lists(
    st.tuples(st.sampled_from(["dc1", "dc2"]), st.integers(1, 500), groups, st.booleans(), st.booleans()), max_size=6
)


@given(words)
def test_for_one_delta_another_controller_raises_nothing(said):
    """A lower right counts at once, whoever says so. A higher one, and "not found", wait while a controller other than
    the one that spoke before may lag behind it."""
    now, held = START, None
    for controller, seconds, given_to, usable, gone in said:
        now += timedelta(seconds=seconds)
        heard = Heard(now, controller, PATIENCE)
        answer = Known(now, ALICE, None, given_to, given_to, usable, gone, controller=controller)
        after = settled(held, answer, heard)
        if held is None:
            assert after == answer
        elif after is None:
            assert (gone, held.gone, heard.lags(held.controller, held.as_of)) == (True, False, True)
            continue
        elif heard.lags(held.controller, held.lowered_at):
            assert after.granting <= held.granting & given_to
            assert after.denying >= held.denying | given_to
            assert not (after.usable and not held.usable)
            assert after.gone or not held.gone
        else:
            assert (after.granting, after.usable, after.gone) == (given_to, usable, gone)
        held = after


@pytest.mark.parametrize(
    ("controller", "since", "lags"),
    [
        pytest.param("dc1", at(0), True, id="another one, a moment ago"),
        pytest.param("dc2", at(0), False, id="the same one"),
        pytest.param("", at(0), False, id="nobody knows which"),
        pytest.param("dc1", None, False, id="nothing was taken"),
        pytest.param("dc1", at(-600), False, id="a delta ago"),
        pytest.param("dc1", at(-599), True, id="not yet a delta ago"),
    ],
)
def test_who_lags(controller, since, lags):
    """Only another controller can lag, for one delta."""
    assert Heard(at(0), "dc2", PATIENCE).lags(controller, since) is lags


def test_a_controller_that_finds_nobody_lowers_a_right():
    """So another one that still knows the person, a moment later, gives nothing back; a delta later it does."""
    known = Known(at(0), ALICE, granting=frozenset({STAFF}), controller="dc1")
    gone = settled(known, Known(at(1), None, gone=True, controller="dc1"), Heard(at(1), "dc1", PATIENCE))
    assert gone is not None
    assert gone.gone
    for seconds, is_gone in ((2, True), (600, True), (601, False)):
        back = replace(known, as_of=at(seconds), controller="dc2")
        after = settled(gone, back, Heard(at(seconds), "dc2", PATIENCE))
        assert after is not None
        assert after.gone is is_gone


@pytest.mark.parametrize(
    ("complete", "named", "asked", "found"),
    [
        pytest.param(False, {BUILTIN, STAFF}, [{BUILTIN}], {ADMINS, BUILTIN}, id="a ticket"),
        pytest.param(False, {STAFF}, [], {ADMINS}, id="no built-in group matters"),
        pytest.param(True, {BUILTIN}, [], {ADMINS}, id="a token tells all"),
    ],
)
def test_built_in_groups_that_a_ticket_leaves_out(complete, named, asked, found):
    """They are asked for where one matters, and nothing else is."""
    questions = []

    def ask(sids, among):
        questions.append(among)
        return among

    assert with_builtin(frozenset({ADMINS}), complete, frozenset(named), ask) == found
    assert questions == asked
