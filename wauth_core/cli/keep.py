"""Keep up with the directory: ``sync``, ``sessions`` and ``changes``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from wauth_core.cli.app import App, domain_option, pass_app
from wauth_core.cli.output import Form, as_json, output_options, show
from wauth_core.exceptions import DirectoryUnavailable, UserNotFound
from wauth_core.identity import Identity, fold_username
from wauth_core.service import Wauth
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.policy import Policy
from wauth_core.sync.repository import UserRepository
from wauth_core.sync.result import BulkResult, SyncResult
from wauth_core.web.sessions import end_sessions


@click.command()
@click.option(
    "--database", required=True, type=click.Path(dir_okay=False), metavar="FILE", help="SQLite file; made if missing."
)
@click.option("--user", "names", multiple=True, metavar="NAME", help="This person only. Repeatable.")
@click.option("--incremental", is_flag=True, help="Only whom the directory has news of since the last such run.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--create/--no-create", default=True, help="Whether to make users who are missing. [default: create]")
@click.option(
    "--max-deactivations",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    metavar="SHARE",
    help="Refuse to deactivate more than this share of the users at once.",
)
@domain_option
@click.pass_context
@output_options
def sync(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    domain: str | None,
    form: Form,
    database: str | None = None,
    **how: Any,
) -> None:
    """Synchronise a table of users with the directory: fields, flags, groups, new people, people who left.

    Exits with 1 if a user could not be synchronised.
    """
    app: App = ctx.obj
    wauth = app.wauth
    domains = [wauth.manager(domain).domain] if domain else list(wauth.domains)
    if names and (how["incremental"] or not how["create"]):
        raise click.UsageError("--user goes with neither --incremental nor --no-create.")
    field = Policy.of(domains[0], wauth.domains[domains[0]], SiteSettings()).username_field if domains else "username"
    ok = True
    rows: list[dict[str, Any]] = []
    with app.users(database, username_field=field, dry_run=how["dry_run"]) as repository:
        if names:
            for name in names:
                result = _one(app, wauth, repository, name, domain, how["dry_run"])
                rows.append(_row(result))
                ok = ok and result.ok
        else:
            for each in domains:
                done = _all(wauth, repository, each, how)
                rows += _rows(done)
                ok = ok and done.ok
                click.echo(f"{each}: {done}, in {done.elapsed:.1f} s.", err=True)
    show(rows, ("domain", "username", "status", "changes", "reason"), form, empty="Nothing to do.")
    ctx.exit(0 if ok else 1)


def _one(
    app: App, wauth: Wauth, repository: UserRepository, name: str, domain: str | None, dry_run: bool
) -> SyncResult:
    return wauth.sync(_identity(app, name, domain), repository, dry_run=dry_run)


def _identity(app: App, name: str, domain: str | None) -> Identity:
    """*name* is any name of the person. If the person is gone or the directory is down, it must be the logon name."""
    manager = app.manager(domain, name)
    try:
        username = app.wauth.directories.policy(manager.domain).logon_name(manager.user(name))
    except (UserNotFound, DirectoryUnavailable):
        username = fold_username(name.rpartition("\\")[2])
    return app.wauth.identity(manager.domain, username)


def _all(wauth: Wauth, repository: UserRepository, domain: str, how: dict[str, Any]) -> BulkResult:
    console = Console(stderr=True)
    if not console.is_terminal:
        return wauth.sync_all(repository, domain, **how)
    with console.status(f"Reading {domain} …") as status:
        return wauth.sync_all(
            repository, domain, progress=lambda done: status.update(f"Reading {domain}: {done} people …"), **how
        )


def _rows(result: BulkResult) -> Iterator[dict[str, Any]]:
    yield from (_row(each) for each in result.results)
    for name, error in result.failures:
        yield {"domain": result.domain, "username": name, "status": "failed", "reason": str(error)}


def _row(result: SyncResult) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for change in result.changes[-1:]:
        changes.update(change.fields)
        changes.update(change.flags)
        changes.update({f"+{group}": True for group in sorted(change.groups_add)})
        changes.update({f"-{group}": True for group in sorted(change.groups_remove)})
    return {
        "domain": result.identity.domain,
        "username": result.identity.username,
        "status": result.status.value,
        "key": result.key,
        "changes": changes,
        "reason": result.reason,
    }


@click.command()
@click.argument("what", type=click.Choice(["end"]))
@click.argument("name")
@click.option(
    "--database", required=True, type=click.Path(dir_okay=False, exists=True), metavar="FILE", help="SQLite file."
)
@domain_option
@click.pass_context
def sessions(ctx: click.Context, what: str, name: str, domain: str | None, database: str | None = None) -> None:
    """End all sessions of a person, who must then sign in again.

    Exits with 1 if the application has no such user.
    """
    app: App = ctx.obj
    identity = _identity(app, name, domain)
    with app.users(database, username_field="username", dry_run=False) as repository:
        if not end_sessions(app.wauth, repository, identity):
            raise click.ClickException(f"There is no user {identity} here.")
    click.echo(f"The sessions of {identity} have ended.", err=True)


@click.command()
@click.option("--since", metavar="COOKIE", help="The cookie of the last time.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read the cookie from this file, and write the new one into it.",
)
@domain_option
@pass_app
@output_options
def changes(app: App, since: str | None, state: Path | None, domain: str | None, form: Form) -> None:
    """List who changed, whose groups changed, and who was deleted since the last time.

    Without --since and without a file it prints a first cookie.
    """
    if since and state:
        raise click.UsageError("--since and --state exclude one another.")
    manager = app.manager(domain)
    if state is not None:
        since = _kept(state)
    found = manager.changes(since)
    rows: list[dict[str, Any]] = []
    if not found.complete:
        for guid in sorted(found.people):
            try:
                user = manager.user(guid)
                rows.append({"guid": guid, "what": "changed", "username": user.username, "dn": user.dn})
            except UserNotFound:
                rows.append({"guid": guid, "what": "out of reach", "username": None, "dn": None})
        rows += [{"guid": guid, "what": "deleted", "username": None, "dn": None} for guid in sorted(found.gone)]
    if form is Form.JSON:
        facts = {"complete": found.complete, "sees_deletions": found.sees_deletions, "full_needed": found.full_needed}
        click.echo(as_json({"cookie": found.cookie, **facts, "people": rows}))
    elif not found.complete:
        show(rows, ("what", "username", "guid", "dn"), form, empty="Nothing changed.")
    if state is not None:
        _keep(state, found.cookie)
    elif form is not Form.JSON:
        click.echo(f"--since {found.cookie}", err=bool(sys.stdout.isatty()) or form.is_csv)
    if not found.sees_deletions:
        click.echo("The account lacks 'Replicating Directory Changes': deletions are not seen.", err=True)


def _kept(state: Path) -> str | None:
    """The last cookie; None the first time. Then the file is created, so that an unusable path is reported at once."""
    try:
        state.touch()
        return state.read_text(encoding="utf-8").strip() or None
    except UnicodeDecodeError:
        raise click.ClickException(f"The file {str(state)!r} holds no cookie.") from None
    except OSError as error:
        raise click.ClickException(f"The file {str(state)!r} cannot be used: {error.strerror}.") from None


def _keep(state: Path, cookie: str) -> None:
    try:
        state.write_text(cookie, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"The file {str(state)!r} cannot be written: {error.strerror}.") from None
