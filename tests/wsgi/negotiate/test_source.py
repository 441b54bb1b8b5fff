"""Negotiate with an acceptor of the tests' own: everything around the handshake. Real tickets are in tests/e2e."""

from __future__ import annotations

import base64
import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from tests.wsgi.calls import over_asgi, over_wsgi
from tests.wsgi.tickets import DOMAIN_SID, Believing, ticket
from wauth_core import AuthResult, ConfigurationError, Identity, Wauth
from wauth_core.directory import AuthReason
from wauth_core.exceptions import DirectoryUnavailable
from wauth_core.identity import NameRules
from wauth_core.session_numbers import MemoryNumbers, NumbersUnavailable
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.knowledge import May, Told
from wauth_core.web.pages import policy
from wauth_wsgi import Negotiate, Simulate
from wauth_wsgi.negotiate.acceptor import Accepted

KEY = "k" * 32


class Clock:
    """Stands still until told otherwise."""

    def __init__(self):
        self.time = datetime.now(timezone.utc)

    def __call__(self):
        return self.time


def source(acceptor=None, **arguments):
    """A source that knows the ticket called "good"."""
    arguments = {"secret_key": KEY, "now": Clock(), "acceptor": acceptor or Believing(good=ticket()), **arguments}
    return Negotiate(**arguments)


def token(text):
    """An Authorization header with this token."""
    return "Authorization", "Negotiate " + base64.b64encode(text.encode()).decode()


def basic(username, password):
    """An Authorization header with this password."""
    return "Authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def call(request):
    """The same request over each interface."""
    return request.param


def tls(call):
    """The arguments of a request that came over TLS."""
    if call is over_wsgi:
        return {"environ": {"wsgi.url_scheme": "https"}}
    return {"scope": {"scheme": "https"}}


def the_cookie(reply):
    """The session cookie that a response set, as a Cookie header."""
    (value,) = reply.all("Set-Cookie")
    return "Cookie", value.partition(";")[0]


def test_a_ticket_signs_in_once_and_a_cookie_goes_on(call):
    """Challenge, handshake with mutual authentication, then requests without a handshake."""
    acceptor = Believing(good=ticket())
    negotiate = source(acceptor)
    first = call([negotiate], required=True)
    assert (first.status, first.all("WWW-Authenticate")) == (401, ["Negotiate"])
    second = call([negotiate], required=True, headers=[token("good")])
    assert (second.status, second.identity) == (200, "EXAMPLE\\alice")
    assert second.all("WWW-Authenticate") == ["Negotiate " + base64.b64encode(b"me too").decode()]
    third = call([negotiate], required=True, headers=[the_cookie(second)])
    assert (third.status, third.identity, acceptor.calls) == (200, "EXAMPLE\\alice", 1)


def test_another_worker_reads_the_cookie(call):
    """Workers share the key, not their memory; the groups travel in the cookie, with their age."""
    ten = timedelta(hours=10)
    reply = call([source(ticket_groups_for=ten)], headers=[token("good")])
    user = call([source(ticket_groups_for=ten)], headers=[the_cookie(reply)]).seen["wauth.user"]
    assert user.in_group(f"{DOMAIN_SID}-1201")
    assert not user.in_group(f"{DOMAIN_SID}-512")


@pytest.mark.parametrize(
    "arguments",
    [
        {"realms": {"EXAMPLE.LOCAL": "EXAMPLE", "OTHER.LOCAL": "OTHER"}},
        {"realms": {"EXAMPLE.LOCAL": "ADMINS"}},
        {"no_pac": "ldap"},
        {"service": "HTTP/admin.example.local@EXAMPLE.LOCAL"},
    ],
    ids=["more-realms", "other-names", "without-pac", "other-service"],
)
def test_who_trusts_less_believes_no_such_cookie(call, arguments):
    """Two applications with one key and different trust do not share sessions."""
    lax = source(**{"realms": {"EXAMPLE.LOCAL": "EXAMPLE"}, **arguments})
    cookie = the_cookie(call([lax], headers=[token("good")]))
    assert call([lax], headers=[cookie]).identity is not None
    assert call([source(realms={"EXAMPLE.LOCAL": "EXAMPLE"})], headers=[cookie]).identity is None


