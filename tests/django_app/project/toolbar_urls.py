"""The project's URLs with the debug toolbar's."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import include, path

from tests.django_app.project.urls import urlpatterns as ours

urlpatterns = [
    *ours,
    path("page/", lambda request: HttpResponse("<html><body>A page.</body></html>")),
    path("__debug__/", include("debug_toolbar.urls")),
]
