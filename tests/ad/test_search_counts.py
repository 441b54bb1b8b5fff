"""How many searches a sync costs, counted where they pass: on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.testing import MemoryUserRepository

ALICE = Identity.parse("EXAMPLE\\alice")
BOB = Identity.parse("EXAMPLE\\bob")


@pytest.fixture
def wauth(samba: DomainController, tap_settings: dict[str, Any]) -> Iterator[Wauth]:
    """EXAMPLE through the tap, with fields, flags, mapped and required groups."""
    domain = samba.settings(
        **tap_settings,
        SUPERUSER_GROUPS=["Domain Admins", "Web Admins"],
        STAFF_GROUPS=["Nested L1", "OddGroup"],
        ACTIVE_GROUPS="Domain Users",
        GROUP_ATTRS=["cn", "sAMAccountName"],
        GROUP_MAP={"editors": ["Group 001", "Loop B"], "readers": "Empty Group"},
    )
    with Wauth({"EXAMPLE": domain}) as wauth:
        yield wauth


def test_first_sync(wauth: Wauth, tap: Tap) -> None:
    """The first sync of all costs at most two searches, and one for all configured groups together."""
    result = wauth.sync(ALICE, MemoryUserRepository())
    assert result.status is SyncStatus.CREATED
    assert result.flags["is_superuser"]
    assert len(tap.searches()) <= 3
    assert not any("schema" in search.base.casefold() for search in tap.searches())


def test_groups_are_resolved_once(wauth: Wauth, tap: Tap) -> None:
    """The next person's first sync needs no search for groups."""
    repository = MemoryUserRepository()
    wauth.sync(ALICE, repository)
    tap.forget()
    result = wauth.sync(BOB, repository)
    assert result.status is SyncStatus.CREATED
    assert result.flags["is_staff"]
    assert len(tap.searches()) <= 2


def test_steady_state_is_one_search(wauth: Wauth, tap: Tap) -> None:
    """A person whose GUID is known costs exactly one search: the entry itself, attributes and groups together."""
    repository = MemoryUserRepository()
    wauth.sync(ALICE, repository)
    tap.forget()
    result = wauth.sync(ALICE, repository)
    assert result.status is SyncStatus.UNCHANGED
    assert result.flags["is_superuser"]
    (search,) = tap.searches()
    assert search.base.startswith("<GUID=")
    assert search.scope == "base"
    assert "tokengroups" in {name.casefold() for name in search.attributes}
    assert [request.kind for request in tap.seen] == ["search"]


def test_change_is_one_search_too(wauth: Wauth, tap: Tap) -> None:
    """A change in the directory arrives with the same single search."""
    controller, repository = tap.controller, MemoryUserRepository()
    person = controller.create_user(mail="before@example.local")
    identity = Identity.parse(f"EXAMPLE\\{person}")
    wauth.sync(identity, repository)
    controller.modify(person, mail="after@example.local")
    controller.add_member("Nested L2", person)
    try:
        tap.forget()
        result = wauth.sync(identity, repository)
        assert result.status is SyncStatus.UPDATED
        assert result.flags["is_superuser"]
        assert len(tap.seen) == 1
    finally:
        controller.delete(person)


def test_cold_start_fetches_no_schema(wauth: Wauth, tap: Tap) -> None:
    """Connecting costs a bind and nothing else."""
    wauth.manager("EXAMPLE").user("alice")
    assert tap.seen[0].kind == "bind"
    assert len(tap.seen) <= 3
    assert not any(search.base == "" and search.attributes != ("1.1",) for search in tap.searches()[1:])
