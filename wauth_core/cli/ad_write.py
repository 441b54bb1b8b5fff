"""``wauth ad``: changes, each with --what-if, and a question before what cannot be undone."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

import click

from wauth_core.cli.ad import WHO, complete, given_names, json_rows, run_all, who_of
from wauth_core.cli.app import App, domain_option
from wauth_core.cli.output import Form, output_options, visible
from wauth_core.directory import LDAPManager, WriteResult

_name = click.argument("name", shell_complete=complete)
_names = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete)
_ou = click.option("--ou", metavar="OU", shell_complete=complete, help="The organizational unit: Staff/Sales, or a DN.")


def _write_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--domain, --what-if and the options of the output; the command gets *manager*, *form*, *ctx* and *dry_run*."""

    @domain_option
    @click.option("--what-if", is_flag=True, help="Show what would be changed, and change nothing.")
    @click.pass_context
    @output_options
    @functools.wraps(command)
    def with_manager(ctx: click.Context, *args: Any, domain: str | None, what_if: bool, **kwargs: Any) -> Any:
        app = ctx.find_object(App)
        assert app is not None  # noqa: S101 - the root command puts it there
        named = kwargs.get("name") or next(iter(kwargs.get("names") or ()), "")
        manager = app.manager(domain, "" if named == "-" else named)
        return command(*args, manager=manager, ctx=ctx, dry_run=what_if, **kwargs)

    return with_manager


def _each(word: str, help: str, change: Callable[[LDAPManager, str, bool], WriteResult]) -> click.Command:
    """A command that does one thing to each NAME."""

    @click.command(word, help=help)
    @_names
    @_write_options
    def command(names: tuple[str, ...], manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form) -> None:
        calls = ((name, functools.partial(change, manager, name, dry_run)) for name in given_names(names))
        run_all(manager, calls, form, ctx)

    return command


enable = _each("enable", "Enable the accounts NAME.", lambda m, name, dry: m.enable(name, dry_run=dry))
disable = _each("disable", "Disable the accounts NAME.", lambda m, name, dry: m.disable(name, dry_run=dry))
unlock = _each("unlock", "Unlock the accounts NAME.", lambda m, name, dry: m.unlock(name, dry_run=dry))


@click.command("set")
@click.argument("name", required=False, shell_complete=complete)
@click.argument("attributes", metavar="ATTRIBUTE=VALUE...", nargs=-1)
@click.option("--input", "rows", type=click.File(), help='JSON: [{"username": "ada", "title": "Countess"}, …]')
@_write_options
def set_(
    name: str | None,
    attributes: tuple[str, ...],
    rows: Any,
    manager: LDAPManager,
    ctx: click.Context,
    dry_run: bool,
    form: Form,
) -> None:
    """Set attributes of the object NAME: ATTRIBUTE=VALUE, several values by several of them, ATTRIBUTE= for none.

    With --input each row of a JSON file names an object and what to set.
    """
    if (rows is None) == (name is None) or (name is not None and not attributes):
        raise click.UsageError("Give NAME and ATTRIBUTE=VALUE, or --input.")
    if rows is not None:
        wanted = [
            (who_of(row), {key: value for key, value in row.items() if key not in WHO})
            for row in json_rows(rows.read())
        ]
    else:
        wanted = [(str(name), _pairs(attributes))]
    calls = ((who, functools.partial(manager.set, who, values, dry_run=dry_run)) for who, values in wanted)
    run_all(manager, calls, form, ctx)


@click.command()
@_name
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input instead of asking.")
@click.option("--must-change", is_flag=True, help="It holds until the next sign-in only.")
@_write_options
def password(
    name: str,
    password_stdin: bool,
    must_change: bool,
    manager: LDAPManager,
    ctx: click.Context,
    dry_run: bool,
    form: Form,
) -> None:
    """Give the account NAME another password, which is asked for unseen."""
    chosen = _password(f"New password of {name}", from_stdin=password_stdin)
    call = functools.partial(manager.set_password, name, chosen, must_change=must_change, dry_run=dry_run)
    run_all(manager, [(name, call)], form, ctx)


@click.command()
@_names
@click.option("--at", "when", metavar="DATE", required=True, help="2031-01-31, 2031-01-31T18:00+02:00, or never.")
@_write_options
def expire(
    names: tuple[str, ...], when: str, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form
) -> None:
    """Let the accounts NAME end at a moment; a date alone means its midnight in UTC."""
    moment = _moment(when)
    calls = ((name, functools.partial(manager.expire, name, moment, dry_run=dry_run)) for name in given_names(names))
    run_all(manager, calls, form, ctx)


def _membership(word: str, help: str, change: Callable[..., WriteResult]) -> click.Command:
    @click.command(word, help=help)
    @click.argument("group", shell_complete=complete)
    @_names
    @_write_options
    def command(
        group: str, names: tuple[str, ...], manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form
    ) -> None:
        call = functools.partial(change, manager, group, list(given_names(names)), dry_run=dry_run)
        run_all(manager, [(group, call)], form, ctx)

    return command


