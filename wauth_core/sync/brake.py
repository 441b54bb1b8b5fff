"""A directory that suddenly knows nobody is not believed: the bulk run's brake, for what is asked on requests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from wauth_core.cache import SharedCache, cache_key
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.identity import Identity

logger = logging.getLogger("wauth.sync")

LATELY = 600.0  # seconds
FREE = 3  # people who may vanish lately, whatever their share
SHARE = 0.1  # of the known people who were asked about lately
REMEMBERED = 10_000  # people


class Brake:
    """Counts known people of *domain* who are found, and who are not found any more. Threads may share it.

    Those who are not found are counted in *stores* too, which the processes of a machine and of an application share.
    So all processes together deactivate no more than one may. *where* marks the people who are looked for here, among
    others of that domain.
    """

    def __init__(
        self,
        domain: str,
        where: object = None,
        stores: tuple[SharedCache, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._domain = domain
        self._where = where
        self._stores = stores
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, float] = {}  # in the order of their times
        self._gone: dict[str, float] = {}
        self._said = float("-inf")

    def found(self, identity: Identity) -> None:
        """A known person was found: one, however often they come."""
        person = _name(identity)
        with self._lock:
            self._found.pop(person, None)
            self._found[person] = self._clock()
            if len(self._found) > REMEMBERED:
                del self._found[next(iter(self._found))]

    def vanished(self, identity: Identity) -> None:
        """One who was there before is not. Raises `DirectoryUnavailable` if too many have vanished lately."""
        now, person = self._clock(), _name(identity)
        with self._lock:
            self._found = {name: at for name, at in self._found.items() if at >= now - LATELY and name != person}
            self._gone = {name: at for name, at in self._gone.items() if at >= now - LATELY}
            gone, total = len(self._gone), len(self._gone) + len(self._found)
            allowed = max(FREE, int(SHARE * (total + 1)))
            if person in self._gone:
                return
            if gone < allowed and all(self._has_place(store, person, allowed) for store in self._stores):
                self._gone[person] = now
                return
            text = (
                f"The directory of the domain {self._domain} no longer finds {max(gone, allowed)} of the known people "
                f"who came within {LATELY / 60:.0f} minutes. Nobody more is deactivated until that share is below "
                f"{SHARE:.0%}. Check SEARCH_BASE, USER_QUERY_FILTER and the service account's rights. If these people "
                f"have really gone, run a bulk sync."
            )
            if now - self._said > LATELY:
                self._said = now
                logger.error("%s", text)
        raise DirectoryUnavailable(text)

    def _has_place(self, store: SharedCache, person: str, allowed: int) -> bool:
        """Whether *person* may be deactivated: *store* has a limited number of places, which all processes share."""
        for number in range(allowed):
            place = cache_key("vanished", self._domain, self._where, number)
            if store.add(place, person, LATELY) is not False or store.get(place) == person:
                return True  # a store without an answer counts nobody
        return False


def _name(identity: Identity) -> str:
    return cache_key("gone", *identity.name_key())
