"""What a password fallback takes for a name and a password, and what it does not."""

from __future__ import annotations

import base64

import pytest

from wauth_core.web.request import Request
from wauth_wsgi.negotiate.password import MAX_CREDENTIALS, BasicCredentials, Fallback, NotNow


def typed(credentials, **facts):
    """What a fallback over plain HTTP reads."""
    request = Request({}, tuple(facts.pop("headers", ())), "192.0.2.1", **facts)
    return Fallback("basic", None, secure=False).typed(request, credentials)


def encoded(text):
    """As a browser sends it."""
    return base64.b64encode(text.encode()).decode()


def test_a_name_ends_at_the_first_colon():
    """RFC 7617 2: a user name holds none, a password may."""
    assert typed(encoded("alice:a:b")) == BasicCredentials("alice", "a:b")
    assert typed(encoded("alice:")) == BasicCredentials("alice", "")


@pytest.mark.parametrize(
    "credentials",
    ["", "!!!!", encoded("alice"), encoded("alice:x") + "\n", " " + encoded("alice:x"), "YWxp*Y2U6eA==", "//79"],
)
def test_what_is_none_is_nobodys(credentials):
    """No colon, letters that base64 has not, bytes that are no UTF-8."""
    assert typed(credentials) is None


def test_how_long_both_may_be():
    """To the letter."""
    longest = encoded("alice:" + "x" * (MAX_CREDENTIALS // 4 * 3 - 6))
    assert len(longest) == MAX_CREDENTIALS == 4096
    assert typed(longest).username == "alice"
    assert typed(encoded("alice:" + "x" * (MAX_CREDENTIALS // 4 * 3 - 5))) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_with_a_password_in_it_keeps_no_session(site):
    """Only what this site's own pages, or the person's own hand, send."""
    assert typed(encoded("mallory:x")).keep is True
    assert typed(encoded("mallory:x"), headers=[("sec-fetch-site", "none")]).keep is True
    assert typed(encoded("mallory:x"), headers=[("sec-fetch-site", site)]).keep is False


def test_neither_logs_nor_errors_show_a_password():
    """And each refusal says whose fault it is."""
    assert "Hunter2" not in repr(BasicCredentials("alice", "Hunter2"))
    assert BasicCredentials("alice", "Hunter2").keep is True
    assert "too many attempts" in str(NotNow(429, 5))
    assert "no directory" in str(NotNow(503, 5))
