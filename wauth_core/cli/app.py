"""The ``wauth`` group: where settings come from, how errors end, and the commands, each loaded when it is called."""

from __future__ import annotations

import difflib
import importlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click

from wauth_core import passwords
from wauth_core.directory import LDAPManager, filters
from wauth_core.exceptions import BulkRunning, ConfigurationError, NotFound, WauthError
from wauth_core.service import Wauth
from wauth_core.settings import ConfigurationWarning
from wauth_core.sync.repository import UserRepository
from wauth_core.sync.sqlite import SQLiteUserRepository

HERE = "wauth.toml"
_NEAR = 500  # at most so many names that begin like a misspelt one are compared with it


@dataclass(frozen=True)
class Lazy:
    """The place of a command, its purpose, and what to install if it cannot be loaded."""

    place: str
    help: str
    extra: str = "cli"


COMMANDS = {
    "init": Lazy("wauth_core.cli.init:init", "Ask for the settings of a domain, try them, and write them."),
    "user": Lazy("wauth_core.cli.look:user", "Show a person."),
    "groups": Lazy("wauth_core.cli.look:groups", "List the groups of a person, or of the domain."),
    "members": Lazy("wauth_core.cli.look:members", "List the people in a group."),
    "search": Lazy("wauth_core.cli.look:search", "Search with an LDAP filter."),
    "login": Lazy("wauth_core.cli.account:login", "Check a password."),
    "whoami": Lazy("wauth_core.cli.account:whoami", "Show the account that these settings sign in as."),
    "sync": Lazy("wauth_core.cli.keep:sync", "Keep a table of users in step with the directory."),
    "sessions": Lazy("wauth_core.cli.keep:sessions", "End all sessions of a person."),
    "changes": Lazy("wauth_core.cli.keep:changes", "Tell who changed since the last time."),
    "doctor": Lazy("wauth_core.cli.account:doctor", "Check the way to the directory, step by step."),
    "ad": Lazy("wauth_core.cli.ad:ad", "Look after Active Directory: computers, units, passwords, members, …"),
    "migrate-settings": Lazy(
        "wauth_core.cli.migrate.command:migrate_settings", "Read another package's settings, and print ours."
    ),
    "webconfig": Lazy("wauth_core.iis.iis_commands:webconfig", "Write web.config for IIS.", "iis"),
    "task": Lazy("wauth_core.iis.iis_commands:task", "Make a task for the Windows Task Scheduler.", "iis"),
    "serve": Lazy("wauth_core.iis.iis_commands:serve", "Serve an application behind IIS.", "iis"),
    "directory": Lazy(
        "wauth_core.testing.directory_command:directory", "Run an AD-shaped directory to develop with.", "directory"
    ),
    "demo": Lazy("wauth_core.testing.directory_command:demo", "Show it all, with no Active Directory.", "demo"),
}


class _RunningError(click.ClickException):
    """Another run is active. Try again later."""

    exit_code = 3


class _SettingsError(click.ClickException):
    """Wrong settings: one line, without the usage text, since the command was called correctly."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group that imports a command to run it, but not to list it."""

    lazy: Mapping[str, Lazy] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in order."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it. If a library is missing, the error says what to install."""
        lazy = self.lazy.get(cmd_name)
        if lazy is None:
            return None
        module, _, name = lazy.place.partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise click.ClickException(
                f"'wauth {cmd_name}' needs {error.name}: pip install \"windowsauth[{lazy.extra}]\""
            ) from error
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command. If there is none, the error names the most similar one."""
        close = difflib.get_close_matches(args[0], self.lazy, n=1)
        if args[0] not in self.lazy and close:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help text."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run. Our errors are one line. Exits with 1 for an error, 2 for wrong settings, 3 if another run is active."""
        try:
            return super().invoke(ctx)
        except NotFound as error:
            near = ctx.obj.near(error) if isinstance(ctx.obj, App) else None
            raise click.ClickException(f"{error} Did you mean {near!r}?" if near else str(error)) from error
        except WauthError as error:
            kind = {ConfigurationError: _SettingsError, BulkRunning: _RunningError}
            found = next((each for of, each in kind.items() if isinstance(error, of)), click.ClickException)
            raise found(str(error)) from error


