"""Whether a user of the application may go on, for each way a sync may end, and each age of what is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.sync.fakes import ALICE, NOW, guid
from wauth_core.exceptions import (
    AmbiguousUser,
    DirectoryOffline,
    DirectoryUnavailable,
    SyncError,
    UnknownDomain,
    WauthError,
)
from wauth_core.identity import TransportFacts
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.knowledge import May, Told
from wauth_core.sync.repository import Link
from wauth_core.sync.result import SyncResult, SyncStatus
from wauth_core.testing import MemoryUserRepository
from wauth_core.web.authority import Authority, Row, of_person, of_person_at_once, refresh

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SID = "S-1-5-21-1-2-3-1105"


class Service:
    """Stands for a `Wauth` whose sync ends in one way; it counts what is asked of it."""

    def __init__(self, end: Any, lapses: Any = True, reason: str = "", **options: Any) -> None:
        self.settings = SiteSettings.from_keywords(options)
        self.end, self.lapses, self.reason = end, lapses, reason
        self.syncs: list[dict[str, Any]] = []
        self.lapsed = 0

    def now(self) -> Any:
        return NOW

    def sync(self, identity: Any, repository: Any, **asked: Any) -> SyncResult:
        self.syncs.append(asked)
        if isinstance(self.end, WauthError):
            raise self.end
        return SyncResult(self.end, identity, 1, reason=self.reason)

    def lapse(self, identity: Any, repository: Any) -> bool:
        self.lapsed += 1
        if isinstance(self.lapses, WauthError):
            raise self.lapses
        return bool(self.lapses)


DOWN = DirectoryUnavailable("no answer")


def row(age: timedelta | None = HOUR, *, active: bool = True, **link: Any) -> Row:
    """Alice's row, synchronised so long ago."""
    last_sync = None if age is None else NOW - age
    return Row(1, Link("EXAMPLE", "alice", guid(1), SID, last_sync=last_sync, **link), active)


def judged(service: Service, known: Row | None, **options: Any) -> Any:
    """What alice may do."""
    return refresh(service, MemoryUserRepository(), ALICE, known, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "known", "options", "may"),
    [
        pytest.param(SyncStatus.UNCHANGED, row(), {}, May.YES, id="in-step"),
        pytest.param(SyncStatus.CREATED, None, {}, May.YES, id="new"),
        pytest.param(SyncStatus.DISABLED, row(), {}, May.NO, id="disabled"),
        pytest.param(SyncStatus.NOT_FOUND, row(), {}, May.NO, id="gone"),
        pytest.param(SyncStatus.NAME_TAKEN, None, {}, May.NO, id="name-taken"),
        pytest.param(AmbiguousUser("alice", "EXAMPLE", ()), row(), {}, May.NO, id="two-people"),
        pytest.param(UnknownDomain("X", ()), None, {}, May.NO, id="a-domain-of-nobodys"),
        pytest.param(DOWN, row(), {}, May.YES, id="down-for-an-hour"),
        pytest.param(DOWN, row(active=False), {}, May.NO, id="down-not-active"),
        pytest.param(DOWN, row(2 * DAY), {"when_stale": "refuse"}, May.UNKNOWN, id="down-too-long-refuse"),
        pytest.param(DOWN, row(9 * DAY), {"max_staleness": None}, May.YES, id="down-never-stale"),
        pytest.param(DOWN, None, {}, May.UNKNOWN, id="down-a-stranger"),
        pytest.param(DOWN, row(None), {}, May.UNKNOWN, id="down-never-synchronised"),
        pytest.param(DOWN, row(None), {"max_staleness": None}, May.UNKNOWN, id="down-never-known-never-stale"),
        pytest.param(SyncStatus.BUSY, row(), {}, May.YES, id="busy-is-like-down"),
        pytest.param(SyncStatus.BUSY, row(2 * DAY), {"when_stale": "refuse"}, May.UNKNOWN, id="busy-too-long"),
        pytest.param(SyncStatus.BUSY, None, {}, May.UNKNOWN, id="busy-a-stranger"),
    ],
)
def test_whether_a_person_may_go_on(end: Any, known: Row | None, options: dict[str, Any], may: May) -> None:
    """A due sync is tried once, and what it brought decides; else what was known."""
    service = Service(end, **options)
    authority = judged(service, known)
    assert (authority.may, len(service.syncs), service.lapsed) == (may, 1, 0)
    assert authority.status == (503 if may is May.UNKNOWN else 403)


@pytest.mark.parametrize("end", [DOWN, SyncStatus.BUSY], ids=["down", "busy"])
@pytest.mark.parametrize("age", [2 * DAY, -DAY], ids=["too-old", "from-the-future"])
def test_rights_lapse_once(end: Any, age: timedelta) -> None:
    """After a try that failed, what is too old is taken from the row; then the row is read anew."""
    service = Service(end)
    authority = judged(service, row(age))
    assert (authority.may, authority.written, service.lapsed) == (May.YES, True, 1)
    again = judged(service, row(age, lapsed=True))
    assert (again.may, service.lapsed) == (May.YES, 1), "and not again"


@pytest.mark.parametrize("lapses", [SyncError("disk full"), False], ids=["cannot-be-written", "cannot-be-told"])
def test_rights_that_should_lapse_and_cannot_let_nobody_in(lapses: Any) -> None:
    """503: neither with the old rights, nor with an empty page."""
    assert judged(Service(DOWN, lapses), row(2 * DAY)).may is May.UNKNOWN


