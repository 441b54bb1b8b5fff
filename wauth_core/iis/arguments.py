"""The command line of the generators, once, for every front end: `wauth`, ``manage.py`` and ``flask``.

- :data:`WEBCONFIG` and :data:`TASK` are tables of options.
- :func:`add_to_parser` makes argparse arguments from a table; the click commands use the same tables.
- :func:`settle` turns what was typed into the generator's options.
- :func:`carry_out` does the work.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import here, instructions, options, setupscript, tasks, taskscheduler
from wauth_core.iis.files import Generated, write
from wauth_core.iis.options import ServedFolder, WebConfigOptions
from wauth_core.iis.setupscript import SiteOptions
from wauth_core.iis.tasks import TaskOptions
from wauth_core.iis.webconfig import build
from wauth_core.iis.windowspath import command_line, is_absolute, join


@dataclass(frozen=True)
class Argument:
    """One option. *kind* is str, int, bool (a switch), or a function that reads the text.

    *default* None means that the option was not given. *repeat* collects all values. *toggle* adds a ``--no-…`` twin.
    """

    flags: tuple[str, ...]
    help: str
    kind: Callable[[str], Any] = str
    default: Any = ""
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    repeat: bool = False
    toggle: bool = False


def start_time(text: str) -> datetime:
    """A local time like 2026-01-31T03:00."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a time: write it like 2026-01-31T03:00") from None


def _switch(*flags: str, help: str) -> Argument:
    return Argument(flags, help, bool, default=False)


def _duration(*flags: str, help: str, default: str | None = None) -> Argument:
    return Argument(flags, help, tasks.parse_duration, default, metavar="TIME")


WEBCONFIG = (
    Argument(("-n", "--name"), "Name of the handler in IIS."),
    _switch("-s", "--static", help="Let IIS serve the static files, with a web.config in their folder."),
    _switch("-m", "--media", help="Let IIS serve uploaded files, with a web.config in their folder."),
    Argument(("--cache-static",), "Browsers keep static files this long.", int, 0, metavar="DAYS"),
    _switch("-w", "--windowsauth", help="Windows Authentication only; no anonymous access."),
    _switch("--keep-locked", help="Leave authentication out of web.config, where a server keeps it locked."),
    Argument(("--kernel-mode",), "Check tickets in the kernel (IIS's default).", bool, None, toggle=True),
    Argument(("--providers",), f"Of {', '.join(options.PROVIDERS)}; in order.", metavar="NAME,…"),
    Argument(("--extended-protection",), "Channel binding.", default=None, choices=options.EXTENDED_PROTECTION),
    _switch("--https", help="Redirect HTTP to HTTPS, with HSTS. Needs IIS's URL Rewrite module."),
    Argument(("--hsts",), "How long browsers refuse HTTP (a year); 0: none.", int, 31_536_000, metavar="SECONDS"),
    Argument(("-l", "--logs"), "Log of wfastcgi or of the Python server; '' for none.", default=None, metavar="FILE"),
    Argument(("--handler",), "Default: fastcgi where wfastcgi is installed.", default=None, choices=options.HANDLERS),
    Argument(("--server",), "Behind HttpPlatformHandler.", default=None, choices=tuple(options.SERVERS)),
    Argument(("--server-argument",), "Further argument for it. Repeatable.", metavar="ARGUMENT", repeat=True),
    Argument(("--interface",), "What the application speaks (wsgi).", default="wsgi", choices=("wsgi", "asgi")),
    Argument(("--processes",), "How many HttpPlatformHandler starts (1).", int, 1, metavar="NUMBER"),
    Argument(("--env",), "Environment variable; no secrets. Repeatable.", metavar="NAME=VALUE", repeat=True),
    _switch("--deny-extensions", help=f"Refuse URLs to {' '.join(options.DENIED_EXTENSIONS)}, .git and the like."),
    Argument(("--deny",), "Refuse this extension too. Repeatable.", metavar="EXTENSION", repeat=True),
    Argument(("--hide",), "Refuse URLs with this part. Repeatable.", metavar="SEGMENT", repeat=True),
    Argument(("--request-minutes",), "How long one request may take.", int, 0, metavar="MINUTES"),
    Argument(("--max-upload",), "The biggest request body (30).", int, 0, metavar="MB"),
    Argument(("--max-query",), "The longest query string (2048).", int, 0, metavar="BYTES"),
    _switch("--double-escaping", help="Accept URLs with + or %25 in the path."),
    _switch("--error-pages", help="Make error pages for what IIS says by itself."),
    Argument(("--python",), "Interpreter on the server (this one).", metavar="FILE"),
    Argument(("--wfastcgi",), "wfastcgi.py on the server (the installed one).", metavar="FILE"),
    Argument(("--site",), "Name of the IIS site (the folder's name)."),
    Argument(("--host-name",), "Host name of its bindings, for --setup-script."),
    Argument(("--account",), "Account of its application pool, for --setup-script."),
    _switch("--fastcgi-application", help="Print the lines to run once as administrator."),
    Argument(("--setup-script",), "Write a PowerShell script that makes the site, too.", metavar="FILE"),
    _switch("-f", "--override", help="Replace existing files; keeps backups."),
    _switch("--dry-run", help="Show what would be written."),
)

