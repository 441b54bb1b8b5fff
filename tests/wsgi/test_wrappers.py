"""What both wrappers do, whatever the source: one table of behaviours over WSGI and ASGI."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from tests.wsgi.calls import exchange, over_asgi, over_wsgi
from wauth_core import ConfigurationError, DirectoryUser, Identity
from wauth_core.identity import NameRules, TransportFacts
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.knowledge import May, Told
from wauth_core.web.asking import Challenge
from wauth_core.web.outcomes import ANONYMOUS, Handshake, Rejected, SignedIn
from wauth_wsgi import ProxyHeader, ServerIdentity, Simulate, WindowsAuthASGI, WindowsAuthWSGI

ALICE = Identity("EXAMPLE", "alice")


class Fixed:
    """A source that always gives the same outcome."""

    def __init__(self, outcome, challenge=None):
        self.outcome = outcome
        self.challenge = challenge
        self.released = 0

    def identify(self, request, rules):
        return self.outcome

    def release(self, request):
        self.released += 1


class Raises:
    """A source with a bug."""

    def identify(self, request, rules):
        raise RuntimeError("a bug")


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def call(request):
    """The same request over each interface."""
    return request.param


def test_a_signed_in_person_is_in_the_request(call):
    """The identity, the lazy user and the outcome stand under their keys."""
    reply = call([Fixed(SignedIn(ALICE, "Fixed"))])
    assert (reply.status, reply.body, reply.identity) == (200, b"application", "EXAMPLE\\alice")
    assert reply.seen["wauth.user"].identity == ALICE
    assert reply.seen["wauth.user"].is_authenticated is True
    assert reply.seen["wauth.outcome"].source == "Fixed"


def test_nobody_is_a_null_object(call):
    """Without a sign-in the user is there, and is nobody: no group, no attribute, false."""
    user = call([Fixed(None)]).seen["wauth.user"]
    assert (user.identity, user.is_authenticated, bool(user)) == (None, False, False)
    assert (list(user.groups), dict(user.attributes), user.in_group("Domain Admins")) == ([], {}, False)


@pytest.mark.parametrize("outcome", [None, Rejected("a reason", "Fixed")], ids=["anonymous", "rejected"])
def test_what_an_outer_layer_wrote_is_replaced(call, outcome):
    """Keys that stood there before never reach the application."""
    forged = {"wauth.identity": ALICE, "wauth.user": "admin", "wauth.outcome": "x", "user": "admin", "auth": "all"}
    reply = call([Fixed(outcome)], **{"environ" if call is over_wsgi else "scope": forged})
    assert reply.identity is None
    assert not reply.seen["wauth.user"].is_authenticated
    assert reply.seen["wauth.outcome"] in (ANONYMOUS, outcome)
    if call is over_asgi:
        assert not reply.seen["user"].is_authenticated
        assert reply.seen["auth"].scopes == []


def test_the_first_answer_wins_and_every_source_cleans_up(call):
    """A later source is not asked, yet may close what the request brought."""
    first, second = Fixed(SignedIn(ALICE, "first")), Fixed(SignedIn(Identity("EXAMPLE", "bob"), "second"))
    reply = call([Fixed(None), first, second])
    assert reply.identity == "EXAMPLE\\alice"
    assert (first.released, second.released) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        pytest.param(None, 401, id="anonymous"),
        pytest.param(Rejected("a reason", "Fixed"), 403, id="rejected"),
        pytest.param(Rejected("a reason", "Fixed", status=401), 401, id="rejected-401"),
    ],
)
def test_required_answers_by_itself(call, outcome, status):
    """The application never sees the request, and the answer tells a visitor nothing about why."""
    reply = call([Fixed(outcome, Challenge((("WWW-Authenticate", "Negotiate"),)))], required=True)
    assert (reply.status, reply.seen) == (status, None)
    assert b"reason" not in reply.body
    assert reply.all("WWW-Authenticate") == (["Negotiate"] if status == 401 else [])
    assert reply.all("Content-Length") == [str(len(reply.body))]


def test_an_answer_to_head_has_no_body(call):
    """HEAD gets the headers of the 401 alone."""
    reply = call([Fixed(None)], required=True, method="HEAD")
    assert (reply.status, reply.body) == (401, b"")


def test_without_required_the_application_decides(call):
    """A false claim reaches it as nobody, with the reason in the outcome."""
    reply = call([Fixed(Rejected("a forged name", "Fixed"))])
    assert (reply.status, reply.identity) == (200, None)
    assert reply.seen["wauth.outcome"].reason == "a forged name"


def test_a_step_of_a_handshake_is_answered_by_the_wrapper(call):
    """It is no business of the application's."""
    reply = call([Fixed(Handshake((("WWW-Authenticate", "Negotiate"),), "Fixed", "junk"))])
    assert (reply.status, reply.seen, reply.all("WWW-Authenticate")) == (401, None, ["Negotiate"])


