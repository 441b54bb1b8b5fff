"""Links in the admin: who is who, in which state, and why each right is set; syncs at a click."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from wauth_core import InvalidIdentity, SyncResult, WauthError
from wauth_core.directory import DirectoryUser
from wauth_core.directory.query import any_of, starts_with
from wauth_core.directory.ways import Way, ways
from wauth_django import signin
from wauth_django.conf import get_wauth
from wauth_django.describe import changes_in_words, rights
from wauth_django.models import LDAPUser


class StateFilter(admin.SimpleListFilter):
    """The account's state in the directory at the last sync."""

    title = _("account state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states that there are."""
        states = LDAPUser.objects.order_by("state").values_list("state", flat=True).distinct()
        return [(state or "-", state or str(_("not known yet"))) for state in states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> QuerySet[LDAPUser]:
        """The users in that state."""
        value = self.value()
        return queryset if value is None else queryset.filter(state="" if value == "-" else value)


AGES = {
    "hour": (timedelta(hours=1), _("more than one hour ago")),
    "day": (timedelta(days=1), _("more than one day ago")),
    "month": (timedelta(days=30), _("more than one month ago")),
}


class LastSyncFilter(admin.SimpleListFilter):
    """How long ago the last sync was."""

    title = _("last sync")
    parameter_name = "synced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Ages, and never."""
        return [*((name, str(text)) for name, (_age, text) in AGES.items()), ("never", str(_("never")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> QuerySet[LDAPUser]:
        """Those older than that, the never synchronised ones included."""
        value = self.value()
        if value == "never":
            return queryset.filter(last_sync=None)
        if value in AGES:
            return queryset.filter(Q(last_sync=None) | Q(last_sync__lt=timezone.now() - AGES[value][0]))
        return queryset


def _user_columns(*names: str) -> tuple[str, ...]:
    """Those of *names* that are columns of the user model, as a query reaches them."""
    columns = {column.name for column in get_user_model()._meta.concrete_fields}
    return tuple(f"user__{name}" for name in dict.fromkeys(names) if name in columns)


@admin.register(LDAPUser)
class LDAPUserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The list asks the directory nothing; the page of one user does, when it is opened."""

    list_display = ("logon_name", "user", "account_state", "user_is_active", "last_sync")
    list_select_related = ("user",)
    search_fields = ("username", "domain", "sid")
    ordering = ("domain", "username")
    actions = ("sync", "preview_sync", "end_sessions")
    change_form_template = "wauth_django/admin/change_form.html"
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
    fieldsets: ClassVar = (
        (None, {"fields": ("user", "domain", "username")}),
        (_("Identity in the directory"), {"fields": ("directory_identity", "guid", "sid", "account_state")}),
        (_("Last sync"), {"fields": ("last_sync", "deactivated", "lapsed")}),
        (
            _("Rights"),
            {"fields": ("rights", "groups"), "description": _("As the directory says now; nothing is written.")},
        ),
    )

    class Media:
        """What Django's own style sheet lacks."""

        css: ClassVar = {"all": ["wauth_django/admin.css"]}

    # -- the list

    def get_list_filter(self, request: HttpRequest) -> Any:
        """With the user's own activity, if the user model has a column for it."""
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
        return link.state or str(_("not known yet"))

    @admin.display(description=_("Active"), boolean=True, ordering="user__is_active")
    def user_is_active(self, link: LDAPUser) -> bool:
        """Whether the Django user is active."""
        return bool(getattr(link.user, "is_active", True))

    # -- one user's page: one dry run and one look at the groups, shared by its three fields

    @admin.display(description=_("In the directory"))
    def directory_identity(self, link: LDAPUser) -> str:
        """Who the directory says that is."""
        result = _preview(link)
        if isinstance(result, str):
            return result
        if result.user is None:
            return result.reason or result.status.value
        user = result.user
        rows: list[tuple[object, str | None]] = [
            ("DN", user.dn),
            ("UPN", user.upn),
            (_("Name"), user.display_name),
            (_("Mail"), user.email),
            (_("Account state"), ", ".join(user.state.reasons) or str(_("enabled"))),
        ]
        facts = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((name, value) for name, value in rows if value))
        return format_html('<dl class="wauth-facts">{}</dl>', facts)

    @admin.display(description=_("Why each right is set"))
    def rights(self, link: LDAPUser) -> str:
        """Flags and groups, and the directory groups that give them, with the way through nested ones."""
        result = _preview(link)
        if isinstance(result, str):
            return "-"
        try:
            sids = link.get_ldap_manager().resolve_groups({name for by in result.why.values() for name in by}).sids
        except WauthError as error:
            return str(error)
        shown: dict[str, Any] = {"rights": rights(result, _ways(link), sids)}
        if not result.ok:
            shown |= {"status": result.status.value, "reason": result.reason}
        return render_to_string("wauth_django/admin/rights.html", shown)

    @admin.display(description=_("Groups in the directory"))
    def groups(self, link: LDAPUser) -> str:
        """All of them, nested ones included."""
        found = _ways(link)
        return render_to_string("wauth_django/admin/groups.html", {"ways": found}) if found else "-"

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """The page of one user, with buttons that synchronise."""
        shown = {"sync_url": reverse("admin:windows_auth_ldapuser_sync", args=[object_id])}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def sync_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The two buttons: synchronise this user now, or say what that would do."""
        link = get_object_or_404(self.get_queryset(request), pk=unquote(object_id))
        preview = "preview" in request.POST
        if not (self.has_view_permission if preview else self.has_change_permission)(request, link):
            raise PermissionDenied
        self._each(request, [link], dry_run=preview)
        return redirect("admin:windows_auth_ldapuser_change", object_id)

    # -- a new user: found in the directory

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """The form for a link by hand, below a search of the directory."""
        domains = list(get_wauth().domains)
        asked, domain = request.GET.get("q", "").strip(), request.GET.get("domain", "")
        domain = domain if domain in domains else next(iter(domains), "")
        shown: dict[str, Any] = {"q": asked, "domains": domains, "domain": domain}
        if asked and domain:
            try:
                shown["people"] = people_like(domain, asked)
            except WauthError as error:
                shown["error"] = str(error)
        return super().add_view(request, form_url, {**shown, **(extra_context or {})})

    def add_person(self, request: HttpRequest) -> HttpResponse:
        """Make the user of the person that was chosen."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            person = get_wauth().identity(request.POST.get("domain", ""), request.POST.get("username", ""))
            user = LDAPUser.objects.create_user(str(person))
        except (WauthError, InvalidIdentity) as error:
            messages.error(request, str(error))
            return redirect("admin:windows_auth_ldapuser_add")
        self.log_addition(request, user.ldap, [{"added": {}}])
        messages.success(request, _("%s: created.") % user.ldap)
        return redirect("admin:windows_auth_ldapuser_change", quote(user.ldap.pk))

    def get_urls(self) -> Any:
        """With where the buttons lead."""
        guarded = self.admin_site.admin_view
        own = [
            path("add/person/", guarded(require_POST(self.add_person)), name="windows_auth_ldapuser_person"),
            path("<path:object_id>/sync/", guarded(require_POST(self.sync_view)), name="windows_auth_ldapuser_sync"),
        ]
        return own + super().get_urls()

    # -- actions

    @admin.action(description=_("Sync now"), permissions=["change"])
    def sync(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """Synchronise the chosen users, and say of each what came of it."""
        self._each(request, queryset.select_related("user"), dry_run=False)

    @admin.action(description=_("Preview sync"), permissions=["view"])
    def preview_sync(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """Say what a sync would do, and write nothing."""
        self._each(request, queryset.select_related("user"), dry_run=True)

    @admin.action(description=_("End sessions"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[LDAPUser]) -> None:
        """End every session of the chosen users, in every browser. Who may sign in can do so again."""
        for link in queryset.select_related("user"):
            try:
                link.end_sessions()
            except (WauthError, InvalidIdentity) as error:
                messages.error(request, f"{link}: {error}")
            else:
                messages.success(request, _("%s: all sessions have ended.") % link)

    def _each(self, request: HttpRequest, links: Iterable[LDAPUser], *, dry_run: bool) -> None:
        for link in links:
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
        return (
            self.fieldsets if obj is not None else ((_("Or link a user that is here already"), self.fieldsets[0][1]),)
        )


def _preview(link: LDAPUser) -> SyncResult | str:
    """What a sync would do now, or why that cannot be said."""
    if (kept := link.__dict__.get("_preview")) is None:
        try:
            kept = get_wauth().sync(link.identity, signin.repository(), dry_run=True)
        except (WauthError, InvalidIdentity) as error:
            kept = str(error)
        link.__dict__["_preview"] = kept
    result: SyncResult | str = kept
    return result


def _ways(link: LDAPUser) -> list[Way]:
    """The person's groups, each with the way there; none if the directory cannot be asked."""
    if (kept := link.__dict__.get("_ways")) is None:
        result = _preview(link)
        try:
            user = None if isinstance(result, str) else result.user
            kept = [] if user is None else ways(link.get_ldap_manager(), user)
        except WauthError:
            kept = []
        link.__dict__["_ways"] = kept
    found: list[Way] = kept
    return found


def people_like(domain: str, text: str) -> list[tuple[DirectoryUser, int | None]]:
    """Up to 20 people whom *text* may mean, and the key of the link of those who are here. Raises `WauthError`.

    AD's ambiguous name resolution (anr) looks at the beginnings of all names of a person.
    """
    asked = any_of({"anr": text}, {"cn": starts_with(text)}, {"mail": starts_with(text)})
    found = list(islice(get_wauth().manager(domain).users(asked, ("title",)), 20))
    links = LDAPUser.objects.filter(domain=domain, guid__in=[person.guid for person in found])
    here = dict(links.values_list("guid", "pk"))
    return [(person, here.get(person.guid)) for person in found]
