"""Who a request comes from, and what this adapter keeps of it: one value, the `Visit`.

The outcome is the wrapper's, if there is a wrapper; else that of WAUTH_SOURCES. It is found once a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from django.apps import apps
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from wauth_core.identity import Identity, TransportFacts
from wauth_core.web.asking import Challenge, Source, challenge_of, decide, load_sources
from wauth_core.web.authority import Authority
from wauth_core.web.front import found_by_wrapper
from wauth_core.web.outcomes import Headers, Outcome, Rejected, SignedIn
from wauth_core.web.request import Request as CoreRequest
from wauth_core.web.request import ScopeRequest, from_environ, from_scope
from wauth_django.conf import get_wauth

SERVER = "wauth_core.web.sources.ServerIdentity"
VISIT = "_wauth"  # the attribute of a request


@dataclass
class Visit:
    """What is known of one request.

    - *outcome* is None until a middleware of ours has found it. *is_wrapped*: the WSGI or ASGI wrapper has found it.
    - *authority* is the result of the last question to the directory in this request. *identity* and *key* (a user's
      primary key) say about whom it was.
    - *message* is what a login form may show the person. *retry_after* is, after too many attempts, the number of
      seconds until a password may be tried again.
    - *failed*: no backend let the person in.
    """

    outcome: Outcome | None = None
    is_wrapped: bool = False
    authority: Authority | None = None
    identity: Identity | None = None
    key: Any = None
    message: str = ""
    retry_after: int = 0
    failed: bool = False

    @property
    def named(self) -> Identity | None:
        """Whom a source names."""
        return self.outcome.identity if isinstance(self.outcome, SignedIn) else None

    @property
    def is_refused(self) -> bool:
        """Whether somebody was named, and not let in."""
        return isinstance(self.outcome, Rejected) or (self.authority is not None and not self.authority.allows)

    @property
    def facts(self) -> TransportFacts | None:
        """What came with the sign-in."""
        return self.outcome.own_facts if isinstance(self.outcome, SignedIn) else None


def visit_of(request: HttpRequest | None) -> Visit:
    """The request's `Visit`; without a request one that nobody keeps."""
    visit: Visit | None = getattr(request, VISIT, None)
    if visit is None:
        visit = Visit()
        if request is not None:
            setattr(request, VISIT, visit)
    return visit


def is_asgi(request: HttpRequest | None) -> bool:
    """Whether *request* came in by ASGI, if the server itself authenticates nobody."""
    return isinstance(request, ASGIRequest)


def find_outcome(request: HttpRequest) -> Outcome:
    """Who is there: found now, and kept in the `Visit`. What a client's header says counts for nothing, except by a
    source."""
    visit = visit_of(request)
    if visit.outcome is None:
        found = found_by_wrapper(request.scope if isinstance(request, ASGIRequest) else request.META)
        visit.outcome, visit.is_wrapped = found or _by_sources(request), found is not None
    return visit.outcome


def may_block(request: HttpRequest) -> bool:
    """Whether a source wants a thread of its own for this request."""
    asked = [source for source in sources(asgi=is_asgi(request)) if hasattr(source, "may_block")]
    return bool(asked) and any(source.may_block(from_scope(request.scope)) for source in asked)  # type: ignore[attr-defined]


def server_outcome(remote_user: str) -> Outcome:
    """What a server's REMOTE_USER says, with its bytes set right: for Django's own ``RemoteUserMiddleware``."""
    config: Any = apps.get_app_config("windows_auth")
    loaded = config.loaded("server", lambda: load_sources([SERVER]))
    return decide(loaded, CoreRequest({"REMOTE_USER": remote_user}, (), None), get_wauth().rules)


def sources(*, asgi: bool) -> tuple[Source, ...]:
    """The configured sources; under WSGI the server's own REMOTE_USER by default, under ASGI none.

    Raises `ConfigurationError`.
    """
    config: Any = apps.get_app_config("windows_auth")
    found: tuple[Source, ...] = config.loaded(f"sources-{asgi}", lambda: _load(asgi))
    return found


def challenge(request: HttpRequest) -> Challenge:
    """What a 401 of ours carries; it asks for passwords over TLS only."""
    return challenge_of(sources(asgi=is_asgi(request))).over(request.is_secure())


def note_failure(request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Receives Django's ``user_login_failed``. What is no request, an application's own test may send."""
    if hasattr(request, "META"):
        visit_of(request).failed = True


def hide_password(request: HttpRequest | None, password: str) -> None:
    """Take *password* out of the form and the body that the rest of the application, and its debug page, see."""
    if isinstance(request, HttpRequest) and hasattr(request, "_post"):
        kept = request.POST.copy()
        for name, values in request.POST.lists():
            if password in values:
                del kept[name]
        kept._mutable = False
        request.POST = kept  # type: ignore[assignment]
    if hasattr(request, "_body"):
        request._body = b""  # type: ignore[union-attr]


def set_user(request: HttpRequest, user: Any) -> None:
    """Make *user* the request's user, for sync and async code alike."""
    request.user = request._cached_user = request._acached_user = user  # type: ignore[attr-defined]


def add_headers(response: Any, headers: Headers) -> None:
    """Put a source's headers on *response*. Django keeps one value for a name, but any number of cookies; several
    challenges are one header with commas (RFC 9110 11.6.1)."""
    for name, value in headers:
        if name.lower() == "set-cookie":
            response.cookies.update(SimpleCookie(value))
        elif name.lower() == "www-authenticate" and name in response.headers:
            response.headers[name] += f", {value}"
        else:
            response.headers[name] = value


def _load(asgi: bool) -> tuple[Source, ...]:
    configured = get_wauth().settings.sources
    if configured is None:
        return () if asgi else load_sources([SERVER])
    loaded = load_sources(configured, get_wauth())
    return tuple(source for source in loaded if getattr(source, "asgi", True)) if asgi else loaded


def _by_sources(request: HttpRequest) -> Outcome:
    seen = _Scope(request) if isinstance(request, ASGIRequest) else from_environ(request.META)
    outcome = decide(sources(asgi=is_asgi(request)), seen, get_wauth().rules)
    request.__dict__.pop("headers", None)  # Django keeps a copy, from before a source hid what it read
    return outcome


class _Scope(ScopeRequest):
    """An ASGI request of Django, which copied the headers into META before a source could hide one."""

    def __init__(self, request: ASGIRequest) -> None:
        scope: Any = request.scope
        super().__init__(scope)
        self.__dict__["meta"] = request.META

    def remove_header(self, name: str) -> None:
        super().remove_header(name)
        self.__dict__["meta"].pop("HTTP_" + name.upper().replace("-", "_"), None)