class App:
    """What the commands share: the `Wauth` of the settings found."""

    def __init__(self, context: click.Context, config: str | None) -> None:
        self._context = context
        self._config = config
        self._wauth: Wauth | None = None

    @property
    def wauth(self) -> Wauth:
        """Read the settings, once. Raises `ConfigurationError` if they are missing or wrong."""
        if self._wauth is None:
            path = self._config or (HERE if Path(HERE).is_file() else None)
            if path is None:
                raise ConfigurationError(
                    f"There are no settings: give --config FILE, set WAUTH_CONFIG, or put a {HERE} here."
                )
            self._wauth = Wauth.from_toml(path)
            self._context.call_on_close(self._wauth.close)
        return self._wauth

    def near(self, error: NotFound) -> str | None:
        """The name most similar to that of a person or group that was not found."""
        kinds = {"user": ("person", "sAMAccountName"), "group": ("group", "cn")}
        wanted = str(error.wanted).rpartition("\\")[2]
        if error.kind not in kinds or len(wanted) < 2:
            return None
        kind, attribute = kinds[error.kind]
        condition = filters.all_of(
            filters.equals("objectCategory", kind), filters.substring(attribute, initial=wanted[:2])
        )
        try:
            found = islice(self.wauth.manager(error.domain).search(condition, (attribute,)), _NEAR)
            names = {name.lower(): name for name in (str(entry.attributes.get(attribute)) for entry in found)}
        except WauthError:
            return None
        close = difflib.get_close_matches(wanted.lower(), names, n=1)
        return names[close[0]] if close else None

    @contextmanager
    def users(self, database: str | None, *, username_field: str, dry_run: bool) -> Iterator[UserRepository]:
        """The users that ``sync`` updates: in a SQLite file, which a dry run does not create."""
        path = database if database and (Path(database).exists() or not dry_run) else ":memory:"
        with SQLiteUserRepository(path, username_field=username_field) as repository:
            yield repository

    def manager(self, domain: str | None, name: str = "") -> LDAPManager:
        r"""The manager of *domain*, else of the DOMAIN in ``DOMAIN\name``, else of the only domain."""
        listed = list(self.wauth.domains)
        spoken_of = passwords.domain_of(self.wauth.directories, name)
        if domain is None and spoken_of is not None and spoken_of in self.wauth.domains:
            domain = spoken_of
        if domain is None and len(listed) == 1:
            domain = listed[0]
        if domain is None and not listed:
            raise ConfigurationError(
                "No domain is configured: write an entry of WAUTH_DOMAINS, in TOML a table [domains.EXAMPLE]."
            )
        if domain is None:
            raise click.UsageError(f"Which domain? Give --domain; there are {', '.join(listed)}.")
        return self.wauth.manager(domain)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    metavar="FILE",
    default=lambda: os.environ.get("WAUTH_CONFIG"),
    help=f"Settings in TOML. [default: $WAUTH_CONFIG, ./{HERE}]",
)
@click.version_option(package_name="windowsauth", prog_name="wauth")
@click.pass_context
def wauth(ctx: click.Context, config: str | None) -> None:
    """Windows identities and Active Directory from the command line.

    NAME is a sAMAccountName, DOMAIN\\name, a UPN, a GUID, a SID or a DN.
    """
    ctx.obj = App(ctx, config)
    ctx.with_resource(warnings.catch_warnings())
    warnings.simplefilter("always", ConfigurationWarning)
    warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"Warning: {message}", err=True)


pass_app = click.make_pass_decorator(App)
domain_option = click.option("-d", "--domain", metavar="DOMAIN", help="One of the domains in the settings.")
