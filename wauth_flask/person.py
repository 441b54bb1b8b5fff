"""`Person`: who is there, and what they are to the application's own users."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import HTTPException

from wauth_core.identity import Identity, TransportFacts
from wauth_core.sync.repository import UserSnapshot
from wauth_core.sync.result import SyncResult
from wauth_core.user import WindowsUser
from wauth_flask.state import State

ON_REQUEST = "_wauth_person"


class Person(WindowsUser):
    """The one `wauth_core.WindowsUser`, and the application's own user beside it.

    *result* is the `SyncResult` of this request, if there was a sync. *refusal* is what a page that asks for a
    sign-in answers to nobody, if not "please sign in".
    """

    def __init__(
        self,
        state: State,
        identity: Identity | None = None,
        facts: TransportFacts | None = None,
        *,
        user: UserSnapshot | None = None,
        result: SyncResult | None = None,
        refusal: HTTPException | None = None,
    ) -> None:
        sid = user.link.sid if user is not None and user.link is not None else None
        super().__init__(identity, facts, directory=state.wauth.people, sid=sid, now=state.wauth.now)
        self.result = result
        self.refusal = refusal
        self.user = user
        self._state = state
        self._record: Any = None

    @property
    def key(self) -> Any:
        """The primary key of the application's user; None for nobody."""
        return self.user.key if self.user is not None else None

    @property
    def is_superuser(self) -> bool:
        """The application's flag of that name."""
        return self.user is not None and bool(self.user.flags.get("is_superuser"))

    @property
    def record(self) -> Any:
        """The application's own user: an SQLAlchemy object, or a `UserSnapshot`; None for nobody."""
        if self._record is None and self.user is not None and self.identity is not None:
            self._record = self._state.record(self.identity, self.user)
        return self._record

    # -- what Flask-Login asks of a user

    @property
    def is_active(self) -> bool:
        """Whether somebody is signed in: who is not active is never signed in."""
        return self.is_authenticated

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return not self.is_authenticated

    def get_id(self) -> str | None:
        r"""``DOMAIN\username``."""
        return self.display_name or None


def found_person() -> Person | None:
    """The person of this request, if it has been found out who that is."""
    return getattr(request, ON_REQUEST, None)
