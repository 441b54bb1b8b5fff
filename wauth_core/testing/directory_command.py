"""``wauth directory``: the embedded directory as a command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from types import FrameType

import click

from wauth_core.cli.init import FILES
from wauth_core.exceptions import WauthError

from . import handout
from .demo.demo_command import demo as demo
from .embedded import EmbeddedDirectory, generate

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--people", type=_FILE, help="A YAML or TOML file with users and groups; default: the example company.")
@click.option("--generate", "size", type=click.IntRange(1), help="So many made-up people instead of a file.")
@click.option("--port", default=10389, show_default=True, help="LDAP with StartTLS; 0 means any free port.")
@click.option("--tls-port", default=10636, show_default=True, help="LDAPS; 0 means any free port.")
@click.option("--tls-folder", type=_FOLDER, help="Keep the throw-away CA here, so that the next run has the same one.")
@click.option(
    "--write",
    type=click.Choice(list(FILES)),
    help="Write settings that connect to it into this folder; its CA is kept in the folder ca.",
)
@click.option("--log", "show_log", is_flag=True, help="Print every operation.")
def directory(
    people: Path | None,
    size: int | None,
    port: int,
    tls_port: int,
    tls_folder: Path | None,
    write: str | None,
    show_log: bool,
) -> None:
    """Run an Active Directory look-alike on this machine, for development only.

    It listens on loopback, keeps everything in memory, and forgets it at the end (Ctrl-C).
    """
    if people is not None and size is not None:
        raise click.UsageError("--people and --generate exclude one another.")
    source = generate(size) if size is not None else people
    tls_folder = tls_folder or (Path("ca") if write else None)
    tls_folder = tls_folder.absolute() if tls_folder else None  # so that CA_FILE works in any folder
    try:
        running = EmbeddedDirectory(source, port=port, tls_port=tls_port, tls_folder=tls_folder)
    except WauthError as exc:
        raise click.ClickException(str(exc)) from exc
    except OSError as exc:
        raise click.ClickException(f"Cannot listen on ports {port} and {tls_port}: {exc}") from exc
    with running, _interrupted() as interrupted:
        if show_log:
            running.operations.watch(lambda operation: click.echo(str(operation)))
        click.echo(banner(running))
        if write:
            click.echo(handout.write(running, write))
        while not interrupted.wait(0.5):  # in slices: Windows notices Ctrl-C only between them
            pass
    click.echo("The directory is closed; nothing of it is left.")


def banner(running: EmbeddedDirectory) -> str:
    """What the command prints: that it is not for production, and how to connect."""
    warning = click.style(
        "DEVELOPMENT ONLY: passwords are kept in the clear, on loopback, in memory. Not an Active Directory.",
        fg="yellow",
        bold=True,
    )
    return f"""{warning}

{running.domain} ({running.realm}), {running.people_count} people in {running.base_dn}
  LDAP   {running.url}   (StartTLS)
  LDAPS  {running.ldaps_url}
  CA     {running.ca_file}

Look around, by `wauth user alice` with the settings below in wauth.toml, or in a POSIX shell:
  LDAPTLS_CACERT={running.ca_file} ldapsearch -x -H {running.ldaps_url} \\
    -D '{running.bind_user}' -w '{running.bind_password}' -b '{running.base_dn}' '(sAMAccountName=alice)'

{_people(running)}wauth.toml:
{indent(handout.as_toml(running), "  ")}
Ctrl-C ends it."""


def _people(running: EmbeddedDirectory) -> str:
    listed = handout.listing(running)
    return f"Names, passwords, and what they are good for:\n{listed}\n\n" if listed else ""


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets."""
    event = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
