"""The two pages of the Django front end under contract."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


def index(request: HttpRequest) -> HttpResponse:
    """Who is there."""
    user: Any = request.user
    link = getattr(user, "ldap", None)
    request.session["visits"] = visits = request.session.get("visits", 0) + 1
    return JsonResponse({"identity": str(link) if link else None, "superuser": user.is_superuser, "visits": visits})


def member(request: HttpRequest) -> HttpResponse:
    """The same, for those who are signed in."""
    return index(request) if request.user.is_authenticated else HttpResponse(status=401)


urlpatterns = [path("", index), path("member", member)]
