"""What somebody may do: every door of every front end says the same, whatever happened, and whether the directory
answers or not. One table for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from tests.contract.doors import BOB, FRONTS, WRAPPERS, Site, running
from tests.contract.told import ADMINS
from wauth_core.identity import TransportFacts
from wauth_core.testing import EmbeddedDirectory
from wauth_core.throttle import NAME_LIMIT, WINDOW
from wauth_core.web.outcomes import SignedIn

PASSWORD = "Passw0rd!of-bob"


class Seen(NamedTuple):
    """Who is there, whether they are a superuser, and whether they are known to be (None: unknown) an administrator."""

    who: str | None
    superuser: bool
    inside: bool | None


ADMIN, USER, NOBODY = Seen(str(BOB), True, True), Seen(str(BOB), False, False), Seen(None, False, False)
LAPSED = Seen(str(BOB), False, None)  # without rows: 503
AGES = {"fresh": timedelta(minutes=1), "due": timedelta(minutes=11), "stale": timedelta(minutes=90)}
LATER = [("reused", NOBODY), ("password-changed", ADMIN)]
"""Who may be asked to come again; whose session may end with the next request, or in five seconds: a wrapper's."""
GUARDED = {ADMIN: (200,), USER: (403,), NOBODY: (302, 401, 403), LAPSED: (503,)}


class Event(NamedTuple):
    """What happened; what is to be seen of it once the directory is asked, by way of the sign-in."""

    happens: Any
    by_source: Seen
    by_password: Seen
    by_ticket: Seen
    ages: tuple[str, ...] = ("due", "stale")


def _reuse(directory: EmbeddedDirectory, site: Site) -> None:
    directory.delete("bob")
    directory.add_user("bob", name="Bob the Second")
    directory.add_member("Employees", "bob")


EVENTS = {
    "nothing": Event(lambda directory, site: None, ADMIN, ADMIN, ADMIN, ("fresh", "due", "stale")),
    "demoted": Event(
        lambda directory, site: directory.remove_member(ADMINS, "bob"), USER, USER, USER, ("fresh", "due", "stale")
    ),
    "refused": Event(lambda directory, site: directory.add_member("Contractors", "bob"), NOBODY, NOBODY, NOBODY),
    "required-no-more": Event(
        lambda directory, site: directory.remove_member("Employees", "bob"), NOBODY, NOBODY, NOBODY, ("due",)
    ),
    "disabled": Event(lambda directory, site: directory.disable("bob"), NOBODY, NOBODY, NOBODY),
    "expired": Event(lambda directory, site: directory.expire("bob"), NOBODY, NOBODY, NOBODY, ("due",)),
    "deleted": Event(lambda directory, site: directory.delete("bob"), NOBODY, NOBODY, NOBODY),
    "renamed": Event(lambda directory, site: directory.rename("bob", "robert"), ADMIN, ADMIN, ADMIN, ("due",)),
    "reused": Event(_reuse, USER, NOBODY, NOBODY),
    "password-changed": Event(
        lambda directory, site: directory.set_password("bob", "An0ther-Passw0rd"), ADMIN, NOBODY, ADMIN, ("due",)
    ),
    "signed-out-elsewhere": Event(lambda directory, site: site.end_sessions(), ADMIN, NOBODY, ADMIN, ("fresh", "due")),
}


def expected(front: str, event: str, age: str, way: str, down: bool) -> Seen:
    """The table: an event is seen once the directory is asked; an outage gives nothing, and ends nothing but rights
    that are stale."""
    row = EVENTS[event]
    seen: Seen = getattr(row, f"by_{way}")
    if event == "signed-out-elsewhere" and way == "password":
        return seen  # no directory is needed for that
    if age == "fresh":
        return ADMIN
    never_asked = front in WRAPPERS and way == "ticket"  # a ticket spared the search, and its word is not kept
    if down:
        return LAPSED if age == "stale" or never_asked else ADMIN
    return NOBODY if event == "renamed" and never_asked else seen


WAYS = ("source", "password", "ticket")
TICKETS = (
    "wsgi",
    "asgi",
    "django-sync",
    "django-asgi",
    "flask-cookies",
)  # the others hear the same of it
ROWS = [
    pytest.param(front, way, event, age, down, id=f"{front}-{way}-{event}-{age}-{'down' if down else 'up'}")
    for front in FRONTS
    for way in WAYS
    if way != "ticket" or front in TICKETS
    for event, row in EVENTS.items()
    for age in row.ages
    for down in (False, True)
]


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """A company of one: bob is a domain administrator. Employees are required, Contractors denied."""
    groups: dict[str, Any] = {"Contractors": {}, "Employees": {"members": ["bob"]}}
    people = {"users": {"bob": {"password": PASSWORD, "groups": [ADMINS]}}, "groups": groups}
    with EmbeddedDirectory(people) as found:
        yield found


@pytest.fixture
def open_site(request: pytest.FixtureRequest, directory: EmbeddedDirectory) -> Any:
    """Makes a site by its name."""

    def django_settings() -> Any:
        request.getfixturevalue("db")
        return request.getfixturevalue("settings")

    return lambda front: running(front, directory, django_settings)


