"""The number by which a person's sessions end, for front ends that have no users of their own to keep it."""

from __future__ import annotations

import secrets
from typing import Protocol

from wauth_core.cache import Cache, cache_key
from wauth_core.exceptions import WauthError
from wauth_core.identity import Identity

KEPT = 30 * 24 * 3600  # seconds that a number is kept: longer than any session


class NumbersUnavailable(WauthError):
    """Nobody can tell whether a session was ended: the store of the numbers does not answer."""


class SessionNumbers(Protocol):
    """The number that a person's sessions must hold. A store that forgot gives another number, which ends them."""

    def number(self, person: str) -> int:
        """The number of *person* (a text from `person_key`). Raises `NumbersUnavailable`."""

    def end(self, person: str) -> None:
        """Give *person* another number. Raises `NumbersUnavailable`."""


def person_key(identity: Identity, sid: str | None = None) -> str:
    """What a person's number is kept under: the SID where it is known, else the name."""
    return sid or "\\".join(map(str, identity.name_key()))


class MemoryNumbers:
    """Numbers in this process: sessions end with it, and another worker process knows nothing of them."""

    def __init__(self) -> None:
        self._base = secrets.randbelow(2**31)
        self._raised: dict[str, int] = {}

    def number(self, person: str) -> int:
        """See `SessionNumbers`."""
        return self._base + self._raised.get(person, 0)

    def end(self, person: str) -> None:
        """See `SessionNumbers`."""
        self._raised[person] = self._raised.get(person, 0) + 1


class CachedNumbers:
    """Numbers in a cache that all workers share (cachelib's, or Django's). It fails shut."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def number(self, person: str) -> int:
        """See `SessionNumbers`."""
        key = cache_key("session", person)
        try:
            found = self._cache.get(key)
            if found is None:
                self._cache.add(key, secrets.randbelow(2**53), KEPT)
                found = self._cache.get(key)
            return int(found)
        except Exception as error:  # each backend has errors of its own; without a number there is a TypeError
            raise NumbersUnavailable(f"The cache that keeps session numbers does not answer: {error}") from error

    def end(self, person: str) -> None:
        """See `SessionNumbers`."""
        try:
            kept = self._cache.set(cache_key("session", person), secrets.randbelow(2**53), KEPT)
        except Exception as error:
            raise NumbersUnavailable(f"The cache that keeps session numbers does not answer: {error}") from error
        if kept is False:
            raise NumbersUnavailable("The cache that keeps session numbers did not take a new one.")