@pytest.mark.parametrize("end", [DOWN, SyncStatus.BUSY], ids=["down", "busy"])
def test_a_required_sync_that_fails_is_an_error(end: Any) -> None:
    """WAUTH_REQUIRE_RESYNC, and the decorator: however fresh the rights."""
    for service, options in ((Service(end, require_resync=True), {}), (Service(end), {"required": True})):
        authority = judged(service, row(), **options)
        assert (authority.may, authority.raises, authority.error is not None) == (May.UNKNOWN, True, True)
    assert judged(Service(end, require_resync=True), row(), required=False).may is May.YES


def test_nothing_is_done_before_it_is_due() -> None:
    """A user who was synchronised lately costs nothing; a session that begins always asks."""
    service = Service(SyncStatus.UNCHANGED)
    assert (judged(service, row(MINUTE), required=True).may, service.syncs) == (May.YES, [])
    assert (judged(service, row(MINUTE, active=False)).may, service.syncs) == (May.NO, [])
    assert judged(service, row(MINUTE), delta=30).may is May.YES
    assert judged(service, row(MINUTE), begins=True).may is May.YES
    assert [asked["patient"] for asked in service.syncs] == [False, True]
    never = Service(DOWN, resync_delta=None)
    assert (judged(never, row(9 * DAY)).may, never.syncs) == (May.YES, []), "age alone takes nothing"


def test_a_name_that_passed_on_while_nobody_can_tell() -> None:
    """Whose ticket has another SID than the row is not let in as the row's owner, nor refused for good."""
    facts = TransportFacts("S-1-5-21-1-2-3-9", frozenset(), NOW)
    assert judged(Service(DOWN), row(), facts=facts).may is May.UNKNOWN
    assert judged(Service(DOWN), row(), facts=TransportFacts(SID, frozenset(), NOW)).may is May.YES


def test_what_an_authority_says_unless_told() -> None:
    """No error to raise, nothing written; a user is active."""
    assert (Authority(May.YES).raises, Authority(May.YES).written) == (False, False)
    assert Row(1, None).active


def test_a_sync_waits_for_another_workers_where_nothing_else_will_do() -> None:
    """For a delta of zero, for a session that begins, and for a required one; a request's sync holds the brake."""
    service = Service(SyncStatus.UNCHANGED)
    judged(service, row(), delta=0)
    judged(service, row(), delta=60)
    judged(service, row(), delta=60, required=True)
    assert [(asked["patient"], asked["brakes"]) for asked in service.syncs] == [
        (True, True),
        (False, True),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("end", "reason", "said"),
    [
        (SyncStatus.UNCHANGED, "", ""),
        (SyncStatus.DISABLED, "", "disabled"),
        (SyncStatus.DISABLED, "expired", "expired"),
    ],
)
def test_a_sync_that_was_made_may_have_written_the_row(end: Any, reason: str, said: str) -> None:
    """And its reason is told, or its name."""
    authority = judged(Service(end, reason=reason), row())
    assert (authority.written, authority.reason) == (True, said)


def test_a_ticket_may_have_taken_something_from_the_row() -> None:
    """Then the row is read anew, where the directory did not answer, too."""
    facts = TransportFacts(SID, frozenset(), NOW)
    assert judged(Service(DOWN), row(), facts=facts).written
    assert not judged(Service(DOWN), row()).written
    assert judged(Service(DOWN), row(2 * DAY, lapsed=True), facts=facts).written
    assert not judged(Service(DOWN), row(2 * DAY, lapsed=True)).written


def test_a_server_that_is_known_to_be_down_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """By the breaker: each request would be a line."""
    judged(Service(DirectoryOffline("known to be down")), row())
    assert not caplog.records
    judged(Service(DOWN), row())
    assert [record.levelname for record in caplog.records] == ["ERROR"]


class People:
    """Stands for a `Wauth` that knows one thing of everybody."""

    def __init__(self, told: Any) -> None:
        self.people = self
        self.answer = told
        self.ended: list[Any] = []

    def told_at_once(self, identity: Any, facts: Any) -> Any:
        return self._said()

    def told(self, identity: Any, facts: Any) -> Any:
        return self._said(), None

    def _said(self) -> Any:
        if isinstance(self.answer, WauthError):
            raise self.answer
        return self.answer

    def end_sessions(self, identity: Any, sid: Any) -> None:
        self.ended.append((identity, sid))


@pytest.mark.parametrize("may", [*May, None])
def test_only_a_yes_needs_no_network(may: May | None) -> None:
    """Whatever else is known at once is asked again, where that may take its time."""
    told = None if may is None else Told(may, False, reason="known")
    authority = of_person_at_once(People(told), ALICE)  # type: ignore[arg-type]
    assert authority == (Authority(May.YES, "known", told=told) if may is May.YES else None)
    assert of_person_at_once(People(DOWN), ALICE) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", [TransportFacts(SID, frozenset(), NOW), None], ids=["ticket", "name"])
@pytest.mark.parametrize("may", [*May])
def test_whom_the_directory_lets_in_no_more_loses_the_sessions(may: May, facts: TransportFacts | None) -> None:
    """A NO, and nothing else, ends them, by the SID where that is known."""
    people = People(Told(may, False, reason="known"))
    authority = of_person(people, ALICE, facts)  # type: ignore[arg-type]
    assert (authority.may, authority.reason) == (may, "known")
    assert people.ended == ([(ALICE, SID if facts else None)] if may is May.NO else [])


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (UnknownDomain("X", ()), May.NO),
        (AmbiguousUser("alice", "EXAMPLE", ()), May.NO),
        (DOWN, May.UNKNOWN),
        (SyncError("x"), May.UNKNOWN),
    ],
)
def test_what_cannot_be_asked_is_unknown(error: WauthError, may: May) -> None:
    """But for a domain or a name that is nobody's."""
    assert of_person(People(error), ALICE).may is may  # type: ignore[arg-type]