def test_the_session_ends(call):
    """After its time the cookie is nothing, and the browser is asked again."""
    clock = Clock()
    negotiate = source(now=clock, session=timedelta(minutes=10))
    cookie = the_cookie(call([negotiate], headers=[token("good")]))
    clock.time += timedelta(minutes=9, seconds=59)
    assert call([negotiate], headers=[cookie], required=True).status == 200
    clock.time += timedelta(seconds=1)
    assert call([negotiate], headers=[cookie], required=True).status == 401


def test_a_session_ends_with_its_ticket(call):
    """A ticket that lasts one more minute gives one more minute."""
    good = ticket()
    short = dataclasses.replace(good, lifetime=timedelta(minutes=1))
    reply = call([source(Believing(good=short))], headers=[token("good")])
    assert "Max-Age=60;" in reply.all("Set-Cookie")[0]


def test_a_new_ticket_beats_the_cookie(call):
    """Who proves to be bob now is bob, whatever cookie comes along."""
    negotiate = source(Believing(good=ticket(), bob=ticket("bob@EXAMPLE.LOCAL", username="bob", rid=1106)))
    cookie = the_cookie(call([negotiate], headers=[token("good")]))
    assert call([negotiate], headers=[cookie, token("bob")]).identity == "EXAMPLE\\bob"


def test_signing_out_ends_the_cookie(call):
    """The header that the source offers makes the browser forget; and a copy of the cookie is worth nothing."""
    negotiate = source()
    cookie = the_cookie(call([negotiate], headers=[token("good")]))
    assert call([negotiate], headers=[cookie]).identity == "EXAMPLE\\alice"
    name, value = negotiate.sign_out(Identity("EXAMPLE", "alice"), f"{DOMAIN_SID}-1105")
    assert (name, value.startswith("__Host-wauth=;"), "Max-Age=0" in value) == ("Set-Cookie", True, True)
    assert call([negotiate], headers=[cookie]).identity is None
    assert call([source()], headers=[cookie]).identity is None, "nor in another worker"


class Silent:
    """Session numbers that cannot be had."""

    def number(self, person):
        raise NumbersUnavailable("the store is down")

    def end(self, person):
        raise NumbersUnavailable("the store is down")


def test_who_cannot_tell_whether_a_session_ended_lets_nobody_in(call):
    """503, and the cookie stays."""
    cookie = the_cookie(call([source()], headers=[token("good")]))
    with Wauth({}, session_numbers=Silent()) as wauth:
        reply = call([source()], headers=[cookie], wauth=wauth)
        assert (reply.status, reply.all("Retry-After"), reply.all("Set-Cookie")) == (503, ["30"], [])
        assert call([source()], headers=[token("good")], wauth=wauth).status == 503


@pytest.mark.parametrize("required", [True, False], ids=["required", "optional"])
@pytest.mark.parametrize(
    "header",
    [
        pytest.param(token("junk"), id="junk"),
        pytest.param(("Authorization", "Negotiate"), id="no-token"),
        pytest.param(("Authorization", "Negotiate !!!"), id="not-base64"),
        pytest.param(("Authorization", "negotiate =="), id="padding-alone"),
        pytest.param(("Authorization", "Negotiate " + "A" * 200_000), id="too-long"),
        pytest.param(("Authorization", "Negotiate YWxpY2U\xe9"), id="not-ascii"),
        pytest.param(token("NTLMSSP\0\1\0\0\0"), id="ntlm"),
    ],
)
def test_what_is_no_ticket_gets_a_bare_challenge(call, header, required):
    """401, whatever the application would say, and no session."""
    reply = call([source()], headers=[header], required=required)
    assert (reply.status, reply.seen) == (401, None)
    assert (reply.all("WWW-Authenticate"), reply.all("Set-Cookie")) == (["Negotiate"], [])


def test_a_replay_is_refused(call):
    """The same token a second time signs nobody in, even where it was good."""
    negotiate = source()
    assert call([negotiate], headers=[token("good")]).status == 200
    assert call([negotiate], headers=[token("good")]).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Authorization", "Bearer x")], id="bearer"),
        pytest.param([basic("EXAMPLE\\alice", "x")], id="basic-unasked"),
        pytest.param([token("good"), token("good")], id="twice"),
        pytest.param([("Authorization", "")], id="empty"),
        pytest.param([("Proxy-Authorization", token("good")[1])], id="another-header"),
        pytest.param([("Cookie", "__Host-wauth=forged.cookie")], id="forged-cookie"),
    ],
)
def test_other_credentials_are_nobody(call, headers):
    """What is meant for the application passes, and signs nobody in here. In WSGI a doubled header is one bad token."""
    reply = call([source()], headers=headers)
    assert reply.identity is None
    assert reply.status in (200, 401)


