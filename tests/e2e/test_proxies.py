"""Real proxies in front of real servers, by the recipes of docs/howto/sources.md: who gets through as whom."""

from __future__ import annotations

import contextlib
import json

import pytest
from click.testing import CliRunner

from tests.ad.fixtures import unavailable
from tests.e2e import proxies, servers
from tests.e2e.hostile import ANY_PEER, EVIL, TRUSTED_PEER, TWINS
from tests.e2e.proxies import BASIC
from wauth_core.cli.app import wauth

# One that drops twins, two in which the last one wins, and one that hands everything over
BACKENDS = ("gunicorn", "granian-wsgi", "cheroot", "uvicorn")
WAYS = {"nginx": [("", "proxy"), ("", "secret"), ("/signed", "signed")], "caddy": [("", "proxy"), ("", "secret")]}
WAYS["haproxy"] = WAYS["nginx"]
BESIDE = {
    "same": [("RemoteUser", EVIL)],
    "other-case": [("REMOTEUSER", EVIL), ("remoteuser", EVIL)],
    "twins": [("Remote_User", EVIL), ("Remote-User", EVIL), ("X_Remote_User", EVIL)],
    "dropped": [("Connection", "close, RemoteUser"), ("Remote_User", EVIL)],
    "dropped-secret": [("Connection", "RemoteUser, WauthSecret"), ("RemoteUser", EVIL), ("WauthSecret", "guess")],
    "signed-by-nobody": [("RemoteUser", f"1780000000 {'0' * 64} {EVIL}")],
}


@pytest.fixture(scope="module", params=list(proxies.PROXIES))
def proxy(request, web_folder):
    """Each proxy in turn, with every server behind it."""
    reason = proxies.why_not(request.param)
    if reason:
        unavailable(reason)
    with contextlib.ExitStack() as stack:
        ports = {}
        for name in BACKENDS:
            reason = servers.missing(name)
            if reason:
                unavailable(reason)
            log = web_folder / f"{name}-behind-{request.param}.log"
            ports[name] = stack.enter_context(servers.python_server(name, log, {"E2E_PROXY": "127.0.0.1"})).port
        yield stack.enter_context(proxies.PROXIES[request.param](web_folder / request.param, ports))


@pytest.mark.parametrize("name", BACKENDS)
def test_the_proxys_user_reaches_the_application(proxy, name):
    """Whom the proxy signed in is who the application sees, on every server, with and without a signature."""
    for way, source in WAYS[proxy.name]:
        answer = proxy.get(f"{way}/{name}/{source}/required", [BASIC])
        assert (answer.status, answer.told["identity"]) == (200, "EXAMPLE\\alice"), proxy.said()
        assert proxy.get(f"{way}/{name}/{source}/required").status == 401


@pytest.mark.parametrize("row", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("name", BACKENDS)
def test_a_signed_in_person_is_nobody_else(proxy, name, row):
    """Whatever headers she adds, alice stays alice, or is nobody."""
    for way, source in WAYS[proxy.name]:
        answer = proxy.get(f"{way}/{name}/{source}", [BASIC, *row])
        assert answer.status < 500
        assert answer.told["identity"] in (None, "EXAMPLE\\alice")


@pytest.mark.parametrize("row", {**ANY_PEER, **TRUSTED_PEER, **BESIDE, **TWINS}.values())
@pytest.mark.parametrize("name", BACKENDS)
def test_nobody_is_signed_in_where_the_proxy_asks_nobody(proxy, name, row):
    """On an open path the recipe empties the headers."""
    for source in ("proxy", "secret", "signed", "hyphen"):
        answer = proxy.get(f"/open/{name}/{source}", row)
        assert answer.status < 500
        assert answer.told["identity"] in (None, "EXAMPLE\\alice") if source == "hyphen" else (None,)


def examined(proxy, path, *options):
    """The rows of `wauth doctor --proxy`, and its exit code."""
    result = CliRunner().invoke(
        wauth, ["doctor", "--json", "--proxy", f"http://127.0.0.1:{proxy.port}{path}", *options]
    )
    return json.loads(result.stdout), result.exit_code


@pytest.mark.parametrize("name", BACKENDS)
def test_the_doctor_finds_the_recipes_good(proxy, name):
    """Nothing that a client sends arrives under the header's name."""
    for way, source in {*WAYS[proxy.name], ("/open", "proxy")}:
        found, code = examined(proxy, f"{way}/{name}/{source}", "--send", ": ".join(BASIC))
        assert code == 0, found
        assert {row["outcome"] for row in found} == {"ok"}
        assert len(found) == 5


@pytest.mark.parametrize("name", BACKENDS)
def test_the_doctor_finds_a_careless_proxy(proxy, name):
    """A proxy that passes a client's header on is told of, with the remedy."""
    found, code = examined(proxy, f"/careless/{name}/proxy")
    assert code == 1
    failed = [row for row in found if row["outcome"] == "failed"]
    assert failed[0]["check"] == "a client's own header"
    assert "overwrite" in failed[0]["advice"]


def test_the_doctor_does_not_take_silence_for_good(proxy):
    """Where the proxy answers by itself nothing is known, and that is a failure."""
    found, code = examined(proxy, "/gunicorn/proxy")
    assert (code, [row["outcome"] for row in found]) == (1, ["failed"])
    assert "--send" in found[0]["advice"]
