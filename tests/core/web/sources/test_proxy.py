"""ProxyHeader: whom it believes, and everything it does not."""

from __future__ import annotations

import contextlib
import functools
import hmac
import socket
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.wsgi.calls import over_asgi, over_wsgi
from wauth_core import ConfigurationError
from wauth_core.directory import Outcome
from wauth_core.web import HeaderSource, NotBelieved
from wauth_core.web.sources import proxy_check
from wauth_wsgi import ProxyHeader, SignedHeader, Simulate, WindowsAuthWSGI

PROXY = "10.0.0.5"
ALICE = ("RemoteUser", "EXAMPLE\\alice")
HYPHENS = ("X-Remote-User", "EXAMPLE\\alice")
KEY = "a key of sixteen bytes or more"
NOW = 1_780_000_000
PROBE = "0123456789abcdef" * 2
BOTH = [over_wsgi, over_asgi]


@pytest.fixture(params=BOTH, ids=["wsgi", "asgi"])
def call(request):
    """The same request over each interface."""
    return request.param


def test_names_beyond_ascii_come_out_right(call):
    """UTF-8 bytes in a header are read as UTF-8."""
    header = ("RemoteUser", "EXAMPLE\\Zoë".encode().decode("latin-1"))
    assert call([ProxyHeader("REMOTEUSER", [PROXY])], headers=[header], peer=PROXY).identity == "EXAMPLE\\zoë"


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        pytest.param(["10.0.0.0/24"], PROXY, True, id="network"),
        pytest.param(["192.0.2.1", PROXY], PROXY, True, id="second-listed"),
        pytest.param(["::1"], "::1", True, id="ipv6"),
        pytest.param([PROXY], f"::ffff:{PROXY}", True, id="mapped-ipv6"),
        pytest.param([PROXY], "10.0.0.50", False, id="longer-address"),
        pytest.param([PROXY], "192.0.2.66", False, id="stranger"),
        pytest.param(["127.0.0.1"], "localhost", False, id="a-name"),
        pytest.param([PROXY], f"{PROXY}, 192.0.2.1", False, id="forged-list"),
        pytest.param(["::1"], "127.0.0.1", False, id="other-loopback"),
    ],
)
def test_only_listed_peers_are_believed(call, trusted, peer, believed):
    """From a listed address the header counts; from any other it is refused, not ignored."""
    reply = call([ProxyHeader("RemoteUser", trusted)], headers=[ALICE], peer=peer, required=True)
    assert (reply.status, reply.identity) == ((200, "EXAMPLE\\alice") if believed else (403, None))


def test_a_unix_socket_has_no_address(call):
    """It is believed only where the operator said "unix"."""
    extra = {"environ": {"REMOTE_ADDR": ""}} if call is over_wsgi else {}
    assert call([ProxyHeader("RemoteUser", ["unix"])], headers=[ALICE], peer="", **extra).identity is not None
    assert call([ProxyHeader("RemoteUser", [PROXY])], headers=[ALICE], peer="", **extra).identity is None


@pytest.mark.parametrize("peer", ["localhost", "proxy.example", "unixsocket", "10.0.0.5.evil", "[::1]"])
def test_a_peer_that_is_no_address_is_nobody(call, peer):
    """Also where a unix socket is believed: only a path, or no peer at all, is one."""
    for trusted in (["unix"], ["unix", PROXY], [PROXY]):
        reply = call([ProxyHeader("RemoteUser", trusted)], headers=[ALICE], peer=peer, required=True)
        assert (reply.status, reply.seen) == (403, None)


@pytest.mark.parametrize("peer", ["unix:", "unix:/run/web.sock", "/run/web.sock"])
def test_a_socket_is_believed_where_it_is_listed(call, peer):
    """Servers name it in several ways; an address that is listed is no socket."""
    assert call([ProxyHeader("RemoteUser", ["unix"])], headers=[ALICE], peer=peer).identity == "EXAMPLE\\alice"
    assert call([ProxyHeader("RemoteUser", [PROXY])], headers=[ALICE], peer=peer).identity is None