@pytest.mark.parametrize(
    ("info", "principal", "arguments", "rules", "expected"),
    [
        pytest.param({}, "ALICE@EXAMPLE.LOCAL", {}, NameRules(), "EXAMPLE\\alice", id="typed-in-capitals"),
        pytest.param({}, "alice\\@example.local@EXAMPLE.LOCAL", {}, NameRules(), "EXAMPLE\\alice", id="enterprise"),
        pytest.param({}, "al@EXAMPLE.LOCAL", {}, NameRules(), "EXAMPLE\\alice", id="the-pac-knows-the-name"),
        pytest.param(
            {"username": "Alice"}, "a@EXAMPLE.LOCAL", {}, NameRules(lowercase=False), "EXAMPLE\\Alice", id="case"
        ),
        pytest.param({}, "alice@EXAMPLE.LOCAL", {}, NameRules(by_upn=True), "alice@example.local", id="upn"),
        pytest.param(
            {}, "alice@EXAMPLE.LOCAL", {"realms": {"example.local": "CORP"}}, NameRules(), "CORP\\alice", id="mapped"
        ),
        pytest.param({}, "alice@OTHER.LOCAL", {}, NameRules(), None, id="another-realm"),
        pytest.param(
            {}, "alice@OTHER.LOCAL", {"realms": {"EXAMPLE.LOCAL": "EXAMPLE"}}, NameRules(), None, id="unlisted"
        ),
        pytest.param(
            {"domain": "OTHER"}, "alice@OTHER.LOCAL", {"realms": {"OTHER.LOCAL": "OTHER"}}, NameRules(), "OTHER\\alice",
            id="listed",
        ),
        pytest.param({}, "HTTP/web@EXAMPLE.LOCAL", {}, NameRules(), None, id="a-service"),
        pytest.param({}, "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS", {}, NameRules(), None, id="anonymous"),
        pytest.param({"username": "ali\x00ce"}, "alice@EXAMPLE.LOCAL", {}, NameRules(), None, id="bad-name-in-the-pac"),
        pytest.param(None, "alice@EXAMPLE.LOCAL", {}, NameRules(), None, id="no-pac"),
        pytest.param(
            None, "Alice@EXAMPLE.LOCAL", {"no_pac": "ldap", "realms": {"EXAMPLE.LOCAL": "EXAMPLE"}}, NameRules(),
            "EXAMPLE\\alice", id="no-pac-ldap",
        ),
        pytest.param(
            None, "alice@EXAMPLE.LOCAL", {"no_pac": "ldap"}, NameRules(by_upn=True), "alice@example.local",
            id="no-pac-ldap-upn",
        ),
        pytest.param(None, "alice@EXAMPLE.LOCAL", {"no_pac": "ldap"}, NameRules(), None, id="no-pac-no-netbios-name"),
        pytest.param(
            None, "alice\\@example.local@EXAMPLE.LOCAL", {"no_pac": "ldap"}, NameRules(by_upn=True), None,
            id="no-pac-enterprise",
        ),
    ],
)  # fmt: skip
def test_whose_ticket_it_is(info, principal, arguments, rules, expected):
    """The PAC's canonical name in the domain that the realm stands for; a foreign realm must be listed."""
    good = ticket(principal, pac=info is not None, **(info or {}))
    outcome = decided(source(Believing(good=good), **arguments), rules)
    assert (str(outcome.identity) if hasattr(outcome, "identity") else None) == expected


def decided(negotiate, rules):
    """The outcome of one request with the good ticket."""
    from wauth_core.web.asking import decide
    from wauth_core.web.request import Request

    return decide([negotiate], Request({}, ((token("good")[0].lower(), token("good")[1]),), "192.0.2.1"), rules)


def test_a_broken_pac_is_refused(call):
    """A PAC that is there must be readable: no falling back to the name."""
    broken = Accepted("alice@EXAMPLE.LOCAL", logon_info=b"\x01\x10\x08\x00 nonsense")
    negotiate = source(Believing(good=broken), no_pac="ldap", realms={"EXAMPLE.LOCAL": "EXAMPLE"})
    assert call([negotiate], headers=[token("good")]).status == 401


