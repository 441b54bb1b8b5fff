"""The sync of what changed in a domain since the last time. If that cannot be told, the whole domain is synced."""

from __future__ import annotations

import hashlib
import logging
import re
import time
import uuid

from wauth_core.directory import ChangeSet, filters
from wauth_core.exceptions import ConfigurationError, OperationFailed, UserNotFound
from wauth_core.sync import bulk
from wauth_core.sync.bulk import BulkTask, Comparison
from wauth_core.sync.result import BulkResult
from wauth_core.sync.rights import Resolved
from wauth_core.sync.roster import Roster

logger = logging.getLogger("wauth.sync")

_ATTRIBUTE = re.compile(r"\(([A-Za-z][A-Za-z0-9-]*)[~<>:]?=?")

AGAIN = "; again "  # parts a bookmark's cookie from the GUIDs of those whom the last run could not write
REMEMBERED = 100  # of them; more are another trouble than theirs, and the next run reads the same news again
AT_MOST = 1000  # people read one by one; more are read faster with everybody else


def sync_changes(task: BulkTask) -> BulkResult:
    """Bring in step those users about whom the directory has news, and remember how far it was read.

    The whole domain is synced the first time, when the settings that give rights have changed, when a group was
    deleted, and when there is very much news. Deletions are seen only if the service account has the right
    "Replicating Directory Changes": without it, run a full sync now and then.

    Raises as `wauth_core.sync.bulk.sync_all`; nothing is written then, and the next run reads the same news again.
    """
    started = time.perf_counter()
    policy, manager = task.policy, task.directory.manager
    resolved = task.directory.resolve(policy.group_names)
    policy.check(resolved)
    mark = _fingerprint(task, resolved)
    before, _, rest = (task.repository.bookmark(policy.domain) or "").partition(":")
    cookie, _, failed = rest.partition(AGAIN)
    again = {uuid.UUID(guid) for guid in failed.split()}
    news = _news(task, cookie if before == mark else None)
    if news.complete or news.full_needed or len(news.people) > AT_MOST:
        result = bulk.sync_all(task)
    else:
        roster = Roster(policy, task.repository, everybody=False)
        comparison = Comparison(task, resolved, task.directory.all_groups() if policy.mirrors else None, roster)
        for guid in sorted(news.people | again):
            try:
                user = manager.person(guid=guid, username=str(guid), attributes=policy.attributes)
            except UserNotFound:
                comparison.missing(roster.load(guid))  # deleted, or not one of those whom the settings speak of
                continue
            roster.load(guid, policy.logon_name(user))
            comparison.person(user)
        for guid in sorted(news.gone - again):
            comparison.missing(roster.load(guid))
        result = bulk.finish(task, comparison, started, incremental=True)
    if not task.dry_run and len(result.failures) == len(result.again) <= REMEMBERED:
        failed = " ".join(sorted(map(str, result.again)))
        task.repository.bookmark(policy.domain, f"{mark}:{news.cookie}{AGAIN if failed else ''}{failed}")
    return result


def _news(task: BulkTask, cookie: str | None) -> ChangeSet:
    manager = task.directory.manager
    # Who enters or leaves USER_QUERY_FILTER must be seen, too.
    filtered = [*_ATTRIBUTE.findall(filters.given(manager.settings.USER_QUERY_FILTER)), *task.policy.attributes]
    if cookie:
        try:
            return manager.changes(cookie, filtered)
        except (ConfigurationError, OperationFailed) as error:
            logger.warning("Domain %s: the bookmark is of no use (%s); starting anew.", task.policy.domain, error)
    return manager.changes(None, filtered)


def _fingerprint(task: BulkTask, resolved: Resolved) -> str:
    """Changes whenever the settings, or what their group names mean, do: then everybody must be looked at again."""
    meanings = sorted((name, sorted(sids)) for name, sids in resolved.items())
    settings = task.directory.manager.settings
    text = repr((task.policy, meanings, settings.SEARCH_BASE, settings.USER_QUERY_FILTER))
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)  # where a function stands in memory is another place each time
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
