"""What the tests ask of a `Wauth` as a front end would: who somebody is, and whether they may go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from wauth_core import Identity, Wauth, WindowsUser
from wauth_core.identity import TransportFacts
from wauth_core.sync.repository import Wanted
from wauth_core.web.authority import Authority, Row, refresh


class Ticking:
    """A clock that goes on by a millisecond whenever it is looked at: no two answers are of the same time."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def person_of(wauth: Wauth, identity: Identity, facts: TransportFacts | None = None) -> WindowsUser:
    """The user of a front end without users of its own."""
    return WindowsUser(identity, facts, directory=wauth.people, now=wauth.now)


def row_of(store: Any, identity: Identity) -> Row | None:
    """The row of *identity*, as a front end with users of its own reads it."""
    wanted = Wanted((), ("is_active",), groups=False)
    found = store.find(wanted, domain=identity.domain, username=identity.username)
    return Row(found[0].key, found[0].link, found[0].active) if found else None


def standing(wauth: Wauth, store: Any, identity: Identity, **options: Any) -> Authority:
    """Whether *identity* may go on."""
    return refresh(wauth, store, identity, row_of(store, identity), **options)