@pytest.mark.parametrize(
    ("method", "site", "signed_in"),
    [
        ("POST", "cross-site", False),
        ("DELETE", "cross-site", False),
        ("GET", "cross-site", True),
        ("POST", "same-origin", True),
        ("POST", "none", True),
    ],
)
def test_another_sites_form_cannot_use_the_browsers_ticket(call, method, site, signed_in):
    """The browser would answer the challenge by itself; a cross-site change is refused."""
    reply = call([source()], headers=[token("good"), ("Sec-Fetch-Site", site)], method=method)
    assert (reply.identity is not None) is signed_in


# -- passwords


ALICE = Identity("EXAMPLE", "alice")


@dataclass
class Result:
    ok: bool
    reason: str = "OK"
    identity: Identity | None = None
    user: object = None


class Directory:
    """Knows alice's password, and counts how often it is asked."""

    rules = NameRules()
    settings = SiteSettings()

    def __init__(self, error=None, names=ALICE):
        self.asked = []
        self.peers = []
        self.error = error
        self.names = names
        self.session_numbers = MemoryNumbers()

    def authenticate(self, username, password, peer=None):
        self.asked.append(username)
        self.peers.append(peer)
        if self.error:
            raise self.error
        if password == "pässword:1":
            return Result(True, identity=self.names)
        return Result(False, "BAD_PASSWORD")

    @property
    def people(self):
        return self

    def told(self, identity, facts=None):
        return Told(May.YES, ask=False), None


FORM = ("X-Wauth-Form", "1")


def with_password(kind="basic", directory=None, **arguments):
    """A source with a fallback."""
    return source(fallback=kind, authenticate=(directory or Directory()).authenticate, **arguments)


def test_basic_is_offered_over_tls_only(call):
    """Plain HTTP never asks for a password."""
    negotiate = with_password()
    assert call([negotiate], required=True).all("WWW-Authenticate") == ["Negotiate"]
    offered = call([negotiate], required=True, **tls(call)).all("WWW-Authenticate")
    assert offered == ["Negotiate", 'Basic realm="Windows", charset="UTF-8"']
    plain = with_password(secure=False)
    assert len(call([plain], required=True).all("WWW-Authenticate")) == 2


def test_a_right_password_signs_in_and_keeps_a_session(call):
    """The directory's spelling of the name counts, and it is asked once a session, not once a request."""
    directory = Directory()
    negotiate = with_password(directory=directory)
    header = basic("EXAMPLE\\aLiCe", "pässword:1")
    reply = call([negotiate], headers=[header], **tls(call))
    assert reply.identity == "EXAMPLE\\alice"
    assert "Max-Age=28800;" in reply.all("Set-Cookie")[0]
    again = call([negotiate], headers=[header, the_cookie(reply)], **tls(call))
    assert (again.identity, directory.asked) == ("EXAMPLE\\alice", ["EXAMPLE\\aLiCe"])
    other = call([negotiate], headers=[basic("EXAMPLE\\bob", "x"), the_cookie(reply)], **tls(call))
    assert (other.status, directory.asked[1:]) == (401, ["EXAMPLE\\bob"])


def authorization(reply):
    """The Authorization header that the application saw."""
    if "headers" in reply.seen:
        return dict(reply.seen["headers"]).get(b"authorization")
    return reply.seen.get("HTTP_AUTHORIZATION")


@pytest.mark.parametrize(
    ("kind", "header", "more"),
    [
        pytest.param("basic", basic("EXAMPLE\\alice", "pässword:1"), [], id="basic"),
        pytest.param("basic", basic("EXAMPLE\\alice", "wrong"), [], id="basic-wrong"),
        pytest.param("form", basic("EXAMPLE\\alice", "pässword:1"), [FORM], id="form"),
        pytest.param(None, token("good"), [], id="ticket"),
        pytest.param(None, token("junk"), [], id="junk"),
    ],
)
def test_what_was_typed_is_gone_from_what_the_application_sees(call, kind, header, more):
    """Neither a password nor a ticket reaches the application, its error pages and its logs; also with a session."""
    negotiate = source() if kind is None else with_password(kind)
    first = call([negotiate], headers=[header, *more], **tls(call))
    cookies = [the_cookie(first)] if first.all("Set-Cookie") else []
    for reply in (first, call([negotiate], headers=[header, *more, *cookies], **tls(call))):
        assert reply.seen is None or authorization(reply) is None
    behind = call([Simulate("EXAMPLE\\bob", debug=True), negotiate], headers=[header, *more], **tls(call))
    assert (behind.identity, authorization(behind)) == ("EXAMPLE\\bob", None)


