"""Apache with Kerberos in front: mod_wsgi in its process, gunicorn and uvicorn behind it as a proxy."""

from __future__ import annotations

import contextlib
import shutil

import pytest

from tests.ad.fixtures import unavailable
from tests.e2e import apache, servers
from tests.e2e.hostile import ANY_PEER
from tests.e2e.servers import chromium, curl, negotiate

# (name in the path, source): the ways from Apache to the application
WAYS = [
    ("mod_wsgi", "server"),
    ("gunicorn", "proxy"),
    ("uvicorn", "proxy"),
    ("gunicorn", "secret"),
    ("uvicorn", "secret"),
]


@pytest.fixture(scope="module")
def httpd(samba, web_folder, curl_installed):
    """Apache, with a gunicorn and a uvicorn that believe it."""
    reason = apache.why_not()
    if reason:
        unavailable(reason)
    with contextlib.ExitStack() as stack:
        backends = {}
        for name in ("gunicorn", "uvicorn"):
            reason = servers.missing(name)
            if reason:
                pytest.skip(reason)
            log = web_folder / f"{name}-behind.log"
            backend = servers.python_server(name, log, {"E2E_PROXY": "127.0.0.1"})
            backends[name] = stack.enter_context(backend).port
        yield stack.enter_context(apache.apache(web_folder / "apache", samba, backends))


@pytest.fixture(scope="module")
def alice(samba):
    """The environment with alice's ticket."""
    return samba.kinit("alice")


@pytest.mark.parametrize(("name", "source"), WAYS)
def test_apaches_user_reaches_the_application(httpd, alice, name, source):
    """Whom Apache signed in by a ticket is who the application sees."""
    answer = negotiate(httpd.url(f"/{name}/{source}/required"), alice)
    assert (answer.status, answer.told["identity"]) == (200, "EXAMPLE\\alice")


def test_the_groups_come_along(httpd, alice, samba):
    """Apache hands the ticket's PAC on, so that mod_wsgi's application knows the groups without LDAP."""
    told = negotiate(httpd.url("/mod_wsgi/server/required"), alice).told
    assert f"{told['sid'].rpartition('-')[0]}-512" in told["groups"]
    assert told["sid"] == samba_sid(samba, "alice")


def samba_sid(samba, name):
    """A person's SID as the directory has it."""
    from ldap3.protocol.formatters.formatters import format_sid

    return format_sid(samba.entry(name)["raw_attributes"]["objectSid"][0])


@pytest.mark.parametrize("person", ["Zoë.Ünal", "a(b)c&d"])
@pytest.mark.parametrize(("name", "source"), WAYS[:3])
def test_names_with_odd_letters_come_out_right(httpd, samba, name, source, person):
    """UTF-8 bytes through Apache, mod_wsgi and a header."""
    answer = negotiate(httpd.url(f"/{name}/{source}/required"), samba.kinit(person))
    assert (answer.status, answer.told["identity"]) == (200, f"EXAMPLE\\{person.lower()}")


@pytest.mark.parametrize(("name", "source"), WAYS)
def test_without_a_ticket_apache_answers(httpd, name, source):
    """The application is not reached."""
    answer = curl(httpd.url(f"/{name}/{source}"))
    assert (answer.status, answer.told["identity"]) == (401, None)


@pytest.mark.parametrize(("name", "source"), [("mod_wsgi", "server"), ("gunicorn", "proxy"), ("uvicorn", "proxy")])
def test_an_unprotected_path_has_nobody(httpd, name, source):
    """Where Apache asks nobody, nobody is signed in."""
    answer = curl(httpd.url(f"/open/{name}/{source}"))
    assert (answer.status, answer.told["identity"]) == (200, None)


@pytest.mark.parametrize("name", ["mod_wsgi", "gunicorn", "uvicorn"])
def test_chromium_through_apache(httpd, alice, tmp_path, name):
    """A real browser with a ticket sees its own page."""
    if shutil.which("chromium") is None:
        unavailable("chromium is not installed")
    source = "server" if name == "mod_wsgi" else "proxy"
    assert '"identity": "EXAMPLE\\\\alice"' in chromium(httpd.url(f"/{name}/{source}/required"), tmp_path, alice)


EVIL = "EXAMPLE\\evil"
FORGED = {
    "remote-user": [("Remote-User", EVIL)],
    "remote_user": [("REMOTE_USER", EVIL)],
    "x-remote-user": [("RemoteUser", EVIL)],
    "x-remote-user-twice": [("RemoteUser", EVIL), ("RemoteUser", EVIL)],
    "x_remote_user": [("X_Remote_User", EVIL)],
    "x-remote_user": [("X-Remote_User", EVIL)],
    "secret": [("RemoteUser", EVIL), ("WauthSecret", "guess")],
    "dropped": [("Connection", "RemoteUser")],
    "dropped-with-twin": [("Connection", "RemoteUser"), ("X_Remote_User", EVIL)],
    "dropped-secret": [("Connection", "RemoteUser, WauthSecret"), ("RemoteUser", EVIL)],
    "pac": [("PAC-LOGON-INFO", "AAAA"), ("GSS-NAME", EVIL)],
    "token": [("X-IIS-WindowsAuthToken", "2c0")],
}


OTHERS = [(name, "iis") for name in ("mod_wsgi", "gunicorn", "uvicorn")]


@pytest.mark.parametrize("row", ANY_PEER.values(), ids=ANY_PEER)
@pytest.mark.parametrize(("name", "source"), [*WAYS, *OTHERS])
def test_the_hostile_table_makes_nobody(httpd, name, source, row):
    """Every row that the other servers are sent, through Apache: nobody is signed in and nothing breaks."""
    answer = httpd.get(f"/open/{name}/{source}", row)
    assert answer.status < 500
    assert answer.told["identity"] is None
    assert httpd.get(f"/open/{name}/{source}/required", row).status in (400, 401, 403, 431)


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize(("name", "source"), WAYS)
def test_forged_headers_make_nobody(httpd, name, source, forged):
    """On a path that Apache does not protect, whatever a client sends, nobody is signed in and nothing breaks."""
    answer = httpd.get(f"/open/{name}/{source}", forged)
    assert answer.status < 500
    assert answer.told["identity"] is None


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize(("name", "source"), WAYS)
def test_forged_headers_beside_a_ticket_make_nobody_else(httpd, alice, name, source, forged):
    """A signed-in person who adds headers stays who she is, or is nobody."""
    arguments = [part for header in forged for part in ("--header", ": ".join(header))]
    answer = negotiate(httpd.url(f"/{name}/{source}"), alice, *arguments)
    assert answer.status < 500
    assert answer.told["identity"] in (None, "EXAMPLE\\alice")
