"""``wauth ad``: changes. Each has --what-if, and asks before a change that cannot be undone."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import click

from wauth_core.cli.ad import WHO, Calls, complete, complete_deleted, given_names, json_rows, run_all, who_of
from wauth_core.cli.app import App, domain_option, pass_app
from wauth_core.cli.output import Form, output_options, visible
from wauth_core.directory import LDAPManager, WriteResult

_name = click.argument("name", shell_complete=complete)
_names = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete)
_gone = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_deleted)
_pairs_given = click.argument("attributes", metavar="[ATTRIBUTE=VALUE]...", nargs=-1)
_ou = click.option("--ou", metavar="OU", shell_complete=complete, help="The organizational unit: Staff/Sales, or a DN.")
_password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
Option = Callable[[Any], Any]
Report = Callable[[Calls], None]


def _write_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with --domain, --what-if and the output options. It gets *manager*, *dry_run* and *report*."""

    @domain_option
    @click.option("--what-if", is_flag=True, help="Show what would be changed, and change nothing.")
    @pass_app
    @output_options
    @functools.wraps(command)
    def with_manager(app: App, *args: Any, domain: str | None, what_if: bool, form: Form, **kwargs: Any) -> Any:
        named = kwargs.get("name") or next(iter(kwargs.get("names") or ()), "")
        manager = app.manager(domain, "" if named == "-" else named)
        report = functools.partial(run_all, form=form)
        return command(*args, manager=manager, dry_run=what_if, report=report, **kwargs)

    return with_manager


def _each(
    word: str, help: str, change: Callable[..., WriteResult], *options: Option, names: Option = _names
) -> click.Command:
    """A command that does one thing to each NAME. *options* are arguments of *change*."""

    @click.command(word, help=help)
    @names
    @_write_options
    def command(names: tuple[str, ...], manager: LDAPManager, dry_run: bool, report: Report, **given: Any) -> None:
        report(
            (name, functools.partial(change, manager, name, dry_run=dry_run, **given)) for name in given_names(names)
        )

    for option in options:
        option(command)
    return command


enable = _each("enable", "Enable the accounts NAME.", LDAPManager.enable)
disable = _each("disable", "Disable the accounts NAME.", LDAPManager.disable)
unlock = _each("unlock", "Unlock the accounts NAME.", LDAPManager.unlock)
expire = _each(
    "expire",
    "Let the accounts NAME end at a moment; a date alone means its midnight in UTC.",
    LDAPManager.expire,
    click.option(
        "--at",
        "when",
        metavar="DATE",
        required=True,
        callback=lambda ctx, param, text: _moment(text),
        help="2031-01-31, 2031-01-31T18:00+02:00, or never.",
    ),
)
move = _each(
    "move",
    "Move the objects NAME to another organizational unit.",
    LDAPManager.move,
    click.option("--to", "ou", metavar="OU", required=True, shell_complete=complete, help="Staff/Sales, or a DN."),
)
protect = _each(
    "protect",
    "Protect the objects NAME from accidental deletion.",
    LDAPManager.protect,
    click.option(
        "--off", "protected", is_flag=True, callback=lambda ctx, param, off: not off, help="Protect them no longer."
    ),
)
restore = _each(
    "restore",
    "Bring the deleted objects NAME back, to where they were or into --ou.",
    LDAPManager.restore,
    _ou,
    names=_gone,
)


