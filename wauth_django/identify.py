"""Who a request comes from: the wrapper's answer where there is one, else that of WAUTH_SOURCES."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from django.apps import apps
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from wauth_core.identity import Identity
from wauth_core.web.outcomes import (
    Anonymous,
    Challenge,
    Outcome,
    Rejected,
    SignedIn,
    Source,
    challenge_of,
    decide,
    load_sources,
)
from wauth_core.web.outcomes import Request as CoreRequest
from wauth_core.web.request import ScopeRequest, from_environ, from_scope
from wauth_django.conf import get_wauth

SERVER = "wauth_core.web.sources.ServerIdentity"
OUTCOME, IDENTITY = "wauth.outcome", "wauth.identity"  # keys of the wrappers in environ and scope
SIMULATED = "_wauth_simulated"  # attribute of a request


def is_asgi(request: HttpRequest | None) -> bool:
    """Whether *request* came in by ASGI, where the server itself authenticates nobody."""
    return isinstance(request, ASGIRequest)


def outcome_of(request: HttpRequest) -> Outcome:
    """Who is there. Opens no connection. What a client's header says counts for nothing, except by a source."""
    simulated = getattr(request, SIMULATED, None)
    if isinstance(simulated, Identity):
        return SignedIn(simulated, "SimulateWindowsAuthMiddleware")
    carrier: Any = request.scope if isinstance(request, ASGIRequest) else request.META
    annotated = carrier.get(OUTCOME)
    if isinstance(annotated, (SignedIn, Rejected, Anonymous)):
        return annotated
    if isinstance(carrier.get(IDENTITY), Identity):
        return SignedIn(carrier[IDENTITY], "wrapper")
    outcome = decide(sources(asgi=is_asgi(request)), _as_sources_see_it(request), get_wauth().rules)
    request.__dict__.pop("headers", None)  # Django keeps a copy, from before a source hid what it read
    return outcome


def _as_sources_see_it(request: HttpRequest) -> CoreRequest:
    return _Scope(request) if isinstance(request, ASGIRequest) else from_environ(request.META)


class _Scope(ScopeRequest):
    """An ASGI request of Django, which copied the headers into META before a source could hide one."""

    def __init__(self, request: ASGIRequest) -> None:
        scope: Any = request.scope
        super().__init__(scope)
        self.__dict__["meta"] = request.META

    def remove_header(self, name: str) -> None:
        super().remove_header(name)
        self.__dict__["meta"].pop("HTTP_" + name.upper().replace("-", "_"), None)


def may_block(request: HttpRequest) -> bool:
    """Whether a source wants a thread of its own for this request."""
    asked = [source for source in sources(asgi=is_asgi(request)) if hasattr(source, "may_block")]
    return bool(asked) and any(source.may_block(from_scope(request.scope)) for source in asked)  # type: ignore[attr-defined]


def server_outcome(remote_user: str) -> Outcome:
    """What a server's REMOTE_USER says, with its bytes set right. Names that are good are remembered."""
    config: Any = apps.get_app_config("windows_auth")
    try:
        return cast(Outcome, config.loaded("server", _server_reader)(remote_user))
    except _NobodyError as error:
        return error.outcome


class _NobodyError(Exception):
    """Keeps a refusal out of the cache, so that each one is logged."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def _server_reader() -> Callable[[str], Outcome]:
    loaded, rules = load_sources([SERVER]), get_wauth().rules

    @lru_cache(maxsize=4096)
    def read(remote_user: str) -> Outcome:
        outcome = decide(loaded, CoreRequest(server={"REMOTE_USER": remote_user}, headers=(), peer=None), rules)
        if not isinstance(outcome, SignedIn):
            raise _NobodyError(outcome)
        return outcome

    return read


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


def _load(asgi: bool) -> tuple[Source, ...]:
    configured = get_wauth().options.sources
    if configured is None:
        return () if asgi else load_sources([SERVER])
    loaded = load_sources(configured, get_wauth())
    return tuple(source for source in loaded if getattr(source, "asgi", True)) if asgi else loaded
