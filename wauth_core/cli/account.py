"""Accounts and the way to the directory: ``login``, ``whoami`` and ``doctor``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from wauth_core.cli.app import App, domain_option, pass_app
from wauth_core.cli.output import Form, output_options, show, show_one, visible
from wauth_core.directory import Check, LDAPManager, Outcome
from wauth_core.exceptions import DirectoryError
from wauth_core.iis import iis_doctor as server
from wauth_core.iis.machine import ThisMachine
from wauth_core.web.sources import proxy_check


@click.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@domain_option
@click.pass_context
@output_options
def login(ctx: click.Context, name: str, password_stdin: bool, domain: str | None, form: Form) -> None:
    """Check a password: ask for it, and try to sign in as NAME. Exits with 1 if the sign-in is refused."""
    app: App = ctx.obj
    wauth = app.wauth
    if password_stdin:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    else:
        password = click.prompt(f"Password of {name}", hide_input=True, default="", show_default=False, err=True)
    result = wauth.authenticate(name, password, domain)
    answer: dict[str, Any] = {
        "ok": result.ok,
        "identity": str(result.identity) if result.identity else None,
        "reason": result.reason.value,
        "message": result.message,
    }
    show_one(answer, form)
    ctx.exit(0 if result.ok else 1)


@click.command()
@domain_option
@pass_app
@output_options
def whoami(app: App, domain: str | None, form: Form) -> None:
    """Show, for each domain, the account with which these settings sign in to the directory."""
    rows = [_whoami(app.wauth.manager(each)) for each in ([domain] if domain else app.wauth.domains)]
    show(rows, ("domain", "account", "dn", "groups"), form, empty="No domain is in the settings.")


def _whoami(manager: LDAPManager) -> dict[str, Any]:
    """The account that the server reports (RFC 4532); if it does not, the one in the settings."""
    authority = manager.connection.extend.standard.who_am_i()
    account = str(authority or manager.settings.USERNAME or "").removeprefix("u:").removeprefix("dn:")
    found: dict[str, Any] = {"domain": manager.domain, "account": account, "dn": None, "groups": []}
    try:
        user = manager.user(account)
    except DirectoryError:  # a computer's account, or one outside SEARCH_BASE
        return found
    return {**found, "dn": user.dn, "sid": user.sid, "groups": [group.name for group in user.groups()]}


@click.command()
@domain_option
@click.option(
    "--iis", is_flag=True, help="Check instead the site on IIS whose folder this is; on the server, elevated."
)
@click.option("--site", default="", metavar="NAME", help="With --iis: another site, or SITE/APPLICATION.")
@click.option("--proxy", "url", metavar="URL", help="Check instead what a client can send through a site's proxy.")
@click.option("--header", default="RemoteUser", show_default=True, help="With --proxy: the header that names the user.")
@click.option("--send", multiple=True, metavar="'NAME: VALUE'", help="With --proxy: send this header too. Repeatable.")
@click.pass_context
@output_options
def doctor(
    ctx: click.Context,
    domain: str | None,
    iis: bool,
    site: str,
    url: str | None,
    header: str,
    send: tuple[str, ...],
    form: Form,
) -> None:
    """Check the settings and the way to the directory, step by step, with advice. Exits with 1 if a check failed."""
    app: App = ctx.obj
    if iis:
        rows = [row(None, check) for check in server.examine(ThisMachine(), site=site, folder=os.getcwd())]
    elif url is None:
        rows = list(_examine(app, domain))
    else:
        along = tuple((name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in send))
        rows = [row(None, check) for check in proxy_check.examine(url, header, along)]
    if form is Form.TABLE and rows:
        tell(rows)
    else:
        show(rows, ("domain", "outcome", "check", "detail", "advice"), form, empty="No domain is in the settings.")
    ctx.exit(1 if any(row["outcome"] == Outcome.FAILED.value for row in rows) else 0)


_MARKS = {"ok": ("✓", "+", "green"), "warning": ("!", "!", "yellow"), "failed": ("✗", "x", "red")}


def tell(rows: list[dict[str, Any]]) -> None:
    """Each step with its mark, and below it what to do. The verdict comes last."""
    is_plain = not (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    counted = Counter(row["outcome"] for row in rows)
    domain = None
    for row in rows:
        if row["domain"] != domain:
            domain = row["domain"]
            click.secho(visible(str(domain)), bold=True)
        mark, letter, color = _MARKS.get(row["outcome"], ("–", "-", None))
        said = ": ".join(filter(None, (row["check"], row["detail"])))
        click.secho(f"{letter if is_plain else mark} {visible(said)}", fg=color)
        if row["advice"]:
            click.secho(f"  {visible(row['advice'])}", bold=True)
    failed, warned = counted["failed"], counted["warning"]
    found = [f"{failed} failed"] * bool(failed) + [f"{warned} to look at"] * bool(warned)
    verdict = f"Of {counted.total()} checks {' and '.join(found)}." if found else "All is well."
    click.secho(verdict, fg="red" if failed else "yellow" if warned else "green", bold=True)


def _examine(app: App, domain: str | None) -> Iterator[dict[str, Any]]:
    broken = set()
    for problem in app.wauth.problems():
        impossible = not problem.setting
        outcome = Outcome.FAILED if impossible else Outcome.WARNING
        if impossible:
            broken.add(problem.domain)
        if domain is None or problem.domain is None or app.wauth.domains.canonical(domain) == problem.domain:
            yield {"domain": problem.domain, "outcome": outcome.value, "check": "settings", "detail": problem.message}
    for each in [app.wauth.domains.canonical(domain)] if domain else app.wauth.domains:
        if each in broken:
            continue
        for check in app.wauth.manager(each).doctor():
            yield row(each, check)


def row(domain: str | None, check: Check) -> dict[str, Any]:
    """One step of the doctor as a row."""
    return {
        "domain": domain,
        "outcome": check.outcome.value,
        "check": check.name,
        "detail": check.detail,
        "advice": check.advice,
    }
