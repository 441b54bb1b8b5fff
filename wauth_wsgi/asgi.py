"""`WindowsAuthASGI`: who is there, in the scope of any ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from wauth_core import Wauth
from wauth_core.exceptions import ConfigurationError
from wauth_core.web.front import IDENTITY, OUTCOME, USER, Answer, Front
from wauth_core.web.outcomes import Headers, Outcome, Request, SignedIn, Source, decide
from wauth_core.web.request import from_scope
from wauth_wsgi.people import NOBODY, AsyncUser, Credentials, person

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY_VIOLATION = 1008  # RFC 6455 7.4.1


class WindowsAuthASGI:
    """Wrap *app*: ``scope["wauth.identity"]``, ``scope["wauth.user"]``, ``scope["wauth.outcome"]`` as in
    `WindowsAuthWSGI`, and ``scope["user"]`` and ``scope["auth"]`` for Starlette's ``request.user`` and ``requires``.

    The user's ``agroups()``, ``ain_group(x)`` and ``aattributes()`` are awaited; the plain ones would hold up the
    event loop. *sources* has no default: ASGI servers authenticate nobody, and a client can send any header. With
    *required* a websocket without a user is closed before it opens. Lifespan and other scopes pass unchanged.

    Raises `ConfigurationError` without sources, and for one that can never answer under ASGI.
    """

    def __init__(
        self,
        app: Application,
        *,
        wauth: Wauth | Mapping[str, Any] | None = None,
        sources: Iterable[Source | str] | None = None,
        required: bool = False,
    ) -> None:
        self.app = app
        self._front = Front.of(wauth, () if sources is None else sources, required)
        if not self._front.sources:
            raise ConfigurationError(
                "WindowsAuthASGI has no default source, since ASGI servers authenticate nobody. "
                "Pass sources=[…]: ProxyHeader, IISToken or Negotiate."
            )
        for source in self._front.sources:
            if not getattr(source, "asgi", True):
                raise ConfigurationError(
                    f"{type(source).__name__} never answers under ASGI: there is no REMOTE_USER in a scope. "
                    "Use ProxyHeader, IISToken or Negotiate."
                )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = dict(scope)
        request = from_scope(scope)
        outcome = await self._decide(request)
        user = AsyncUser(person(self._front.wauth, outcome) if isinstance(outcome, SignedIn) else NOBODY)
        scope[OUTCOME] = outcome
        scope[IDENTITY] = user.identity
        scope[USER] = scope["user"] = user
        scope["auth"] = Credentials(["authenticated"] if user.is_authenticated else [])
        answer = self._front.answer(outcome, request)
        if answer is not None:
            await _refuse(scope, answer, receive, send)
        elif isinstance(outcome, SignedIn):
            await self.app(scope, receive, _adding(send, outcome.headers) if outcome.headers else send)
        else:
            challenge = self._front.challenge.over(request.secure).headers
            await self.app(scope, receive, _challenging(send, challenge) if challenge else send)

    async def _decide(self, request: Request) -> Outcome:
        if any(source.may_block(request) for source in self._front.sources if hasattr(source, "may_block")):
            from asgiref.sync import sync_to_async

            blocking = sync_to_async(decide, thread_sensitive=False)
            return await blocking(self._front.sources, request, self._front.rules)
        return decide(self._front.sources, request, self._front.rules)

    def close(self) -> None:
        """Close the connections of a `Wauth` that was made here from a mapping."""
        self._front.close()


async def _refuse(scope: Scope, answer: Answer, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(answer.headers)})
    await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else answer.body})


def _adding(send: Send, extra: Headers) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            message = {**message, "headers": [*message.get("headers", ()), *_encoded(extra)]}
        await send(message)

    return sending


def _challenging(send: Send, challenge: Headers) -> Send:
    """Tell how to sign in, on the application's own 401s that do not."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 401:
            headers = list(message.get("headers", ()))
            if not any(name.lower() == b"www-authenticate" for name, _ in headers):
                message = {**message, "headers": [*headers, *_encoded(challenge)]}
        await send(message)

    return sending


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
