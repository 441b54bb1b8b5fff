"""The pages that people see when they may not go on, for every front end: in ``wauth/``, replaceable by name.

They are written in what Jinja and Django's templates have in common. An application replaces one by a template of
its own of the same name (``wauth/403.html``). In them: *title*, *message* (safe to show), *identity* (text, may be
empty), *login_url* (may be empty).
"""

from __future__ import annotations

from pathlib import Path

from wauth_core.exceptions import UnknownDomain, WauthError

FOLDER = Path(__file__).parent

TITLES = {401: "Please sign in", 403: "You may not go here", 503: "The directory does not answer"}
MESSAGES = {
    401: "This page is for people who are signed in with their Windows account.",
    403: "You are signed in, but your account does not have the rights that this page asks for.",
    503: "Your account cannot be checked at the moment. Please try again in a few minutes.",
}

REFUSED = "Your account may not sign in here. If you think it should, ask your administrator."


def status_for(error: WauthError | None) -> int:
    """The page for somebody who was not signed in, because of *error* or (None) because they may not."""
    return 403 if error is None or isinstance(error, UnknownDomain) else 503


def context(status: int, *, message: str = "", identity: object = None, login_url: str = "") -> dict[str, str]:
    """What the page for *status* shows."""
    default = REFUSED if status == 403 and not identity else MESSAGES[status]
    return {
        "title": TITLES[status],
        "message": message or default,
        "identity": str(identity) if identity else "",
        "login_url": login_url,
    }
