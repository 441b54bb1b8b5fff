"""The ``wauth`` command (extra ``cli``): Active Directory and an application's users from a terminal."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. If click and rich are missing, say how to install them."""
    try:
        from wauth_core.cli.app import wauth
    except ImportError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit('The wauth command needs click and rich: pip install "windowsauth[cli]"')
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a letter that the terminal cannot show must not end the command
            stream.reconfigure(errors="backslashreplace")
    wauth(prog_name="wauth")
