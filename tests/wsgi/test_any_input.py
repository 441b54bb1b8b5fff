"""Whatever a server or a client sends, every source gives an outcome: no exception, and nobody by accident."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.web.sources.test_iis_token import Windows
from tests.wsgi.tickets import Believing
from wauth_core.identity import Rules
from wauth_core.web.outcomes import Rejected, SignedIn, decide
from wauth_core.web.request import from_environ, from_scope
from wauth_wsgi import IISToken, Negotiate, ProxyHeader, ServerIdentity

PEER = "127.0.0.1"
NAMES = ["x-remote-user", "x_remote_user", "authorization", "cookie", "x-iis-windowsauthtoken", "sec-fetch-site"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=80)), max_size=4)
SOURCES = [
    ServerIdentity(pac="PAC"),
    ProxyHeader("RemoteUser", [PEER]),
    Negotiate(acceptor=Believing(), secret_key="k" * 32),
    IISToken(reader=Windows(), environment={}),
]


def judged(request):
    """Each source's outcome, which is never its failure."""
    for source in SOURCES:
        outcome = decide([source], request, Rules())
        assert not (isinstance(outcome, Rejected) and outcome.reason == "the source failed")
        yield outcome


@settings(max_examples=60, deadline=None)
@given(st.text(), st.text())
@example("EXAMPLE\\alice", "")
@example("EXAMPLE\\alice", "\ud800")
def test_any_remote_user(name, pac):
    """A text of any letters, with a PAC of any letters."""
    environ = {"REMOTE_USER": name, "PAC": pac, "REMOTE_ADDR": PEER}
    for outcome in judged(from_environ(environ)):
        if isinstance(outcome, SignedIn):
            assert (name.count("\\"), pac) == (1, "")


@settings(max_examples=60, deadline=None)
@given(HEADERS)
@example([("x-remote-user", b"EXAMPLE\\alice")])
def test_any_headers(headers):
    """Any bytes under the names that sources look at; only one right header of the proxy's signs in."""
    scope = {"type": "http", "headers": [(name.encode(), value) for name, value in headers], "client": (PEER, 1)}
    for outcome in judged(from_scope(scope)):
        if isinstance(outcome, SignedIn):
            assert outcome.source == "ProxyHeader(RemoteUser)"
            assert sum(name.startswith("x") and "user" in name and "auth" not in name for name, _ in headers) == 1


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.binary(), st.text())))
def test_any_environ(environ):
    """Keys and values that no server should send."""
    environ = {**environ, "REMOTE_ADDR": environ.get("a"), "HTTP_COOKIE": environ.get("b")}
    assert not any(isinstance(outcome, SignedIn) for outcome in judged(from_environ(environ)))
