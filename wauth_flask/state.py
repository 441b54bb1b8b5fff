"""What one application holds: the one object under ``app.extensions["wauth"]``."""

from __future__ import annotations

import dataclasses
import logging
import threading
import weakref
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cachelib import BaseCache, SimpleCache
from flask import Flask, current_app

from wauth_core.exceptions import ConfigurationError
from wauth_core.identity import Identity, canonical_domain, fold_username
from wauth_core.secrets import Veiled
from wauth_core.settings import Options
from wauth_core.sync.repository import Key, UserRepository, Wanted
from wauth_core.web.outcomes import Challenge, Source, challenge_of, load_sources
from wauth_flask.cache import CacheUserRepository, cache_name

if TYPE_CHECKING:
    from wauth_core import Wauth

logger = logging.getLogger("wauth.flask")

KEY = "wauth"  # in app.extensions
SERVER = "wauth_core.web.sources.ServerIdentity"
OURS = ("WAUTH_LOGIN_FORM", "WAUTH_CACHE")  # settings of this adapter alone

_WANTED = Wanted(fields=(), flags=("is_active", "is_superuser"), groups=False)


@dataclasses.dataclass(frozen=True)
class Known:
    """What the application knows of somebody without asking the directory."""

    key: Key
    last_sync: datetime | None
    active: bool
    superuser: bool
    sid: str | None = None


@runtime_checkable
class HasRecords(Protocol):
    """A repository that keeps its users as objects of the application's own."""

    def record(self, key: Key) -> Any | None:
        """The object of *key*."""

    def withhold(self, record: Any, flags: Iterable[str]) -> None:
        """Let *record* read False for *flags*, without writing it."""


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
        self._making = threading.RLock()
        self._made: dict[str, Any] = {}
        self._given = {"repository": repository, "wauth": wauth}

    # -- the parts

    @property
    def wauth(self) -> Wauth:
        """The core's object. Raises `ConfigurationError`."""
        made: Wauth = self._once("wauth", lambda: self._given["wauth"] or self._make_wauth())
        return made

    @property
    def options(self) -> Options:
        """The site's settings."""
        return self.wauth.options

    @property
    def repository(self) -> UserRepository:
        """The application's users; without a database of its own those in the cache."""
        made: UserRepository = self._once(
            "repository", lambda: self._given["repository"] or CacheUserRepository(self._config.get("WAUTH_CACHE"))
        )
        return made

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where identities come from: ``WAUTH_SOURCES``, or the server's REMOTE_USER."""
        made: tuple[Source, ...] = self._once("sources", self._load_sources)
        return made

    @property
    def challenge(self) -> Challenge:
        """What a 401 carries."""
        made: Challenge = self._once("challenge", lambda: challenge_of(self.sources))
        return made

    @property
    def cache(self) -> BaseCache:
        """Where freshness is kept with ``WAUTH_USE_CACHE``."""
        made: BaseCache = self._once("cache", lambda: self._config.get("WAUTH_CACHE") or SimpleCache(threshold=100_000))
        return made

    def _make_wauth(self) -> Wauth:
        from wauth_core import Wauth

        names = [name for name in self._config if name.startswith("WAUTH_") and name not in OURS]
        ours = Veiled({name: self._config[name] for name in names})
        ours.setdefault("WAUTH_DOMAINS", {})
        app = self._app()
        ours.setdefault("WAUTH_USE_CACHE", bool(app and app.debug))
        wauth = Wauth.from_mapping(ours)
        if app is not None:
            weakref.finalize(app, wauth.close)  # runs at the end of the process too
            if wauth.options.simulate_user and not app.debug:
                logger.error("WAUTH_SIMULATE_USER is ignored: the application is not in debug mode.")
        return wauth

    def _load_sources(self) -> tuple[Source, ...]:
        configured = self.options.sources
        return load_sources([SERVER] if configured is None else configured, self.wauth)

    def _once(self, name: str, make: Any) -> Any:
        try:
            return self._made[name]
        except KeyError:
            with self._making:
                if name not in self._made:
                    self._made[name] = make()
                return self._made[name]

    # -- what is known of a user

    def known(self, identity: Identity) -> Known | None:
        """What the application knows of *identity*: from the cache with ``WAUTH_USE_CACHE``, else by one query."""
        if self.options.use_cache and (cached := self.cache.get(_name(identity))):
            return Known(*cached)
        return self.look_up(identity)

    def look_up(self, identity: Identity) -> Known | None:
        """See `known`: from the users themselves."""
        found = self.repository.find(_WANTED, domain=identity.domain, username=identity.username)
        if not found:
            return None
        user = found[0]
        last_sync = user.link.last_sync if user.link else None
        known = Known(
            user.key,
            last_sync,
            user.flags.get("is_active", True),
            user.flags.get("is_superuser", False),
            user.link.sid if user.link else None,
        )
        self._remember(identity, known)
        return known

    def record(self, identity: Identity, key: Key, *, strip: bool = False) -> Any:
        """The application's own object for *key*; where the store has none, a `UserSnapshot`.

        With *strip* every privileged flag reads False. Nothing of that is written.
        """
        settings = self.wauth.domains[identity.domain]
        privileges = {"is_staff", "is_superuser", *settings.FLAG_MAP} - {"is_active"} if strip else set()
        if isinstance(self.repository, HasRecords):
            record = self.repository.record(key)
            if record is not None and privileges:
                self.repository.withhold(record, privileges)
            return record
        wanted = Wanted(tuple(settings.USER_FIELD_MAP), ("is_active", "is_staff", "is_superuser", *settings.FLAG_MAP))
        found = self.repository.find(wanted, domain=identity.domain, username=identity.username)
        for user in found:
            if user.key == key:
                return dataclasses.replace(user, flags={n: v and n not in privileges for n, v in user.flags.items()})
        return None

    def _remember(self, identity: Identity, known: Known) -> None:
        delta = self.options.resync_delta
        if self.options.use_cache and known.last_sync is not None and delta:
            age = datetime.now(timezone.utc) - known.last_sync
            left = int((delta - age).total_seconds())
            if left > 0:
                self.cache.set(_name(identity), dataclasses.astuple(known), left)

    def forget(self, identity: Identity) -> None:
        """Drop what the cache knows of *identity*."""
        if self.options.use_cache:
            self.cache.delete(_name(identity))

    def close(self) -> None:
        """Close the connections that were made."""
        if "wauth" in self._made:
            self._made["wauth"].close()


def current_state() -> State:
    """The state of the current application. Raises `ConfigurationError` where `WindowsAuth` was not set up."""
    try:
        state: State = current_app.extensions[KEY]
    except KeyError:
        raise ConfigurationError("WindowsAuth is not set up: call WindowsAuth(app), or init_app(app).") from None
    return state


def _name(identity: Identity) -> str:
    return cache_name("known", canonical_domain(identity.domain), fold_username(identity.username))
