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
CAROL = "EXAMPLE\\carol"
SOURCE, PASSWORD = f"name {ALICE}", f"password {ALICE}"


@pytest.fixture(scope="module")
def company() -> Iterator[EmbeddedDirectory]:
    """A directory that the tests of this module leave as it was."""
    with EmbeddedDirectory() as directory:
        yield directory


def said(what: str | None) -> dict[str, str]:
    """The header for the scripted source."""
    return {} if what is None else {"Say": what}


# What the request says: its answer in a session of nobody, in one begun by a source, in one begun by a password; then
# in carol's, begun while alice was named: by carol's password (break-glass), or by the application alone
# (impersonation). An answer is the status, who is there, and whether the session went on (EITHER: what a session of
# nobody holds at a sign-in is the framework's business).
KEPT, NEW, GONE, EITHER = True, False, False, None
LEFT, ENDED, SHUT = (200, None, KEPT), (200, None, GONE), (200, None, EITHER)
MINE, HERS = (200, ALICE, KEPT), (200, CAROL, KEPT)
STEP, LATER = (401, None, KEPT), (503, None, KEPT)
TABLE = {
    "nobody": (None, LEFT, ENDED, MINE, HERS, ENDED),
    "the-same": (SOURCE, (200, ALICE, EITHER), MINE, MINE, HERS, HERS),
    "the-same-by-password": (PASSWORD, (200, ALICE, EITHER), MINE, MINE, HERS, HERS),
    "the-same-in-other-letters": ("name example\\ALICE", (200, ALICE, EITHER), MINE, MINE, HERS, HERS),
    # She is refused: the directory's alice has another. At carol's sign-in nobody said alice's.
    "the-same-name-with-another-sid": (f"another {ALICE}", SHUT, ENDED, ENDED, HERS, HERS),
    "somebody-else": (f"name {BOB}", (200, BOB, EITHER), *[(200, BOB, NEW)] * 4),
    "who-is-there-herself": (f"name {CAROL}", (200, CAROL, EITHER), *[(200, CAROL, NEW)] * 4),
    "a-namesake-elsewhere": ("name NOWHERE\\alice", SHUT, *[ENDED] * 4),
    "somebody-unknown": ("name EXAMPLE\\nobody", SHUT, *[ENDED] * 4),
    "somebody-disabled": ("name EXAMPLE\\dan", SHUT, *[ENDED] * 4),
    "a-name-that-is-none": ("name EXAMPLE\\*", LEFT, *[ENDED] * 4),
    "a-lie": ("lie", LEFT, *[ENDED] * 4),
    "a-step-of-a-handshake": ("step", *[STEP] * 5),
    "nobody-could-check-it": ("unchecked", *[LATER] * 5),
}
# Whose session it is: who the requests name that begin it, the page at which it begins, and who is there then.
COLUMNS = {
    "nobody": (None, "/", None),
    "source": (SOURCE, "/", ALICE),
    "password": (PASSWORD, "/", ALICE),
    "break-glass": (SOURCE, "/break-glass", CAROL),
    "impersonation": (SOURCE, "/impersonate", CAROL),
}


def has(front: str, column: str) -> bool:
    """Whether such sessions are: a wrapper keeps none for this source, and Flask begins none without a password."""
    return column == "nobody" or (front in WITH_USERS and (column != "impersonation" or front.startswith("django")))


ROWS = [
    pytest.param(front, column, what, *answers[number], id=f"{front}-{column}s-session-{row}")
    for front in (*WITHOUT_USERS, *WITH_USERS)
    for row, (what, *answers) in TABLE.items()
    for number, column in enumerate(COLUMNS)
    if has(front, column)
]


@pytest.mark.parametrize(("front", "column", "what", "status", "identity", "kept"), ROWS)
def test_what_becomes_of_a_session(request, company, front, column, what, status, identity, kept):
    """Each front end does what the table says, and the next request finds it so."""

    def settings() -> Any:
        request.getfixturevalue("db")
        return request.getfixturevalue("settings")

    named, begins, owner = COLUMNS[column]
    with running(front, company, settings, WAUTH_LOGIN_FORM=True) as running_front:
        visitor = running_front.new_visitor()
        if begins != "/":
            assert visitor(begins, said(named)).status in (200, 303)
        for _ in range(2):
            assert visitor("/", said(named)).identity == owner
        told = visitor("/", said(what))
        assert (told.status, told.identity) == (status, identity)
        if front in WITHOUT_USERS or kept is EITHER:
            return
        if status == 200:
            assert told.visits == (3 if kept else 1)
        by_password = column in ("password", "break-glass")
        again = visitor("/", {} if by_password else said(named))
        if kept:
            assert again.identity == owner
            assert again.visits == (4 if status == 200 else 3)
        elif by_password:
            assert again.identity is None  # nothing of it is left
