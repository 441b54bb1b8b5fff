"""ServerIdentity: names as servers hand them over, encodings and spellings."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone

import pytest

from tests.wsgi.calls import over_wsgi
from tests.wsgi.tickets import DOMAIN_SID, client_info, logon_info
from wauth_core import ConfigurationError, InvalidIdentity
from wauth_core.identity import NameRules
from wauth_core.web.asking import decide
from wauth_core.web.outcomes import ANONYMOUS, Rejected
from wauth_core.web.request import from_environ
from wauth_core.web.sources.encoding import as_text
from wauth_core.web.sources.pac import MAX_BYTES
from wauth_wsgi import ServerIdentity


def as_wsgi(text, encoding="utf-8"):
    """Text as PEP 3333 has it: latin-1 of its bytes."""
    return text.encode(encoding).decode("latin-1")


def seen(value, **arguments):
    """Who is signed in when the server says *value*."""
    return over_wsgi([ServerIdentity(**arguments)], environ={"REMOTE_USER": value}).identity


@pytest.mark.parametrize(
    ("value", "arguments", "expected"),
    [
        pytest.param("EXAMPLE\\Alice", {}, "EXAMPLE\\alice", id="plain"),
        pytest.param(as_wsgi("EXAMPLE\\Zoë"), {}, "EXAMPLE\\zoë", id="utf-8"),
        pytest.param(as_wsgi("EXAMPLE\\李雷"), {}, "EXAMPLE\\李雷", id="utf-8-chinese"),
        pytest.param(as_wsgi("EXAMPLE\\Łucja"), {"code_page": "cp1252"}, "EXAMPLE\\łucja", id="utf-8-comes-first"),
        pytest.param(as_wsgi("EXAMPLE\\Zoë", "cp1252"), {"code_page": "cp1252"}, "EXAMPLE\\zoë", id="ansi-western"),
        pytest.param(as_wsgi("EXAMPLE\\Łucja", "cp1250"), {"code_page": "cp1250"}, "EXAMPLE\\łucja", id="ansi-polish"),
        pytest.param("EXAMPLE\\Łucja", {}, "EXAMPLE\\łucja", id="decoded-by-the-server"),
        pytest.param("", {}, None, id="empty"),
        pytest.param(as_wsgi("EXAMPLE\\Zoë", "cp1252"), {"code_page": None}, None, id="ansi-unannounced"),
        pytest.param("EXAMPLE\\a\x81", {"code_page": "cp1252"}, None, id="not-in-the-code-page"),
        pytest.param("EXAMPLE\\Zo?", {}, None, id="lost-letter"),
        pytest.param(as_wsgi("EXAMPLE\\Zo\ufffd"), {}, None, id="replacement-character"),
        pytest.param("EXAMPLE\\ali\x00ce", {}, None, id="nul"),
        pytest.param("EXAMPLE\\alice\r\n", {}, None, id="newline"),
        pytest.param("EXAMPLE\\" + "a" * 10240, {}, None, id="ten-kilobytes"),
        pytest.param("EXAMPLE\\*", {}, None, id="star"),
        pytest.param("alice", {}, None, id="no-domain"),
        pytest.param("EXAMPLE\\al\\ice", {}, None, id="two-separators"),
        pytest.param("EXAMPLE\\alice,EXAMPLE\\admin", {}, None, id="comma"),
        pytest.param(as_wsgi("EXAMPLE\\ali\u202ece"), {}, None, id="bidi-override"),
    ],
)
def test_remote_user(value, arguments, expected):
    """A right name comes out right; a name that lost something signs nobody in, and is never an error."""
    assert seen(value, **arguments) == expected


def test_a_refused_name_is_logged_quoted(caplog):
    """The log says what came, with control characters made visible."""
    seen("EXAMPLE\\alice\r\nforged line")
    assert "\\r\\n" in caplog.text
    assert "\nforged line" not in caplog.text


def test_only_the_servers_own_variable_counts():
    """Headers with any spelling of the name are a client's."""
    forged = {
        "HTTP_REMOTE_USER": "EXAMPLE\\admin",
        "HTTP_X_REMOTE_USER": "EXAMPLE\\admin",
        "remote_user": "EXAMPLE\\admin",
        "REMOTE-USER": "EXAMPLE\\admin",
        "HTTP_AUTHORIZATION": "Basic RVhBTVBMRVxhZG1pbjp4",
    }
    reply = over_wsgi([ServerIdentity()], environ=forged)
    assert (reply.status, reply.identity) == (200, None)


def test_a_wrong_type_signs_nobody_in():
    """A server that puts something else than text there is not believed."""
    for value in (b"EXAMPLE\\alice", 7, ["EXAMPLE\\alice"]):
        assert decide([ServerIdentity()], from_environ({"REMOTE_USER": value}), NameRules()) == ANONYMOUS


def test_an_unknown_code_page_stops_the_start():
    """A misspelt encoding is a configuration error."""
    with pytest.raises(ConfigurationError, match="cp1252"):
        ServerIdentity(code_page="cp99999")


