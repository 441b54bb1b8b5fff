"""Signing a test client in as somebody."""

from __future__ import annotations

from wsgiref.util import setup_testing_defaults

import pytest

from wauth_core.testing import sign_in
from wauth_wsgi import WindowsAuthWSGI


def who(environ, start_response):
    """An application that says who is there."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["wauth.identity"]).encode()]


def test_an_environ():
    """A plain WSGI environ is signed in, too."""
    environ = {}
    setup_testing_defaults(environ)
    wrapped = WindowsAuthWSGI(who)
    for user, told in (("EXAMPLE\\alice", b"EXAMPLE\\alice"), ("EXAMPLE\\bob", b"EXAMPLE\\bob"), (None, b"None")):
        sign_in(environ, user)
        assert b"".join(wrapped(dict(environ), lambda status, headers: None)) == told


class HeaderClient:
    """As Starlette's TestClient and httpx keep their headers."""

    def __init__(self):
        self.headers = {}


def test_a_header_for_asgi():
    """Where there is no environ the header that the proxy would set is sent."""
    client = HeaderClient()
    sign_in(client, "EXAMPLE\\alice", header="RemoteUser")
    assert client.headers == {"RemoteUser": "EXAMPLE\\alice"}
    sign_in(client, None, header="RemoteUser")
    assert client.headers == {}


@pytest.mark.parametrize(("client", "options"), [(HeaderClient(), {}), (object(), {"header": "RemoteUser"})])
def test_a_client_that_cannot_be_told(client, options):
    """It is said, not passed over."""
    with pytest.raises(TypeError):
        sign_in(client, "EXAMPLE\\alice", **options)


def test_the_fixture_signs_out_at_the_end(windowsauth_sign_in):
    """What it signed in is remembered, options and all."""
    client = HeaderClient()
    windowsauth_sign_in(client, "EXAMPLE\\alice", header="X-User")
    assert client.headers == {"X-User": "EXAMPLE\\alice"}