@pytest.mark.parametrize(
    ("status", "own", "expected"),
    [
        pytest.param(401, (), ["Negotiate"], id="added-to-a-401"),
        pytest.param(401, (("WWW-Authenticate", "Bearer"),), ["Bearer"], id="its-own-stays"),
        pytest.param(200, (), [], id="not-on-a-200"),
    ],
)
def test_the_applications_own_401_tells_how_to_sign_in(call, status, own, expected):
    """An application that answers 401 by itself gets the challenge added, unless it has one."""
    source = Fixed(None, Challenge((("WWW-Authenticate", "Negotiate"),)))
    assert call([source], status=status, app_headers=own).all("WWW-Authenticate") == expected


def test_headers_of_a_sign_in_go_on_the_response(call):
    """A cookie or a mutual-authentication token travels on whatever the application answers."""
    reply = call([Fixed(SignedIn(ALICE, "Fixed", headers=(("Set-Cookie", "a=b"),)))], status=404)
    assert (reply.status, reply.all("Set-Cookie")) == (404, ["a=b"])


@pytest.mark.parametrize("source", [Raises(), Fixed("EXAMPLE\\alice")], ids=["raises", "no-outcome"])
def test_a_broken_source_signs_nobody_in(call, source, caplog):
    """A bug in a source is logged, not shown, and the next source is not asked in its place."""
    reply = call([source, Fixed(SignedIn(ALICE, "Fixed"))])
    assert (reply.status, reply.identity) == (200, None)
    assert "failed" in caplog.text


def test_a_source_that_cannot_clean_up_does_not_stop_the_request(call, caplog):
    """The failure is logged, the person stays signed in."""
    source = Fixed(SignedIn(ALICE, "Fixed"))
    source.release = lambda request: 1 / 0
    assert call([source]).identity == "EXAMPLE\\alice"
    assert "could not clean up" in caplog.text


def test_a_page_for_people_comes_with_the_401(call):
    """A source may bring a form for browsers that can answer no challenge."""
    source = Fixed(None, Challenge((("WWW-Authenticate", "Negotiate"),), b"<form></form>"))
    reply = call([source], required=True)
    assert (reply.status, reply.body, reply.all("Content-Type")) == (
        401,
        b"<form></form>",
        ["text/html; charset=utf-8"],
    )


def test_simulation_marks_every_response(call):
    """A simulated user is told by a header, on errors too."""
    reply = call([Simulate("EXAMPLE\\zoë", debug=True)], status=500)
    assert reply.identity == "EXAMPLE\\zoë"
    assert reply.all("X-Wauth-Simulated") == ["EXAMPLE\\zo%C3%AB"]


@pytest.mark.parametrize("debug", [{}, {"debug": False}, {"debug": 1}, {"debug": "yes"}], ids=str)
def test_simulation_refuses_to_exist_without_debug(debug):
    """Only debug=True makes one: nothing that is merely truthy."""
    with pytest.raises(ConfigurationError, match="debug=True"):
        Simulate("EXAMPLE\\alice", **debug)