TASK = (
    _switch("-p", "--predefined", help=f"The command is one of: {', '.join(tasks.PREDEFINED)}."),
    Argument(("-n", "--name"), "Name of the task (the command's first word)."),
    Argument(("-d", "--desc"), "Description."),
    Argument(("-u", "--identity"), "Account, gMSA or SID to run as (LOCAL SERVICE).", default="LOCAL SERVICE"),
    Argument(("-f", "--folder"), "Folder in the Task Scheduler (the project's name)."),
    _duration("-i", "--interval", help='How often: "days=1,hours=12.5" (on demand).'),
    _duration("-r", "--random", help="Start each run up to this much later."),
    _duration("-t", "--timeout", help="End a run after this long; seconds=0 never (hours=1)."),
    Argument(("--start",), "First run, local time (soon; daily ones at 3:00).", start_time, None, metavar="TIME"),
    Argument(("--priority",), "0 (highest) to 10 (7, Windows' own).", int, 7, metavar="NUMBER"),
    Argument(("--restart",), "Try a failed run again this often.", int, None, metavar="TIMES"),
    _duration("--restart-after", help="Wait before it (minutes=5).", default="minutes=5"),
    Argument(("--output",), "Write the definition here as XML; do not register it.", metavar="FOLDER"),
    _switch("--override", help="Replace an existing XML file; keeps a backup."),
    _switch("--dry-run", help="Show the definition."),
)
# What tasks.for_command takes of the above, under the same names
TASK_NAMES = (
    *("name", "desc", "identity", "interval", "random", "timeout", "start", "priority", "restart", "restart_after"),
)


def add_to_parser(parser: ArgumentParser, arguments: Iterable[Argument]) -> None:
    """Give an argparse *parser* these options."""
    for argument in arguments:
        more: dict[str, Any] = {"help": argument.help.replace("%", "%%"), "default": argument.default}
        if argument.toggle:
            more["action"] = BooleanOptionalAction
        elif argument.kind is bool:
            more["action"] = "store_true"
        else:
            more |= {"type": _for_argparse(argument.kind), "metavar": argument.metavar}
            if argument.choices:
                more |= {"choices": argument.choices, "metavar": None}
            if argument.repeat:
                more |= {"action": "append", "default": None}
        parser.add_argument(*argument.flags, **more)


