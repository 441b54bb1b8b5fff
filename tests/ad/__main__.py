"""Keep the test directory running while you work: `python -m tests.ad up|down|env|status`."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path

import click

from tests.ad import hosts
from tests.ad.cache import cache_folder
from tests.ad.certificates import Authority
from tests.ad.fixtures import folder_name, running_elsewhere
from tests.ad.places import DC1, DC2, OTHER_DC, Place, why_not
from tests.ad.samba import DomainController

PLACES = (DC1, DC2, OTHER_DC)


@click.group()
@click.option("--folder", type=click.Path(path_type=Path), help="Where it lives.")
@click.pass_context
def main(context: click.Context, folder: Path | None) -> None:
    """A real Active Directory on loopback that stays up until told otherwise."""
    context.obj = folder or running_elsewhere() or Path(tempfile.gettempdir()) / f"wauth-ad-{os.getuid()}"


@main.command()
@click.option("--all", "everything", is_flag=True, help="With the second controller and the other domain.")
@click.pass_obj
def up(folder: Path, everything: bool) -> None:
    """Start it; make it first where there is none."""
    reason = why_not()
    if reason:
        raise click.ClickException(reason)
    hosts.add()
    first: DomainController | None = None
    for place in PLACES if everything else PLACES[:1]:
        controller = _controller(folder, place)
        if controller.pid is None:
            _start(controller, first, folder)
        first = first or controller
        click.echo(f"{controller.host} runs at {controller.address}, process {controller.pid}")


@main.command()
@click.pass_obj
def down(folder: Path) -> None:
    """Stop it and forget it."""
    for place in PLACES:
        _controller(folder, place).kill()
    hosts.remove()
    shutil.rmtree(folder, ignore_errors=True)


@main.command()
@click.pass_obj
def env(folder: Path) -> None:
    """Print what a shell needs to use it: `eval "$(python -m tests.ad env)"`."""
    controller = _controller(folder, DC1)
    values = {
        "WAUTH_TEST_AD": str(folder),
        "KRB5_CONFIG": controller.krb5_conf,
        "LDAPTLS_CACERT": controller.ca_file,
    }
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@click.pass_obj
def status(folder: Path) -> None:
    """Say what runs."""
    for place in PLACES:
        controller = _controller(folder, place)
        state = "down" if controller.pid is None else "answers" if controller.answers() else "does not answer"
        click.echo(f"{controller.host:20} {controller.address:12} {state}")


def _controller(folder: Path, place: Place) -> DomainController:
    return DomainController(place, folder / folder_name(place), owned=False)


def _start(controller: DomainController, first: DomainController | None, folder: Path) -> None:
    if not controller.folder.is_dir():
        authority = Authority(folder / "authority")
        made = DomainController(controller.place, controller.folder, authority)
        if first is not None and first.domain is controller.domain:
            made.join(first)
        else:
            made.prepare(cache_folder())
    controller.start()


if __name__ == "__main__":
    main()
