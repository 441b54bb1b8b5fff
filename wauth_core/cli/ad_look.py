"""``wauth ad``: show computers, units, contacts, service accounts, deleted objects, and the domain itself."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import click

from wauth_core.cli.ad import complete
from wauth_core.cli.app import App, domain_option, pass_app
from wauth_core.cli.output import Form, output_options, show, show_one
from wauth_core.directory import LDAPManager
from wauth_core.directory.entries import DirectoryObject

_filter = click.option("-f", "--filter", metavar="FILTER", help='Only those that match, such as "(cn=PC-*)".')
Find = Callable[[LDAPManager, str, tuple[str, ...]], DirectoryObject]
List = Callable[[LDAPManager, str | None, tuple[str, ...]], Iterable[DirectoryObject]]


def _about_the_domain(command: Callable[[LDAPManager, Form], None]) -> click.Command:
    """A command with --domain and the output options. It is called with the manager and the form."""

    @click.command(command.__name__)
    @domain_option
    @pass_app
    @output_options
    @functools.wraps(command)
    def with_manager(app: App, domain: str | None, form: Form) -> None:
        command(app.manager(domain), form)

    return with_manager


def _looking(name: str, help: str, columns: tuple[str, ...], one: Find, many: List) -> click.Command:
    """A command that shows one object, or lists those that a filter finds."""

    @click.command(name, help=help)
    @click.argument("name", required=False, shell_complete=complete)
    @_filter
    @click.option("-a", "--attribute", "attributes", multiple=True, metavar="NAME", help="Show this attribute too.")
    @domain_option
    @pass_app
    @output_options
    def command(
        app: App, name: str | None, filter: str | None, attributes: tuple[str, ...], domain: str | None, form: Form
    ) -> None:
        manager = app.manager(domain, name or "")
        if name is not None:
            show_one(one(manager, name, attributes).as_row(), form)
            return
        rows = (each.as_row() for each in many(manager, filter, attributes))
        show(rows, ("name", *columns, *attributes, "dn"), form, empty="None.")

    return command


computers = _looking(
    "computers",
    "Show the computer NAME; without a NAME list all.",
    ("dNSHostName", "operatingSystem", "lastLogonTimestamp"),
    lambda manager, name, attributes: manager.computer(name, attributes),
    lambda manager, filter, attributes: manager.computers(filter, attributes),
)
ou = _looking(
    "ou",
    "Show the organizational unit NAME; without a NAME list all.",
    ("description",),
    lambda manager, name, attributes: manager.ou(name, attributes),
    lambda manager, filter, attributes: manager.ous(filter, attributes),
)
contacts = _looking(
    "contacts",
    "Show the contact NAME; without a NAME list all.",
    ("displayName", "mail"),
    lambda manager, name, attributes: manager.contact(name, attributes),
    lambda manager, filter, attributes: manager.contacts(filter, attributes),
)
service_accounts = _looking(
    "service-accounts",
    "Show the managed service account NAME; without a NAME list all.",
    ("sAMAccountName", "msDS-ManagedPasswordInterval"),
    lambda manager, name, attributes: manager.service_account(name, attributes),
    lambda manager, filter, attributes: manager.service_accounts(filter, attributes),
)


@click.command()
@_filter
@domain_option
@pass_app
@output_options
def deleted(app: App, filter: str | None, domain: str | None, form: Form) -> None:
    """List deleted objects that the domain still has. The account needs the right to see them."""
    rows = (each.as_row() for each in app.manager(domain).deleted(filter))
    show(rows, ("name", "kind", "whenChanged", "lastKnownParent", "guid"), form, empty="None.")


@_about_the_domain
def domain(manager: LDAPManager, form: Form) -> None:
    """Show the domain: names, level, password and lockout policies, and the difference of its clock from ours."""
    found = manager.domain_info()
    facts = {**_facts(found), "level": found.level_name, "clock_skew": manager.clock_skew.total_seconds()}
    show_one(facts, form)


@_about_the_domain
def forest(manager: LDAPManager, form: Form) -> None:
    """Show the forest: domains, level, UPN suffixes, recycle bin."""
    found = manager.forest_info()
    show_one({**_facts(found), "level": found.level_name}, form)


@_about_the_domain
def controllers(manager: LDAPManager, form: Form) -> None:
    """List the domain controllers with their sites and roles."""
    rows = map(_facts, manager.controllers())
    show(rows, ("name", "host", "site", "is_global_catalog", "is_read_only", "roles"), form, empty="None.")


@_about_the_domain
def sites(manager: LDAPManager, form: Form) -> None:
    """List the forest's sites with their networks and controllers."""
    show(map(_facts, manager.sites()), ("name", "subnets", "controllers"), form, empty="None.")


@_about_the_domain
def trusts(manager: LDAPManager, form: Form) -> None:
    """List the domains and forests that trust this one, or are trusted by it."""
    rows = ({**_facts(each), "kind": each.kind} for each in manager.trusts())
    show(rows, ("partner", "netbios", "direction", "kind", "sid"), form, empty="None.")


def _facts(found: Any) -> dict[str, Any]:
    return dataclasses.asdict(found)
