"""Links in the admin: who is who, in which state, and why each right is set; syncs at a click."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from wauth_core import InvalidIdentity, SyncResult, WauthError
from wauth_django import signin
from wauth_django.conf import get_wauth
from wauth_django.describe import changes_in_words, reasons_in_words
from wauth_django.models import LDAPUser


class StateFilter(admin.SimpleListFilter):
    """The account's state in the directory at the last sync."""

    title = "account state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states that there are."""
        states = LDAPUser.objects.order_by("state").values_list("state", flat=True).distinct()
        return [(state or "-", state or "not known yet") for state in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> QuerySet[LDAPUser]:
        """The users in that state."""
        value = self.value()
        return queryset if value is None else queryset.filter(state="" if value == "-" else value)


AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=30)}


class LastSyncFilter(admin.SimpleListFilter):
    """How long ago the last sync was."""

    title = "last sync"
    parameter_name = "synced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Ages, and never."""
        return [*((name, f"more than one {name} ago") for name in AGES), ("never", "never")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> QuerySet[LDAPUser]:
        """Those older than that, the never synchronised ones included."""
        value = self.value()
        if value == "never":
            return queryset.filter(last_sync=None)
        if value in AGES:
            return queryset.filter(Q(last_sync=None) | Q(last_sync__lt=timezone.now() - AGES[value]))
        return queryset


def _user_columns(*names: str) -> tuple[str, ...]:
    """Those of *names* that are columns of the user model, as a query reaches them."""
    columns = {column.name for column in get_user_model()._meta.concrete_fields}
    return tuple(f"user__{name}" for name in dict.fromkeys(names) if name in columns)


@admin.register(LDAPUser)
class LDAPUserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The list asks the directory nothing; the page of one user does, when it is opened."""

    list_display = ("logon_name", "user", "domain", "account_state", "user_is_active", "last_sync")
    list_select_related = ("user",)
    search_fields = ("username", "domain", "sid")
    ordering = ("domain", "username")
    actions = ("sync", "preview_sync", "end_sessions")
    autocomplete_fields = ()
    raw_id_fields = ("user",)
    readonly_fields = (
        "guid",
        "sid",
        "account_state",
        "last_sync",
        "deactivated",
        "lapsed",
        "directory_identity",
        "rights",
        "groups",
    )
    fieldsets = (
        (None, {"fields": ("user", "domain", "username")}),
        ("Identity in the directory", {"fields": ("directory_identity", "guid", "sid", "account_state")}),
        ("Last sync", {"fields": ("last_sync", "deactivated", "lapsed")}),
        ("Rights", {"fields": ("rights", "groups"), "description": "As the directory says now; nothing is written."}),
    )

    # -- the list

    def get_list_filter(self, request: HttpRequest) -> Any:
        """With the user's own activity, where the user model has a column for it."""
        return ("domain", StateFilter, LastSyncFilter, *_user_columns("is_active"))

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Beside the link, what the user goes by."""
        return (*self.search_fields, *_user_columns(str(get_user_model().USERNAME_FIELD), "email"))

    @admin.display(description=_("Logon name"), ordering="username")
    def logon_name(self, link: LDAPUser) -> str:
        r"""``DOMAIN\username``."""
        return str(link)

    @admin.display(description=_("Account state"), ordering="state")
    def account_state(self, link: LDAPUser) -> str:
        """As of the last sync."""
        return link.state or "not known yet"

    @admin.display(description=_("Active"), boolean=True, ordering="user__is_active")
    def user_is_active(self, link: LDAPUser) -> bool:
        """Whether the Django user is active."""
        return bool(getattr(link.user, "is_active", True))

    # -- one user's page: one dry run, shared by its three fields

    @admin.display(description=_("In the directory"))
    def directory_identity(self, link: LDAPUser) -> str:
        """Who the directory says that is."""
        result = self._preview(link)
        if isinstance(result, str):
            return result
        if result.user is None:
            return result.reason or result.status.value
        user = result.user
        rows = [("DN", user.dn), ("UPN", user.upn), ("Name", user.display_name), ("Mail", user.email)]
        rows.append(("State", ", ".join(user.state.reasons) or "enabled"))
        return format_html_join("", "{}: {}<br>", ((name, value) for name, value in rows if value))

    @admin.display(description=_("Why each right is set"))
    def rights(self, link: LDAPUser) -> str:
        """Flags and groups, and the directory groups that give them."""
        result = self._preview(link)
        if isinstance(result, str):
            return result
        lines = reasons_in_words(result)
        return format_html_join("", "{}<br>", ((line,) for line in lines)) or "-"

    @admin.display(description=_("Groups in the directory"))
    def groups(self, link: LDAPUser) -> str:
        """All of them, nested ones included."""
        result = self._preview(link)
        if isinstance(result, str) or result.user is None:
            return "-"
        try:
            names = [group.name for group in result.user.groups()]
        except WauthError as error:
            return str(error)
        return format_html_join(", ", "{}", ((name,) for name in names)) or "-"

    def _preview(self, link: LDAPUser) -> SyncResult | str:
        if (kept := link.__dict__.get("_preview")) is None:
            try:
                kept = get_wauth().sync(link.identity, signin.repository(), dry_run=True)
            except (WauthError, InvalidIdentity) as error:
                kept = str(error)
            link.__dict__["_preview"] = kept
        result: SyncResult | str = kept
        return result

    # -- actions

    @admin.action(description=_("Sync now"), permissions=["change"])
    def sync(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """Synchronise the chosen users, and say of each what came of it."""
        self._each(request, queryset, dry_run=False)

    @admin.action(description=_("Preview sync"), permissions=["view"])
    def preview_sync(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """Say what a sync would do, and write nothing."""
        self._each(request, queryset, dry_run=True)

    @admin.action(description=_("End sessions"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """End every session of the chosen users, in every browser. Who may sign in can do so again."""
        for link in queryset.select_related("user"):
            try:
                link.end_sessions()
            except (WauthError, InvalidIdentity) as error:
                messages.error(request, f"{link}: {error}")
            else:
                messages.success(request, f"{link}: all sessions have ended.")

    def _each(self, request: HttpRequest, queryset: QuerySet[LDAPUser], *, dry_run: bool) -> None:
        for link in queryset.select_related("user"):
            try:
                result = get_wauth().sync(link.identity, signin.repository(), dry_run=dry_run)
            except (WauthError, InvalidIdentity) as error:
                messages.error(request, f"{link}: {error}")
                continue
            level = messages.SUCCESS if result.ok else messages.WARNING
            url = reverse("admin:windows_auth_ldapuser_change", args=[quote(link.pk)])
            words = changes_in_words(result)
            messages.add_message(request, level, format_html('<a href="{}">{}</a>: {}', url, link, words))

    def save_model(self, request: HttpRequest, obj: LDAPUser, form: Any, change: bool) -> None:
        """A link to another name is a link to another person, about whom the next sync finds out all.

        Nothing is written that the form has not changed: a sync may just have written the rest.
        """
        if change and form.changed_data:
            obj = LDAPUser(
                pk=obj.pk, user=obj.user, domain=obj.domain, username=obj.username, deactivated=obj.deactivated
            )
        if form.changed_data or not change:
            super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: LDAPUser | None = None) -> tuple[str, ...]:
        """Who is linked to whom is chosen once."""
        return self.readonly_fields if obj is None else (*self.readonly_fields, "user")

    def get_fieldsets(self, request: HttpRequest, obj: LDAPUser | None = None) -> Any:
        """A new link has nothing to show yet."""
        return self.fieldsets if obj is not None else self.fieldsets[:1]
