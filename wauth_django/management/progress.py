"""What the commands share: a progress line, and domains from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError

from wauth_core import Wauth, WauthError
from wauth_django.conf import get_wauth

WIDTH = 30


@contextmanager
def progress(stream: Any, label: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """A line on *stream* that grows with the number done; nothing where *stream* is no terminal.

    *total* is what is expected, 0 where nobody knows.
    """
    shown = bool(getattr(stream, "isatty", lambda: False)())

    def show(done: int) -> None:
        if not shown:
            return
        if total:
            filled = min(WIDTH, WIDTH * done // total)
            bar = f"[{'#' * filled}{' ' * (WIDTH - filled)}] {done:,} of about {total:,}"
        else:
            bar = f"{done:,}"
        stream.write(f"\r{label} {bar}", ending="")
        stream.flush()

    show(0)
    try:
        yield show
    finally:
        if shown:
            stream.write("\r" + " " * (len(label) + WIDTH + 40) + "\r", ending="")


def wauth() -> Wauth:
    """The process's `Wauth`, or the reason why there is none as a command's error."""
    try:
        return get_wauth()
    except WauthError as error:
        raise CommandError(str(error)) from error


def chosen_domains(named: Sequence[str]) -> list[str]:
    """The domains that were named, or all of WAUTH_DOMAINS. Raises CommandError for one without settings."""
    domains = wauth().domains
    for name in named:
        if name not in domains:
            listed = ", ".join(domains) or "none"
            raise CommandError(f"WAUTH_DOMAINS has no domain {name!r}. Configured: {listed}.")
    chosen = [domains.canonical(name) for name in named] or list(domains)
    if not chosen:
        raise CommandError("WAUTH_DOMAINS lists no domain. Name one that __default__ serves, or list it.")
    return chosen
