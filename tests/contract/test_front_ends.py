"""What every front end must do with the names that come in, and with people whose rights change: one table for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.front_ends import STRANGER, WITH_USERS, WITHOUT_USERS, Front, on_the_wire, running
from tests.contract.hostile import ALICE, FORGED, ROWS
from wauth_core.testing import EmbeddedDirectory

FRONTS = (*WITHOUT_USERS, *WITH_USERS)
BOB = "EXAMPLE\\bob"


@pytest.fixture(scope="module")
def company() -> Iterator[EmbeddedDirectory]:
    """A directory that the tests of this module leave as it was."""
    with EmbeddedDirectory() as running_directory:
        yield running_directory


def _django_settings(request: pytest.FixtureRequest) -> Any:
    request.getfixturevalue("db")
    return request.getfixturevalue("settings")


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, company: EmbeddedDirectory) -> Iterator[Front]:
    """Each front end, with a directory that is not changed."""
    with running(request.param, company, lambda: _django_settings(request)) as found:
        yield found


@pytest.mark.parametrize(("name", "identity", "user"), ROWS)
def test_a_name_is_the_same_person_at_every_front_end(front, name, identity, user):
    """Who a name is does not depend on the front end, whatever it holds; nothing is a server error."""
    expected = user  # who the directory lets in; *identity* is what the name alone says
    told = front.new_visitor()("/", on_the_wire(name))
    assert told.status == 200
    assert told.identity == expected
    closed = front.new_visitor()("/member", on_the_wire(name))
    assert closed.status in ((200,) if expected else (401, 403))
    assert closed.identity == expected


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_header_of_the_clients_own_makes_nobody(front, headers):
    """What a client can send beside the proxy's header signs nobody in."""
    visitor = front.new_visitor()
    assert visitor("/", headers).identity is None
    assert visitor("/member", headers).status in (401, 403)


def test_the_header_counts_from_the_proxy_only(front):
    """The very header that signs in from the proxy's address is refused from any other."""
    visitor = front.new_visitor()
    assert visitor("/", on_the_wire(ALICE)).identity == ALICE
    assert front.new_visitor()("/", on_the_wire(ALICE), STRANGER).identity is None
    assert front.new_visitor()("/member", on_the_wire(ALICE), STRANGER).status == (
        403 if not front.name.startswith("django") else 401
    )


# A step is what happens in the directory, or who asks and what they must be told: None for "nobody is signed in".
SCENARIOS: dict[str, list[tuple[Any, ...]]] = {
    "rights-come-and-go": [
        ("ask", ALICE, {"superuser": False}),
        ("add_member", "Domain Admins", "alice"),
        ("ask", ALICE, {"superuser": True}),
        ("remove_member", "Domain Admins", "alice"),
        ("ask", ALICE, {"superuser": False}),
    ],
    "rights-through-nested-groups": [
        ("add_group", "Night Shift"),
        ("add_member", "Domain Admins", "Night Shift"),
        ("add_member", "Night Shift", "alice"),
        ("ask", ALICE, {"superuser": True}),
        ("remove_member", "Domain Admins", "Night Shift"),
        ("ask", ALICE, {"superuser": False}),
    ],
    "look-alikes-have-no-rights": [
        ("ask", "EXAMPLE\\ken", {"superuser": False}),
        ("ask", "EXAMPLE\\trudy", {"superuser": False}),
        ("ask", "EXAMPLE\\mallory", {"superuser": False}),
    ],
    "a-disabled-account-is-out-and-comes-back": [
        ("ask", BOB, {"superuser": True}),
        ("disable", "bob"),
        ("ask", BOB, {"superuser": False, "user": None}),
        ("enable", "bob"),
        ("ask", BOB, {"superuser": True, "user": BOB}),
    ],
    "an-expired-account-is-out": [
        ("ask", BOB, {"superuser": True}),
        ("expire", "bob"),
        ("ask", BOB, {"superuser": False, "user": None}),
    ],
    "a-deleted-account-is-out": [
        ("ask", BOB, {"superuser": True}),
        ("delete", "bob"),
        ("ask", BOB, {"superuser": False, "user": None}),
    ],
    "a-reused-name-inherits-nothing": [
        ("ask", BOB, {"superuser": True}),
        ("delete", "bob"),
        ("add_user", "bob"),
        ("ask", BOB, {"superuser": False}),  # may be asked to come again, with a session that is new
        ("ask", BOB, {"superuser": False, "user": BOB}),
    ],
    "a-renamed-person-keeps-the-rights": [
        ("ask", BOB, {"superuser": True}),
        ("rename", "bob", "robert"),
        ("ask", "EXAMPLE\\robert", {"superuser": True, "user": "EXAMPLE\\robert"}),
    ],
    "a-name-that-passed-on-is-another-person": [
        ("ask", BOB, {"superuser": True}),
        ("rename", "bob", "robert"),
        ("add_user", "bob"),
        ("ask", BOB, {"superuser": False}),  # may be asked to come again, with a session that is new
        ("ask", BOB, {"superuser": False, "user": BOB}),
        ("ask", "EXAMPLE\\robert", {"superuser": True, "user": "EXAMPLE\\robert"}),
    ],
    "one-browser-many-people": [
        ("ask", BOB, {"superuser": True}),
        ("ask", ALICE, {"superuser": False, "user": ALICE}),
        ("ask", None, {"superuser": False, "user": None}),
        ("ask", BOB, {"superuser": True, "user": BOB}),
        ("ask", "EXAMPLE\\*", {"superuser": False, "user": None}),
        ("ask", "NOWHERE\\bob", {"superuser": False, "user": None}),
    ],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.parametrize("name", FRONTS)
def test_rights_follow_the_directory_at_every_front_end(request, name, steps):
    """The same story told to each front end ends the same; where there are users, they come and go with it."""
    with EmbeddedDirectory() as directory, running(name, directory, lambda: _django_settings(request)) as front:
        visitor = front.new_visitor()
        for number, (what, *arguments) in enumerate(steps):
            if what != "ask":
                getattr(directory, what)(*arguments)
                continue
            person, expected = arguments
            told = visitor("/", on_the_wire(person))
            assert told.status == 200, (number, told)
            assert told.superuser is expected["superuser"], (number, told)
            if "user" in expected:
                assert told.identity == expected["user"], (number, told)


@pytest.mark.parametrize("name", WITH_USERS)
def test_an_outage_changes_nobodys_rights(request, name):
    """While the directory is down known people go on and strangers wait; afterwards all is as before."""
    with EmbeddedDirectory() as directory, running(name, directory, lambda: _django_settings(request)) as front:
        visitor = front.new_visitor()
        assert visitor("/", on_the_wire(BOB)).superuser is True
        with directory.faults.outage():
            told = visitor("/", on_the_wire(BOB))
            assert (told.identity, told.superuser) == (BOB, True)
            assert front.new_visitor()("/", on_the_wire(ALICE)).identity is None
        assert front.new_visitor()("/", on_the_wire(ALICE)).identity == ALICE
        directory.remove_member("Domain Admins", "bob")
        assert visitor("/", on_the_wire(BOB)).superuser is False