def begin(site: Site, directory: EmbeddedDirectory, way: str) -> None:
    """Let bob sign in by a password, or let each request name him; by a ticket with the groups that he has now."""
    if way == "password":
        site.log_in(PASSWORD)
        return
    facts = None
    if way == "ticket":
        groups = frozenset({directory.sid(ADMINS), directory.sid("Employees")})
        facts = TransportFacts(directory.sid("bob"), groups, site.clock(), complete=False)
    site.source.outcome = SignedIn(BOB, "test", facts)


def seen(site: Site) -> Seen:
    """What the doors say; they must agree."""
    answer = site.ask("/doors")
    if answer.status == 503 and not site.has_rows:
        assert answer.retry_after
        return LAPSED
    assert answer.status == 200, answer
    told = answer.told
    inside = set(told["inside"].values())
    assert len(inside) == 1, told
    rights = set(told["rights"].values()) or {bool(*inside)}
    assert len(rights) == 1, told
    return Seen(told["who"], *rights, *inside)


@pytest.mark.parametrize(("front", "way", "event", "age", "down"), ROWS)
def test_every_door_says_the_same(open_site, directory, front, way, event, age, down):
    """Nobody keeps a right that the directory took, beyond the time that the settings name; an outage gives nothing.
    Who may not see the page of a group gets a 403, but a 503 where that cannot be known."""
    wanted = expected(front, event, age, way, down)
    with open_site(front) as site:
        begin(site, directory, way)
        assert seen(site) == ADMIN
        EVENTS[event].happens(directory, site)
        site.clock.late += AGES[age]
        with directory.faults.outage() if down else nullcontext():
            first = seen(site)
            assert first == wanted or (event, first) in LATER
            site.pass_seconds()
            assert seen(site) == wanted
            guarded = site.ask("/admins")
            assert guarded.status in GUARDED[wanted]
            assert bool(guarded.retry_after) is (guarded.status == 503)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("front", FRONTS)
def test_what_lapsed_comes_back_with_the_directory(open_site, directory, front, way):
    """Rights that lapsed in an outage are there again after the next answer."""
    with open_site(front) as site:
        begin(site, directory, way)
        assert seen(site) == ADMIN
        site.clock.late += AGES["stale"]
        with directory.faults.outage():
            assert seen(site) == LAPSED
        assert seen(site) == ADMIN


@pytest.mark.parametrize(("age", "wanted"), [("due", ADMIN), ("stale", LAPSED)])
@pytest.mark.parametrize("front", [front for front in FRONTS if front not in WRAPPERS])
def test_a_request_beside_another_workers_sync_is_judged_like_a_failed_try(open_site, directory, front, age, wanted):
    """Last known rights hold up to WAUTH_MAX_STALENESS, and no second request slips past it."""
    with open_site(front) as site:
        begin(site, directory, "source")
        assert seen(site) == ADMIN
        site.clock.late += AGES[age]
        with site.claim() as claimed:
            assert claimed
            told = seen(site)
            assert (told.who, told.superuser) == (wanted.who, wanted.superuser)


@pytest.mark.parametrize("front", FRONTS)
def test_every_front_ends_user_is_the_same(open_site, directory, front):
    """Somebody and nobody have the same attributes, of the same types, wherever the application meets them."""
    kinds = {"is a": True, "group_sids": "frozenset", "groups": "tuple"}
    nobody = {"is_authenticated": False, "bool": False, "username": "", "display_name": "", "str": "", "identity": None}
    somebody = {"is_authenticated": True, "bool": True, "username": "bob", "display_name": str(BOB), "str": str(BOB)}
    empty = {"of group_sids": [], "of groups": [], "in_group": [False, False], "attributes": None}
    with open_site(front) as site:
        assert site.ask("/me").told == {**kinds, **nobody, **empty}
        begin(site, directory, "source")
        told = site.ask("/me").told
    inside = told.pop("in_group")
    assert (inside[0], set(inside[1:-1]), inside[-1]) == (True, {True}, False)
    filled = {"of group_sids": ["str"], "of groups": ["DirectoryGroup"], "attributes": "bob"}
    assert told == {**kinds, **somebody, "identity": str(BOB), **filled}


@pytest.mark.parametrize("front", FRONTS)
def test_a_fifth_guess_is_not_tried(open_site, directory, front):
    """Not even the right one, wherever it is typed: 429, and when to come again. Another name is not concerned."""
    with open_site(front) as site:
        guesses = [site.guess("bob", f"wrong {number}") for number in range(NAME_LIMIT)]
        assert {(guess.status, guess.retry_after) for guess in guesses} in ({(401, None)}, {(403, None)})
        directory.operations.clear()
        refused = site.guess("bob", PASSWORD)
        assert refused.status == 429
        assert 0 < int(refused.retry_after) <= WINDOW
        assert directory.operations.only("bind", "search") == []
        assert site.guess("nobody", "wrong").status == guesses[0].status
