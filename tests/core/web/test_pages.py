"""The policy that our pages carry: their own style and script, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from wauth_core.exceptions import SyncError, UnknownDomain, WauthError
from wauth_core.web import pages
from wauth_wsgi.negotiate.form import page as form


def hashed(text: bytes) -> str:
    """As CSP writes a hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


def test_the_form_allows_its_own_style_and_script() -> None:
    """By hashes; it may ask its own origin, and no other site may frame it."""
    found = pages.policy(form())
    [style], [script] = (re.findall(rb"<%s>(.*?)</%s>" % (kind, kind), form(), re.S) for kind in (b"style", b"script"))
    assert f"style-src {hashed(style)}" in found
    assert f"script-src {hashed(script)}" in found
    assert "default-src 'none'" in found
    assert "connect-src 'self'" in found
    assert "frame-ancestors 'none'" in found
    assert "unsafe" not in found


def test_a_page_without_script_may_run_none() -> None:
    """And asks nobody."""
    found = pages.policy(b"<style>p { color: red }</style><p>No.</p>")
    assert "script-src" not in found
    assert "connect-src" not in found
    assert "frame-ancestors" not in found
    assert "default-src 'none'" in found


@pytest.mark.parametrize(
    "page",
    [
        b'<link rel="stylesheet" href="/site.css">',
        b'<script src="/site.js"></script>',
        b'<script type="module">1</script>',
        b'<style media="print">p {}</style>',
        b'<IMG SRC="/logo.png">',
        b'<p style="color: red">',
        b'<button onclick="go()">',
        b"<style>p { background: url(/x.png) }</style>",
        b"<style>@import '/x.css'</style>",
        b'<iframe srcdoc="x"></iframe>',
    ],
)
def test_an_applications_own_page_keeps_the_applications_policy(page: bytes) -> None:
    """A page that loads or does anything more than ours is not for us to police."""
    assert pages.policy(page) == ""


@pytest.mark.parametrize(
    ("status", "identity", "message", "said"),
    [
        (401, None, "", pages.MESSAGES[401]),
        (403, None, "", pages.REFUSED),
        (403, "EXAMPLE\\alice", "", pages.MESSAGES[403]),
        (403, "EXAMPLE\\alice", "Ask Bob", "Ask Bob"),
        (503, None, "", pages.MESSAGES[503]),
        (503, "EXAMPLE\\alice", "", pages.MESSAGES[503]),
    ],
)
def test_what_each_page_says(status: int, identity: str | None, message: str, said: str) -> None:
    """Its own title; whoever is nobody here reads another sentence than who lacks a right."""
    shown = pages.context(status, identity=identity, message=message)
    assert (shown["title"], shown["message"]) == (pages.TITLES[status], said)
    assert sorted(pages.TITLES) == sorted(pages.MESSAGES) == [401, 403, 503]


@pytest.mark.parametrize(("error", "status"), [(None, 403), (UnknownDomain("X", ()), 403), (SyncError("down"), 503)])
def test_which_page_an_error_gets(error: WauthError | None, status: int) -> None:
    """A domain of nobody's is a refusal; all else may be another moment's."""
    assert pages.status_for(error) == status


def test_a_developer_is_told_who_was_asked() -> None:
    """By the names of the classes."""
    assert "(asked: list, dict)" in pages.nobody([[], {}])
    assert "(asked: none)" in pages.nobody([])