@pytest.mark.parametrize("header", [("Authorization", "Bearer abc"), basic("api", "key")], ids=["bearer", "basic"])
def test_what_is_for_the_application_reaches_it(call, header):
    """Credentials that this source did not ask for are the application's own."""
    assert authorization(call([source()], headers=[header], **tls(call))) is not None
    assert authorization(call([with_password("form")], headers=[header], **tls(call))) is not None


@pytest.mark.parametrize("own", [[], [("Cache-Control", "public, max-age=600")]], ids=["none", "public"])
def test_a_response_with_a_session_is_kept_by_no_cache(call, own):
    """What the application allows does not hold for a response that carries somebody's cookie; for others it does."""
    negotiate = source()
    first = call([negotiate], headers=[token("good")], app_headers=own)
    assert "no-store" in first.all("Cache-Control")
    again = call([negotiate], headers=[the_cookie(first)], app_headers=own)
    assert again.all("Cache-Control") == [value for _, value in own]


@pytest.mark.parametrize("kind", ["basic", "form"])
@pytest.mark.parametrize(
    ("reason", "status", "retry_after"), [(AuthReason.THROTTLED, 429, "77"), (AuthReason.UNAVAILABLE, 503, "30")]
)
def test_a_password_that_was_not_tried_says_when_to_come_again(call, kind, reason, status, retry_after):
    """Too many attempts, or no directory: neither right nor wrong, and no session."""
    result = AuthResult(reason, retry_after=77 if status == 429 else 0)
    negotiate = source(fallback=kind, authenticate=lambda username, password: result)
    reply = call([negotiate], headers=[basic("EXAMPLE\\alice", "x"), FORM], **tls(call))
    assert (reply.status, reply.seen) == (status, None)
    assert reply.all("Retry-After") == [retry_after]
    assert reply.all("Set-Cookie") == []


def test_who_signs_in_is_what_the_check_says(call, caplog):
    """Not what was typed; and a check that says a password is right but not whose signs nobody in."""
    header = basic("EXAMPLE\\alice", "pässword:1")
    other = Directory(names=Identity("example.local", "al"))
    assert call([with_password(directory=other)], headers=[header], **tls(call)).identity == "al@example.local"
    reply = call([with_password(directory=Directory(names=None))], headers=[header], **tls(call))
    assert (reply.identity, reply.all("Set-Cookie")) == (None, [])
    assert "AuthResult.identity" in caplog.text


def test_a_wrong_password_is_asked_for_again(call, caplog):
    """401 with both schemes, the password in no log."""
    reply = call([with_password()], headers=[basic("EXAMPLE\\alice", "Hunter2")], **tls(call))
    assert (reply.status, len(reply.all("WWW-Authenticate")), reply.all("Set-Cookie")) == (401, 2, [])
    assert "BAD_PASSWORD" in caplog.text
    assert "Hunter2" not in caplog.text


def test_a_directory_that_is_down_is_a_503(call):
    """Neither a wrong password nor a server error: come back later."""
    directory = Directory(DirectoryUnavailable("no server answers"))
    reply = call([with_password(directory=directory)], headers=[basic("EXAMPLE\\alice", "x")], **tls(call))
    assert (reply.status, reply.all("Retry-After"), reply.seen) == (503, ["30"], None)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(("Authorization", "Basic"), id="nothing"),
        pytest.param(("Authorization", "Basic !!"), id="not-base64"),
        pytest.param(("Authorization", "Basic " + base64.b64encode(b"alice").decode()), id="no-colon"),
        pytest.param(("Authorization", "Basic " + base64.b64encode(b"\xff:\xff").decode()), id="not-utf-8"),
        pytest.param(basic("a", "x" * 10_000), id="too-long"),
    ],
)
def test_a_malformed_password_asks_nobody(call, header):
    """It is nobody, and the directory is left alone."""
    directory = Directory()
    reply = call([with_password(directory=directory)], headers=[header], required=True, **tls(call))
    assert (reply.status, directory.asked) == (401, [])


def test_a_password_over_plain_http_is_not_looked_at(call):
    """It was seen on the way already; taking it would make that a habit."""
    directory = Directory()
    reply = call([with_password(directory=directory)], headers=[basic("EXAMPLE\\alice", "pässword:1")])
    assert (reply.identity, directory.asked) == (None, [])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_with_a_password_in_it_leaves_no_session(call, site):
    """https://mallory:x@host/ on another page must not keep the visitor signed in as mallory."""
    headers = [basic("EXAMPLE\\alice", "pässword:1"), ("Sec-Fetch-Site", site)]
    reply = call([with_password()], headers=headers, **tls(call))
    assert (reply.identity, reply.all("Set-Cookie")) == ("EXAMPLE\\alice", [])


