"""`WindowsAuthASGI`: who is there, in the scope of any ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from wauth_core import Wauth, WindowsUser
from wauth_core.exceptions import ConfigurationError, DirectoryUnavailable
from wauth_core.web.asking import Challenge, Source, decide, owed
from wauth_core.web.authority import Authority
from wauth_core.web.front import IDENTITY, OUTCOME, USER, Answer, Front
from wauth_core.web.outcomes import Headers, Outcome, SignedIn
from wauth_core.web.request import Request, from_scope

if TYPE_CHECKING:
    from wauth_core.directory import DirectoryGroup, DirectoryUser

T = TypeVar("T")
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

    Raises `ConfigurationError` without sources, for one that can never answer under ASGI, and without asgiref.
    """

    def __init__(
        self,
        app: Application,
        *,
        wauth: Wauth | Mapping[str, Any] | None = None,
        sources: Iterable[Source | str] | None = None,
        required: bool = False,
    ) -> None:
        if find_spec("asgiref") is None:
            raise ConfigurationError('WindowsAuthASGI needs asgiref: pip install "windowsauth[wsgi]"')
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
        with self._front.in_time():
            await self._respond(dict(scope), receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        front = self._front
        request = from_scope(scope)
        outcome, authority = await self._judge(request)
        named = outcome if isinstance(outcome, SignedIn) else None
        user = (
            AsyncUser()
            if named is None
            else AsyncUser(named.identity, named.facts, directory=front.people, sid=named.sid, told=authority.told)
        )
        scope[OUTCOME] = outcome
        scope[IDENTITY] = user.identity
        scope[USER] = scope["user"] = user
        scope["auth"] = Credentials(["authenticated"] if user.is_authenticated else [])
        if (answer := front.answer(outcome, request)) is not None:
            await _refuse(scope, answer, receive, send)
            return
        sending = _Sending(send, outcome, front.challenge.over(request.secure))
        try:
            await self.app(scope, receive, sending)
        except DirectoryUnavailable as error:
            if sending.begun:
                raise
            await _refuse(scope, front.unavailable(error, request), receive, send)

    async def _judge(self, request: Request) -> tuple[Outcome, Authority]:
        front = self._front
        if any(source.may_block(request) for source in front.sources if hasattr(source, "may_block")):
            outcome = await _in_thread(lambda: decide(front.sources, request, front.rules))
        else:
            outcome = decide(front.sources, request, front.rules)
        judged = front.judge_at_once(outcome)
        return judged if judged is not None else await _in_thread(lambda: front.judge(outcome))

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


class _Sending:
    """*send*, with what belongs on the application's response, or on the websocket that it accepts. *begun* says
    whether the application has answered."""

    def __init__(self, send: Send, outcome: Outcome, challenge: Challenge) -> None:
        self._send = send
        self._outcome = outcome
        self._challenge = challenge
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        if message["type"] in ("http.response.start", "websocket.accept"):
            headers = list(message.get("headers", ()))
            asks = message.get("status") == 401 and not any(name.lower() == b"www-authenticate" for name, _ in headers)
            extra = owed(self._outcome, asks, lambda: self._challenge)
            message = {**message, "headers": [*headers, *_encoded(extra)]}
        await self._send(message)


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class AsyncUser(WindowsUser):
    """The user under ASGI: the same, with awaitable twins that leave the event loop free.

    Has what Starlette's ``BaseUser`` has, too.
    """

    async def agroups(self) -> tuple[DirectoryGroup, ...]:
        """``groups``, awaited."""
        return await _in_thread(lambda: self.groups)

    async def agroup_sids(self) -> frozenset[str]:
        """``group_sids``, awaited."""
        return await _in_thread(lambda: self.group_sids)

    async def aattributes(self) -> Mapping[str, Any]:
        """``attributes``, awaited."""
        return await _in_thread(lambda: self.attributes)

    async def adirectory_user(self) -> DirectoryUser:
        """``directory_user``, awaited."""
        return await _in_thread(lambda: self.directory_user)

    async def ain_group(self, group: DirectoryGroup | str) -> bool:
        """``in_group``, awaited."""
        return await _in_thread(lambda: self.in_group(group))


class Credentials:
    """What Starlette's ``requires`` reads from ``scope["auth"]``."""

    def __init__(self, scopes: list[str]) -> None:
        self.scopes = scopes


async def _in_thread(question: Callable[[], T]) -> T:
    from asgiref.sync import sync_to_async

    return await sync_to_async(question, thread_sensitive=False)()
