"""What both wrappers share: what becomes of an answer of the directory, and of a request's plain facts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.sync.fakes import ALICE
from wauth_core import Wauth
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.sync.knowledge import May
from wauth_core.web.authority import Authority
from wauth_core.web.front import Front, _judged
from wauth_core.web.outcomes import Rejected, SignedIn, Unchecked
from wauth_core.web.request import Request, ServerVariables, from_environ, from_scope

NAMED = SignedIn(ALICE, "s")


@pytest.mark.parametrize(
    ("may", "outcome"),
    [(May.YES, NAMED), (May.NO, Rejected("why", "s")), (May.UNKNOWN, Unchecked("why", "s"))],
)
def test_what_becomes_of_whom_the_directory_judges(may: May, outcome: Any) -> None:
    """Somebody, a false claim, or a question that waits."""
    authority = Authority(may, "why")
    assert _judged(NAMED, authority) == (outcome, authority)


def test_a_question_that_nobody_can_answer_is_a_503() -> None:
    """With the seconds after which to ask again."""
    front = Front.of(None, [], required=False)
    answer = front.unavailable(DirectoryUnavailable("down"), Request({}, (), None))
    assert (answer.status_line, dict(answer.headers)["Retry-After"]) == ("503 Service Unavailable", "30")


def test_whoever_made_the_connections_closes_them() -> None:
    """A wrapper's own, and nobody else's."""
    with Wauth({}) as wauth:
        closed: list[str] = []
        wauth.close = lambda: closed.append("the application's")  # type: ignore[method-assign]
        Front.of(wauth, [], required=False).close()
        Front.of(None, [], required=False).close()
        assert closed == []
        owned = Front.of({"WAUTH_DOMAINS": {}}, [], required=False)
        assert owned.wauth is not None
        owned.wauth.close = lambda: closed.append("the wrapper's")  # type: ignore[method-assign]
        owned.close()
        assert closed == ["the wrapper's"]


ENVIRON = {
    "REMOTE_USER": "EXAMPLE\\alice",
    "HTTP_COOKIE": "a=b",
    "HTTP_X_MANY": ["not", "text"],
    "wsgi.multithread": True,
    7: "a key that is no text",
}


def test_what_the_server_itself_says() -> None:
    """Text alone, and no header of a client's."""
    server = ServerVariables({key: value for key, value in ENVIRON.items() if isinstance(key, str)})
    assert dict(server) == {"REMOTE_USER": "EXAMPLE\\alice"}
    assert len(server) == 1
    assert "HTTP_COOKIE" not in server
    assert "wsgi.multithread" not in server


def test_the_headers_of_an_environ() -> None:
    """Under their names, and nothing else that stands there."""
    assert from_environ(ENVIRON).headers == (("cookie", "a=b"),)  # type: ignore[arg-type]
    assert from_environ(ENVIRON).header_values("X-Many") == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False), ("wss", True), ("ws", False)])
def test_what_came_over_tls(scheme: str, secure: bool) -> None:
    """By the server's word."""
    assert from_scope({"type": "http", "scheme": scheme}).secure is secure
    assert from_environ({"wsgi.url_scheme": scheme}).secure is (scheme == "https")
    assert from_environ({}).secure is False
    assert from_scope({"type": "http"}).secure is False


def test_facts_that_are_not_told() -> None:
    """No peer, the method and the path that every request has."""
    for request in (from_environ({}), from_scope({"type": "http"})):
        assert (request.peer, request.method) == (None, "GET")
    assert from_environ({"REMOTE_ADDR": ""}).peer is None
    assert from_scope({"type": "http", "client": ("", 0)}).peer is None
    assert from_scope({"type": "http", "client": ["192.0.2.1", 5]}).peer == "192.0.2.1"
    assert from_environ({"SCRIPT_NAME": "/a", "PATH_INFO": "/b"}).path == "/a/b"
    assert from_scope({"type": "http"}).path == "/"
    assert from_environ({"SERVER_SOFTWARE": "waitress"}).may_fold is False
    assert from_environ({}).may_fold is True
    assert from_scope({"type": "http"}).may_fold is False


def test_a_header_that_was_hidden_is_gone_alone() -> None:
    """From what the application sees, in any case; the others stay."""
    scope = {"type": "http", "headers": [(b"Cookie", b"a"), (b"x-secret", b"b"), (b"X-Secret", b"c")]}
    from_scope(scope).remove_header("X-SECRET")
    assert scope["headers"] == [(b"Cookie", b"a")]
    environ = {"HTTP_COOKIE": "a", "HTTP_X_SECRET": "b"}
    from_environ(environ).remove_header("x-secret")
    assert environ == {"HTTP_COOKIE": "a"}