def test_the_form_is_a_page_with_the_401(call):
    """No Basic challenge, so no browser's dialogue; the page's policy allows its own script alone."""
    reply = call([with_password("form")], required=True, **tls(call))
    assert (reply.status, reply.all("WWW-Authenticate")) == (401, ["Negotiate"])
    (guard,) = reply.all("Content-Security-Policy")
    assert guard == policy(reply.body)
    assert reply.all("X-Frame-Options") == ["DENY"]
    assert b"<form" not in call([with_password("form")], required=True).body


def test_the_form_signs_in_with_its_own_header_only(call):
    """What a link or another site can send is not enough."""
    directory = Directory()
    negotiate = with_password("form", directory)
    good = basic("EXAMPLE\\alice", "pässword:1")
    assert call([negotiate], headers=[good], **tls(call)).identity is None
    assert directory.asked == []
    assert call([negotiate], headers=[good, FORM], **tls(call)).identity == "EXAMPLE\\alice"
    wrong = call([negotiate], headers=[basic("EXAMPLE\\alice", "x"), FORM], **tls(call))
    assert (wrong.status, wrong.all("WWW-Authenticate")) == (401, [])


def test_passwords_are_checked_by_the_wrappers_wauth():
    """Without authenticate= the application's own Wauth is asked; without either the start stops."""
    directory = Directory()
    reply = over_wsgi([source(fallback="basic")], wauth=directory, headers=[basic("a", "pässword:1")], **tls(over_wsgi))
    assert (reply.status, directory.asked) == (200, ["a"])
    assert directory.peers == ["192.0.2.1"], "attempts are counted for the address that they come from"
    with pytest.raises(ConfigurationError, match="wauth="):
        over_wsgi([source(fallback="basic")])


def test_a_password_signs_in_whom_the_wauth_names(directory):
    """With WAUTH_USE_SPN a person goes by the UPN, not by a sAMAccountName that begins somebody else's UPN."""
    directory.add_user("first", upn="jane.first@example.local", password="First-1!")
    directory.add_user("second", upn="first@example.local", password="Second-1!")
    with Wauth({"example.local": directory.settings()}, use_spn=True) as wauth:

        def signed_in(name, password):
            negotiate = source(fallback="basic")
            return over_wsgi([negotiate], wauth=wauth, headers=[basic(name, password)], **tls(over_wsgi)).identity

        assert signed_in("example.local\\first", "First-1!") == "jane.first@example.local"
        assert signed_in("first@example.local", "Second-1!") is None, "two people could be meant"


# -- Windows, and configuration


class LikeSSPI(Believing):
    """Shows no PAC and knows no realm, as Windows' own acceptor."""

    realms = ()
    shows_pac = False


@pytest.mark.parametrize(
    ("principal", "arguments", "expected"),
    [
        ("EXAMPLE\\Alice", {}, "EXAMPLE\\alice"),
        ("alice@EXAMPLE.LOCAL", {"realms": {"EXAMPLE.LOCAL": "EXAMPLE"}}, "EXAMPLE\\alice"),
        ("alice@EXAMPLE.LOCAL", {}, None),
    ],
)
def test_names_from_windows(call, principal, arguments, expected):
    """SSPI tells DOMAIN\\name; a principal's realm must be listed, since nothing says which is our own."""
    negotiate = source(LikeSSPI(good=ticket(principal, pac=False)), **arguments)
    assert call([negotiate], headers=[token("good")]).identity == expected


def without_realms():
    """An acceptor with a keytab that cannot be read as a file."""
    acceptor = Believing()
    acceptor.realms = ()
    return acceptor


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param({"no_pac": "never"}, "no_pac", id="no_pac"),
        pytest.param({"fallback": "digest"}, "fallback", id="fallback"),
        pytest.param({"secret_key": "short"}, "secret_key", id="short-key"),
        pytest.param({"acceptor": LikeSSPI(), "no_pac": "refuse"}, "refuse everybody", id="sspi-refuse"),
        pytest.param({"acceptor": without_realms()}, "realms=", id="unknown-realm"),
    ],
)
def test_a_wrong_configuration_stops_the_start(arguments, match):
    """The text names the argument."""
    with pytest.raises(ConfigurationError, match=match):
        Negotiate(**{"acceptor": Believing(), **arguments})