def _for_argparse(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    if kind in (str, int):
        return kind

    def read(text: str) -> Any:
        try:
            return kind(text)
        except ConfigurationError as exc:
            raise ArgumentTypeError(str(exc)) from exc

    return read


def settle(
    given: Mapping[str, Any],
    *,
    root: str,
    application: str,
    product: str,
    environment: Mapping[str, str] | None = None,
    static: ServedFolder | None = None,
    media: ServedFolder | None = None,
) -> WebConfigOptions:
    """The generator's options, from what was typed for :data:`WEBCONFIG` and this machine's own paths.

    *product* begins the handler's default name ("Django" → "Django FastCGI"). *environment* holds variables that the
    application always needs. A relative log file is below *root*.
    """
    handler = given["handler"] or here.default_handler()
    filtering = given["deny_extensions"]
    return WebConfigOptions(
        root=root,
        application=application,
        python=given["python"] or here.interpreter(),
        handler=handler,
        name=given["name"] or f"{product} {'FastCGI' if handler == 'fastcgi' else 'HttpPlatform'}",
        wfastcgi=given["wfastcgi"] or here.wfastcgi(),
        server=given["server"] or ("uvicorn" if given["interface"] == "asgi" else "waitress"),
        interface=given["interface"],
        server_arguments=tuple(given["server_argument"] or ()),
        processes=given["processes"],
        environment=tuple({**(environment or {}), **_variables(given["env"] or ())}.items()),
        windowsauth=given["windowsauth"],
        authentication_in_webconfig=not given["keep_locked"],
        kernel_mode=given["kernel_mode"],
        providers=tuple(name.strip() for name in given["providers"].split(",") if name.strip()),
        extended_protection=given["extended_protection"],
        https=given["https"],
        hsts_seconds=given["hsts"],
        logs=below(root, given["logs"] or ""),
        static=static,
        media=media,
        cache_static_days=given["cache_static"],
        deny_extensions=(*(options.DENIED_EXTENSIONS if filtering else ()), *(given["deny"] or ())),
        hidden_segments=(*(options.HIDDEN_SEGMENTS if filtering else ()), *(given["hide"] or ())),
        error_pages=options.ERROR_PAGES if given["error_pages"] else "",
        request_minutes=given["request_minutes"],
        max_upload_mb=given["max_upload"],
        max_query_bytes=given["max_query"],
        double_escaping=given["double_escaping"],
    )


def carry_out(
    wanted: WebConfigOptions,
    given: Mapping[str, Any],
    *,
    echo: Callable[[str], object],
    note: Callable[[str], object],
) -> None:
    """Generate, write or show, and say what a person must still do. Files go to *echo*, advice goes to *note*."""
    if not given["python"]:
        here.check(wanted)
    folder = os.path.basename(wanted.root.replace("\\", "/").rstrip("/"))
    homes = () if given["python"] else here.interpreter_folders()
    site = SiteOptions(given["site"] or folder or "Python", given["host_name"], given["account"], homes)
    generated = build(wanted)
    if given["setup_script"]:
        script = setupscript.build(given["setup_script"], wanted, site)
        generated = Generated((*generated.files, script), generated.folders, generated.notes)
    write(generated, override=given["override"], dry_run=given["dry_run"], echo=echo)
    for text in generated.notes:
        note(f"* {text}")
    if given["fastcgi_application"]:
        echo("\n".join(instructions.for_administrator(wanted, site.name)))


def carry_out_task(wanted: TaskOptions, given: Mapping[str, Any], *, echo: Callable[[str], object]) -> None:
    """Register the task on Windows. Elsewhere, or with ``--output``, write its definition; say how to register it."""
    if sys.platform == "win32" and not given["output"] and not given["dry_run"]:
        taskscheduler.register(wanted)
        echo(f"registered {wanted.task_path}")
        return
    file = taskscheduler.generated_file(wanted, given["output"] or ".")
    write(Generated((file,)), override=given["override"], dry_run=given["dry_run"], echo=echo)
    if not given["dry_run"]:
        line = command_line(*taskscheduler.schtasks_arguments(wanted, file.path))
        echo(f"Register it in an elevated prompt: {line}")


def below(root: str, path: str) -> str:
    """*path*; if it is relative, below *root*. Empty stays empty."""
    return path if not path or is_absolute(path) else join(root, path)


def _variables(items: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not name or not separator:
            raise ConfigurationError(f"--env {item!r}: write it as NAME=VALUE")
        found[name] = value
    return found