def with_pac(pac, user="EXAMPLE\\alice", at=None):
    """A request as Apache hands it on, with a PAC of that time."""
    source = ServerIdentity(pac="PAC_LOGON_INFO", pac_time="PAC_CLIENT_INFO")
    time = base64.b64encode(client_info(at)).decode()
    return over_wsgi([source], environ={"REMOTE_USER": user, "PAC_LOGON_INFO": pac, "PAC_CLIENT_INFO": time})


def encoded(**info):
    """A PAC as mod_auth_gssapi writes it."""
    return base64.b64encode(logon_info(**info)).decode()


def test_apaches_pac_tells_the_groups():
    """Group checks then need no directory."""
    assert with_pac(encoded()).seen["wauth.user"].in_group(f"{DOMAIN_SID}-1201")
    assert with_pac("").seen["wauth.outcome"].facts is None
    morning = datetime.now(timezone.utc) - timedelta(hours=3)
    with pytest.raises(ConfigurationError, match="wauth="):
        with_pac(encoded(), at=morning).seen["wauth.user"].in_group(f"{DOMAIN_SID}-1201")


@pytest.mark.parametrize(
    "pac",
    [
        pytest.param("!!!", id="not-base64"),
        pytest.param("AAAA", id="no-pac"),
        pytest.param(encoded(username="bob"), id="somebody-elses"),
        pytest.param("A" * 1_000_000, id="too-long"),
        pytest.param("\xff", id="not-ascii"),
    ],
)
def test_a_pac_that_does_not_fit_signs_nobody_in(pac):
    """A name without the groups that belong to it is not taken."""
    reply = with_pac(pac)
    assert (reply.status, reply.identity) == (200, None)


def test_the_pac_never_comes_from_a_header():
    """A variable that a client can set is refused at once."""
    with pytest.raises(ConfigurationError, match="client's header"):
        ServerIdentity(pac="HTTP_PAC")


@pytest.mark.parametrize("name", ["REMOTE_USER", "PAC_LOGON_INFO"])
def test_a_name_in_the_processs_environment_stops_the_start(name, monkeypatch):
    """Servers that put it into every request would sign everybody in; under CGI it is the request's own."""
    monkeypatch.setenv(name, "EXAMPLE\\root")
    with pytest.raises(ConfigurationError, match=name):
        ServerIdentity(pac="PAC_LOGON_INFO")
    monkeypatch.setenv("GATEWAY_INTERFACE", "CGI/1.1")
    ServerIdentity(pac="PAC_LOGON_INFO")
    monkeypatch.delenv("GATEWAY_INTERFACE")
    monkeypatch.delenv(name)
    ServerIdentity(pac="PAC_LOGON_INFO")


def test_bytes_that_are_no_utf8_are_refused_by_name():
    """Where no code page is told the text says which setting tells it; a word in ASCII needs none."""
    with pytest.raises(InvalidIdentity, match="code_page="):
        as_text("EXAMPLE\\Zo\xeb")
    assert as_text("EXAMPLE\\Zo\xeb", "cp1252") == "EXAMPLE\\Zoë"
    assert as_text("EXAMPLE\\alice") == "EXAMPLE\\alice"


def named(**environ):
    """What the source itself says, and not what is made of its failure."""
    source = ServerIdentity(pac="PAC", pac_time="PAC_TIME")
    return source.identify(from_environ(environ), NameRules())


def test_the_longest_name_is_read():
    """2,048 letters are looked at, and are no name; one more is not even looked at."""
    assert named(REMOTE_USER="E\\" + "a" * 2046).reason != "REMOTE_USER is too long"
    assert named(REMOTE_USER="E\\" + "a" * 2047).reason == "REMOTE_USER is too long"


def test_without_a_pac_the_name_is_all():
    """And with one, a name that is none stays refused for what it is."""
    assert named(REMOTE_USER="EXAMPLE\\alice").facts is None
    assert ServerIdentity().identify(from_environ({"REMOTE_USER": "EXAMPLE\\alice"}), NameRules()).facts is None
    assert "DOMAIN" in named(REMOTE_USER="alice", PAC="AAAA").reason


@pytest.mark.parametrize(
    ("pac", "reason"),
    [
        ("A" * (2 * MAX_BYTES + 1), "it is too long"),
        ("AA*A", "base64"),
        ("AAAA*AAA", "base64"),
    ],
)
def test_a_pac_that_cannot_be_read_says_why(pac, reason):
    """Its length before its letters."""
    found = named(REMOTE_USER="EXAMPLE\\alice", PAC=pac)
    assert isinstance(found, Rejected)
    assert found.reason.startswith("the PAC in PAC cannot be read")
    assert reason in found.reason


def test_it_never_answers_under_asgi():
    """There a name would be a client's header; so a front end leaves it out."""
    assert ServerIdentity.asgi is False
