"""The pages for people who may not go on: a project's own ``wauth/401.html``, ``403.html``, ``503.html``, or ours."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine, TemplateDoesNotExist
from django.template.loader import render_to_string

from wauth_core.web import pages


def page(request: HttpRequest, status: int, content: bytes | None = None) -> HttpResponse:
    """The response with the page for *status* (or *content*, where a source has a page of its own)."""
    if content is None:
        identity = getattr(getattr(request, "user", None), "ldap", None)
        shown = pages.context(status, identity=identity)
        name = f"wauth/{status}.html"
        try:
            content = render_to_string(name, shown, request).encode()
        except TemplateDoesNotExist:
            ours = Engine(dirs=[str(pages.FOLDER)]).get_template(name)
            content = ours.render(Context(shown)).encode()
    response = HttpResponse(content, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For a URLconf: ``handler403 = "wauth_django.pages.permission_denied"`` shows our page, or the project's own."""
    return page(request, 403)
