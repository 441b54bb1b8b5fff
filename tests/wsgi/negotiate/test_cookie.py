"""The session cookie: what it carries, and what no longer counts."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import datetime, timedelta, timezone

import pytest

from wauth_core import ConfigurationError, Identity
from wauth_core.identity import TransportFacts
from wauth_core.web.request import Request
from wauth_wsgi.negotiate.cookie import MAX_COOKIE, Session, SessionCookie

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
KEY, NEW_KEY = "k" * 32, "n" * 32
ALICE = Identity("EXAMPLE", "alice")


def cookie(keys=KEY, *, audience="app", at=NOW, secure=True):
    """A cookie codec whose clock stands at *at*."""
    return SessionCookie(keys, audience=audience, secure=secure, now=lambda: at)


def made(session=None, **arguments):
    """The value that a browser would keep."""
    session = session or Session(ALICE, NOW + timedelta(hours=1))
    return cookie(**arguments).headers(session)[0][1].partition(";")[0]


def request(*cookies):
    """A request with these Cookie headers."""
    return Request({}, tuple(("cookie", value) for value in cookies), "192.0.2.1")


def facts(count):
    """Facts with *count* groups of one domain, and some others."""
    sids = {f"S-1-5-21-3035578469-2313509339-2291063988-{1000 + 7 * n}" for n in range(count)}
    return TransportFacts(
        "S-1-5-21-3035578469-2313509339-2291063988-500", frozenset(sids | {"S-1-18-1", "S-1-5-21-1-2-3-4"}), NOW, False
    )


@pytest.mark.parametrize(
    "session",
    [
        Session(ALICE, NOW + timedelta(minutes=10)),
        Session(Identity("example.local", "zoë"), NOW + timedelta(minutes=10), login="EXAMPLE\\Zoë"),
        Session(ALICE, NOW + timedelta(minutes=10), facts(0)),
        Session(ALICE, NOW + timedelta(minutes=10), facts(300)),
    ],
    ids=["name", "login", "facts", "many-groups"],
)
def test_what_goes_in_comes_out(session):
    """Another worker with the same key reads exactly what was written."""
    assert cookie().read(request(made(session))) == session


def test_as_many_groups_as_windows_allows_fit():
    """1,015 SIDs are the most that a token holds; more than fits is not written rather than cut off."""
    assert len(made(Session(ALICE, NOW, facts(1013)))) < MAX_COOKIE
    scattered = frozenset(f"S-1-5-21-{n * 7919}-{n * 104729}-{n}-{n * 31}" for n in range(1, 1000))
    assert cookie().headers(Session(ALICE, NOW, TransportFacts("S-1-5-21-1-2-3-4", scattered, NOW))) == ()


def test_how_a_browser_keeps_it():
    """TLS only, no script, not on other sites' requests, this host alone, and not for ever."""
    (name, value), _ = cookie().headers(Session(ALICE, NOW + timedelta(minutes=10)))
    assert (name, value.partition("=")[0]) == ("Set-Cookie", "__Host-wauth")
    assert set(value.split("; ")[1:]) == {"Max-Age=600", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"}


def test_without_tls_it_has_no_host_prefix():
    """A developer's machine: browsers refuse the prefix and Secure there."""
    value = cookie(secure=False).headers(Session(ALICE, NOW + timedelta(minutes=10)))[0][1]
    assert value.startswith("wauth=")
    assert "Secure" not in value


GOOD = made()
NAME, _, VALUE = GOOD.partition("=")


@pytest.mark.parametrize(
    "cookies",
    [
        pytest.param([], id="none"),
        pytest.param([""], id="empty"),
        pytest.param([f"{NAME}="], id="no-value"),
        pytest.param([f"wauth={VALUE}"], id="other-name"),
        pytest.param([f"{GOOD}; {GOOD}"], id="twice"),
        pytest.param([GOOD, GOOD], id="twice-in-two-headers"),
        pytest.param([GOOD.replace(".", ".A")], id="signature-changed"),
        pytest.param([f"{NAME}=A{VALUE[1:]}"], id="first-letter-changed"),
        pytest.param([f"{NAME}={VALUE.partition('.')[0]}"], id="no-signature"),
        pytest.param([f"{NAME}=.{VALUE.partition('.')[2]}"], id="signature-alone"),
        pytest.param([f"{NAME}=ÿ\ud800"], id="not-ascii"),
        pytest.param([f"{NAME}={'A' * 100_000}"], id="long"),
        *(pytest.param([f"{blank}{GOOD}"], id=f"after-{blank!a}") for blank in "\xa0\x85\x1f\x0b\x0c\u3000\n"),
        *(pytest.param([f"a=b;{blank}{GOOD}"], id=f"second-after-{blank!a}") for blank in "\xa0\x85\x1f"),
        pytest.param([made(keys="x" * 32)], id="another-key"),
        pytest.param([made(audience="another")], id="another-audience"),
        pytest.param([made(Session(ALICE, NOW))], id="expired-this-second"),
        pytest.param([made(Session(ALICE, NOW - timedelta(days=1)))], id="expired"),
    ],
)
def test_anything_else_is_no_session(cookies):
    """Forged, old, doubled, of another application: as if there were none."""
    assert cookie().read(request(*cookies)) is None


def test_a_cookie_among_others_is_found():
    """Other cookies, and a Cookie header in pieces as HTTP/2 sends it."""
    assert cookie().read(request("a=b; x", f"c=d;\t{GOOD} ;e=f")).identity == ALICE


def test_signed_nonsense_is_no_session(caplog):
    """Who has the key may write anything; it is still not an error."""
    for nonsense in (b"", b"!!!", b"eJw", b"eJyrVspNLVayUqpVqgUAFtYDxA"):
        signed = cookie()._signer.sign(nonsense).decode()
        assert cookie().read(request(f"{NAME}={signed}")) is None
    assert "cannot be read" in caplog.text


def test_keys_rotate():
    """A new key in front signs; the old one is still believed until it is taken away."""
    both = cookie([NEW_KEY, KEY])
    assert both.read(request(GOOD)).identity == ALICE
    signed_now = both.headers(Session(ALICE, NOW + timedelta(hours=1)))[0][1].partition(";")[0]
    assert cookie(NEW_KEY).read(request(signed_now)).identity == ALICE
    assert cookie(NEW_KEY).read(request(GOOD)) is None
    assert cookie(KEY).read(request(signed_now)) is None


def test_without_a_key_every_process_has_its_own():
    """Two random keys do not read one another."""
    assert cookie(None).read(request(made(keys=None))) is None


@pytest.mark.parametrize("keys", ["", "short", [], [KEY, "short"], b"x" * 15], ids=repr)
def test_a_short_key_stops_the_start(keys):
    """What can be guessed signs nothing."""
    with pytest.raises(ConfigurationError, match="secret_key"):
        cookie(keys)


def test_a_key_of_sixteen_bytes_is_long_enough():
    """The least that is taken, and the only key needed."""
    for key in ("k" * 16, b"k" * 16, ["k" * 16]):
        assert cookie(key).read(request(made(keys=key))).identity == ALICE


@pytest.mark.parametrize(("room", "written"), [(0, True), (-1, False)])
def test_what_is_as_long_as_may_be_is_written(monkeypatch, room, written):
    """Name and value count, to the byte."""
    session = Session(ALICE, NOW + timedelta(hours=1))
    length = len(made(session)) - len("=")
    monkeypatch.setattr("wauth_wsgi.negotiate.cookie.MAX_COOKIE", length + room)
    assert bool(cookie().headers(session)) is written


def test_an_ended_session_is_kept_no_second():
    """A time that is over is an age of zero, and never a negative one."""
    for until in (NOW, NOW - timedelta(days=1), NOW + timedelta(milliseconds=900)):
        assert "; Max-Age=0; " in cookie().headers(Session(ALICE, until))[0][1]
    assert cookie().ending() == ("Set-Cookie", "__Host-wauth=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_a_cookie_is_for_tls_unless_somebody_says_otherwise():
    """Like the number of a session that nobody counted: none."""
    assert SessionCookie(KEY, audience="app").name == "__Host-wauth"
    assert Session(ALICE, NOW).number == 0


def test_names_of_upns_and_the_sid_survive():
    """A name that is a UPN stays one."""
    upn = Session(Identity("example.local", "al", is_upn=True), NOW + timedelta(hours=1), sid="S-1-5-21-1", number=7)
    assert cookie().read(request(made(upn))) == upn


def test_a_bomb_is_no_session(caplog):
    """What unpacks to a megabyte is cut at 64 KiB, and then is no JSON."""
    bomb = base64.urlsafe_b64encode(b"z" + zlib.compress(json.dumps({"d": "X" * 1_000_000}).encode()))
    signed = cookie()._signer.sign(bomb.rstrip(b"=")).decode()
    assert cookie().read(request(f"{NAME}={signed}")) is None
    assert "cannot be read" in caplog.text