@click.command("set")
@click.argument("name", required=False, shell_complete=complete)
@_pairs_given
@click.option("--input", "rows", type=click.File(), help='JSON: [{"username": "ada", "title": "Countess"}, …]')
@_write_options
def set_(
    name: str | None, attributes: tuple[str, ...], rows: Any, manager: LDAPManager, dry_run: bool, report: Report
) -> None:
    """Set attributes of the object NAME: ATTRIBUTE=VALUE. Repeat it for several values; ATTRIBUTE= removes all.

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
    report((who, functools.partial(manager.set, who, values, dry_run=dry_run)) for who, values in wanted)


@click.command()
@_name
@_password_stdin
@click.option("--must-change", is_flag=True, help="It holds until the next sign-in only.")
@_write_options
def password(
    name: str, password_stdin: bool, must_change: bool, manager: LDAPManager, dry_run: bool, report: Report
) -> None:
    """Set the password of the account NAME. The command asks for it and does not show it."""
    chosen = _password(f"New password of {name}", from_stdin=password_stdin)
    call = functools.partial(manager.set_password, name, chosen, must_change=must_change, dry_run=dry_run)
    report([(name, call)])


def _membership(word: str, help: str, change: Callable[..., WriteResult]) -> click.Command:
    @click.command(word, help=help)
    @click.argument("group", shell_complete=complete)
    @_names
    @_write_options
    def command(group: str, names: tuple[str, ...], manager: LDAPManager, dry_run: bool, report: Report) -> None:
        report([(group, functools.partial(change, manager, group, list(given_names(names)), dry_run=dry_run))])

    return command


add_member = _membership("add-member", "Put the members NAME into GROUP.", LDAPManager.add_members)
remove_member = _membership("remove-member", "Take the members NAME out of GROUP.", LDAPManager.remove_members)


@click.command()
@click.argument("kind", type=click.Choice(["user", "group", "computer", "ou"]))
@click.argument("name", required=False)
@_pairs_given
@_ou
@click.option("--input", "rows", type=click.File(), help='JSON: [{"username": "finn", "ou": "Staff", …}, …]')
@click.option("--password", "ask", is_flag=True, help="A user: ask for a password, and enable the account.")
@_password_stdin
@click.option("--must-change", is_flag=True, help="A user: the password holds until the first sign-in only.")
@click.option("--scope", type=click.Choice(["global", "local", "universal"]), default="global", help="Of a group.")
@click.option("--mailing-list", is_flag=True, help="A group that gives no rights.")
@click.option("--unprotected", is_flag=True, help="A unit: do not protect it from accidental deletion.")
@_write_options
def create(
    kind: str,
    name: str | None,
    attributes: tuple[str, ...],
    ou: str | None,
    rows: Any,
    ask: bool,
    password_stdin: bool,
    must_change: bool,
    scope: str,
    mailing_list: bool,
    unprotected: bool,
    manager: LDAPManager,
    dry_run: bool,
    report: Report,
) -> None:
    """Create a user, group, computer or organizational unit called NAME. A user without a password is disabled.

    With --input each row of a JSON file is a new object: "username" or "name" (a user may have both), "ou", a user's
    "password", and attributes.
    """
    if (rows is None) == (name is None) or (rows is not None and (attributes or ask or password_stdin)):
        raise click.UsageError("Give NAME and its attributes, or --input.")
    if rows is not None:
        listed = [_newcomer(kind, row) for row in json_rows(rows.read())]
    else:
        chosen = _password(f"Password of {name}", from_stdin=password_stdin) if ask or password_stdin else None
        listed = [_Newcomer(str(name), _pairs(attributes), password=chosen)]
    kinds: dict[str, Callable[..., WriteResult]] = {
        "user": functools.partial(manager.create_user, must_change=must_change),
        "group": functools.partial(manager.create_group, scope=scope, security=not mailing_list),
        "computer": manager.create_computer,
        "ou": functools.partial(manager.create_ou, protected=not unprotected),
    }
    report((new.name, functools.partial(new.make, kinds[kind], ou, dry_run=dry_run)) for new in listed)


@dataclass(frozen=True)
class _Newcomer:
    """An object to create."""

    name: str
    attributes: dict[str, Any]
    ou: str | None = None
    leaf: str | None = None
    password: str | None = field(default=None, repr=False)

    def make(self, create: Callable[..., WriteResult], ou: str | None, *, dry_run: bool) -> WriteResult:
        """Create it in its own unit, else in *ou*."""
        more = {"name": self.leaf, "password": self.password}
        given = {key: value for key, value in more.items() if value is not None}
        return create(self.name, ou=self.ou or ou, attributes=self.attributes, dry_run=dry_run, **given)


def _newcomer(kind: str, row: dict[str, Any]) -> _Newcomer:
    """The object that a row of JSON describes. Raises `click.UsageError`."""
    username, name = row.pop("username", None), row.pop("name", None)
    ou, password = row.pop("ou", None), row.pop("password", None)
    if not (username or name):
        raise click.UsageError("A row of the input has neither username nor name.")
    if kind != "user" and (password or (username and name)):
        raise click.UsageError("Only a user has a password, and a username beside a name.")
    leaf = str(name) if username and name else None
    return _Newcomer(str(username or name), row, ou=ou, leaf=leaf, password=password)


@click.command()
@_name
@click.argument("new_name")
@_write_options
def rename(name: str, new_name: str, manager: LDAPManager, dry_run: bool, report: Report) -> None:
    """Rename the object NAME in the tree. To change the name to sign in with: wauth ad set NAME sAMAccountName=…"""
    report([(name, functools.partial(manager.rename, name, new_name, dry_run=dry_run))])


@click.command()
@_names
@click.option("--tree", is_flag=True, help="All that is below them too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_write_options
def delete(names: tuple[str, ...], tree: bool, yes: bool, manager: LDAPManager, dry_run: bool, report: Report) -> None:
    """Delete the objects NAME. The command asks first."""
    listed = list(given_names(names))
    if not dry_run and not yes:
        _confirm(listed, tree=tree)
    report((name, functools.partial(manager.delete, name, tree=tree, dry_run=dry_run)) for name in listed)


def _confirm(names: list[str], *, tree: bool) -> None:
    """Ask, if standard input is a terminal. Names from a pipe need --yes."""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    below = ", and all that is below" if tree else ""
    click.confirm(visible(f"Delete {shown}{below}?"), abort=True, err=True)


def _password(prompt: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))


def _pairs(given: Iterable[str]) -> dict[str, Any]:
    """Read ``title=Countess`` and so on. An attribute that is there twice has several values."""
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