@pytest.mark.parametrize("peer", [PROXY, "192.0.2.1"])
def test_no_header_is_no_claim(call, peer):
    """Nobody claims anything, from the proxy or from elsewhere: 401, and another source may know."""
    source = ProxyHeader("X-Remote-User", [PROXY])
    assert call([source], headers=[("X_Other", "x")], peer=peer, required=True).status == 401
    assert call([source, Simulate("EXAMPLE\\bob", debug=True)], peer=peer).identity == "EXAMPLE\\bob"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([ALICE, ("RemoteUser", "EXAMPLE\\evil")], id="twice"),
        pytest.param([ALICE, ALICE], id="same-twice"),
        pytest.param([("RemoteUser", "EXAMPLE\\alice,EXAMPLE\\evil")], id="comma"),
        pytest.param([("RemoteUser", "EXAMPLE\\alice, ")], id="trailing-comma"),
        pytest.param([("RemoteUser", "")], id="empty"),
        pytest.param([("RemoteUser", "(null)")], id="apache-null"),
        pytest.param([("RemoteUser", "alice")], id="no-domain"),
        pytest.param([("RemoteUser", "EXAMPLE\\a\xff")], id="not-utf-8"),
        pytest.param([("RemoteUser", "EXAMPLE\\" + "a" * 10240)], id="ten-kilobytes"),
    ],
)
def test_anything_but_one_right_name_is_refused(call, headers):
    """Nobody is signed in, and it is a refusal."""
    reply = call([ProxyHeader("RemoteUser", [PROXY])], headers=headers, peer=PROXY, required=True)
    assert (reply.status, reply.seen) == (403, None)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("X_Remote_User", "EXAMPLE\\evil")], id="alone"),
        pytest.param([HYPHENS, ("X_Remote_User", "EXAMPLE\\evil")], id="beside-the-real-one"),
        pytest.param([HYPHENS, ("x-remote_user", "EXAMPLE\\evil")], id="half-underscored"),
    ],
)
def test_an_underscore_twin_is_refused_where_it_can_be_seen(headers):
    """Under ASGI both forms arrive; the twin is a forgery."""
    source = ProxyHeader("X-Remote-User", [PROXY])
    reply = over_asgi([source], headers=headers, peer=PROXY, required=True)
    assert (reply.status, reply.seen) == (403, None)


@pytest.mark.parametrize(
    "name", ["Remote-User", "REMOTE_USER", "remote_user", "X-Remote-Users", "X-Remote", "X-IIS-WindowsAuthToken"]
)
def test_other_headers_say_nothing(call, name):
    """A header of nearly that name, even from the proxy, is nobody's word."""
    source = ProxyHeader("RemoteUser", [PROXY])
    reply = call([source], headers=[(name, "EXAMPLE\\evil")], peer=PROXY)
    assert (reply.status, reply.identity) == (200, None)


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        pytest.param([("WauthSecret", "s3cret-ÿ".encode().decode("latin-1"))], True, id="right"),
        pytest.param([], False, id="missing"),
        pytest.param([("WauthSecret", "s3cret")], False, id="prefix"),
        pytest.param([("WauthSecret", "")], False, id="empty"),
        pytest.param([("WauthSecret", "s3cret-ÿ".encode().decode("latin-1"))] * 2, False, id="twice"),
    ],
)
def test_the_proxys_secret(call, given, believed):
    """With a secret configured, the header alone is not enough, and the application never sees the secret."""
    source = ProxyHeader("RemoteUser", [PROXY], secret="s3cret-ÿ")
    reply = call([source], headers=[ALICE, *given], peer=PROXY)
    assert reply.identity == ("EXAMPLE\\alice" if believed else None)
    assert "s3cret" not in repr(reply.seen)
    required = call([source], headers=[ALICE, *given], peer=PROXY, required=True)
    assert (required.status, required.seen is None) == ((200, False) if believed else (403, True))


