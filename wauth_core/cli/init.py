"""``wauth init``: ask for a domain's settings, try them, and write them without the password."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import click

from wauth_core.cli.account import row, tell
from wauth_core.cli.app import HERE
from wauth_core.directory import Outcome, filters
from wauth_core.directory.discovery import lookup_srv
from wauth_core.exceptions import WauthError
from wauth_core.service import Wauth

SECRET = "AD_PASSWORD"  # noqa: S105 - the variable's name
FILES = {"wauth.toml": HERE, "django": "wauth_settings.py", "flask": "wauth_settings.py"}
DNS_TIMEOUT = 3.0  # seconds


@click.command()
@click.option("--server", metavar="HOST", help="A domain controller; without it DNS is asked for one.")
@click.option("--write", "kind", type=click.Choice(list(FILES)), default="wauth.toml", show_default=True)
@click.pass_context
def init(ctx: click.Context, server: str | None, kind: str) -> None:
    """Ask for the settings of a domain, try them as ``wauth doctor`` does, and write them.

    The password is tried and not written: the file names the environment variable AD_PASSWORD.
    """
    path = Path(FILES[kind])
    if path.exists():
        raise click.ClickException(f"{path} is there already. Move it away first.")
    dns = click.prompt("The domain's DNS name", default=socket.getfqdn().partition(".")[2] or None).strip(".")
    server = server or found(dns) or click.prompt("A domain controller (none is found by DNS)")
    domain = click.prompt("Its NetBIOS name", default=dns.partition(".")[0].upper())
    settings = {
        "SERVER": server,
        "SEARCH_BASE": click.prompt(
            "Search below", default=",".join(filters.rdn("DC", label) for label in dns.split("."))
        ),
        "USERNAME": click.prompt("An account that may read the directory", default=f"{domain}\\svc_web"),
    }
    password = click.prompt("Its password", hide_input=True)
    if ca_file := click.prompt(
        "Certificate authority (PEM file; empty: this machine's)", default="", show_default=False
    ):
        settings["CA_FILE"] = str(Path(ca_file).absolute())
    if not _works(domain, {**settings, "PASSWORD": password}):
        click.confirm("Write these settings all the same?", abort=True)
    path.write_text(_toml(domain, settings) if kind == "wauth.toml" else _python(domain, settings), "utf-8")
    click.echo(f"Wrote {path}. Set the environment variable {SECRET} to the password: it is not in the file.")


def found(dns: str) -> str | None:
    """``dns:…``, if DNS names domain controllers of *dns*, and dnspython is installed to ask."""
    try:
        records, _ = lookup_srv(f"_ldap._tcp.dc._msdcs.{dns}", DNS_TIMEOUT)
    except WauthError:
        return None
    return f"dns:{dns}" if records else None


def _works(domain: str, settings: dict[str, Any]) -> bool:
    with Wauth({domain: settings}) as wauth:
        checks = wauth.manager(domain).doctor()
    tell([row(domain, each) for each in checks])
    return all(each.outcome is not Outcome.FAILED for each in checks)


def _toml(domain: str, settings: dict[str, str]) -> str:
    lines = [f"{name} = {toml_text(value)}" for name, value in settings.items()]
    return "\n".join([f"[domains.{toml_text(domain)}]", *lines, f'PASSWORD = {{ env = "{SECRET}" }}', ""])


def _python(domain: str, settings: dict[str, str]) -> str:
    lines = [f"        {name!r}: {value!r}," for name, value in settings.items()]
    head = ["from wauth_core import secrets", "", "WAUTH_DOMAINS = {", f"    {domain!r}: {{"]
    return "\n".join([*head, *lines, f"        'PASSWORD': secrets.env({SECRET!r}),", "    },", "}", ""])


def toml_text(text: str) -> str:
    """A TOML string; a literal one if it holds a backslash, since that is easier to read."""
    return f"'{text}'" if "\\" in text and "'" not in text else json.dumps(text, ensure_ascii=False)
