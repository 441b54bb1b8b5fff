"""Taking from a user's row what nobody could confirm for too long."""

from __future__ import annotations

import logging
from datetime import datetime

from wauth_core.identity import Identity, fold_username
from wauth_core.sync.manager_answers import Lookups
from wauth_core.sync.plan import lapse
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import UserRepository

logger = logging.getLogger("wauth.service")


def take(policy: Policy, lookups: Lookups, repository: UserRepository, identity: Identity, now: datetime) -> bool:
    """Take the flags and groups that the settings own; return whether it is so now. Raises `SyncError`."""
    known_groups: frozenset[str] = frozenset()
    if policy.mirror_all:
        names = lookups.last_groups()
        if names is None:
            return False
        known_groups = frozenset(map(fold_username, names.values()))
    found = repository.find(policy.wanted, domain=policy.domain, username=identity.username)
    for snapshot in found[:1]:
        if snapshot.link is not None and not snapshot.link.lapsed:
            change = lapse(policy, snapshot, known_groups)
            repository.apply([change], now=now)
            logger.warning("The rights of %s have lapsed: nobody could ask the directory for too long.", identity)
    return bool(found)
