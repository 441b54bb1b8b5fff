"""Django's users as the core sees them: a `wauth_core.sync.repository.UserRepository` over the user model."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic, sleep
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, IntegrityError, connections, models, router, transaction
from django.utils import timezone

from wauth_core.exceptions import SyncError
from wauth_core.identity import canonical_domain, fold_username
from wauth_core.sync.repository import Change, Key, UserSnapshot, Wanted
from wauth_django.models import LDAPUser, SyncBookmark, SyncLock

logger = logging.getLogger("wauth.django")

LOCK_SECONDS = 60  # a worker that died keeps its lock no longer than this
LOCK_POLL = 0.05  # seconds
_LINK_COLUMNS = ("domain", "username", "username_key", "guid", "sid", "deactivated", "last_sync")
CHUNK = 500  # rows in one IN (…); SQLite allows 999 parameters


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
        matches = models.Q(ldap__username_key=fold_username(username))
        if guid is not None:
            matches |= models.Q(ldap__guid=guid)
        users = self._users(wanted).filter(matches, ldap__domain=canonical_domain(domain))
        return self._snapshots(wanted, users)

    def named(self, wanted: Wanted, username: str) -> UserSnapshot | None:
        """See `UserRepository`. The exact spelling is preferred where several users differ by case only."""
        # Not every database knows the case of letters beyond ASCII: the likely spellings are asked for too.
        spellings = {username, fold_username(username), username.upper(), username.title(), username.capitalize()}
        same = models.Q((f"{wanted.username_field}__iexact", username))
        if not username.isascii():
            same |= models.Q((f"{wanted.username_field}__in", sorted(spellings)))
        found = self._users(wanted).filter(same)
        folded = fold_username(username)
        snapshots = [
            # databases have their own ideas of what is equal; "jose" is not "josé"
            (getattr(user, wanted.username_field) != username, user)
            for user in found
            if fold_username(getattr(user, wanted.username_field)) == folded
        ]
        for _, user in sorted(snapshots, key=lambda pair: (pair[0], pair[1].pk)):
            return self._snapshots(wanted, [user])[0]
        return None

    def linked(self, wanted: Wanted, domain: str, *, batch: int = 500) -> Iterator[Sequence[UserSnapshot]]:
        """See `UserRepository`. Batches go by primary key, so that no cursor stays open between two of them."""
        users = self._users(wanted).filter(ldap__domain=canonical_domain(domain)).order_by("pk")
        last: Any = None
        while page := list((users if last is None else users.filter(pk__gt=last))[:batch]):
            yield self._snapshots(wanted, page)
            last = page[-1].pk

    def _users(self, wanted: Wanted) -> Any:
        users = self.model._default_manager.using(self.database).select_related("ldap")
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

    def apply(self, changes: Iterable[Change], *, now: datetime) -> list[Key]:
        """See `UserRepository`. Users are saved one by one, so that the project's ``post_save`` receivers run."""
        listed = list(changes)
        try:
            with transaction.atomic(using=self.database):
                self._begin_writing()
                users = self._locked(change.key for change in listed if change.key is not None)
                groups = self._groups(listed)
                keys = [self._write(change, users, groups, now) for change in listed]
        except (DatabaseError, ValueError) as error:  # a constraint, a lost connection, a value no column can hold
            raise SyncError(f"The database refused the change: {type(error).__name__}: {error}") from error
        return keys

    def _begin_writing(self) -> None:
        """SQLite gives up at once when a transaction that has read wants to write while another one writes; one that
        writes first waits for its turn."""
        if not connections[self.database].features.has_select_for_update:
            LDAPUser.objects.using(self.database).filter(pk=-1).update(state="")

    def _locked(self, keys: Iterable[Key]) -> dict[Key, Any]:
        users = self.model._default_manager.using(self.database).select_for_update()
        found: dict[Key, Any] = {}
        remaining = iter(keys)
        while chunk := list(islice(remaining, CHUNK)):
            found.update((user.pk, user) for user in users.filter(pk__in=chunk).order_by("pk"))
        links = LDAPUser.objects.using(self.database).select_for_update()
        pks = iter(list(found))
        while chunk := list(islice(pks, CHUNK)):
            for link in links.filter(user__in=chunk).order_by("pk"):
                found[link.user_id]._state.fields_cache["ldap"] = link
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
            groups[name], created = Group.objects.using(self.database).get_or_create(name=name)
            if created:
                logger.info("The group %r was missing and has been created.", name)
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
            try:
                user = users[change.key]
            except KeyError:
                raise SyncError(f"The user {change.key!r} was deleted while it was being synchronised.") from None
            if values:
                _assign(user, values)
                user.save(using=self.database, update_fields=list(values))
        self._write_link(user, change, now)
        if change.groups_add:
            user.groups.add(*(groups[name] for name in sorted(change.groups_add)))
        if gone := [groups[name] for name in sorted(change.groups_remove) if name in groups]:
            user.groups.remove(*gone)
        key: Key = user.pk
        return key

    def _write_link(self, user: Any, change: Change, now: datetime) -> None:
        row = _link_of(user)
        if row is None and change.link is None:
            return
        row = row or LDAPUser(user=user)
        row.last_sync = now
        if change.link is not None:
            row.domain, row.username = change.link.domain, change.link.username
            row.guid, row.sid, row.deactivated = change.link.guid, change.link.sid or "", change.link.deactivated
        row.save(using=self.database, update_fields=_LINK_COLUMNS if row.pk else None)

    def touch(self, keys: Sequence[Key], *, now: datetime) -> None:
        """See `UserRepository`."""
        for start in range(0, len(keys), CHUNK):
            LDAPUser.objects.using(self.database).filter(user__in=keys[start : start + CHUNK]).update(last_sync=now)

    # -- one worker at a time

    @contextmanager
    def lock(self, domain: str, username: str, *, wait: float = 0.0) -> Iterator[bool]:
        """See `UserRepository`. No transaction stays open meanwhile; a lock expires after a minute by itself."""
        take, release = (
            (self._take_cached, self._release_cached) if self.use_cache else (self._take_row, self._release_row)
        )
        key = (canonical_domain(domain), fold_username(username))
        token, until = secrets.token_hex(16), monotonic() + wait
        while not (mine := take(*key, token)) and monotonic() < until:
            sleep(LOCK_POLL)
        try:
            yield mine
        finally:
            if mine:
                release(*key, token)

    def _take_cached(self, domain: str, username: str, token: str) -> bool:
        return bool(cache.add(_cache_key(domain, username), token, LOCK_SECONDS))

    def _release_cached(self, domain: str, username: str, token: str) -> None:
        key = _cache_key(domain, username)
        if cache.get(key) == token:
            cache.delete(key)

    def _take_row(self, domain: str, username: str, token: str) -> bool:
        """Insert the lock's row, or take over one that has expired: both let exactly one worker through."""
        rows = SyncLock.objects.using(self.database)
        now = timezone.now()
        until = now + timedelta(seconds=LOCK_SECONDS)
        try:
            with transaction.atomic(using=self.database):
                rows.create(domain=domain, username_key=username, until=until, token=token)
        except IntegrityError:
            expired = rows.filter(domain=domain, username_key=username, until__lt=now)
            return bool(expired.update(until=until, token=token))
        return True

    def _release_row(self, domain: str, username: str, token: str) -> None:
        SyncLock.objects.using(self.database).filter(domain=domain, username_key=username, token=token).delete()

    def bookmark(self, domain: str, value: str | None = None) -> str | None:
        """See `UserRepository`."""
        rows = SyncBookmark.objects.using(self.database)
        if value is not None:
            rows.update_or_create(domain=canonical_domain(domain), defaults={"value": value})
            return value
        return rows.filter(domain=canonical_domain(domain)).values_list("value", flat=True).first()


def _cache_key(domain: str, username: str) -> str:
    """A name may hold what a cache key may not."""
    return f"wauth:lock:{uuid.uuid5(uuid.NAMESPACE_DNS, f'{domain}/{username}')}"


def _link_of(user: Any) -> LDAPUser | None:
    try:
        link: LDAPUser = user.ldap
    except LDAPUser.DoesNotExist:
        return None
    return link


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
        if isinstance(value, str) and limit is not None and len(value) > limit:
            if name == user.USERNAME_FIELD:
                raise SyncError(f"The user name {value[:40]!r}… is longer than the column allows ({limit}).")
            logger.warning("%s of the user %r is cut to %d characters.", name, user.get_username(), limit)
            value = value[:limit]
        setattr(user, name, value)
