"""``flask wauth``: the core's commands, with this application's settings and its own users."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo

from wauth_core.cli.app import App, Lazy, LazyGroup
from wauth_core.service import Wauth
from wauth_core.sync.repository import UserRepository
from wauth_flask.cache_repository import CacheUserRepository
from wauth_flask.state import KEY, State

_COMMANDS = {
    "sync": Lazy("wauth_core.cli.keep:sync", "Keep this application's users in step with the directory."),
    "sessions": Lazy("wauth_core.cli.keep:sessions", "End all sessions of a person."),
    "doctor": Lazy("wauth_core.cli.account:doctor", "Check the way to the directory, step by step."),
    "user": Lazy("wauth_core.cli.look:user", "Show a person."),
    "groups": Lazy("wauth_core.cli.look:groups", "List the groups of a person, or of the domain."),
    "members": Lazy("wauth_core.cli.look:members", "List the people in a group."),
    "login": Lazy("wauth_core.cli.account:login", "Check a password."),
    "whoami": Lazy("wauth_core.cli.account:whoami", "Show the account that the settings sign in as."),
    "createwebconfig": Lazy("wauth_core.iis.iis_commands:webconfig", "Write web.config for IIS.", "iis"),
    "createtask": Lazy("wauth_core.iis.iis_commands:task", "Make a task for the Windows Task Scheduler.", "iis"),
}


class FlaskApp(App):
    """What the commands share: the application's own `Wauth` and users."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def wauth(self) -> Wauth:
        """See `App`."""
        return self._state.wauth

    @contextmanager
    def users(self, database: str | None, *, username_field: str, dry_run: bool) -> Iterator[UserRepository]:
        """The application's users."""
        repository = self._state.repository
        if isinstance(repository, CacheUserRepository) and repository.forgets:
            click.echo(
                "These users end with this command: WindowsAuth has neither a repository nor WAUTH_CACHE.", err=True
            )
        yield repository


class _Group(LazyGroup):
    lazy = _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The core's command, in which this application's name and users take the place of what it would ask for."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            return None
        command = copy.copy(found)
        command.name = cmd_name
        command.params = [_known(parameter, ctx) for parameter in found.params if parameter.name != "database"]
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command inside the application's context."""
        app = ctx.ensure_object(ScriptInfo).load_app()
        if KEY not in app.extensions:
            raise click.ClickException("WindowsAuth is not set up: call WindowsAuth(app), or init_app(app).")
        ctx.obj = FlaskApp(app.extensions[KEY])
        with app.app_context():
            return super().invoke(ctx)


def _known(parameter: click.Parameter, ctx: click.Context) -> click.Parameter:
    """*parameter*; if it asks for the application, with this one as its default."""
    if parameter.name not in ("application", "flask"):
        return parameter
    known = copy.copy(parameter)
    script = ctx.find_object(ScriptInfo)
    path = (script and script.app_import_path) or "wsgi.py"
    module, _, name = path.partition(":")
    module = module.removesuffix(".py").replace("/", ".").replace("\\", ".")
    known.default = path if parameter.name == "flask" else f"{module}:{_attribute(module, name)}"
    known.required = False
    return known


def _attribute(module: str, name: str) -> str:
    """*name* in the application's *module*, loaded by now; without one what Flask looks for. Factories get ()."""
    loaded = sys.modules.get(module)
    for candidate in [name] if name else ["app", "application", "create_app", "make_app"]:
        found = getattr(loaded, candidate, None)
        if isinstance(found, Flask):
            return candidate
        if callable(found):
            return f"{candidate}()"
    return name or "app"


wauth = _Group("wauth", help="Windows identities and Active Directory, with this application's settings and users.")
