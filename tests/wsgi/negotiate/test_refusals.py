"""Why `Negotiate` says no: each guard by its own reason, and not by another's that stands behind it."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from tests.wsgi.negotiate.test_source import Clock, Directory, source, with_password
from tests.wsgi.tickets import Believing, ticket
from wauth_core.identity import NameRules
from wauth_core.web.asking import decide
from wauth_core.web.outcomes import Handshake, SignedIn
from wauth_core.web.request import Request
from wauth_wsgi.negotiate.acceptor import HandshakeFailed
from wauth_wsgi.negotiate.source import MAX_TOKEN, _scheme, _token


def request(*authorization, secure=True, **headers):
    """A request with these Authorization headers."""
    named = [("authorization", value) for value in authorization] + list(headers.items())
    return Request({}, tuple(named), "192.0.2.1", secure=secure)


def answer(negotiate, *authorization, **more):
    """What the source says: itself, not what `decide` makes of its failure."""
    return negotiate.identify(request(*authorization, **more), NameRules())


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        ([], ("", "")),
        (["Negotiate abc "], ("negotiate", "abc")),
        (["BASIC  x"], ("basic", "x")),
        (["Negotiate abc", "Basic x"], ("several", "")),
    ],
)
def test_the_scheme_of_a_request(values, scheme):
    """One header, in any case; two are nobody's."""
    assert _scheme(request(*values)) == scheme


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        ("A" * (MAX_TOKEN + 4), "too long"),
        ("!!!", "not base64"),
        ("", "is empty"),
        (base64.b64encode(b"NTLMSSP\0\1").decode(), "NTLM"),
    ],
)
def test_what_is_no_token_says_why(credentials, reason):
    """Before the Kerberos library sees it."""
    with pytest.raises(HandshakeFailed, match=reason):
        _token(credentials)


def test_the_longest_token_is_one():
    """A ticket of somebody in a thousand groups; nothing else is cut off."""
    assert len(_token("A" * MAX_TOKEN)) == MAX_TOKEN // 4 * 3
    assert MAX_TOKEN == 128 * 1024


def test_who_has_no_session_is_nobody():
    """None, so that a later source is asked: no failure, and no claim."""
    assert answer(source()) is None
    assert answer(with_password(), "Bearer abc") is None
    assert answer(source(), "Basic YTpi") is None, "no fallback was asked for"


def test_passwords_alone_are_worth_a_thread():
    """And only where they are taken."""
    assert with_password().may_block(request("Basic YTpi"))
    assert not with_password().may_block(request("Negotiate abc"))
    assert not with_password().may_block(request())
    assert not source().may_block(request("Basic YTpi"))


NO_PAC = {"principal": "alice@EXAMPLE.LOCAL", "pac": False}
UPN = {"principal": "al\\@corp.example@EXAMPLE.LOCAL", "pac": False}


@pytest.mark.parametrize(
    ("made", "arguments", "reason"),
    [
        (NO_PAC, {}, "no PAC"),
        (UPN, {"no_pac": "ldap", "realms": {"EXAMPLE.LOCAL": "EXAMPLE"}}, "nothing that says whose"),
        (NO_PAC, {"no_pac": "ldap"}, "no NetBIOS name"),
        ({"principal": "alice@EVIL.LOCAL"}, {}, r"not among realms= \(EXAMPLE.LOCAL\)"),
        ({"principal": "alice@EVIL.LOCAL"}, {"realms": {}}, r"not among realms= \(none\)"),
    ],
)
def test_a_ticket_that_does_not_do_says_why(made, arguments, reason):
    """A step of a handshake, with the reason for the log."""
    token = "Negotiate " + base64.b64encode(b"good").decode()
    found = answer(source(Believing(good=ticket(**made)), **arguments), token)
    assert isinstance(found, Handshake)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.reason)


def test_how_a_session_was_begun_goes_with_it():
    """By a ticket or by a password, now and in the cookie; ten minutes and eight hours unless told otherwise."""
    clock = Clock()
    negotiate = with_password(acceptor=Believing(good=ticket()), now=clock)
    typed = "Basic " + base64.b64encode("EXAMPLE\\alice:pässword:1".encode()).decode()
    for header, by_password, lasts in (
        ("Negotiate " + base64.b64encode(b"good").decode(), False, timedelta(minutes=10)),
        (typed, True, timedelta(hours=8)),
    ):
        found = answer(negotiate, header)
        assert (type(found), found.by_password) == (SignedIn, by_password)
        cookie = next(value for name, value in found.headers if name == "Set-Cookie")
        assert f"Max-Age={int(lasts.total_seconds())};" in cookie
        again = answer(negotiate, cookie=cookie.partition(";")[0])
        assert (again.identity, again.by_password) == (found.identity, by_password)


def test_the_directory_is_asked_for_typed_passwords_only():
    """A Basic header that nobody asked for is left to the application."""
    directory = Directory()
    decide([source()], request("Basic YTpi"), NameRules())
    assert directory.asked == []