def test_the_secrets_header_may_have_another_name(call):
    """A pair names it."""
    source = ProxyHeader("RemoteUser", [PROXY], secret=("X-Proxy-Key", "k"))
    assert call([source], headers=[ALICE, ("X-Proxy-Key", "k")], peer=PROXY).identity == "EXAMPLE\\alice"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        pytest.param(("RemoteUser", []), "address", id="nobody-trusted"),
        pytest.param(("RemoteUser", ["0.0.0.0/0"]), "everybody", id="everybody-trusted"),
        pytest.param(("RemoteUser", ["::/0"]), "everybody", id="everybody-trusted-ipv6"),
        pytest.param(("RemoteUser", ["proxy.example"]), "no address", id="a-name"),
        pytest.param(("RemoteUser", ["10.0.0.5/24"]), "no address", id="host-bits"),
        pytest.param(("HTTP_REMOTEUSER", [PROXY]), "underscore", id="environ-key"),
        pytest.param(("", [PROXY]), "header's name", id="no-name"),
        pytest.param(("RemoteUser", [PROXY], ""), "secret", id="empty-secret"),
    ],
)
def test_a_dangerous_configuration_stops_the_start(arguments, match):
    """What would believe everybody or nobody is refused at once."""
    with pytest.raises(ConfigurationError, match=match):
        ProxyHeader(*arguments)


@pytest.mark.parametrize(
    ("software", "believed"),
    [
        pytest.param("waitress", True, id="waitress"),
        pytest.param("gunicorn/27.0.1", True, id="gunicorn"),
        pytest.param("Werkzeug/3.1.9", True, id="werkzeug"),
        pytest.param("gevent/20.0 Python/3.11", True, id="gevent"),
        pytest.param("Apache/2.4.62 (Debian) mod_wsgi/4.9.4", True, id="apache"),
        pytest.param("Granian", False, id="granian"),
        pytest.param("Cheroot/11.1.2 Server", False, id="cheroot"),
        pytest.param("WSGIServer/0.2 CPython/3.13.1", False, id="wsgiref"),
        pytest.param("Microsoft-IIS/10.0", False, id="iis"),
        pytest.param("hypercorn", False, id="unknown"),
        pytest.param(None, False, id="a2wsgi-says-nothing"),
    ],
)
def test_a_name_with_hyphens_counts_on_servers_that_drop_twins(software, believed, caplog):
    """Elsewhere a client's X_Remote_User may stand in its place. The refusal names the remedy, which works."""
    environ = {} if software is None else {"SERVER_SOFTWARE": software}
    reply = answered(ProxyHeader("X-Remote-User", [PROXY]), HYPHENS, environ)
    assert (reply.status, reply.identity) == ((200, "EXAMPLE\\alice") if believed else (403, None))
    assert ("name without a hyphen" in caplog.text) is not believed
    assert answered(ProxyHeader("RemoteUser", [PROXY]), ALICE, environ).identity == "EXAMPLE\\alice"
    insists = ProxyHeader("X-Remote-User", [PROXY], server_drops_twins=True)
    assert answered(insists, HYPHENS, environ).identity == "EXAMPLE\\alice"


def answered(source, header, environ):
    """One WSGI request on a server that says no more than *environ*."""
    return over_wsgi([source], headers=[header], peer=PROXY, required=True, environ={"SERVER_SOFTWARE": "", **environ})


# -- SignedHeader


def signature(name="EXAMPLE\\alice", *, at=NOW, method="GET", host="127.0.0.1", key=KEY):
    """The header as a proxy makes it."""
    octets = f"{method}\n{host}\n{at}\n{name}".encode()
    return f"{at} {hmac.new(key.encode(), octets, 'sha256').hexdigest()} {name}".encode().decode("latin-1")


def signed_by(call, value, *, keys=KEY, now=NOW, peer=PROXY, host="127.0.0.1"):
    """The reply to a request with this header."""
    source = SignedHeader("RemoteUser", [PROXY], keys, now=lambda: now)
    hosts = [("Host", host)] if call is over_asgi else []  # WSGI's test environ brings its own
    return call([source], headers=[("RemoteUser", value), *hosts], peer=peer, required=True)


@pytest.mark.parametrize("name", ["EXAMPLE\\alice", "EXAMPLE\\zoë", "EXAMPLE\\a b", "EXAMPLE\\a(b)c&d"])
def test_a_signed_name_signs_in(call, name):
    """With the key, for this method and host; the application does not see the signature."""
    reply = signed_by(call, signature(name))
    assert (reply.status, reply.identity) == (200, name)
    assert "HTTP_REMOTEUSER" not in reply.seen
    assert b"remoteuser" not in dict(reply.seen.get("headers", ()))


