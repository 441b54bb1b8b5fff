"""What one application holds: the one object under ``app.extensions["wauth"]``."""

from __future__ import annotations

import logging
import threading
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from flask import Flask, current_app

from wauth_core import Wauth
from wauth_core.exceptions import ConfigurationError, WauthError
from wauth_core.identity import Identity
from wauth_core.secrets import Veiled
from wauth_core.setting_kinds import declared
from wauth_core.settings import ConfigurationWarning
from wauth_core.site_settings import SiteSettings, public_name
from wauth_core.sync.repository import Key, Link, UserRepository, UserSnapshot, Wanted
from wauth_core.web.asking import Challenge, Source, challenge_of, load_sources
from wauth_core.web.sources import ServerIdentity, Simulate
from wauth_flask.cache_repository import CacheUserRepository

logger = logging.getLogger("wauth.flask")

KEY = "wauth"  # in app.extensions
OURS = ("WAUTH_LOGIN_FORM", "WAUTH_CACHE")  # settings of this adapter alone

FLAGS = ("is_active", "is_superuser")
_WANTED = Wanted(fields=(), flags=FLAGS, groups=False)


@runtime_checkable
class HasRecords(Protocol):
    """A repository that keeps its users as objects of the application's own."""

    def record(self, key: Key) -> Any | None:
        """The object of *key*."""


T = TypeVar("T")


class _made_once(Generic[T]):
    """A property that is made when it is first needed, once, whatever the number of threads."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __get__(self, state: Any, owner: Any = None) -> T:
        name = self._make.__name__
        with state.making:
            if name not in vars(state):
                vars(state)[name] = self._make(state)
            made: T = vars(state)[name]
        return made


class State:
    """One application's settings, connections, users and sources, made when they are first needed."""

    def __init__(
        self,
        app: Flask,
        *,
        repository: UserRepository | None = None,
        wauth: Wauth | None = None,
    ) -> None:
        self._config = app.config
        self._app = weakref.ref(app)
        self.has_login_form = bool(app.config.get("WAUTH_LOGIN_FORM"))  # routes are added now or never
        self.making = threading.RLock()
        self._given_repository, self._given_wauth = repository, wauth

    # -- the parts

    @_made_once
    def wauth(self) -> Wauth:
        """The core's object. Raises `ConfigurationError`."""
        return self._given_wauth or self._make_wauth()

    @property
    def settings(self) -> SiteSettings:
        """The site's settings."""
        return self.wauth.settings

    @_made_once
    def repository(self) -> UserRepository:
        """The application's users; without a database of its own those in the cache."""
        return self._given_repository or CacheUserRepository(self._config.get("WAUTH_CACHE"))

    @property
    def forgets(self) -> bool:
        """Whether users are kept in this process's memory alone: other workers know nothing of what is known here."""
        return isinstance(self.repository, CacheUserRepository) and self.repository.forgets

    @_made_once
    def sources(self) -> tuple[Source, ...]:
        """Where identities come from: ``WAUTH_SOURCES``, or the server's REMOTE_USER. In debug mode, and there only,
        ``WAUTH_SIMULATE_USER``."""
        settings, app = self.settings, self._app()
        if settings.simulate_user and app is not None and app.debug:
            return (Simulate(settings.simulate_user, debug=True),)
        if settings.simulate_user:
            logger.error("WAUTH_SIMULATE_USER is ignored: the application is not in debug mode.")
        return load_sources([ServerIdentity()] if settings.sources is None else settings.sources, self.wauth)

    @_made_once
    def challenge(self) -> Challenge:
        """What a 401 carries."""
        return challenge_of(self.sources)

    def _make_wauth(self) -> Wauth:
        names = [name for name in self._config if name.startswith("WAUTH_") and name not in OURS]
        ours = Veiled({name: self._config[name] for name in names})
        ours.setdefault("WAUTH_DOMAINS", {})
        elsewhere = [public_name(name) for name, about in declared(SiteSettings).items() if about.only]
        for name in elsewhere:
            if ours.get(name) and not ours.get("WAUTH_IGNORE_SETTING_WARNINGS"):
                warnings.warn(f"{name} means nothing in Flask: take it out.", ConfigurationWarning, stacklevel=4)
        wauth = Wauth.from_mapping(ours, cache=self._config.get("WAUTH_CACHE"))
        app = self._app()
        if app is not None:
            weakref.finalize(app, wauth.close)  # runs at the end of the process too
        return wauth

    @property
    def request_deadline(self) -> timedelta | None:
        """WAUTH_REQUEST_DEADLINE. None if the settings cannot be read; the request itself will report that."""
        try:
            return self.settings.request_deadline
        except WauthError:
            return None

    # -- the application's users

    def user(self, identity: Identity, *, guid: Any = None, key: Key | None = None) -> UserSnapshot | None:
        """The user of that name or *guid*; with *key* that one and no other. One query."""
        with suppress(WauthError):  # whoever cannot be told from others is refused at the sync
            identity = self.wauth.people.canonical(identity)
        found = self.repository.find(_WANTED, domain=identity.domain, username=identity.username, guid=guid)
        return next((user for user in found if key is None or str(user.key) == str(key)), None)

    def record(self, identity: Identity, user: UserSnapshot) -> Any:
        """The application's own object for *user*; if the store has none, the user with all fields and flags."""
        if isinstance(self.repository, HasRecords):
            return self.repository.record(user.key)
        link = user.link or Link(identity.domain, identity.username)
        settings = self.wauth.domains[link.domain]
        wanted = Wanted(tuple(settings.USER_FIELD_MAP), (*FLAGS, "is_staff", *settings.FLAG_MAP))
        found = self.repository.find(wanted, domain=link.domain, username=link.username, guid=link.guid)
        return next((each for each in found if each.key == user.key), None)

    def close(self) -> None:
        """Close the connections that were made."""
        if "wauth" in vars(self):
            self.wauth.close()


def current_state() -> State:
    """The state of the current application. Raises `ConfigurationError` if `WindowsAuth` was not set up."""
    try:
        state: State = current_app.extensions[KEY]
    except KeyError:
        raise ConfigurationError("WindowsAuth is not set up: call WindowsAuth(app), or init_app(app).") from None
    return state
