"""The guides' Python runs as it stands, and their tables name the arguments that there are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.core.web.sources.test_iis_token import Windows
from tests.wsgi.calls import over_wsgi
from tests.wsgi.tickets import Believing
from wauth_core import Wauth
from wauth_core.web.sources import iis_token
from wauth_wsgi import IISToken, Negotiate, ProxyHeader, ServerIdentity, Simulate, WindowsAuthASGI, WindowsAuthWSGI
from wauth_wsgi.negotiate import source as negotiate

DOCS = Path(__file__).parents[2] / "docs" / "howto"


def hello_wsgi(environ, start_response):
    """An application."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ["wauth.identity"]).encode()]


@pytest.mark.parametrize("guide", ["wsgi.md", "sources.md"])
def test_every_snippet_runs(guide, monkeypatch):
    """In order, in one namespace, with the names that a reader has: an application, keys, secrets."""
    monkeypatch.setattr(negotiate, "system_acceptor", lambda keytab, service: Believing())
    monkeypatch.setattr(iis_token, "_windows", Windows)
    with Wauth({}) as wauth:
        names = {
            "app": hello_wsgi,
            "hello_wsgi": hello_wsgi,
            "wauth": wauth,
            "secrets": {},
            "proxy_secret": "a long random text",
            "proxy_key": "a key that the proxy knows",
            "new_key": "n" * 32,
            "old_key": "o" * 32,
        }
        snippets = re.findall(r"^```python\n(.*?)^```", (DOCS / guide).read_text(encoding="utf-8"), re.S | re.M)
        assert len(snippets) >= 6
        for snippet in snippets:
            exec(compile(snippet, guide, "exec"), names)
            assert isinstance(names.get("application", names["wauth"]), (WindowsAuthWSGI, WindowsAuthASGI, Wauth))
        names["wauth"].close()


def test_the_first_snippet_says_hello():
    """What a newcomer pastes does what it says."""
    (first, *_) = re.findall(r"^```python\n(.*?)^```", (DOCS / "wsgi.md").read_text(encoding="utf-8"), re.S | re.M)
    names = {}
    exec(first, names)
    reply = over_wsgi([ServerIdentity()], environ={"REMOTE_USER": "EXAMPLE\\alice"})
    environ = {**reply.seen, "REMOTE_USER": "EXAMPLE\\alice"}
    assert b"".join(names["application"](environ, lambda *_: None)) == b"Hello, EXAMPLE\\alice"


def table(section):
    """The first column of the tables in a section of sources.md."""
    text = (DOCS / "sources.md").read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", text, re.M))


def test_negotiates_table_is_complete():
    """Every argument that an administrator sets is explained; the rest is for tests."""
    arguments = set(inspect.signature(Negotiate).parameters)
    assert table("Negotiate") == arguments - {"authenticate", "acceptor", "now"}


def test_the_wrappers_table_is_complete():
    """Both wrappers take what the guide lists."""
    text = (DOCS / "wsgi.md").read_text(encoding="utf-8").split("\n## The arguments\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    for wrapper in (WindowsAuthWSGI, WindowsAuthASGI):
        assert listed == set(inspect.signature(wrapper).parameters) - {"app"}


@pytest.mark.parametrize("source", [ServerIdentity, ProxyHeader, IISToken, Negotiate, Simulate])
def test_every_source_states_its_risk(source):
    """In its docstring, where an editor shows it, and in the guide."""
    assert "Risk:" in source.__doc__
    text = (DOCS / "sources.md").read_text(encoding="utf-8").split(f"\n## {source.__name__}\n")[1].split("\n## ")[0]
    assert "**Risk.**" in text