def test_keys_can_be_replaced(call):
    """Every listed key is believed, as text or bytes, in either case of the digits."""
    new = "another key, long enough"
    for key in (KEY, new):
        assert signed_by(call, signature(key=key), keys=[new.encode(), KEY]).identity == "EXAMPLE\\alice"
    at, digits, name = signature().split(" ")
    assert signed_by(call, f"{at} {digits.upper()} {name}").identity == "EXAMPLE\\alice"


@pytest.mark.parametrize("age", [-30, 0, 30])
def test_a_signature_lasts_for_half_a_minute(call, age):
    """And the clocks may differ by as much."""
    assert signed_by(call, signature(), now=NOW + age).identity == "EXAMPLE\\alice"


AT, DIGITS, ALICES = signature().split(" ")
UNSIGNED = {
    "name-changed": f"{AT} {DIGITS} EXAMPLE\\evil",
    "time-changed": f"{int(AT) + 1} {DIGITS} {ALICES}",
    "signature-changed": f"{AT} {'0' * 64} {ALICES}",
    "signature-cut": f"{AT} {DIGITS[:-2]} {ALICES}",
    "other-key": signature(key="a key of somebody else's"),
    "post": signature(method="POST"),
    "other-host": signature(host="other.example.local"),
    "old": signature(at=NOW - 31),
    "of-the-future": signature(at=NOW + 31),
    "plain": "EXAMPLE\\alice",
    "empty": "",
    "no-name": f"{AT} {DIGITS} ",
    "signed-but-no-name": signature("EXAMPLE\\*"),
    "signed-comma": signature("EXAMPLE\\alice,EXAMPLE\\evil"),
    "twice": f"{signature()},{signature()}",
    "not-a-number": f"٣{AT[1:]} {DIGITS} {ALICES}".encode().decode("latin-1"),
    "line-end": signature("EXAMPLE\\alice\n"),
    "long": "1 " * 5000,
}


@pytest.mark.parametrize("value", UNSIGNED.values(), ids=UNSIGNED)
def test_anything_else_is_refused(call, value):
    """Another name, time, key, method or host; too old; not of this form."""
    reply = signed_by(call, value)
    assert (reply.status, reply.seen) == (403, None)


def test_a_signature_counts_from_the_proxy_only(call):
    """Whoever has seen one still needs the proxy's address."""
    assert signed_by(call, signature(), peer="192.0.2.1").status == 403


def test_a_signature_needs_one_host(call):
    """Two hosts, or none, are nobody's."""
    source = SignedHeader("RemoteUser", [PROXY], KEY, now=lambda: NOW)
    headers = [("RemoteUser", signature()), ("Host", "127.0.0.1"), ("Host", "evil")]
    assert call([source], headers=headers, peer=PROXY, required=True).status == 403


def test_a_name_with_hyphens_can_be_signed_on_any_server():
    """A twin cannot be signed, so none of it matters."""
    source = SignedHeader("X-Remote-User", [PROXY], KEY, now=lambda: NOW)
    reply = answered(source, ("X-Remote-User", signature()), {"SERVER_SOFTWARE": "Granian"})
    assert reply.identity == "EXAMPLE\\alice"


@pytest.mark.parametrize("key", ["", "short", [], [KEY, "short"], b"x" * 15], ids=repr)
def test_a_short_key_stops_the_start(key):
    """What can be guessed signs nothing."""
    with pytest.raises(ConfigurationError, match="16"):
        SignedHeader("RemoteUser", [PROXY], key)


def test_a_key_of_sixteen_bytes_is_long_enough():
    """The least that is taken, as text or bytes."""
    for key in ("k" * 16, b"k" * 16):
        assert SignedHeader("RemoteUser", [PROXY], key).name == "SignedHeader(RemoteUser)"


