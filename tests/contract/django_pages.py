"""The pages of the Django front end under contract."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from wauth_django.models import LDAPUser


def index(request: HttpRequest) -> HttpResponse:
    """Who is there."""
    user: Any = request.user
    link = getattr(user, "ldap", None)
    request.session["visits"] = visits = request.session.get("visits", 0) + 1
    return JsonResponse({"identity": str(link) if link else None, "superuser": user.is_superuser, "visits": visits})


def member(request: HttpRequest) -> HttpResponse:
    """The same, for those who are signed in."""
    return index(request) if request.user.is_authenticated else HttpResponse(status=401)


def break_glass(request: HttpRequest) -> HttpResponse:
    """Carol's session, by her password."""
    login(request, authenticate(request, username="carol", password="Passw0rd!x"))
    return HttpResponse()


def impersonate(request: HttpRequest) -> HttpResponse:
    """Carol's session, by the application's word alone."""
    carol = LDAPUser.objects.create_user("EXAMPLE\\carol")
    login(request, carol, backend="wauth_django.backends.LDAPBackend")
    return HttpResponse()


urlpatterns = [
    path("", index),
    path("member", member),
    path("break-glass", break_glass),
    path("impersonate", impersonate),
]
