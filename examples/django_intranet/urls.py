"""The whole Django intranet: one page, rooms behind doors, a login by password, and the admin."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import include, path

from wauth_core.testing.demo.page import DOORS, FLAGS, Journal, build
from wauth_django.decorators import group_required
from wauth_django.forms import WindowsAdminAuthenticationForm, WindowsAuthenticationForm
from wauth_django.links import windows_user
from wauth_django.models import LDAPUser
from wauth_django.signals import ldap_user_sync

journal = Journal()


@receiver(ldap_user_sync)
def note(sender: Any, **sent: Any) -> None:
    journal.note(sent["result"])


def home(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    page = build(
        "Django",
        user.ldap.identity,
        user.ldap.get_ldap_manager(),
        flags={flag: getattr(user, flag) for flag in FLAGS},
        roles=[group.name for group in user.groups.all()],
        in_group=windows_user(user).in_group,
        journal=journal,
        operations=request.META.get("demo.operations", ()),
    )
    if request.GET.get("format") == "json":
        return JsonResponse(dataclasses.asdict(page))
    return render(request, "demo/page.html", {"page": page})


def room(label: str, group: str) -> Any:
    @group_required(group)
    def view(request: HttpRequest) -> HttpResponse:
        shown = {"label": label, "group": group, "identity": request.user.ldap.identity}
        return render(request, "demo/room.html", shown)

    return view


def why(request: HttpRequest, username: str) -> HttpResponse:
    """That person's page in the admin."""
    link = get_object_or_404(LDAPUser, username_key=username)
    return redirect("admin:windows_auth_ldapuser_change", link.pk)


admin.site.login_form = WindowsAdminAuthenticationForm
login = LoginView.as_view(template_name="demo/login.html", authentication_form=WindowsAuthenticationForm)
handler403 = "wauth_django.responses.permission_denied"
urlpatterns = [
    path("", home, name="home"),
    path("login/", login, name="login"),
    path("why/<str:username>", why),
    path("admin/", admin.site.urls),
    path("__debug__/", include("debug_toolbar.urls")),
]
urlpatterns += [path(f"rooms/{n}", room(label, group)) for n, (label, group) in enumerate(DOORS.items())]
