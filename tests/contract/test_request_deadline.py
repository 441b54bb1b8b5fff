"""Every front end gives one request one deadline, whatever asks the directory in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.front_ends import WITH_USERS, WITHOUT_USERS, on_the_wire, running
from wauth_core.directory import limits
from wauth_core.testing import EmbeddedDirectory


@pytest.mark.parametrize("name", [*WITHOUT_USERS, *WITH_USERS])
def test_all_questions_of_a_request_share_one_deadline(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-in, its sync and the page's own question about groups have one clock; the next request has another."""
    asked: list[Any] = []
    deadline = limits.deadline

    def noted(seconds: float) -> float:
        asked.append(limits._request.get())
        return deadline(seconds)

    def settings() -> Any:
        request.getfixturevalue("db")
        return request.getfixturevalue("settings")

    monkeypatch.setattr(limits, "deadline", noted)
    with EmbeddedDirectory() as directory, running(name, directory, settings) as front:
        visit = front.new_visitor()
        seen = []
        for who in ("EXAMPLE\\alice", "EXAMPLE\\bob"):
            asked.clear()
            assert visit("/", on_the_wire(who)).identity == who
            assert len(asked) > 1
            assert len({id(each) for each in asked}) == 1
            seen.append(asked[0])
    assert None not in seen
    assert seen[0] is not seen[1]