add_member = _membership("add-member", "Put the members NAME into GROUP.", LDAPManager.add_members)
remove_member = _membership("remove-member", "Take the members NAME out of GROUP.", LDAPManager.remove_members)


@click.command()
@click.argument("kind", type=click.Choice(["user", "group", "computer", "ou"]))
@click.argument("name")
@click.argument("attributes", metavar="[ATTRIBUTE=VALUE]...", nargs=-1)
@_ou
@click.option("--password", "ask", is_flag=True, help="A user: ask for a password, and enable the account.")
@click.option("--password-stdin", is_flag=True, help="A user: read the password from standard input.")
@click.option("--must-change", is_flag=True, help="A user: the password holds until the first sign-in only.")
@click.option("--scope", type=click.Choice(["global", "local", "universal"]), default="global", help="Of a group.")
@click.option("--mailing-list", is_flag=True, help="A group that gives no rights.")
@click.option("--unprotected", is_flag=True, help="A unit: do not protect it from accidental deletion.")
@_write_options
def create(
    kind: str,
    name: str,
    attributes: tuple[str, ...],
    ou: str | None,
    ask: bool,
    password_stdin: bool,
    must_change: bool,
    scope: str,
    mailing_list: bool,
    unprotected: bool,
    manager: LDAPManager,
    ctx: click.Context,
    dry_run: bool,
    form: Form,
) -> None:
    """Make a user, group, computer or organizational unit called NAME. A user without a password is disabled."""
    common: dict[str, Any] = {"ou": ou, "attributes": _pairs(attributes), "dry_run": dry_run}
    if kind == "user":
        chosen = _password(f"Password of {name}", from_stdin=password_stdin) if ask or password_stdin else None
        call = functools.partial(manager.create_user, name, password=chosen, must_change=must_change, **common)
    elif kind == "group":
        call = functools.partial(manager.create_group, name, scope=scope, security=not mailing_list, **common)
    elif kind == "computer":
        call = functools.partial(manager.create_computer, name, **common)
    else:
        call = functools.partial(manager.create_ou, name, protected=not unprotected, **common)
    run_all(manager, [(name, call)], form, ctx)


@click.command()
@_names
@click.option("--to", "ou", metavar="OU", required=True, shell_complete=complete, help="Staff/Sales, or a DN.")
@_write_options
def move(names: tuple[str, ...], ou: str, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form) -> None:
    """Move the objects NAME to another organizational unit."""
    calls = ((name, functools.partial(manager.move, name, ou, dry_run=dry_run)) for name in given_names(names))
    run_all(manager, calls, form, ctx)


@click.command()
@_name
@click.argument("new_name")
@_write_options
def rename(name: str, new_name: str, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form) -> None:
    """Give the object NAME another name in the tree. The name to sign in with: wauth ad set NAME sAMAccountName=…"""
    run_all(manager, [(name, functools.partial(manager.rename, name, new_name, dry_run=dry_run))], form, ctx)


@click.command()
@_names
@click.option("--off", is_flag=True, help="Protect them no longer.")
@_write_options
def protect(
    names: tuple[str, ...], off: bool, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form
) -> None:
    """Protect the objects NAME from accidental deletion."""
    calls = ((name, functools.partial(manager.protect, name, not off, dry_run=dry_run)) for name in given_names(names))
    run_all(manager, calls, form, ctx)


@click.command()
@_names
@click.option("--tree", is_flag=True, help="All that is below them too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_write_options
def delete(
    names: tuple[str, ...], tree: bool, yes: bool, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form
) -> None:
    """Delete the objects NAME, after a question."""
    listed = list(given_names(names))
    if not dry_run and not yes:
        _confirm(listed, tree=tree)
    calls = ((name, functools.partial(manager.delete, name, tree=tree, dry_run=dry_run)) for name in listed)
    run_all(manager, calls, form, ctx)


@click.command()
@_names
@_ou
@_write_options
def restore(
    names: tuple[str, ...], ou: str | None, manager: LDAPManager, ctx: click.Context, dry_run: bool, form: Form
) -> None:
    """Bring the deleted objects NAME back, to where they were or into --ou."""
    calls = ((name, functools.partial(manager.restore, name, ou=ou, dry_run=dry_run)) for name in given_names(names))
    run_all(manager, calls, form, ctx)


def _confirm(names: list[str], *, tree: bool) -> None:
    """Ask, where there is somebody to ask; names from a pipe need --yes."""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    below = ", and all that is below" if tree else ""
    click.confirm(visible(f"Delete {shown}{below}?"), abort=True, err=True)


def _password(prompt: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))


def _pairs(given: Iterable[str]) -> dict[str, Any]:
    """``title=Countess`` and so on; an attribute that stands there twice has several values."""
    found: dict[str, list[str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{each!r} is not ATTRIBUTE=VALUE.")
        found.setdefault(name, []).extend([value] if value else [])
    return {name: values[0] if len(values) == 1 else values or None for name, values in found.items()}


def _moment(text: str) -> datetime | None:
    if text.lower() == "never":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is neither a date such as 2031-01-31 nor never.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
