"""The views that tests look at: who is signed in, by sync and async code."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.generic import View

from wauth_django.decorators import domain_required, group_required, ldap_sync_required
from wauth_django.forms import WindowsAuthenticationForm
from wauth_django.mixins import DomainRequiredMixin, GroupRequiredMixin, LDAPSyncRequiredMixin


def facts(user) -> JsonResponse:
    """What a page would go by."""
    return JsonResponse(
        {
            "user": user.get_username(),
            "superuser": user.is_superuser,
            "staff": user.is_staff,
            "groups": sorted(user.groups.values_list("name", flat=True)) if user.is_authenticated else [],
        }
    )


def who(request: HttpRequest) -> JsonResponse:
    """The request's user."""
    return facts(request.user)


def name(request: HttpRequest) -> JsonResponse:
    """The request's user, with no query of its own."""
    return JsonResponse({"user": request.user.get_username()})


async def awho(request: HttpRequest) -> JsonResponse:
    """The request's user, by async code."""
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "superuser": user.is_superuser, "staff": user.is_staff})


def become(request: HttpRequest, name: str) -> JsonResponse:
    """Impersonation, as a project does it."""
    login(request, get_user_model().objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
    return who(request)


def permissions(request: HttpRequest) -> JsonResponse:
    """What the request's user may do, by Django's own permissions."""
    user = request.user
    held = sorted(user.get_all_permissions() if not user.is_superuser else [])
    asked = [name for name in held if user.has_perm(name) and user.has_module_perms(name.partition(".")[0])]
    return JsonResponse(
        {"user": user.get_username(), "superuser": user.is_superuser, "staff": user.is_staff, "permissions": asked}
    )


async def apermissions(request: HttpRequest) -> JsonResponse:
    """The same, by async code."""
    user = await request.auser()
    held = sorted(await user.aget_all_permissions() if not user.is_superuser else [])
    return JsonResponse(
        {"user": user.get_username(), "superuser": user.is_superuser, "staff": user.is_staff, "permissions": held}
    )


@method_decorator(domain_required, name="dispatch")
class InDomain(View):
    """A class behind `domain_required`."""

    def get(self, request):
        return who(request)


class MixedDomain(DomainRequiredMixin, View):
    """A class with the mixin."""

    domain = "EXAMPLE"
    bypass_superuser = False

    def get(self, request):
        return who(request)


class MixedSync(LDAPSyncRequiredMixin, View):
    """A class with the mixin."""

    allow_non_ldap = False

    def get(self, request):
        return who(request)


class MixedGroup(GroupRequiredMixin, View):
    """A class with the mixin."""

    groups = ("Domain Admins",)

    def get(self, request):
        return who(request)


urlpatterns = [
    path("who/", who),
    path("name/", name),
    path("awho/", awho),
    path("permissions/", permissions),
    path("apermissions/", apermissions),
    path("become/<name>/", become),
    path("login/", LoginView.as_view(authentication_form=WindowsAuthenticationForm, template_name="login.html")),
    path("private/", login_required(who)),
    path("domain/", domain_required(who)),
    path("domain/other/", domain_required(domain="OTHER", login_url="/elsewhere/", bypass_superuser=False)(who)),
    path("domain/class/", InDomain.as_view()),
    path("domain/mixin/", MixedDomain.as_view()),
    path("domain/async/", domain_required(awho)),
    path("sync/", ldap_sync_required(who)),
    path("sync/hour/", ldap_sync_required(timedelta=timedelta(hours=1), allow_non_ldap=False)(who)),
    path("sync/raise/", ldap_sync_required(raise_exception=True)(who)),
    path("sync/async/", ldap_sync_required(awho)),
    path("sync/mixin/", MixedSync.as_view()),
    path("group/", group_required("Domain Admins")(who)),
    path("group/one/", group_required("Domain Admins", "No such group", login_url="/elsewhere/")(who)),
    path("group/async/", group_required("Domain Admins")(awho)),
    path("group/mixin/", MixedGroup.as_view()),
    path("admin/", admin.site.urls),
]