# -- the probe of `wauth doctor --proxy`


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param([], "nothing", id="nothing"),
        pytest.param([ALICE], "nothing", id="the-proxys-own"),
        pytest.param([("RemoteUser", PROBE)], "remoteuser", id="arrived"),
        pytest.param([("RemoteUser", f"EXAMPLE\\alice,{PROBE}")], "remoteuser", id="joined"),
    ],
)
@pytest.mark.parametrize("peer", [PROXY, "192.0.2.1"])
def test_a_probe_is_told_what_arrives(call, sent, told, peer):
    """Whether a client's own value reaches the application; nobody is signed in by asking."""
    reply = call([ProxyHeader("RemoteUser", [PROXY])], headers=[*sent, ("WauthProbe", PROBE)], peer=peer)
    assert (reply.status, reply.seen, reply.all("WauthArrived")) == (403, None, [told])


def test_a_probe_sees_twins_where_they_can_be_seen():
    """Under ASGI by their own names."""
    headers = [("X-Remote-User", PROBE), ("X_Remote_User", PROBE), ("X-Remote_User", "x"), ("WauthProbe", PROBE)]
    reply = over_asgi([ProxyHeader("X-Remote-User", [PROXY])], headers=headers, peer=PROXY)
    assert reply.all("WauthArrived") == ["x-remote-user,x_remote_user"]


@pytest.mark.parametrize("probe", ["", "x", "EXAMPLE\\alice", PROBE + "0"])
def test_a_probe_asks_for_nothing_else(call, probe):
    """Only for its own random number, never for what the proxy set."""
    reply = call([ProxyHeader("RemoteUser", [PROXY])], headers=[ALICE, ("WauthProbe", probe)], peer=PROXY)
    assert (reply.status, reply.all("WauthArrived")) == (403, ["nothing"])


# -- the same by itself


class Quiet(WSGIRequestHandler):
    """Writes no access log."""

    def log_message(self, *args):
        pass


@pytest.fixture
def served():
    """A function that serves a WSGI application at a real address, given as a function of that address."""
    with contextlib.ExitStack() as stack:

        def serve(make):
            server = make_server("127.0.0.1", 0, lambda environ, start: app(environ, start), handler_class=Quiet)
            url = f"http://127.0.0.1:{server.server_port}/"
            app = make(url)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return url

        yield serve


def hello(environ, start_response):
    """Everybody's page."""
    start_response("200 OK", [])
    return [b"hello"]


def overwriting(app):
    """What a good proxy does with a client's header."""
    return lambda environ, start_response: app({**environ, "HTTP_REMOTEUSER": "EXAMPLE\\alice"}, start_response)


def asking(app):
    """A proxy that wants a sign-in first."""

    def ask(environ, start_response):
        start_response("401 Unauthorized", [])
        return [b""]

    return lambda environ, start: (app if environ["PATH_INFO"] == "/healthz" else ask)(environ, start)


SELF_TESTS = {
    "careless": (
        lambda app: app,
        "ERROR",
        "own header: arrives, as remoteuser. Let the proxy set RemoteUser",
    ),
    "good": (overwriting, "INFO", "lets no client's own RemoteUser through"),
    "asking": (asking, "ERROR", "status 401, from no source"),
}


@pytest.mark.parametrize("make", [ProxyHeader, functools.partial(SignedHeader, key=KEY)], ids=["proxy", "signed"])
@pytest.mark.parametrize(("proxy", "level", "said"), SELF_TESTS.values(), ids=SELF_TESTS)
def test_a_site_tries_its_own_proxy_once(served, caplog, make, proxy, level, said):
    """At its first request, through the address it was given; what arrives is in the log, and nobody waits for it."""
    caplog.set_level("INFO", "wauth.sources")
    source = []

    def site(url):
        source.append(make("RemoteUser", trusted=["127.0.0.1"], self_test=url))
        return proxy(WindowsAuthWSGI(hello, sources=source))

    url = served(site)
    for _ in range(2):
        assert urllib.request.urlopen(f"{url}healthz").read() == b"hello"
        for thread in threading.enumerate():
            if thread.name == "wauth-proxy-check":
                thread.join(10)
    found = [record for record in caplog.records if record.getMessage().startswith("The proxy at")]
    assert [record.levelname for record in found if said in record.getMessage()] == [level]
    assert "Traceback" not in caplog.text


