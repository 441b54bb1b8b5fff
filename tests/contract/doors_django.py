"""The doors of a Django site, to sync and to async code."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import aauthenticate, authenticate, get_user_model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import Context, Template
from django.urls import path

from tests.contract.told import ADMINS, as_known, described
from wauth_django.decorators import group_required
from wauth_django.links import windows_user


def doors(request: HttpRequest) -> JsonResponse:
    """What each door says to sync code."""
    user: Any = request.user
    users = get_user_model()._default_manager.filter(pk=user.pk)
    rights = {
        "user": user.is_superuser,
        "has_perm": user.has_perm("auth.delete_user"),
        "has_module_perms": user.has_module_perms("auth"),
        "all permissions": "auth.delete_user" in user.get_all_permissions(),
        "template": Template("{{ perms.auth.delete_user }}").render(Context(_processed(request))) == "True",
        "row": users.filter(is_superuser=True).exists(),
        "task": any(found.has_perm("auth.delete_user") for found in users),
    }
    person = windows_user(user)
    inside = {
        "in_group": as_known(lambda: person.in_group(ADMINS)),
        "group_sids": as_known(lambda: any(sid.endswith("-512") for sid in person.group_sids)),
    }
    return JsonResponse({"who": str(person) or None, "rights": rights, "inside": inside})


async def adoors(request: HttpRequest) -> JsonResponse:
    """The same, and what there is for async code alone."""
    user = await request.auser()
    rights = {
        "auser": user.is_superuser,
        "request.user": await sync_to_async(lambda: request.user.is_superuser)(),
        "ahas_perm": await user.ahas_perm("auth.delete_user"),
        "ahas_module_perms": await user.ahas_module_perms("auth"),
        "aget_all_permissions": "auth.delete_user" in await user.aget_all_permissions(),
    }
    said = json.loads((await sync_to_async(doors)(request)).content)
    return JsonResponse({**said, "rights": {**said["rights"], **rights}})


def _processed(request: HttpRequest) -> dict[str, Any]:
    from django.contrib.auth.context_processors import auth

    return auth(request)


def me(request: HttpRequest) -> JsonResponse:
    """The user object."""
    return JsonResponse(described(windows_user(request.user)))


async def ame(request: HttpRequest) -> JsonResponse:
    """The user object."""
    user = await request.auser()
    return JsonResponse(await sync_to_async(lambda: described(windows_user(user)))())


@group_required(ADMINS)
def admins(request: HttpRequest) -> HttpResponse:
    """For administrators."""
    return HttpResponse()


@group_required(ADMINS)
async def aadmins(request: HttpRequest) -> HttpResponse:
    """For administrators."""
    return HttpResponse()


def guess(request: HttpRequest) -> HttpResponse:
    """Whether a password is right."""
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    return HttpResponse(status=403 if user is None else 200)


async def aguess(request: HttpRequest) -> HttpResponse:
    """Whether a password is right."""
    user = await aauthenticate(request, username=request.POST["username"], password=request.POST["password"])
    return HttpResponse(status=403 if user is None else 200)


urlpatterns = [path("doors", doors), path("async/doors", adoors), path("admins", admins), path("async/admins", aadmins)]
urlpatterns += [path("me", me), path("async/me", ame)]
urlpatterns += [path("guess", guess), path("async/guess", aguess)]
