"""The `wauth` subcommands for Windows and IIS: ``webconfig``, ``task`` and ``serve``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from wauth_core.exceptions import WauthError
from wauth_core.iis import arguments, here, tasks
from wauth_core.iis.arguments import Argument
from wauth_core.iis.options import ServedFolder
from wauth_core.iis.serve import KEPT_LOGS, SERVERS, ServeOptions
from wauth_core.iis.serve import serve as run_server
from wauth_core.iis.windowspath import is_absolute

HELP = {"help_option_names": ["-h", "--help"]}


@contextmanager
def errors_as_text() -> Iterator[None]:
    """Our errors end the command with their text, not with a traceback."""
    try:
        yield
    except WauthError as exc:
        raise click.ClickException(str(exc)) from exc


def say(text: str) -> None:
    """Print *text*. A letter that is not in the output's code page becomes ``?``; it is no error."""
    try:
        click.echo(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        click.echo(text.encode(encoding, "replace").decode(encoding))


def options_of(table: Iterable[Argument]) -> Callable[[Any], Any]:
    """A table of arguments as click options."""

    def decorate(function: Any) -> Any:
        for argument in reversed(list(table)):
            function = _option(argument)(function)
        return function

    return decorate


def _option(argument: Argument) -> Callable[[Any], Any]:
    if argument.toggle:
        name = argument.flags[0]
        return click.option(f"{name}/--no-{name[2:]}", default=argument.default, help=argument.help)
    if argument.kind is bool:
        return click.option(*argument.flags, is_flag=True, help=argument.help)
    more: dict[str, Any] = {"metavar": argument.metavar, "help": argument.help}
    if argument.repeat:
        return click.option(*argument.flags, multiple=True, **more)
    kind: Any = click.Choice(argument.choices) if argument.choices else argument.kind
    if kind not in (str, int) and not argument.choices:
        more["callback"], kind = _reading(argument.kind), str
    return click.option(*argument.flags, type=kind, default=argument.default, **more)


def _reading(kind: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def read(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            return kind(value) if isinstance(value, str) else value
        except WauthError as exc:
            raise click.BadParameter(str(exc)) from exc

    return read


@click.command(context_settings=HELP)
@click.argument("application", metavar="MODULE:APP")
@click.option("--root", default=".", help="The site's folder (the current one).")
@click.option("--static-root", default="static", show_default=True, help="Folder of the static files.")
@click.option("--static-url", default="/static/", show_default=True, help="Their URL.")
@click.option("--media-root", default="media", show_default=True, help="Folder of the uploaded files.")
@click.option("--media-url", default="/media/", show_default=True, help="Their URL.")
@options_of(arguments.WEBCONFIG)
def webconfig(application: str, root: str, **given: Any) -> None:
    """Generate web.config files that run MODULE:APP behind IIS.

    MODULE:APP is a WSGI or ASGI application, for example mysite.wsgi:application.
    """
    root = root if is_absolute(root) else os.path.abspath(root)

    def served(name: str) -> ServedFolder | None:
        path = arguments.below(root, given[f"{name}_root"])
        return ServedFolder(given[f"{name}_url"], path) if given[name] else None

    with errors_as_text():
        wanted = arguments.settle(
            given,
            root=root,
            application=application,
            product="Python",
            static=served("static"),
            media=served("media"),
        )
        arguments.carry_out(wanted, given, echo=say, note=lambda text: click.echo(text, err=True))


@click.command(context_settings=HELP)
@click.argument("command")
@click.option("--manage", default="", metavar="FILE", help="COMMAND is a command of this manage.py.")
@click.option("--flask", default="", metavar="APP", help="COMMAND is a command of this Flask application.")
@options_of(arguments.TASK)
def task(command: str, manage: str, flask: str, **given: Any) -> None:
    """Run COMMAND by the Windows Task Scheduler.

    COMMAND is a `wauth` command line in quotes, like "sync --database users.sqlite3"; with --manage or --flask one of
    theirs.
    """
    with errors_as_text():
        program = [here.interpreter(), "-m", "wauth_core"]
        if manage:
            program = [here.interpreter(), os.path.abspath(manage)]
        elif flask:
            program = [here.interpreter(), "-m", "flask", "--app", flask]
        wanted = tasks.for_command(
            command,
            program=program,
            working_directory=os.path.dirname(os.path.abspath(manage)) if manage else os.getcwd(),
            is_predefined=given["predefined"],
            now=datetime.now(),
            folder=given["folder"] or os.path.basename(os.getcwd()) or "windowsauth",
            **{name: given[name] for name in arguments.TASK_NAMES},
        )
        arguments.carry_out_task(wanted, given, echo=say)


@click.command(context_settings=HELP)
@click.argument("application", metavar="MODULE:APP")
@click.option("--server", type=click.Choice(SERVERS), help="[default: waitress for WSGI, uvicorn for ASGI]")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: IIS's %HTTP_PLATFORM_PORT%, or 8000]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Other addresses bypass IIS and its sign-in.")
@click.option("--windows-auth/--no-windows-auth", default=None, help="Read IIS's sign-in tokens. [default: under IIS]")
@click.option("--threads", type=click.IntRange(1), default=8, show_default=True, help="Requests at once (waitress).")
@click.option("--logs", default="", metavar="PREFIX", help=f"Keep only the newest {KEPT_LOGS} logs of this name.")
@click.option("--chdir", default="", metavar="FOLDER", help="Go there first.")
def serve(application: str, chdir: str, server: str | None, **given: Any) -> None:
    """Run MODULE:APP on loopback, behind IIS's HttpPlatformHandler or just for trying."""
    with errors_as_text():
        if chdir:
            os.chdir(chdir)
        run_server(ServeOptions(application, server or "", **given))
