"""Whatever a server or a client sends, every source gives an outcome: no exception, and nobody by accident."""

from __future__ import annotations

import contextlib
import os

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.web.sources.test_iis_token import Windows
from tests.wsgi.tickets import Believing, logon_info
from wauth_core.exceptions import InvalidIdentity
from wauth_core.identity import Identity, NameRules
from wauth_core.web.asking import decide
from wauth_core.web.outcomes import Rejected, SignedIn
from wauth_core.web.request import from_environ, from_scope
from wauth_core.web.sources.pac import BadPac, read_logon_info
from wauth_wsgi import IISToken, Negotiate, ProxyHeader, ServerIdentity, SignedHeader
from wauth_wsgi.negotiate.cookie import SessionCookie

EXAMPLES = int(os.environ.get("WAUTH_TEST_EXAMPLES", "60"))
PEER = "127.0.0.1"
NAMES = ["remoteuser", "x-remote-user", "x_remote_user", "authorization", "cookie", "x-iis-windowsauthtoken", "host"]
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=80)), max_size=4)
SOURCES = [
    ServerIdentity(pac="PAC"),
    ProxyHeader("RemoteUser", [PEER]),
    ProxyHeader("X-Remote-User", [PEER]),
    SignedHeader("RemoteUser", [PEER], "k" * 32),
    Negotiate(acceptor=Believing(), secret_key="k" * 32),
    IISToken(reader=Windows(), environment={}),
]


def judged(request):
    """Each source's outcome, which is never its failure."""
    for source in SOURCES:
        outcome = decide([source], request, NameRules())
        assert not (isinstance(outcome, Rejected) and outcome.reason == "the source failed")
        yield outcome


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(), st.text())
@example("EXAMPLE\\alice", "")
@example("EXAMPLE\\alice", "\ud800")
def test_any_remote_user(name, pac):
    """A text of any letters, with a PAC of any letters."""
    environ = {"REMOTE_USER": name, "PAC": pac, "REMOTE_ADDR": PEER}
    for outcome in judged(from_environ(environ)):
        if isinstance(outcome, SignedIn):
            assert (name.count("\\"), pac) == (1, "")


@settings(max_examples=EXAMPLES, deadline=None)
@given(HEADERS)
@example([("remoteuser", b"EXAMPLE\\alice")])
@example([("x-remote-user", b"EXAMPLE\\alice")])
@example([("x-remote-user", b"EXAMPLE\\alice"), ("x_remote_user", b"EXAMPLE\\evil")])
@example([("remoteuser", b"1780000000 " + b"0" * 64 + b" EXAMPLE\\alice"), ("host", b"a")])
def test_any_headers(headers):
    """Any bytes under the names that sources look at; only one right header of the proxy's signs in."""
    scope = {"type": "http", "headers": [(name.encode(), value) for name, value in headers], "client": (PEER, 1)}
    for outcome in judged(from_scope(scope)):
        if isinstance(outcome, SignedIn):
            name = {"ProxyHeader(RemoteUser)": "remoteuser", "ProxyHeader(X-Remote-User)": "x-remote-user"}[
                outcome.source
            ]
            assert [sent.replace("_", "-") for sent, _ in headers].count(name) == 1
            assert name in dict(headers)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.binary(), st.text())))
def test_any_environ(environ):
    """Keys and values that no server should send."""
    environ = {**environ, "REMOTE_ADDR": environ.get("a"), "HTTP_COOKIE": environ.get("b")}
    assert not any(isinstance(outcome, SignedIn) for outcome in judged(from_environ(environ)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
@example(logon_info())
@example(b"")
def test_any_pac(octets):
    """Bytes that a ticket, or Apache, may hold in the place of a PAC: groups, or the one error."""
    try:
        found = read_logon_info(octets)
    except BadPac:
        return
    assert found.username
    assert found.user_sid.startswith("S-1-")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_pac_with_one_byte_changed(place, value):
    """A right PAC, damaged: never anything but groups, or the one error."""
    octets = bytearray(logon_info(groups=[(512, 7), (513, 7)]))
    octets[place % len(octets)] = value
    with contextlib.suppress(BadPac):
        read_logon_info(bytes(octets))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=200))
def test_any_cookie(value):
    """No text but one that was signed here is a session."""
    cookie = SessionCookie("k" * 32, audience="a")
    assert cookie.read(from_environ({"HTTP_COOKIE": f"__Host-wauth={value}"})) is None


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=60))
@example("EXAMPLE\\alice")
def test_any_identity(text):
    """A name in one domain, or the one error; what is shown is read as the same again."""
    try:
        identity = Identity.parse(text)
    except InvalidIdentity:
        return
    assert Identity.parse(str(identity)) == identity
