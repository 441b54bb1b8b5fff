"""`windows_user`: the person of this request, and what they are to the application's own users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import g
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from wauth_core.identity import Identity, TransportFacts
from wauth_core.sync.result import SyncResult
from wauth_flask.state import Known, State, current_state

if TYPE_CHECKING:
    from wauth_core import WindowsUser

ON_G = "_wauth_person"


class Person:
    """Who is there. Nobody is a person too: one without an identity, in no group.

    Group questions are answered by `wauth_core.WindowsUser`: from the token or the ticket with no LDAP, else by at
    most one search, which is remembered. *result* is the `SyncResult` of this request, where there was a sync.
    """

    def __init__(
        self,
        state: State,
        identity: Identity | None = None,
        *,
        known: Known | None = None,
        facts: TransportFacts | None = None,
        result: SyncResult | None = None,
        source: str = "",
        stripped: bool = False,
        refusal: HTTPException | None = None,
    ) -> None:
        self.identity = identity
        self.result = result
        self.source = source
        self.stripped = stripped  # the last known rights are too old: privileges are withheld
        self.refusal = refusal  # what a page that asks for a sign-in answers, where not "please sign in"
        self._state = state
        self._known = known
        self.facts = facts
        self._user: WindowsUser | None = None
        self._record: Any = None

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is signed in."""
        return self.identity is not None

    @property
    def username(self) -> str:
        """The user name without its domain; empty for nobody."""
        return self.identity.username if self.identity else ""

    @property
    def groups(self) -> Any:
        """The `DirectoryGroup` objects of all security groups, nested ones included. Raises `DirectoryError`."""
        return self._windows_user.groups

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes that ``USER_FIELD_MAP`` names, and some more, decoded. Raises `DirectoryError`."""
        return self._windows_user.attributes

    @property
    def directory_user(self) -> Any:
        """The `DirectoryUser`. Raises `DirectoryError`."""
        return self._windows_user.directory_user

    def in_group(self, group: str) -> bool:
        """Whether the person is in *group* (a name or a SID), directly or nested. Raises `DirectoryError`."""
        return self._windows_user.in_group(group)

    @property
    def key(self) -> Any:
        """The primary key of the application's user; None for nobody."""
        return self._known.key if self._known else None

    @property
    def is_superuser(self) -> bool:
        """The application's flag of that name, by the last sync."""
        return bool(self._known and self._known.superuser and not self.stripped)

    @property
    def record(self) -> Any:
        """The application's own user: an SQLAlchemy object, or a `UserSnapshot`; None for nobody."""
        if self._record is None and self._known is not None and self.identity is not None:
            self._record = self._state.record(self.identity, self._known.key, strip=self.stripped)
        return self._record

    def renew(self, known: Known | None, result: SyncResult | None) -> None:
        """Take over what a sync in the middle of the request brought."""
        self.result = result or self.result
        self._known, self._record, self._user = known, None, None

    @property
    def _windows_user(self) -> WindowsUser:
        if self._user is None:
            sid = self._known.sid if self._known else None
            self._user = self._state.wauth.windows_user(self.identity, self.facts, sid)
        return self._user

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
        return str(self.identity) if self.identity else None

    def __bool__(self) -> bool:
        return self.is_authenticated

    def __str__(self) -> str:
        return str(self.identity) if self.identity else ""

    def __repr__(self) -> str:
        return f"<windows_user {self.identity or 'nobody'}>"


def current_person() -> Person:
    """The person of this request. Found out at the first question in a request, whatever asks it."""
    person: Person | None = g.get(ON_G)
    if person is None:
        from wauth_flask.signin import settle

        try:
            person = settle(current_state())
        except HTTPException as answer:
            setattr(g, ON_G, Person(current_state(), refusal=answer))  # the error's own page may ask who is there
            raise
        setattr(g, ON_G, person)
    return person


windows_user: Person = LocalProxy(current_person)  # type: ignore[assignment]