def test_a_proxy_that_cannot_be_reached_is_no_trouble(caplog):
    """The site goes on, and the log says that nothing is known."""
    source = ProxyHeader("RemoteUser", [PROXY], self_test="http://127.0.0.1:1/")
    assert over_wsgi([source], headers=[ALICE], peer=PROXY).identity == "EXAMPLE\\alice"
    proxy_check.begin("no address", "RemoteUser").join(10)
    for thread in threading.enumerate():
        if thread.name == "wauth-proxy-check":
            thread.join(10)
    assert "The proxy was not tried: http://127.0.0.1:1/ cannot be asked" in caplog.text
    assert "'no address' is no address of a site" in caplog.text


class FromCertificate(HeaderSource):
    """A source of somebody's own."""

    def named(self, value, request):
        """The name behind ``CN=``."""
        if not value.startswith("CN="):
            raise NotBelieved("it holds no CN")
        return f"EXAMPLE\\{value.removeprefix('CN=')}"


@pytest.mark.parametrize(
    ("headers", "peer", "who"),
    [
        pytest.param([("ClientName", "CN=alice")], PROXY, "EXAMPLE\\alice", id="believed"),
        pytest.param([], PROXY, None, id="nobody"),
        pytest.param([("ClientName", "CN=alice")], "10.0.0.6", None, id="another-peer"),
        pytest.param([("ClientName", "alice")], PROXY, None, id="not-believed"),
        pytest.param([("ClientName", "CN=alice\\bob")], PROXY, None, id="no-name"),
        pytest.param([("ClientName", "CN=alice"), ("ClientName", "CN=bob")], PROXY, None, id="twice"),
    ],
)
def test_a_header_source_of_ones_own_is_guarded_as_ours_are(call, headers, peer, who):
    """Who derives from the base writes what a value means, and cannot forget who sent it."""
    reply = call([FromCertificate("ClientName", [PROXY])], headers=headers, peer=peer)
    assert reply.identity == who


def test_a_header_source_of_ones_own_is_refused_a_hyphen_where_twins_fold():
    """Under WSGI, unless it says that the server drops them."""
    hyphen = ("Client-Name", "CN=alice")
    assert answered(FromCertificate("Client-Name", [PROXY]), hyphen, {}).identity is None
    insists = FromCertificate("Client-Name", [PROXY], server_drops_twins=True)
    assert answered(insists, hyphen, {}).identity == "EXAMPLE\\alice"


def test_what_is_sent_to_a_proxy():
    """A name without a hyphen has no twins; of others there are two, with all underscores and with one."""
    plain = [what for what, _, _ in proxy_check._attempts("RemoteUser", PROBE)]
    assert plain == ["a client's own header", "in other letters", "sent twice", "named in Connection"]
    sent = {what: headers for what, headers, _ in proxy_check._attempts("X-Remote-User", PROBE)}
    assert list(sent) == [*plain, "with underscores", "with one underscore"]
    assert sent["with underscores"] == (("X_Remote_User", PROBE),)
    assert sent["with one underscore"] == (("X_Remote-User", PROBE),)


@pytest.mark.parametrize("url", ["ftp://intranet/", "http:///path", "//intranet/", ""])
def test_what_is_no_address(url):
    """Said at once, before anything is sent."""
    with pytest.raises(ConfigurationError, match="is no address of a site"):
        list(proxy_check.examine(url, "RemoteUser"))


def test_an_address_without_a_path_is_the_start_page(served):
    """And a proxy that hangs up has told nothing."""
    paths = []

    def noting(environ, start_response):
        paths.append(environ["PATH_INFO"])
        return hello(environ, start_response)

    url = served(lambda url: noting)
    assert [check.outcome for check in proxy_check.examine(url.rstrip("/"), "RemoteUser")] == [Outcome.FAILED]
    list(proxy_check.examine(f"{url}a/b", "RemoteUser"))
    assert paths == ["/", "/a/b"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        [check] = proxy_check.examine(address, "RemoteUser")
    assert (check.outcome, check.detail) == (Outcome.FAILED, "status None, from no source")