def test_a_simulated_name_that_is_none_signs_nobody_in(call):
    """A misspelt simulated name is a refusal, not an error."""
    assert call([Simulate("alice", debug=True)]).identity is None


@pytest.mark.parametrize(
    "sources", [None, [], [ServerIdentity()], [Simulate("E\\a", debug=True), ServerIdentity()]], ids=repr
)
def test_asgi_wants_a_source_that_can_answer(sources):
    """There is no default under ASGI, and ServerIdentity is no source there."""
    with pytest.raises(ConfigurationError, match="ASGI"):
        WindowsAuthASGI(None, sources=sources)


def test_sources_come_by_dotted_path_too():
    """A class without arguments may be named."""
    assert over_wsgi(["wauth_wsgi.ServerIdentity"], environ={"REMOTE_USER": "EXAMPLE\\alice"}).identity is not None


@pytest.mark.parametrize(
    "bad", ["wauth_wsgi.Nothing", "nowhere.Source", "justaword", "wauth_wsgi.ProxyHeader", object(), "os.path"], ids=str
)
def test_what_is_no_source_is_refused_at_once(bad):
    """A misspelt source stops the start, not the first request."""
    with pytest.raises(ConfigurationError):
        WindowsAuthWSGI(None, sources=[bad])


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"type": "webtransport"}], ids=["lifespan", "unknown"])
def test_other_scopes_pass_unchanged(scope):
    """The application gets the very same object."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    asyncio.run(exchange(WindowsAuthASGI(app, sources=[Fixed(None)], required=True), scope))
    assert seen[0] is scope
    assert seen[0] == {"type": scope["type"]}


def test_the_servers_scope_is_left_alone():
    """The wrapper writes into a copy."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "headers": [], "client": None}
    asyncio.run(exchange(WindowsAuthASGI(app, sources=[Fixed(SignedIn(ALICE, "Fixed"))]), scope))
    assert set(scope) == {"type", "headers", "client"}


@pytest.mark.parametrize("outcome", [None, Rejected("a reason", "Fixed")], ids=["anonymous", "rejected"])
def test_a_websocket_without_a_user_is_closed_before_it_opens(outcome):
    """Required means no handshake for strangers."""
    wrapped = WindowsAuthASGI(None, sources=[Fixed(outcome)], required=True)
    sent = asyncio.run(exchange(wrapped, {"type": "websocket", "headers": []}, [{"type": "websocket.connect"}]))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_websocket_carries_its_user():
    """A signed-in websocket opens, with the source's headers on the acceptance."""

    async def app(scope, receive, send):
        assert scope["user"].display_name == "EXAMPLE\\alice"
        await send({"type": "websocket.accept"})

    source = Fixed(SignedIn(ALICE, "Fixed", headers=(("Set-Cookie", "a=b"),)))
    scope = {"type": "websocket", "headers": []}
    sent = asyncio.run(exchange(WindowsAuthASGI(app, sources=[source], required=True), scope, []))
    assert sent == [{"type": "websocket.accept", "headers": [(b"set-cookie", b"a=b")]}]


NOW = datetime.now(timezone.utc)


def facts(*groups, at=NOW, complete=True):
    """Facts of alice with these groups, of that time; NOW is when the test asks, however long the run has been."""
    as_of = datetime.now(timezone.utc) if at is NOW else at
    return TransportFacts("S-1-5-21-1-2-3-1105", frozenset(groups), as_of, complete)


