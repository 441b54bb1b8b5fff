"""The application that real servers run in these tests: one wrapped application for each source, by path.

``/SOURCE/…`` answers who is signed in, as JSON; ``/SOURCE/required/…`` the same where a sign-in is required. What the
environment says: E2E_KEYTAB (then there is ``/negotiate``), E2E_PROXY (the peer that ``/proxy`` believes), E2E_LDAP
(settings of a directory, as JSON, for `wauth=`).
"""

from __future__ import annotations

import json
import os

from wauth_core.web.sources.encoding import as_text
from wauth_wsgi import IISToken, Negotiate, ProxyHeader, ServerIdentity, SignedHeader, WindowsAuthASGI, WindowsAuthWSGI

SECRET_KEY = "a key for tests that all workers share"
SIGNING_KEY = "a key that the proxy knows"
NOBODYS_PEER = "192.0.2.1"


class NoTokens:
    """A Windows in which no number is a token."""

    def user_sid(self, handle):
        raise OSError(6, "invalid handle")

    def own_sid(self):
        return "S-1-5-20"


def sources():
    """The sources by the name that stands in the path."""
    found = {
        "server": [ServerIdentity(pac=os.environ.get("E2E_PAC"))],
        "proxy": [ProxyHeader("RemoteUser", trusted=[os.environ.get("E2E_PROXY", NOBODYS_PEER)])],
        "stranger": [ProxyHeader("RemoteUser", trusted=[NOBODYS_PEER])],
        "hyphen": [ProxyHeader("X-Remote-User", trusted=[os.environ.get("E2E_PROXY", NOBODYS_PEER)])],
        "signed": [SignedHeader("RemoteUser", trusted=["127.0.0.0/8"], key=SIGNING_KEY)],
        "secret": [ProxyHeader("RemoteUser", trusted=["127.0.0.0/8"], secret="known to the proxy")],
        "iis": [IISToken(reader=NoTokens(), environment={})],
    }
    keytab = os.environ.get("E2E_KEYTAB")
    if keytab:
        found["negotiate"] = [Negotiate(keytab, secret_key=SECRET_KEY, secure=False)]
        if settings() is not None:
            found["form"] = [Negotiate(keytab, secret_key=SECRET_KEY, secure=False, fallback="form")]
    return found


def settings():
    """The mapping for `wauth=`, or None."""
    given = os.environ.get("E2E_LDAP")
    return json.loads(given) if given else None


def told(request, source):
    """What is known of the person, as a JSON document."""
    identity, outcome = request["wauth.identity"], request["wauth.outcome"]
    facts = getattr(outcome, "facts", None)
    document = {
        "identity": None if identity is None else str(identity),
        "outcome": type(outcome).__name__,
        "source": source,
        "groups": sorted(facts.group_sids) if facts else [],
        "sid": facts.user_sid if facts else None,
        "pid": os.getpid(),
    }
    return json.dumps(document).encode()


def echo(environ, start_response):
    """The WSGI application."""
    body = told(environ, environ["e2e.source"])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def aecho(scope, receive, send):
    """The ASGI application."""
    body = told(scope, scope["e2e.source"])
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def route(path):
    """(source, whether a sign-in is required) for a path."""
    parts = [part for part in as_text(path).split("/") if part]
    return (parts[0] if parts else "", parts[1:2] == ["required"])


class WSGIRouter:
    """Every source's wrapped application, over WSGI."""

    def __init__(self):
        self.apps = {
            (name, required): WindowsAuthWSGI(echo, sources=given, required=required, wauth=settings())
            for name, given in sources().items()
            for required in (False, True)
        }

    def __call__(self, environ, start_response):
        key = route(environ.get("PATH_INFO", ""))
        if key not in self.apps:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        environ["e2e.source"] = key[0]
        return self.apps[key](environ, start_response)


class ASGIRouter:
    """Every source's wrapped application that ASGI has."""

    def __init__(self):
        self.apps = {
            (name, required): WindowsAuthASGI(aecho, sources=given, required=required, wauth=settings())
            for name, given in sources().items()
            if name != "server"
            for required in (False, True)
        }

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        key = route(scope["path"].encode().decode("latin-1"))
        if key not in self.apps:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body"})
            return
        await self.apps[key]({**scope, "e2e.source": key[0]}, receive, send)


def wsgi():
    """The WSGI application, made when a server starts."""
    return WSGIRouter()


def asgi():
    """The ASGI application, made when a server starts."""
    return ASGIRouter()
