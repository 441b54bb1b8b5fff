"""A site whose only controller falls silent: how many requests a second it serves, and how long the longest one takes.

    python -m benchmarks.silent_controller [--seconds 20] [--threads 8]

A Flask application whose people are all known and due every five seconds asks the tests' own Samba domain controller
(or the one that WAUTH_TEST_AD names), which is then frozen. Exits with 1 where the silent site serves less than 80 % of
what the healthy one does.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import click

from benchmarks.directory_reads import controller
from tests.flask_app import applications

AIM = 0.8
SETTLED = 12.0  # seconds; the first silence is a time-out of whoever asks just then


def load(app: Any, people: list[str], threads: int, seconds: float) -> tuple[float, list[float], dict[int, int]]:
    """Requests a second, how long each took, and the statuses."""
    taken: list[float] = []
    statuses: dict[int, int] = {}
    until = time.monotonic() + seconds

    def visit(number: int) -> None:
        browsers = {name: app.test_client() for name in people}
        while (began := time.monotonic()) < until:
            number += 1
            name = people[number % len(people)]
            response = browsers[name].get("/member", environ_overrides={"REMOTE_USER": f"EXAMPLE\\{name}"})
            taken.append(time.monotonic() - began)
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

    visitors = [threading.Thread(target=visit, args=(number * 7,)) for number in range(threads)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    return len(taken) / seconds, sorted(taken), statuses


@click.command()
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--threads", default=8, show_default=True)
def main(seconds: float, threads: int) -> None:
    """Measure, print, judge."""
    with controller() as samba:
        app: Any = applications.with_cache(samba, WAUTH_RESYNC_DELTA=5)
        people = [f"user{number:05}" for number in range(40)]
        load(app, people, 1, 2)
        figures = {"healthy": load(app, people, threads, seconds)}
        with samba.frozen():
            figures["falling silent"] = load(app, people, threads, SETTLED)
            figures["silent"] = load(app, people, threads, seconds)
        app.extensions["wauth"].close()
    for name, (rate, taken, statuses) in figures.items():
        p99 = taken[int(len(taken) * 0.99)]
        click.echo(f"{name:15} {rate:7.0f}/s  p99 {p99 * 1000:6.0f} ms  longest {taken[-1]:5.1f} s  {statuses}")
    if figures["silent"][0] < AIM * figures["healthy"][0]:
        sys.exit(1)


if __name__ == "__main__":
    main()
