"""`LDAPUser`: which directory user a Django user is. The manual's section 1.16, with its table and label."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from wauth_core.identity import Identity, fold_username
from wauth_core.sync.repository import Link
from wauth_core.sync.store import new_sessions
from wauth_django.fields import DomainField, MomentField, UsernameField, UsernameKeyField, own_name

if TYPE_CHECKING:
    from datetime import datetime

    from wauth_core.directory import LDAPManager
    from wauth_core.sync import SyncResult

__all__ = ["LDAPUser"]


class LDAPUserManager(models.Manager["LDAPUser"]):
    """The door to links; sign-in itself is in `wauth_django.signin`."""

    def create_user(self, username: str) -> Any:
        r"""Create the Django user for *username* (``DOMAIN\username``, or ``username@domain`` with WAUTH_USE_SPN).

        Returns the Django user, already synchronised. If it fails, nothing is left behind. Raises `InvalidIdentity`,
        `UserNotFound`, `SyncError`, `DirectoryError`.
        """
        from wauth_django.signin import create_user

        return create_user(username)

    def twins(self) -> models.QuerySet[LDAPUser]:
        """Rows of django-windowsauth whose name another row of the domain has, in another case. A sync leaves them
        alone: an administrator decides."""
        return self.filter(username_key=None, guid=None).exclude(username="")

    def for_identity(self, identity: Identity) -> models.QuerySet[LDAPUser]:
        """The link of *identity*: at most one row."""
        return self.filter(domain=identity.domain, username_key=fold_username(identity.username))


class LDAPUser(models.Model):
    """A Django user's link to the directory. ``user.ldap`` is it; ``str()`` is the Windows logon name."""

    id: models.AutoField[int, int] = models.AutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    user: models.OneToOneField[Any, Any] = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ldap"
    )
    user_id: Any
    domain = DomainField(_("domain"), max_length=255, help_text=_("User Domain NetBIOS Name"))
    last_sync = MomentField(
        _("last sync"),
        blank=True,
        null=True,
        default=None,
        help_text=_("Last time performed LDAP sync for user attributes and group membership"),
    )
    username = UsernameField(
        _("logon name"),
        max_length=256,
        blank=True,
        default="",
        help_text=_("The logon name (sAMAccountName); the user's own by default"),
    )
    username_key = UsernameKeyField(max_length=256, null=True, default=None, editable=False)
    guid: models.UUIDField[uuid.UUID | None, uuid.UUID | None] = models.UUIDField(
        "GUID", blank=True, null=True, default=None, help_text=_("objectGUID: stays when the person is renamed")
    )
    sid: models.CharField[str, str] = models.CharField(
        "SID", max_length=184, blank=True, default="", help_text="objectSid, S-1-5-21-…"
    )
    deactivated: models.BooleanField[bool, bool] = models.BooleanField(
        _("deactivated"),
        default=False,
        help_text=_("It was a sync that deactivated the user, so a sync may activate it again"),
    )
    lapsed: models.BooleanField[bool, bool] = models.BooleanField(
        _("lapsed"),
        default=False,
        help_text=_("The rights were taken because the directory could not be asked for too long"),
    )
    password_set = MomentField(
        blank=True, null=True, default=None, help_text="When the password was last set in the directory (pwdLastSet)"
    )
    controller: models.CharField[str, str] = models.CharField(
        max_length=255, blank=True, default="", help_text="The domain controller that answered last"
    )
    lowered_at = MomentField(
        blank=True, null=True, default=None, help_text="When an answer of the directory last took a right"
    )
    sessions: models.BigIntegerField[int, int] = models.BigIntegerField(
        default=new_sessions, editable=False, help_text="A session that holds another number has ended"
    )
    state: models.CharField[str, str] = models.CharField(
        max_length=128, blank=True, default="", help_text="The account's state in the directory at the last sync"
    )

    objects = LDAPUserManager()

    class Meta:
        verbose_name = _("LDAP user")
        verbose_name_plural = _("LDAP users")
        constraints = (
            models.UniqueConstraint(fields=["domain", "guid"], name="windows_auth_one_link_a_guid"),
            models.UniqueConstraint(fields=["domain", "username_key"], name="windows_auth_one_link_a_name"),
        )

    def __str__(self) -> str:
        from wauth_django.conf import get_wauth

        name = self.username or self.user.get_username()
        return f"{name}@{self.domain}" if get_wauth().settings.use_spn else f"{self.domain}\\{name}"

    def __repr__(self) -> str:
        return f"<LDAPUser {self.domain}\\{self.username} of user {self.user_id}>"

    @property
    def identity(self) -> Identity:
        """The Windows identity of this link. Raises `InvalidIdentity` for a row that names none."""
        from wauth_django.conf import get_wauth

        return get_wauth().identity(self.domain, self.username or own_name(self.user))

    @property
    def link(self) -> Link:
        """This row as the core's value."""
        return Link(
            self.domain,
            self.username or own_name(self.user),
            guid=self.guid,
            sid=self.sid or None,
            deactivated=self.deactivated,
            lapsed=self.lapsed,
            password_set=self.password_set,
            controller=self.controller,
            lowered_at=self.lowered_at,
            last_sync=self.last_sync,
            sessions=self.sessions,
        )

    def get_ldap_manager(self) -> LDAPManager:
        """The manager of the user's domain. Raises `UnknownDomain`."""
        from wauth_django.ldap import get_ldap_manager

        return get_ldap_manager(self.domain)

    def get_ldap_attr(self, attribute: str, as_list: bool = False, refresh_cache: bool = False) -> Any:
        """One attribute of the related directory user, None if it has none; with *as_list* always a list.

        The user is asked for once, and again for an attribute that was not read yet, or with *refresh_cache*.
        """
        entry = self.get_ldap_user(attributes=(attribute,), refresh_cache=refresh_cache)
        if attribute not in entry:
            raise AttributeError(f"{self} has no LDAP attribute {attribute!r}.")
        return entry[attribute].values if as_list else entry[attribute].value

    def get_ldap_user(self, attributes: Iterable[str] | None = None, refresh_cache: bool = False) -> Any:
        """The related directory user as an ldap3 ``Entry``, kept on this object for as long as it lives.

        *attributes*: those of USER_FIELD_MAP by default. Raises `UserNotFound`, `AmbiguousUser`, `DirectoryError`.
        """
        from wauth_django.ldap import user_entry

        wanted = None if attributes is None else frozenset(attributes)
        kept = self.__dict__.get("_ldap_user")
        if refresh_cache or kept is None or (wanted is not None and not wanted <= kept[0]):
            read = (kept[0] if kept else frozenset()) | (wanted or frozenset())
            entry, read = user_entry(self, read)
            kept = self.__dict__["_ldap_user"] = (read, entry)
        return kept[1]

    def get_ldap_groups(self, attributes: Iterable[str] | None = None, preload: bool = True) -> Any:
        """An ldap3 ``Reader`` over all groups the user is in, nested and primary ones included.

        The groups are searched by SID; one cheap search on the user returns the SIDs. With *preload* the reader has
        already searched. *attributes*: GROUP_ATTRS by default.
        """
        from wauth_django.ldap import group_reader

        return group_reader(self, attributes, preload=preload)

    def sync(self) -> SyncResult:
        """Synchronise the Django user with the directory, now. Raises `DirectoryError` or `SyncError`.

        A result that is not ``.ok`` (disabled, refused, not found) has taken the user's access away.
        """
        from wauth_django.signin import sync_link

        return sync_link(self)

    def end_sessions(self) -> None:
        """End every session of the person, in every browser, also those of a wrapper that shares Django's cache."""
        from wauth_django.signin import end_sessions

        end_sessions(self)


class SyncBookmark(models.Model):
    """Where the last bulk sync of a domain stopped reading changes."""

    domain = DomainField(max_length=255, unique=True)
    value: models.TextField[str, str] = models.TextField(
        default="", help_text="Opaque; delete the row to make the next sync read everything"
    )

    class Meta:
        verbose_name = "sync bookmark"

    def __str__(self) -> str:
        return str(self.domain)


class SyncLock(models.Model):
    """Which worker is synchronising whom, if the cache does not keep that (WAUTH_USE_CACHE)."""

    domain = DomainField(max_length=255)
    username_key: models.CharField[str, str] = models.CharField(max_length=256)
    until: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        help_text="By the database's clock, UTC: a worker that died holds the claim no longer"
    )
    token: models.CharField[str, str] = models.CharField(max_length=32)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["domain", "username_key"], name="windows_auth_one_sync_at_a_time"),
        )

    def __str__(self) -> str:
        return f"{self.domain}\\{self.username_key}"
