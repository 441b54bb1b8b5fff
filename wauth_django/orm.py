"""Django's users as the core sees them: a `wauth_core.sync.repository.UserRepository` over the user model."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import Error, IntegrityError, connections, models, router, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from wauth_core.exceptions import SyncError
from wauth_core.sync import store
from wauth_core.sync.freshness import horizon
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot, Wanted
from wauth_core.sync.store import domain_key, fitted, name_key, only_lowers, same_domain, same_link
from wauth_django.models import LDAPUser, SyncBookmark, SyncLock

logger = logging.getLogger("wauth.django")

CHUNK = 500  # rows in one IN (…); SQLite allows 999 parameters
# A constraint, a lost connection, a value that no column can hold.
_errors = partial(store.as_sync_error, Error, ValueError, OverflowError, ValidationError)


class _UtcNow(Now):
    """The database's clock. MySQL's own follows the time zone of the session, which may turn back by an hour."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


class DjangoUserRepository:
    """Users of the project's user model, each with its `LDAPUser`.

    With *use_cache* (the manual's WAUTH_USE_CACHE) the lock is in Django's cache; without, it is a row.
    """

    def __init__(self, *, use_cache: bool = False) -> None:
        self.use_cache = use_cache
        self.model: type[Any] = get_user_model()
        self.database = router.db_for_write(LDAPUser)

    # -- reading

    def find(self, wanted: Wanted, *, domain: str, username: str, guid: uuid.UUID | None = None) -> list[UserSnapshot]:
        """See `UserRepository`."""
        matches = Q(ldap__username_key=name_key(username))
        if guid is not None:
            matches |= Q(ldap__guid=guid)
        with _errors():
            found = self._snapshots(wanted, self._users(wanted).filter(matches, ldap__domain=domain_key(domain)))
        return [user for user in found if same_link(user.link, domain, username, guid)]

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`. The exact spelling is preferred where several users differ by case only."""
        # Not every database knows the case of letters beyond ASCII: the likely spellings are asked for too.
        folded = name_key(username)
        spellings = {username, folded, username.upper(), username.title(), username.capitalize()}
        same = Q((f"{wanted.username_field}__iexact", username))
        if not username.isascii():
            same |= Q((f"{wanted.username_field}__in", sorted(spellings)))
        with _errors():
            named = [(getattr(user, wanted.username_field), user) for user in self._users(wanted).filter(same)]
            # Databases have their own ideas of what is equal; "jose" is not "josé".
            found = [(name != username, user.pk, user) for name, user in named if name_key(name) == folded]
            return self._snapshots(wanted, [min(found, key=lambda each: each[:2])[2]])[0] if found else None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Batches go by primary key, so that no cursor stays open between two of them."""
        users = self._users(wanted).filter(ldap__domain=domain_key(domain)).order_by("pk")
        users = users.exclude(ldap__in=LDAPUser.objects.twins())
        last: Any = None
        while True:
            with _errors():
                page = self._snapshots(wanted, (users if last is None else users.filter(pk__gt=last))[:batch])
            if not page:
                return
            yield [user for user in page if same_domain(user.link, domain)]
            last = page[-1].key

    def _users(self, wanted: Wanted) -> Any:
        users = self.model._base_manager.using(self.database).select_related("ldap")
        return users.prefetch_related("groups") if wanted.groups and _has(self.model, "groups") else users

    def _snapshots(self, wanted: Wanted, users: Iterable[Any]) -> list[UserSnapshot]:
        fields = [name for name in wanted.fields if _is_column(self.model, name)]
        flags = [name for name in wanted.flags if _is_column(self.model, name)]
        with_groups = wanted.groups and _has(self.model, "groups")
        return [
            UserSnapshot(
                key=user.pk,
                link=user.ldap.link if _link_of(user) else None,
                fields={name: getattr(user, name) for name in fields},
                flags={name: bool(getattr(user, name)) for name in flags},
                groups=frozenset(group.name for group in user.groups.all()) if with_groups else frozenset(),
            )
            for user in users
        ]

    # -- writing

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key | None]:
        """See `UserRepository`. Users are saved one by one, so that the project's ``post_save`` receivers run."""
        listed = list(changes)
        with _errors(), transaction.atomic(using=self.database):
            if all(change.seen is None for change in listed):
                self._begin_writing()
            current = {n: c for n, c in enumerate(listed) if c.seen is None or self._write_link(c, now)}
            users = self._by_key([change.key for change in current.values() if change.key is not None])
            current = {n: c for n, c in current.items() if c.key is None or _is_as_seen(c, users)}
            groups = self._groups(list(current.values()))
            keys = {n: self._write(change, users, groups, now) for n, change in current.items()}
        return [keys.get(n) for n in range(len(listed))]

    def _begin_writing(self) -> None:
        """Write first. On SQLite a transaction that has read gives up at once if it wants to write while another one
        writes; one that writes first waits for its turn."""
        if not connections[self.database].features.has_select_for_update:
            LDAPUser.objects.using(self.database).filter(pk=-1).update(state="")

    def _write_link(self, change: Change, now: datetime) -> bool:
        """Write the link of a change, if that was not changed since; False if it was."""
        seen = change.seen
        assert seen is not None  # noqa: S101
        rows = LDAPUser.objects.using(self.database).filter(user=change.key)
        rows = rows.filter(last_sync=seen.last_sync, lapsed=seen.lapsed)
        values: dict[str, Any] = _link_values(change.link) if change.link else {"lapsed": seen.lapsed}
        if change.answered:
            rows = rows.filter(_is_older(now, or_equal=only_lowers(change)))
            values["last_sync"] = now
        if change.end_sessions:
            values["sessions"] = F("sessions") + 1
        return bool(rows.update(**values))

    def _by_key(self, keys: Sequence[Key]) -> dict[Key, Any]:
        users = self.model._base_manager.using(self.database).select_related("ldap")
        found: dict[Key, Any] = {}
        for start in range(0, len(keys), CHUNK):
            found.update((user.pk, user) for user in users.filter(pk__in=keys[start : start + CHUNK]))
        return found

    def _groups(self, changes: Sequence[Change]) -> dict[str, Group]:
        """Every group that *changes* name; those that are missing are created."""
        added = {name for change in changes for name in change.groups_add}
        named = added | {name for change in changes for name in change.groups_remove}
        groups: dict[str, Group] = {}
        remaining = iter(sorted(named))
        while chunk := list(islice(remaining, CHUNK)):
            found = Group.objects.using(self.database).filter(name__in=chunk)
            groups.update((group.name, group) for group in found if group.name in named)
        for name in sorted(added - groups.keys()):
            group, created = Group.objects.using(self.database).get_or_create(name=name)
            if name_key(group.name) != name_key(name):
                raise SyncError(f"The database takes the group {name!r} for the other group {group.name!r}.")
            if created:
                logger.info("The group %r was missing and has been created.", name)
            groups[name] = group
        return groups

    def _write(self, change: Change, users: Mapping[Key, Any], groups: Mapping[str, Group], now: datetime) -> Key:
        values = {**change.fields, **change.flags}
        if change.key is None:
            user = self.model()
            _assign(user, {name: value for name, value in values.items() if _is_column(self.model, name)})
            if hasattr(user, "set_unusable_password"):
                user.set_unusable_password()
            user.save(using=self.database, force_insert=True)
        else:
            user = users[change.key]
            if values:
                _assign(user, values)
                user.save(using=self.database, update_fields=list(values))
        if change.link is not None and change.seen is None:
            row = LDAPUser(user=user, last_sync=now if change.answered else None, **_link_values(change.link))
            row.save(using=self.database, force_insert=True)
        if change.groups_add:
            user.groups.add(*(groups[name] for name in sorted(change.groups_add)))
        if gone := [groups[name] for name in sorted(change.groups_remove) if name in groups]:
            user.groups.remove(*gone)
        key: Key = user.pk
        return key

    def touch(self, seen: Mapping[Key, datetime | None], *, now: datetime) -> None:
        """See `UserRepository`."""
        with _errors():
            for part in store.by_last_sync(seen):
                same = Q()
                for moment, keys in part.items():
                    same |= Q(last_sync=moment, user__in=keys)
                LDAPUser.objects.using(self.database).filter(same, _is_older(now)).update(last_sync=now)

    # -- one worker at a time

    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> AbstractContextManager[bool]:
        """See `UserRepository`. No transaction stays open meanwhile."""
        key = (domain_key(domain), name_key(username))
        take, release = (_take_cached, _release_cached) if self.use_cache else (self._take_row, self._release_row)
        return store.claiming(partial(take, key), partial(release, key), wait=wait)

    def _take_row(self, key: tuple[str, str], token: str) -> bool:
        """Insert the claim, or take over one that has ended: both let exactly one worker through.

        One that ends too late was made while the database's clock was wrong.
        """
        rows, now, longest = SyncLock.objects.using(self.database), _UtcNow(), timedelta(seconds=store.LOCK_SECONDS)
        until = now + timedelta(seconds=store.lease())
        domain, username = key
        with _errors():
            try:
                with transaction.atomic(using=self.database):
                    rows.create(domain=domain, username_key=username, until=until, token=token)
            except IntegrityError:
                ended = Q(until__lte=now) | Q(until__gt=now + 2 * longest)
                free = rows.filter(ended, domain=domain, username_key=username)
                return bool(free.update(until=until, token=token))
        return True

    def _release_row(self, key: tuple[str, str], token: str) -> None:
        with _errors():
            SyncLock.objects.using(self.database).filter(domain=key[0], username_key=key[1], token=token).delete()

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        rows = SyncBookmark.objects.using(self.database)
        with _errors():
            if value is not None:
                rows.update_or_create(domain=domain_key(domain), defaults={"value": value})
                return value
            found = rows.filter(domain=domain_key(domain)).values_list("domain", "value")
            return next((kept for name, kept in found if name == domain_key(domain)), None)


def _take_cached(key: tuple[str, str], token: str) -> bool:
    with store.as_sync_error(Exception):  # each cache has errors of its own
        return bool(cache.add(_cache_key(*key), token, store.lease()))


def _release_cached(key: tuple[str, str], token: str) -> None:
    with store.as_sync_error(Exception):
        if cache.get(_cache_key(*key)) == token:
            cache.delete(_cache_key(*key))


def _cache_key(domain: str, username: str) -> str:
    """A name may hold what a cache key may not."""
    return f"wauth:lock:{uuid.uuid5(uuid.NAMESPACE_DNS, f'{domain}/{username}')}"


def _link_of(user: Any) -> LDAPUser | None:
    try:
        link: LDAPUser = user.ldap
    except LDAPUser.DoesNotExist:
        return None
    return link


def _is_as_seen(change: Change, users: Mapping[Key, Any]) -> bool:
    """Whether the user has no link still, for a change that saw none."""
    if change.key not in users:
        raise SyncError(f"The user {change.key!r} was deleted while it was being synchronised.")
    return change.seen is not None or _link_of(users[change.key]) is None


def _is_older(now: datetime, *, or_equal: bool = False) -> Q:
    """`wauth_core.sync.store.is_older` for links; with *or_equal* those of *now* as well."""
    older = Q(last_sync__lte=now) if or_equal else Q(last_sync__lt=now)
    return Q(last_sync=None) | older | Q(last_sync__gt=horizon())


def _link_values(link: Link) -> dict[str, Any]:
    """What a link is in the table, but for what only the repository writes."""
    return {
        "domain": domain_key(link.domain),
        "username": link.username,
        "username_key": name_key(link.username),
        "guid": link.guid,
        "sid": link.sid or "",
        "deactivated": link.deactivated,
        "lapsed": link.lapsed,
        "password_set": link.password_set,
        "controller": fitted(link.controller, 255, "LDAPUser.controller"),
        "lowered_at": link.lowered_at,
    }


def _has(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _is_column(model: type[models.Model], name: str) -> bool:
    return _has(model, name) and getattr(model._meta.get_field(name), "concrete", False)


def _assign(user: Any, values: Mapping[str, Any]) -> None:
    """Set *values*; a text too long for its column is cut, except for the name the user goes by."""
    for name, value in values.items():
        limit = getattr(user._meta.get_field(name), "max_length", None)
        setattr(user, name, fitted(value, limit, f"{user._meta.label}.{name}", whole=name == user.USERNAME_FIELD))
