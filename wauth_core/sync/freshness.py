"""When a user is due for a sync, and what becomes of them when it cannot be done: one policy for all adapters."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from wauth_core.exceptions import AmbiguousUser, WauthError
from wauth_core.settings import Options
from wauth_core.sync.result import SyncResult, SyncStatus

CLOCK_SKEW = timedelta(minutes=1)  # how far the clocks of two web servers may be apart


class Verdict(enum.Enum):
    """What an adapter shall do with the request."""

    CONTINUE = "continue"
    STRIP = "strip"  # go on, but with every privileged flag False for this request
    REFUSE = "refuse"  # end the session; the user is nobody
    FAIL = "fail"  # answer with the error, or with WAUTH_ERROR_RESPONSE


@dataclass(frozen=True)
class Refreshed:
    """How a refresh ended. *due* says that a sync was tried, *stale* that what is known is older than
    WAUTH_MAX_STALENESS. *error* is set where the sync could not be done."""

    verdict: Verdict
    due: bool = False
    stale: bool = False
    result: SyncResult | None = None
    error: WauthError | None = None


def is_due(last_sync: datetime | None, delta: timedelta | None, now: datetime) -> bool:
    """Whether *delta* has passed since *last_sync*. None means never by itself, also for one never synchronised.

    A last sync that lies in the future, by more than two clocks may differ, counts as none at all.
    """
    if delta is None:
        return False
    if last_sync is None:
        return True
    return not -CLOCK_SKEW <= now - last_sync < delta


def is_stale(last_sync: datetime | None, options: Options, now: datetime) -> bool:
    """Whether what is known is too old to go by. Never, where WAUTH_MAX_STALENESS is None."""
    if last_sync is None:
        return True
    if options.max_staleness is None:
        return False
    return not -CLOCK_SKEW <= now - last_sync <= options.max_staleness


def refresh(
    sync: Callable[[], SyncResult],
    options: Options,
    *,
    last_sync: datetime | None,
    delta: timedelta | None,
    now: datetime,
    required: bool,
) -> Refreshed:
    """Sync a user who is due, by *sync*, and say what follows. A user who is not due costs nothing.

    With *required* a failed sync fails the request. Otherwise the last known rights hold up to
    WAUTH_MAX_STALENESS; after that WAUTH_WHEN_STALE decides.
    """
    if not is_due(last_sync, delta, now):
        return Refreshed(Verdict.CONTINUE)
    try:
        result = sync()
    except AmbiguousUser as error:  # the directory answers; who that is cannot be told, so nobody is let in as anybody
        return Refreshed(Verdict.REFUSE, due=True, stale=is_stale(last_sync, options, now), error=error)
    except WauthError as error:
        stale = is_stale(last_sync, options, now)
        if required:
            verdict = Verdict.FAIL
        elif not stale:
            verdict = Verdict.CONTINUE
        elif last_sync is not None and options.when_stale == "strip":
            verdict = Verdict.STRIP
        else:
            verdict = Verdict.REFUSE
        return Refreshed(verdict, due=True, stale=stale, error=error)
    if result.status is SyncStatus.BUSY:
        stale = is_stale(last_sync, options, now)
        return Refreshed(Verdict.CONTINUE if result.ok else Verdict.REFUSE, due=True, stale=stale, result=result)
    return Refreshed(Verdict.CONTINUE if result.ok else Verdict.REFUSE, due=True, result=result)
