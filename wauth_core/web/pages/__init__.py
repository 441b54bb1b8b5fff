"""The pages that people see when they may not go on, for every front end: in ``wauth/``, replaceable by name.

They are written in what Jinja and Django's templates have in common. An application replaces one by a template of
its own of the same name (``wauth/403.html``). In them: *title*, *message* (safe to show), *identity* (text, may be
empty), *login_url* (may be empty), *language* (a tag), the words *error*, *signed_in_as*, *sign_in_link*, and *why*
(for developers; empty outside of debug mode).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from wauth_core.exceptions import UnknownDomain, WauthError
from wauth_core.web.languages import known, say

FOLDER = Path(__file__).parent

TITLES = {401: "Please sign in", 403: "You may not go here", 503: "The directory does not answer"}
MESSAGES = {
    401: "This page is for people who are signed in with their Windows account.",
    403: "You are signed in, but your account does not have the rights that this page asks for.",
    503: "Your account cannot be checked at the moment. Please try again in a few minutes.",
}

WORDS = {"error": "Error", "signed_in_as": "Signed in as", "sign_in_link": "Sign in with name and password"}
REFUSED = "Your account may not sign in here. If you think it should, ask your administrator."


_INLINE = re.compile(rb"<(style|script)>(.*?)</\1>", re.DOTALL)
_MORE = re.compile(rb"\s(?:src|style|on[a-z]+)\s*=|<(?:link|script\s|style\s|iframe|object)|url\(|@import", re.I)


def policy(page: bytes) -> str:
    """The Content-Security-Policy (CSP Level 3) of one of our pages: its own style and script, by their hashes.

    Empty for a page that loads anything, such as an application's own: then the application's policy holds. Frameworks
    that send a policy by themselves (Django's SECURE_CSP, django-csp) leave a response alone that has one.
    """
    if _MORE.search(page):
        return ""
    allowed = {"default-src": ["'none'"], "img-src": ["'self'"], "base-uri": ["'none'"], "form-action": ["'self'"]}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        allowed.setdefault(f"{kind.decode()}-src", []).append(f"'sha256-{digest}'")
        if kind == b"script":
            allowed["connect-src"] = ["'self'"]
    if b"<form" in page:
        allowed["frame-ancestors"] = ["'none'"]  # no other site draws its own buttons over this form
    return "; ".join(f"{name} {' '.join(values)}" for name, values in allowed.items())


def status_for(error: WauthError | None) -> int:
    """The page for somebody who was not signed in, because of *error* or (None) because they may not."""
    return 403 if error is None or isinstance(error, UnknownDomain) else 503


def nobody(sources: Iterable[object]) -> str:
    """Why a request is nobody's, and what to do: for a developer."""
    asked = ", ".join(type(source).__name__ for source in sources) or "none"
    return (
        f"No source named a visitor (asked: {asked}). To develop, set WAUTH_SIMULATE_USER, such as "
        r"'EXAMPLE\bob'. In production the server in front signs people in: see the guide to sources."
    )


def in_none_of(who: object, groups: Iterable[str]) -> str:
    """Why *who* may not see a page of *groups*, and what to do: for a developer."""
    asked = ", ".join(map(repr, groups))
    return f"{who} is in none of {asked}. `wauth groups` lists a person's groups, and `wauth members` a group's people."


def context(
    status: int,
    *,
    message: str = "",
    identity: object = None,
    login_url: str = "",
    language: str | None = None,
    why: str = "",
) -> dict[str, str]:
    """What the page for *status* shows, in *language* where there is a catalogue for it.

    Pass *why* in debug mode only: it tells what the application is made of.
    """
    default = REFUSED if status == 403 and not identity else MESSAGES[status]
    return {
        **{name: say(text, language) for name, text in WORDS.items()},
        "language": known(language),
        "title": say(TITLES[status], language),
        "message": say(message or default, language),
        "identity": str(identity) if identity else "",
        "login_url": login_url,
        "why": why,
    }
