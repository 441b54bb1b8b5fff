"""The group ``wauth ad``, for everything in the domain and changes to it; and what its commands share."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import click

from wauth_core.cli.app import App, Lazy, LazyGroup
from wauth_core.cli.output import Form, show, visible
from wauth_core.directory import DirectoryObject, LDAPManager, WriteResult
from wauth_core.directory.query import any_of, starts_with
from wauth_core.exceptions import DirectoryError, WauthError

_LOOK, _WRITE = "wauth_core.cli.ad_look", "wauth_core.cli.ad_write"
_COMPLETIONS = 30

AD_COMMANDS = {
    "computers": Lazy(f"{_LOOK}:computers", "Show one computer, or list them."),
    "ou": Lazy(f"{_LOOK}:ou", "Show one organizational unit, or list them."),
    "contacts": Lazy(f"{_LOOK}:contacts", "Show one contact, or list them."),
    "service-accounts": Lazy(f"{_LOOK}:service_accounts", "Show one managed service account, or list them."),
    "deleted": Lazy(f"{_LOOK}:deleted", "List what was deleted."),
    "domain": Lazy(f"{_LOOK}:domain", "Show the domain and its policies."),
    "forest": Lazy(f"{_LOOK}:forest", "Show the forest."),
    "controllers": Lazy(f"{_LOOK}:controllers", "List the domain controllers, their sites and roles."),
    "sites": Lazy(f"{_LOOK}:sites", "List the sites and their networks."),
    "trusts": Lazy(f"{_LOOK}:trusts", "List the trusts."),
    "set": Lazy(f"{_WRITE}:set_", "Set attributes."),
    "password": Lazy(f"{_WRITE}:password", "Give an account another password."),
    "enable": Lazy(f"{_WRITE}:enable", "Enable accounts."),
    "disable": Lazy(f"{_WRITE}:disable", "Disable accounts."),
    "unlock": Lazy(f"{_WRITE}:unlock", "Unlock accounts."),
    "expire": Lazy(f"{_WRITE}:expire", "Let accounts end."),
    "add-member": Lazy(f"{_WRITE}:add_member", "Put members into a group."),
    "remove-member": Lazy(f"{_WRITE}:remove_member", "Take members out of a group."),
    "create": Lazy(f"{_WRITE}:create", "Make a user, group, computer or organizational unit."),
    "move": Lazy(f"{_WRITE}:move", "Move objects to another organizational unit."),
    "rename": Lazy(f"{_WRITE}:rename", "Give an object another name."),
    "protect": Lazy(f"{_WRITE}:protect", "Protect from accidental deletion, or stop that."),
    "delete": Lazy(f"{_WRITE}:delete", "Delete objects."),
    "restore": Lazy(f"{_WRITE}:restore", "Bring deleted objects back."),
}


class _AdGroup(LazyGroup):
    lazy = AD_COMMANDS


@click.group("ad", cls=_AdGroup)
def ad() -> None:
    """Look after Active Directory.

    NAME is a sAMAccountName, a host name, a path of an organizational unit, a GUID, a SID or a DN. "-" reads names from
    standard input: one per line, or the JSON of another command. Changes need READ_ONLY = false in the settings.
    --what-if only shows them.
    """


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names in the directory that begin with the text, for the shell's completion. No names if that fails."""
    begins = starts_with(incomplete)
    return _completed(ctx, incomplete, lambda m: m.objects(any_of({"sAMAccountName": begins}, {"ou": begins})))


def complete_deleted(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The same for deleted objects."""
    begins = starts_with(incomplete)
    return _completed(ctx, incomplete, lambda m: m.deleted(any_of({"sAMAccountName": begins}, {"name": begins})))


def _completed(
    ctx: click.Context, incomplete: str, ask: Callable[[LDAPManager], Iterable[DirectoryObject]]
) -> list[str]:
    if not incomplete:
        return []
    root = ctx.find_root()
    try:
        app = App(root, root.params.get("config") or os.environ.get("WAUTH_CONFIG"))
        with app.wauth:
            found = islice(ask(app.manager(ctx.params.get("domain"))), _COMPLETIONS)
            names = [str(each.attributes.get("sAMAccountName") or each.name).removesuffix("$") for each in found]
    except (WauthError, click.ClickException, OSError):
        return []
    names = [name for name in names if name.isprintable()]
    # What administrators typed becomes part of a command. Other shells quote it themselves.
    return list(map(shlex.quote, names)) if os.environ.get("_WAUTH_COMPLETE", "").startswith("bash") else names


def given_names(names: Iterable[str]) -> Iterator[str]:
    """*names*. "-" is replaced by the names in standard input: lines, or JSON with "dn", "guid" or "username"."""
    for name in names:
        if name != "-":
            yield name
            continue
        text = sys.stdin.read()
        if text.lstrip()[:1] in ("[", "{"):
            yield from (who_of(row) for row in json_rows(text))
        else:
            yield from (line.strip() for line in text.splitlines() if line.strip())


def json_rows(text: str) -> list[dict[str, Any]]:
    """The objects in a JSON text, which holds a list of them, or one. Raises `click.UsageError`."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"The input is not JSON: {error}.") from error
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise click.UsageError("The input must be a JSON object, or a list of them.")
    return rows


WHO = ("guid", "dn", "username", "name")


def who_of(row: Mapping[str, Any]) -> str:
    """Whom a row of JSON is about. Raises `click.UsageError`."""
    for key in WHO:
        if row.get(key):
            return str(row[key])
    raise click.UsageError(f"A row of the input has none of {', '.join(WHO)}.")


Calls = Iterable[tuple[str, Callable[[], WriteResult]]]


def run_all(calls: Calls, form: Form) -> None:
    """Make each change and report it. If one is refused, go on, and exit with 1 at the end."""
    results: list[WriteResult] = []
    failed = False
    for name, call in calls:
        try:
            results.append(call())
        except DirectoryError as error:
            failed = True
            click.echo(visible(f"Error: {name}: {error}"), err=True)
    if form is Form.TABLE:
        for result in results:
            click.echo(visible(str(result)))
    else:
        show((result.as_row() for result in results), ("what", "dn", "changed", "dry_run", "before", "after"), form)
    if failed:
        click.get_current_context().exit(1)
