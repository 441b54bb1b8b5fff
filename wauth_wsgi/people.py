"""What the application finds under ``wauth.user``: a person who is read from the directory only when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol, TypeVar

from wauth_core import Wauth
from wauth_core.directory.membership import well_known
from wauth_core.exceptions import ConfigurationError
from wauth_core.identity import Identity, TransportFacts
from wauth_core.web.outcomes import SignedIn

FACTS_LAST = timedelta(minutes=10)  # WAUTH_RESYNC_DELTA's default, where there are no settings to say otherwise
A_REQUEST = timedelta(minutes=1)  # and a request that began in time may end

_NEEDS_DIRECTORY = "{what} of {who} must be read from the directory: give the wrapper wauth= with its domain."


class Person(Protocol):
    """`wauth_core.WindowsUser`, and this module's stand-ins for it."""

    @property
    def identity(self) -> Identity | None: ...
    @property
    def is_authenticated(self) -> bool: ...
    @property
    def groups(self) -> Any: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    def in_group(self, group: Any, /) -> bool: ...


class Nobody:
    """The user of a request in which nobody is signed in."""

    identity = None
    is_authenticated = False
    groups: frozenset[str] = frozenset()

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {}

    def in_group(self, group: Any, /) -> bool:
        return False

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<WindowsUser nobody>"


class TransportUser:
    """A user without a directory: what the token or the ticket said is all there is.

    ``groups`` are SIDs. Facts older than ten minutes are not believed. Raises `ConfigurationError` where the answer
    is in the directory only.
    """

    is_authenticated = True

    def __init__(self, identity: Identity, facts: TransportFacts | None, now: Callable[[], datetime]) -> None:
        self.identity = identity
        self._facts = facts
        self._now = now

    @property
    def groups(self) -> frozenset[str]:
        return self._known("The groups").group_sids

    @property
    def attributes(self) -> Mapping[str, Any]:
        raise ConfigurationError(_NEEDS_DIRECTORY.format(what="The attributes", who=self.identity))

    def in_group(self, group: Any, /) -> bool:
        """Whether the user is in the group of this SID, or of a name that means the same SID in every domain."""
        facts = self._known("The groups")
        name = group.sid if hasattr(group, "sid") else str(group)
        sid = well_known(name, lambda: facts.user_sid.rpartition("-")[0], lambda: "")
        if sid is None or not sid.startswith("S-1-") or (sid.startswith("S-1-5-32-") and not facts.complete):
            raise ConfigurationError(_NEEDS_DIRECTORY.format(what=f"The group {name!r}", who=self.identity))
        return sid in facts.group_sids

    def _known(self, what: str) -> TransportFacts:
        facts = self._facts
        if facts is None or self._now() - facts.at > FACTS_LAST + A_REQUEST:
            raise ConfigurationError(_NEEDS_DIRECTORY.format(what=what, who=self.identity))
        return facts

    def __repr__(self) -> str:
        return f"<WindowsUser {str(self.identity)!r}>"


NOBODY = Nobody()


def _now() -> datetime:
    return datetime.now(timezone.utc)


def person(wauth: Wauth | None, signed_in: SignedIn) -> Person:
    """The lazy user of an outcome; *wauth* is a `wauth_core.Wauth` or None. Asks nothing yet."""
    if wauth is None:
        return TransportUser(signed_in.identity, signed_in.facts, _now)
    return wauth.windows_user(signed_in.identity, signed_in.facts)


class AsyncUser:
    """A user under ASGI: the same, and awaitable twins that leave the event loop free.

    Has what Starlette's ``BaseUser`` has, too.
    """

    def __init__(self, user: Person) -> None:
        self._user = user

    @property
    def identity(self) -> Identity | None:
        return self._user.identity

    @property
    def is_authenticated(self) -> bool:
        return self._user.is_authenticated

    @property
    def display_name(self) -> str:
        """The identity as text, empty for nobody."""
        return str(self._user.identity or "")

    @property
    def groups(self) -> Any:
        return self._user.groups

    @property
    def attributes(self) -> Mapping[str, Any]:
        return self._user.attributes

    def in_group(self, group: Any, /) -> bool:
        return self._user.in_group(group)

    async def agroups(self) -> Any:
        """``groups``, awaited."""
        return await _in_thread(lambda: self._user.groups)

    async def aattributes(self) -> Mapping[str, Any]:
        """``attributes``, awaited."""
        return await _in_thread(lambda: self._user.attributes)

    async def ain_group(self, group: Any, /) -> bool:
        """``in_group``, awaited."""
        return await _in_thread(lambda: self._user.in_group(group))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._user, name)

    def __bool__(self) -> bool:
        return self.is_authenticated

    def __repr__(self) -> str:
        return repr(self._user)


class Credentials:
    """What Starlette's ``requires`` reads from ``scope["auth"]``."""

    def __init__(self, scopes: list[str]) -> None:
        self.scopes = scopes


_T = TypeVar("_T")


async def _in_thread(question: Callable[[], _T]) -> _T:
    from asgiref.sync import sync_to_async

    return await sync_to_async(question, thread_sensitive=False)()
