"""What becomes of a session: one table for every front end, held against what `wauth_core.web.visit` promises.

The rows are what a request says, the columns whose session it is. The page counts its visits in the session: 1 means
that the session is a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.front_ends import WITH_USERS, WITHOUT_USERS, running
from tests.contract.hostile import ALICE
from wauth_core.testing import EmbeddedDirectory

BOB = "EXAMPLE\\bob"
SOURCE, PASSWORD = f"name {ALICE}", f"password {ALICE}"


@pytest.fixture(scope="module")
def company() -> Iterator[EmbeddedDirectory]:
    """A directory that the tests of this module leave as it was."""
    with EmbeddedDirectory() as directory:
        yield directory


def said(what: str | None) -> dict[str, str]:
    """The header for the scripted source."""
    return {} if what is None else {"Say": what}


# What the request says: its answer in a session of nobody, in one begun by a source, in one begun by a password. An
# answer is the status, who is there, and whether the session went on (EITHER: what a session of nobody holds at a
# sign-in is the framework's business).
KEPT, NEW, GONE, EITHER = True, False, False, None
TABLE = {
    "nobody": (None, (200, None, KEPT), (200, None, GONE), (200, ALICE, KEPT)),
    "the-same": (SOURCE, (200, ALICE, EITHER), (200, ALICE, KEPT), (200, ALICE, KEPT)),
    "the-same-by-password": (PASSWORD, (200, ALICE, EITHER), (200, ALICE, KEPT), (200, ALICE, KEPT)),
    "the-same-in-other-letters": ("name example\\ALICE", (200, ALICE, EITHER), (200, ALICE, KEPT), (200, ALICE, KEPT)),
    "the-same-name-with-another-sid": (f"another {ALICE}", (200, None, EITHER), (200, None, GONE), (200, None, GONE)),
    "somebody-else": (f"name {BOB}", (200, BOB, EITHER), (200, BOB, NEW), (200, BOB, NEW)),
    "a-namesake-elsewhere": ("name NOWHERE\\alice", (200, None, EITHER), (200, None, GONE), (200, None, GONE)),
    "somebody-unknown": ("name EXAMPLE\\nobody", (200, None, EITHER), (200, None, GONE), (200, None, GONE)),
    "somebody-disabled": ("name EXAMPLE\\dan", (200, None, EITHER), (200, None, GONE), (200, None, GONE)),
    "a-name-that-is-none": ("name EXAMPLE\\*", (200, None, KEPT), (200, None, GONE), (200, None, GONE)),
    "a-lie": ("lie", (200, None, KEPT), (200, None, GONE), (200, None, GONE)),
    "a-step-of-a-handshake": ("step", (401, None, KEPT), (401, None, KEPT), (401, None, KEPT)),
    "nobody-could-check-it": ("unchecked", (503, None, KEPT), (503, None, KEPT), (503, None, KEPT)),
}
COLUMNS = {"nobody": None, "source": SOURCE, "password": PASSWORD}
ROWS = [
    pytest.param(front, COLUMNS[column], what, *answers[number], id=f"{front}-{column}s-session-{row}")
    for front in (*WITHOUT_USERS, *WITH_USERS)
    for row, (what, *answers) in TABLE.items()
    for number, column in enumerate(COLUMNS)
    if front in WITH_USERS or column == "nobody"  # a wrapper keeps no session for such a source
]


@pytest.mark.parametrize(("front", "owner", "what", "status", "identity", "kept"), ROWS)
def test_what_becomes_of_a_session(request, company, front, owner, what, status, identity, kept):
    """Each front end does what the table says, and the next request finds it so."""

    def settings() -> Any:
        request.getfixturevalue("db")
        return request.getfixturevalue("settings")

    with running(front, company, settings) as running_front:
        visitor = running_front.new_visitor()
        for _ in range(2):
            assert visitor("/", said(owner)).identity == (None if owner is None else ALICE)
        told = visitor("/", said(what))
        assert (told.status, told.identity) == (status, identity)
        if front in WITHOUT_USERS or kept is EITHER:
            return
        if status == 200:
            assert told.visits == (3 if kept else 1)
        again = visitor("/", {} if owner == PASSWORD else said(owner))
        if kept:
            assert again.identity == (None if owner is None else ALICE)
            assert again.visits == (4 if status == 200 else 3)
        elif owner == PASSWORD:
            assert again.identity is None  # nothing of it is left