def test_groups_from_the_transport_need_no_directory(call):
    """A group's SID and the domain's own well-known groups are answered from the facts alone."""
    signed_in = SignedIn(ALICE, "Fixed", facts("S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-1201", "S-1-5-32-544"))
    user = call([Fixed(signed_in)]).seen["wauth.user"]
    assert user.in_group("S-1-5-21-1-2-3-1201")
    assert user.in_group("domain ADMINS")
    assert user.in_group("S-1-5-32-544")
    assert user.in_group("Administrators")
    assert not user.in_group("S-1-5-21-1-2-3-120")
    assert "S-1-5-21-1-2-3-512" in user.group_sids


@pytest.mark.parametrize(
    ("given", "question"),
    [
        pytest.param(None, lambda user: user.group_sids, id="no-facts"),
        pytest.param(facts(), lambda user: user.groups, id="group-objects"),
        pytest.param(facts(), lambda user: user.in_group("Staff"), id="a-name"),
        pytest.param(facts(), lambda user: user.in_group("Enterprise Admins"), id="of-the-forest"),
        pytest.param(facts(complete=False), lambda user: user.in_group("Administrators"), id="built-in-by-name"),
        pytest.param(facts(), lambda user: user.attributes, id="attributes"),
        pytest.param(facts(complete=False), lambda user: user.in_group("S-1-5-32-544"), id="built-in-from-a-ticket"),
        pytest.param(facts(at=NOW - timedelta(days=9)), lambda user: user.group_sids, id="facts-too-old"),
        pytest.param(facts(at=None), lambda user: user.group_sids, id="facts-of-unknown-age"),
    ],
)
def test_what_only_the_directory_knows_is_an_error_without_one(call, given, question):
    """The text says what to configure; nothing is guessed."""
    user = call([Fixed(SignedIn(ALICE, "Fixed", given))]).seen["wauth.user"]
    with pytest.raises(ConfigurationError, match="wauth="):
        question(user)


def test_the_awaitable_twins_do_not_run_on_the_event_loop():
    """LDAP behind groups, attributes or in_group would hold up everybody else."""
    loops = []

    class Service:
        rules = NameRules()
        settings = SiteSettings()

        @property
        def people(self):
            return self

        def note(self, *_, **__):
            try:
                loops.append(asyncio.get_running_loop())
            except RuntimeError:
                loops.append(None)

        def told_at_once(self, identity, facts=None):
            return None

        def told(self, identity, facts=None):
            self.note()
            return Told(May.YES, ask=False), None

        def group_sids(self, domain, group, *, user_sid=None):
            self.note()
            return frozenset()

        def user(self, identity):
            self.note()
            return DirectoryUser(dn="CN=Alice", guid=None, username="alice", door=self)

        def groups_of(self, user):
            self.note()
            return []

    answers = []

    async def app(scope, receive, send):
        user = scope["wauth.user"]
        answers.extend([await user.agroups(), await user.aattributes(), await user.ain_group("x")])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    wrapped = WindowsAuthASGI(app, wauth=Service(), sources=[Fixed(SignedIn(ALICE, "Fixed"))])
    asyncio.run(exchange(wrapped, {"type": "http", "headers": []}))
    assert answers == [(), {}, False]
    assert loops == [None] * 4


def test_starlettes_requires_knows_the_user():
    """`requires("authenticated")` lets a person in and keeps nobody out of reach."""
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.authentication import requires
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    @requires("authenticated")
    async def page(request):
        return PlainTextResponse(request.user.display_name)

    def get(outcome):
        app = WindowsAuthASGI(Starlette(routes=[Route("/", page)]), sources=[Fixed(outcome)])
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        sent = asyncio.run(exchange(app, scope))
        return sent[0]["status"], sent[1]["body"]

    assert get(SignedIn(ALICE, "Fixed")) == (200, b"EXAMPLE\\alice")
    assert get(None)[0] == 403


def test_proxy_header_works_over_both(call):
    """A listed proxy's header signs its user in."""
    source = ProxyHeader("RemoteUser", trusted=["10.0.0.5"])
    assert call([source], headers=[("RemoteUser", "EXAMPLE\\alice")], peer="10.0.0.5").identity == "EXAMPLE\\alice"
