"""Plain error pages for IIS's own errors: no sign-in, no such file, the application does not start."""

from __future__ import annotations

import html

from wauth_core.iis.files import GeneratedFile
from wauth_core.iis.windowspath import join

PAGES = {
    401: (
        "You are not signed in",
        "This site signs you in with your Windows account. Your browser did not send one, or the server did not "
        "accept it. Close the browser, sign in to Windows with an account of this organisation, and try again.",
    ),
    403: ("Not allowed", "Your account may not see this page. Ask the owners of this site for access."),
    404: ("Page not found", "There is nothing at this address."),
    500: ("Something went wrong", "The server could not answer. The fault is ours, and it has been logged."),
    502: ("No answer", "The application did not answer in time. Please try again in a moment."),
}


def build(folder: str) -> list[GeneratedFile]:
    """One page for each status in :data:`PAGES`, in *folder*. The pages load nothing: no style sheet, no script."""
    return [GeneratedFile(join(folder, f"{status}.html"), _page(*texts)) for status, texts in PAGES.items()]


def _page(title: str, text: str) -> bytes:
    lines = (
        "<!doctype html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{html.escape(title)}</title></head>',
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></body>",
        "</html>",
    )
    return ("\n".join(lines) + "\n").encode()
