"""The `wauth` subcommands for Windows and IIS: ``webconfig``, ``task`` and ``serve``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click

from wauth_core.exceptions import WauthError
from wauth_core.iis import here, instructions, options, setupscript, tasks, taskscheduler
from wauth_core.iis.files import Generated, write
from wauth_core.iis.serve import SERVERS, ServeOptions
from wauth_core.iis.serve import serve as run_server
from wauth_core.iis.setupscript import SiteOptions
from wauth_core.iis.tasks import TaskOptions
from wauth_core.iis.webconfig import build
from wauth_core.iis.windowspath import command_line, is_absolute, join

HELP = {"help_option_names": ["-h", "--help"]}


@contextmanager
def errors_as_text() -> Iterator[None]:
    """An error of ours ends the command with its text, not with a traceback."""
    try:
        yield
    except WauthError as exc:
        raise click.ClickException(str(exc)) from exc


def say(text: str) -> None:
    """Print *text*; letters that the output cannot carry (another code page) become ``?`` instead of an error."""
    try:
        click.echo(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        click.echo(text.encode(encoding, "replace").decode(encoding))


def duration(text: str) -> timedelta:
    """A length of time like "days=1,hours=12.5"."""
    try:
        return tasks.parse_duration(text)
    except WauthError as exc:
        raise click.BadParameter(str(exc)) from exc


@click.command(context_settings=HELP)
@click.argument("application", metavar="MODULE:APP")
@click.option("--root", default=".", help="The site's folder. [default: the current one]")
@click.option("-n", "--name", default="", help="Name of the handler in IIS.")
@click.option("-s", "--static", is_flag=True, help="Let IIS serve the static files.")
@click.option("--static-root", default="static", show_default=True, help="Folder of the static files.")
@click.option("--static-url", default="/static/", show_default=True, help="Their URL.")
@click.option("-m", "--media", is_flag=True, help="Let IIS serve uploaded files.")
@click.option("--media-root", default="media", show_default=True, help="Folder of the uploaded files.")
@click.option("--media-url", default="/media/", show_default=True, help="Their URL.")
@click.option("--cache-static", type=click.IntRange(0), default=0, metavar="DAYS", help="Browsers keep static files.")
@click.option("-w", "--windowsauth", is_flag=True, help="Windows Authentication only; no anonymous access.")
@click.option("--keep-locked", is_flag=True, help="Leave authentication out of web.config, where it is locked.")
@click.option("--kernel-mode/--no-kernel-mode", default=None, help="Check tickets in the kernel. [default: IIS's, on]")
@click.option("--providers", default="", metavar="NAME,…", help=f"Of {', '.join(options.PROVIDERS)}.")
@click.option("--extended-protection", type=click.Choice(options.EXTENDED_PROTECTION), help="Channel binding.")
@click.option("--https", is_flag=True, help="Redirect HTTP to HTTPS, with HSTS. Needs URL Rewrite.")
@click.option(
    "--hsts", type=click.IntRange(0), default=31_536_000, show_default=True, metavar="SECONDS", help="0: none."
)
@click.option("-l", "--logs", default="", metavar="FILE", help="Log of wfastcgi or of the Python server.")
@click.option("--handler", type=click.Choice(options.HANDLERS), help="[default: fastcgi if wfastcgi is installed]")
@click.option("--server", type=click.Choice(list(options.SERVERS)), help="Behind HttpPlatformHandler.")
@click.option("--server-argument", multiple=True, metavar="ARGUMENT", help="Further argument for it. Repeatable.")
@click.option(
    "--interface", type=click.Choice(["wsgi", "asgi"]), default="wsgi", show_default=True, help="Of MODULE:APP."
)
@click.option("--processes", type=click.IntRange(1, 100), default=1, show_default=True, help="HttpPlatformHandler's.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment variable; no secrets. Repeatable.")
@click.option("--deny-extensions", is_flag=True, help=f"Refuse {' '.join(options.DENIED_EXTENSIONS)} and more.")
@click.option("--deny", multiple=True, metavar="EXTENSION", help="Refuse this extension too. Repeatable.")
@click.option("--hide", multiple=True, metavar="SEGMENT", help="Refuse URLs with this part. Repeatable.")
@click.option("--error-pages", is_flag=True, help="Make error pages for what IIS says by itself.")
@click.option("--python", default="", help="Interpreter on the server. [default: this one]")
@click.option("--wfastcgi", default="", help="wfastcgi.py on the server. [default: the installed one]")
@click.option("--site", default="", help="Name of the IIS site. [default: the folder's name]")
@click.option("--host-name", default="", help="Host name of its bindings, for --setup-script.")
@click.option("--account", default="", help="Account of its application pool, for --setup-script.")
@click.option("--fastcgi-application", is_flag=True, help="Print the lines to run once as administrator.")
@click.option("--setup-script", default="", metavar="FILE", help="Write them as a PowerShell script, with the site.")
@click.option("-f", "--override", is_flag=True, help="Replace existing files; keeps backups.")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
def webconfig(application: str, **given: Any) -> None:
    """Generate web.config files that run MODULE:APP behind IIS.

    MODULE:APP is a WSGI or ASGI application, for example mysite.wsgi:application.
    """
    with errors_as_text():
        wanted = webconfig_options(application, given)
        site = SiteOptions(
            given["site"] or os.path.basename(wanted.root.replace("\\", "/").rstrip("/")) or "Python",
            given["host_name"],
            given["account"],
            () if given["python"] else here.interpreter_folders(),
        )
        generated = build(wanted)
        if given["setup_script"]:
            script = setupscript.build(given["setup_script"], wanted, site)
            generated = Generated((*generated.files, script), generated.folders, generated.notes)
        write(generated, override=given["override"], dry_run=given["dry_run"], echo=say)
        for note in generated.notes:
            click.secho(f"* {note}", err=True)
        if given["fastcgi_application"]:
            say("\n".join(instructions.for_administrator(wanted, site.name)))


def webconfig_options(application: str, given: dict[str, Any]) -> options.WebConfigOptions:
    """The options of the command line as those of the generator; relative paths are below the site's folder."""
    root = given["root"] if is_absolute(given["root"]) else os.path.abspath(given["root"])
    handler = given["handler"] or here.default_handler()

    def below(path: str) -> str:
        return path if not path or is_absolute(path) else join(root, path)

    def served(name: str) -> options.ServedFolder | None:
        return options.ServedFolder(given[f"{name}_url"], below(given[f"{name}_root"])) if given[name] else None

    environment = [item.partition("=") for item in given["env"]]
    for item, (name, separator, _) in zip(given["env"], environment, strict=True):
        if not name or not separator:
            raise click.BadParameter(f"{item!r}: write it as NAME=VALUE", param_hint="--env")
    return options.WebConfigOptions(
        root=root,
        application=application,
        python=given["python"] or here.interpreter(),
        handler=handler,
        name=given["name"] or {"fastcgi": "Python FastCGI", "httpplatform": "Python HttpPlatform"}[handler],
        wfastcgi=given["wfastcgi"] or here.wfastcgi(),
        server=given["server"] or {"wsgi": "waitress", "asgi": "uvicorn"}[given["interface"]],
        interface=given["interface"],
        server_arguments=tuple(given["server_argument"]),
        processes=given["processes"],
        environment=tuple((name, value) for name, _, value in environment),
        windowsauth=given["windowsauth"],
        authentication_in_webconfig=not given["keep_locked"],
        kernel_mode=given["kernel_mode"],
        providers=tuple(name.strip() for name in given["providers"].split(",") if name.strip()),
        extended_protection=given["extended_protection"],
        https=given["https"],
        hsts_seconds=given["hsts"],
        logs=below(given["logs"]),
        static=served("static"),
        media=served("media"),
        cache_static_days=given["cache_static"],
        deny_extensions=(*(options.DENIED_EXTENSIONS if given["deny_extensions"] else ()), *given["deny"]),
        hidden_segments=(*(options.HIDDEN_SEGMENTS if given["deny_extensions"] else ()), *given["hide"]),
        error_pages=options.ERROR_PAGES if given["error_pages"] else "",
    )


