"""Look at the directory: ``user``, ``groups``, ``members`` and ``search``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import click

from wauth_core.cli.app import App, domain_option, pass_app
from wauth_core.cli.output import Form, output_options, show, show_one
from wauth_core.directory import DirectoryGroup, DirectoryUser
from wauth_core.directory.filters import dn_key
from wauth_core.settings import mapped_attributes

_PEOPLE = ("username", "display_name", "email", "enabled", "dn")
_attributes = click.option(
    "-a", "--attribute", "attributes", multiple=True, metavar="NAME", help="Show this attribute too. Repeatable."
)


@click.command()
@click.argument("name")
@_attributes
@domain_option
@pass_app
@output_options
def user(app: App, name: str, attributes: tuple[str, ...], domain: str | None, form: Form) -> None:
    """Show the person NAME: names, GUID, SID, state, and the mapped attributes."""
    manager = app.manager(domain, name)
    mapped = mapped_attributes(manager.settings.USER_FIELD_MAP)
    found = manager.user(name, tuple(dict.fromkeys((*mapped, *attributes))))
    shown = attributes or mapped
    facts = {**_person(found), "state": found.state.reasons, "expires_at": found.state.expires_at}
    chosen = _chosen(found.attributes, shown)
    show_one({**facts, "attributes": chosen} if form is Form.JSON else {**facts, **chosen}, form)


@click.command()
@click.argument("name", required=False)
@domain_option
@pass_app
@output_options
def groups(app: App, name: str | None, domain: str | None, form: Form) -> None:
    """List all security groups that the person NAME is in, nested ones too; with no NAME, those of the domain."""
    manager = app.manager(domain, name or "")
    if name is None:
        show((_group(group) for group in manager.groups()), ("name", "sid", "dn"), form, empty="No groups.")
        return
    found = manager.user(name, ("memberOf", "primaryGroupID"))
    direct = {dn_key(dn) for dn in found.attributes.get("memberOf") or ()}
    primary = f"{str(found.sid).rpartition('-')[0]}-{found.attributes.get('primaryGroupID')}"
    rows = [
        {**_group(group), "how": _how(group, direct, primary)} for group in sorted(found.groups(), key=lambda g: g.name)
    ]
    show(rows, ("name", "how", "sid", "dn"), form, empty="In no groups.")


@click.command()
@click.argument("group")
@click.option("-r", "--recursive", is_flag=True, help="The people in nested groups too.")
@_attributes
@domain_option
@pass_app
@output_options
def members(app: App, group: str, recursive: bool, attributes: tuple[str, ...], domain: str | None, form: Form) -> None:
    """List the people in GROUP, including those whose primary group it is."""
    people = app.manager(domain, group).members(group, recursive=recursive, attributes=attributes)
    rows = ({**_person(each), **_chosen(each.attributes, attributes)} for each in people)
    show(rows, (*_PEOPLE[:-1], *attributes, "dn"), form)


@click.command()
@click.argument("filter", metavar="FILTER")
@_attributes
@click.option("--base", metavar="DN", help="Where to start. [default: SEARCH_BASE]")
@click.option("--scope", type=click.Choice(["base", "level", "subtree"]), default="subtree", show_default=True)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Stop after so many entries.")
@domain_option
@pass_app
@output_options
def search(
    app: App,
    filter: str,
    attributes: tuple[str, ...],
    base: str | None,
    scope: str,
    limit: int | None,
    domain: str | None,
    form: Form,
) -> None:
    """Search with the LDAP filter FILTER, such as "(&(objectCategory=person)(l=Leeds))".

    In JSON each entry has the attributes asked for; by default all. A table and CSV have a column for each attribute
    asked for.
    """
    entries = islice(app.manager(domain).search(filter, attributes, base, scope), limit)
    if form is Form.JSON:
        rows = ({"dn": each.dn, **each.attributes} for each in entries)
    else:
        rows = ({"dn": each.dn, **_chosen(each.attributes, attributes)} for each in entries)
    show(rows, (*attributes, "dn"), form, empty="No entries.")


def _person(user: DirectoryUser) -> dict[str, Any]:
    return {
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "upn": user.upn,
        "enabled": user.enabled,
        "dn": user.dn,
        "guid": user.guid,
        "sid": user.sid,
    }


def _group(group: DirectoryGroup) -> dict[str, Any]:
    return {"name": group.name, "sid": group.sid, "guid": group.guid, "dn": group.dn}


def _how(group: DirectoryGroup, direct: set[str], primary: str) -> str:
    return "primary" if group.sid == primary else "direct" if dn_key(group.dn) in direct else "nested"


def _chosen(attributes: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: attributes.get(name) for name in names}
