"""``wauth demo``: see the product with no Active Directory and no configuration."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import click


@click.command()
@click.option("--port", default=8765, show_default=True, help="The port on this machine; 0 means any free one.")
@click.option("--check", is_flag=True, help="Take the tour without a browser, print each step, and fail if one fails.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser.")
@click.option("--verbose", is_flag=True, help="Show the log of both sites.")
def demo(port: int, check: bool, browser: bool, verbose: bool) -> None:
    """Run a directory and the same small intranet on Django and on Flask, on this machine.

    Arrive as anybody, see who they are and why they have their rights, change that in the directory, forge a header,
    take the directory down. Nothing leaves this machine, and nothing remains after Ctrl-C.
    """
    missing = [
        name for name in ("cryptography", "yaml", "waitress", "debug_toolbar", "flask_sqlalchemy") if _lacks(name)
    ]
    if missing:
        raise click.ClickException(f'The demo needs more: pip install "windowsauth[demo]" ({", ".join(missing)}).')
    if verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    else:
        logging.disable()
    from wauth_core.testing.demo.host import Demo
    from wauth_core.testing.demo.tour import tour

    try:
        running = Demo(0 if check else port)
    except OSError as error:
        raise click.ClickException(f"Port {port} cannot be used ({error.strerror}). Try another: --port 0.") from error
    with running:
        if check:
            if not tour(running, click.echo):
                raise click.exceptions.Exit(1)
            return
        stop = threading.Event()
        before = {number: signal.signal(number, _setter(stop)) for number in (signal.SIGINT, signal.SIGTERM)}
        click.secho(f"The demo is at {running.url}", bold=True)
        click.echo("Development only: it plays the web server's sign-in. Ctrl-C ends it.")
        if browser:
            threading.Thread(target=webbrowser.open, args=(running.url,), daemon=True).start()
        while not stop.wait(0.5):  # in slices: Windows notices Ctrl-C only between them
            pass
        for number, handler in before.items():
            signal.signal(number, handler)
    click.echo("Ended; nothing of it is left.")


def _setter(event: threading.Event) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        event.set()

    return stop


def _lacks(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is None
