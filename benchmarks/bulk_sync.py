"""A whole domain, kept in step in an SQLite file, beside the least that any way of reading it costs.

    python -m benchmarks.bulk_sync [--rounds 5]

Against the tests' own Samba domain controller (2,000 people, 250 groups nested ten deep), or the one that
WAUTH_TEST_AD names. The floor is raw ldap3: two paged searches, for people and for groups with their memberOf, and
nothing done with the answers. Ratios carry from machine to machine; seconds do not. Exits with 1 where a run that
finds nothing to do takes more than 2.5 times the floor.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import ldap3

from benchmarks.directory_reads import controller
from tests.ad.samba import DomainController
from wauth_core import SQLiteUserRepository, Wauth

AIM = 2.5


def floor(samba: DomainController) -> int:
    """Two paged searches."""
    count = 0
    with samba.connect() as connection:
        for condition, attributes in (
            ("(&(objectCategory=person)(objectClass=user))", ["sAMAccountName", "givenName", "sn", "mail", "memberOf"]),
            ("(objectClass=group)", ["objectSid", "memberOf"]),
        ):
            entries = connection.extend.standard.paged_search(
                samba.base_dn, condition, ldap3.SUBTREE, attributes=attributes, paged_size=500
            )
            count += sum(1 for _ in entries)
    return count


def best(way: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of so many rounds."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        way()
        taken.append(time.perf_counter() - started)
    return min(taken)


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> None:
    """Measure, print, judge."""
    with controller() as samba, tempfile.TemporaryDirectory() as folder:
        settings = samba.settings(GROUP_MAP={"deep": "Group 009"})
        with (
            Wauth({"EXAMPLE": settings}) as wauth,
            SQLiteUserRepository(Path(folder) / "users.sqlite3") as users,
        ):
            raw = best(lambda: floor(samba), rounds)
            first = wauth.sync_all(users, "EXAMPLE")
            again = best(lambda: wauth.sync_all(users, "EXAMPLE"), rounds)
            wauth.sync_all(users, "EXAMPLE", incremental=True)
            news = best(lambda: wauth.sync_all(users, "EXAMPLE", incremental=True), rounds)
    click.echo(f"{first.total} people")
    rows = {"raw ldap3, two searches": raw, "first run": first.elapsed, "nothing to do": again, "no news": news}
    for name, seconds in rows.items():
        click.echo(f"{name:<26}{seconds:8.3f} s{seconds / raw:8.2f} x")
    sys.exit(0 if again <= AIM * raw else 1)


if __name__ == "__main__":
    main()
