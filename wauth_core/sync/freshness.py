"""When a user is due for a sync, and when what is known is too old to go by."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from wauth_core.site_settings import SiteSettings

CLOCK_SKEW = timedelta(minutes=1)  # how far the clocks of two web servers may be apart


def horizon() -> datetime:
    """The latest time that a row may bear. One from beyond was written while a clock was wrong: it orders nothing, or
    nobody's rights could change until that time has come."""
    return datetime.now(timezone.utc) + CLOCK_SKEW


def is_due(last_sync: datetime | None, delta: timedelta | None, now: datetime) -> bool:
    """Whether *delta* has passed since *last_sync*. None means never by itself, also for one never synchronised.

    A last sync that lies in the future, by more than two clocks may differ, counts as none at all.
    """
    if delta is None:
        return False
    if last_sync is None:
        return True
    return not -CLOCK_SKEW <= now - last_sync < delta


def is_stale(last_sync: datetime | None, site: SiteSettings, now: datetime) -> bool:
    """Whether what is known is too old to go by. Never, where WAUTH_MAX_STALENESS is None."""
    if last_sync is None:
        return True
    if site.max_staleness is None:
        return False
    return not -CLOCK_SKEW <= now - last_sync <= site.max_staleness
