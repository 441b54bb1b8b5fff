"""The command itself."""

from __future__ import annotations

from pathlib import Path

import click

from wauth_core.cli.migrate.packages import PACKAGES
from wauth_core.cli.migrate.report import Migrated
from wauth_core.cli.migrate.settings_file import assignments


@click.command("migrate-settings")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "package", type=click.Choice(list(PACKAGES)), help="Default: what the file has settings of.")
def migrate_settings(file: Path, package: str | None) -> None:
    """Print our settings for those of another package in FILE, with a note for each that has no equal.

    FILE is read, not run: a settings.py of django-auth-ldap, django-python3-ldap or django-windowsauth, or the Python
    file that configures flask-ldap3-login. A password that stands in it is not printed.
    """
    try:
        given = assignments(file.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} is not Python: {error}") from None
    if package is None:
        package = next(
            (each for each, (prefix, _) in PACKAGES.items() if any(n.startswith(prefix) for n in given)), None
        )
    if package is None:
        raise click.ClickException(f"{file} has no settings of {', '.join(PACKAGES)}.")
    result = Migrated(package)
    PACKAGES[package][1](given, result)
    click.echo(result.printed(), nl=False)
