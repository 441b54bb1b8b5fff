"""The pages for people who may not go on: a project's own ``wauth/401.html``, ``403.html``, ``503.html``, or ours."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template import Context, Engine, TemplateDoesNotExist
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve
from django.utils.translation import get_language

from wauth_core.web import pages
from wauth_core.web.authority import Authority
from wauth_core.web.outcomes import LATER, Headers
from wauth_django.conf import get_wauth
from wauth_django.current_visit import add_headers, visit_of

__all__ = ["permission_denied"]

logger = logging.getLogger("wauth.django")


def page(
    request: HttpRequest,
    status: int,
    content: bytes | None = None,
    *,
    headers: Headers = (),
    identity: object = None,
    message: str = "",
    why: str = "",
) -> HttpResponse:
    """The response with the page for *status* (or *content*, if a source has a page of its own).

    *why* is for a developer: it is shown, and logged, while DEBUG is on.
    """
    why = explained(request, status, why)
    if content is None:
        login = _login_url(request) if status == 401 else ""
        words = {"message": message, "language": get_language(), "why": why}
        shown = pages.context(status, identity=identity, login_url=login, **words)
        name = f"wauth/{status}.html"
        try:
            content = render_to_string(name, shown, request).encode()
        except TemplateDoesNotExist:
            ours = Engine(dirs=[str(pages.FOLDER)]).get_template(name)
            content = ours.render(Context(shown)).encode()
    response = HttpResponse(content, status=status)
    response.headers["Cache-Control"] = "no-store"
    if guard := pages.policy(content):
        response.headers["Content-Security-Policy"] = guard  # Django's own middleware leaves it alone
    add_headers(response, headers)
    return response


def is_open(request: HttpRequest, path: str | None = None) -> bool:
    """Whether the view at *path* (the request's own) is open to everybody: Django's ``login_not_required`` says so."""
    try:
        view = resolve(path or request.path_info, getattr(request, "urlconf", None)).func
    except Resolver404:
        return False
    return not getattr(view, "login_required", True)


def _login_url(request: HttpRequest) -> str:
    """LOGIN_URL, if there is such a page and it lets everybody in; else the empty text."""
    try:
        url = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return ""
    return url if is_open(request, f"/{url.removeprefix(get_script_prefix()).lstrip('/')}") else ""


def explained(request: HttpRequest, status: int, why: str) -> str:
    """*why* a request is answered with *status*, in the log; the empty text where DEBUG is off."""
    if not settings.DEBUG or not why:
        return ""
    logger.warning("%s for %s: %s", status, request.path, why)
    return why


def unavailable(request: HttpRequest) -> HttpResponse:
    """The page for those about whom nothing is known, as long as the directory cannot be asked."""
    return page(request, 503, headers=LATER)


def answer(request: HttpRequest, authority: Authority | None) -> HttpResponseBase | None:
    """What *authority* makes of a request; None to go on, with nobody where that may not come in.

    Raises the error of the directory, where WAUTH_REQUIRE_RESYNC is on and WAUTH_ERROR_RESPONSE has no answer to it.
    """
    site = get_wauth().settings
    if authority is None or authority.allows:
        return None
    if authority.ends:
        if not site.require_login:
            return None
        who = visit_of(request).identity
        return page(request, authority.status, identity=who, message=pages.REFUSED, why=authority.reason)
    if not authority.raises or authority.error is None:
        return unavailable(request)
    configured = site.error_response
    if isinstance(configured, int) and not isinstance(configured, bool):
        return HttpResponse("Authorization Failed.", status=configured)
    if callable(configured):
        response: HttpResponseBase = configured(request, authority.error)
        return response
    raise authority.error


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For a URLconf: ``handler403 = "wauth_django.responses.permission_denied"`` shows our page or the project's."""
    who = getattr(getattr(request, "user", None), "ldap", None)
    return page(request, 403, identity=who, why=str(exception or ""))