@click.command(context_settings=HELP)
@click.argument("command")
@click.option("-p", "--predefined", is_flag=True, help=f"COMMAND is one of: {', '.join(tasks.PREDEFINED)}.")
@click.option("-n", "--name", default="", help="Name of the task. [default: the command's first word]")
@click.option("-d", "--desc", default="", help="Description.")
@click.option("-u", "--identity", default="LOCAL SERVICE", show_default=True, help="Account, gMSA or SID to run as.")
@click.option("-f", "--folder", default="", help="Folder in the Task Scheduler. [default: the current folder's name]")
@click.option("-i", "--interval", type=duration, help='How often: "days=1,hours=12.5". [default: on demand]')
@click.option("-r", "--random", type=duration, help="Start each run up to this much later.")
@click.option("-t", "--timeout", type=duration, help="End a run after this long; seconds=0 never. [default: hours=1]")
@click.option("--start", type=click.DateTime(), help="First run, local time. [default: soon, daily ones at 3:00]")
@click.option("--priority", type=click.IntRange(0, 10), default=7, show_default=True, help="0 is the highest.")
@click.option("--restart", type=click.IntRange(0, 255), help="Try a failed run again this often.")
@click.option("--restart-after", type=duration, default="minutes=5", show_default=True, help="Wait before it.")
@click.option("--manage", default="", metavar="FILE", help="COMMAND is a command of this manage.py.")
@click.option("--flask", default="", metavar="APP", help="COMMAND is a command of this Flask application.")
@click.option("--output", default="", metavar="FOLDER", help="Write the definition here as XML; do not register it.")
@click.option("--override", is_flag=True, help="Replace an existing XML file; keeps a backup.")
@click.option("--dry-run", is_flag=True, help="Show the definition.")
def task(command: str, manage: str, flask: str, output: str, override: bool, dry_run: bool, **given: Any) -> None:
    """Run COMMAND by the Windows Task Scheduler.

    COMMAND is a `wauth` command line in quotes, like "sync EXAMPLE"; with --manage or --flask one of theirs.
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
            is_predefined=given.pop("predefined"),
            now=datetime.now(),
            folder=given.pop("folder") or os.path.basename(os.getcwd()) or "windowsauth",
            **given,
        )
        register_or_write(wanted, output=output, override=override, dry_run=dry_run)


def register_or_write(wanted: TaskOptions, *, output: str, override: bool, dry_run: bool) -> None:
    """Register the task on Windows; elsewhere, or with *output*, write its definition and say how to register it."""
    if sys.platform == "win32" and not output and not dry_run:
        taskscheduler.register(wanted)
        say(f"registered {wanted.task_path}")
        return
    file = taskscheduler.generated_file(wanted, output or ".")
    write(Generated((file,)), override=override, dry_run=dry_run, echo=say)
    if not dry_run:
        line = command_line(*taskscheduler.schtasks_arguments(wanted, file.path))
        say(f"Register it in an elevated prompt: {line}")


@click.command(context_settings=HELP)
@click.argument("application", metavar="MODULE:APP")
@click.option("--server", type=click.Choice(SERVERS), help="[default: waitress for WSGI, uvicorn for ASGI]")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: IIS's %HTTP_PLATFORM_PORT%, or 8000]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Other addresses bypass IIS and its sign-in.")
@click.option("--windows-auth/--no-windows-auth", default=None, help="Read IIS's sign-in tokens. [default: under IIS]")
@click.option("--threads", type=click.IntRange(1), default=8, show_default=True, help="Requests at once (waitress).")
@click.option("--chdir", default="", metavar="FOLDER", help="Go there first.")
def serve(application: str, chdir: str, server: str | None, **given: Any) -> None:
    """Run MODULE:APP on loopback, behind IIS's HttpPlatformHandler or just for trying."""
    with errors_as_text():
        if chdir:
            os.chdir(chdir)
        run_server(ServeOptions(application, server or "", **given))
