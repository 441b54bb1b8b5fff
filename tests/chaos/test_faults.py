"""Each fault, struck while people ask at real servers: nobody is another, nobody waits, nobody is shut out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.crowd import Crowd, Figures
from tests.chaos.faults import FAULTS, SERVED, Fault
from tests.chaos.town import CLOCK, DEADLINE, Site, Town, user, wait_until

KNOWN = 20  # people whom the sites know
ASKED = 40  # requests to each site during a fault
SLACK = 6.0  # seconds; a busy machine's own. Without a deadline a silent controller costs ten, and a name server twenty
HANDFUL = 6  # questions of one process: those that it had begun, and the tries of who tries for all
BACK_WITHIN = 45.0  # seconds: the longest pause of who tries, and some for the machine
STRANGERS = itertools.count(1000)


@pytest.fixture(scope="module")
def crowds(chaos: Town) -> dict[str, Crowd]:
    """The people whom each site knows."""
    found = {name: site.crowd(0, KNOWN) for name, site in chaos.sites.items()}
    for name, crowd in found.items():
        figures = crowd.ask(KNOWN)
        assert figures.served == KNOWN, (name, figures, chaos.sites[name].process.said())
    return found


@pytest.fixture
def struck(crowds: dict[str, Crowd], fault: Fault) -> dict[str, Crowd]:
    """The crowds of the sites that the fault strikes."""
    return {name: crowd for name, crowd in crowds.items() if (name == CLOCK) is fault.of_clock}


@pytest.fixture
def ask(struck: dict[str, Crowd]) -> Iterator[Callable[..., dict[str, Figures]]]:
    """Let all crowds ask at the same time."""
    with ThreadPoolExecutor(len(struck)) as together:
        yield lambda times: dict(
            zip(struck, together.map(lambda crowd: crowd.ask(times), struck.values()), strict=True)
        )


def statuses(figures: Figures) -> set[int]:
    """Which statuses there were."""
    return {status for status, count in ((200, figures.served), (503, figures.refused)) if count} | set(figures.others)


def stranger(site: Site) -> Figures:
    """What somebody is told who was never here."""
    return site.crowd(0, 0, threads=1).sign_in([user(next(STRANGERS))])


def is_back(site: Site) -> bool:
    """Whether the site lets a stranger in."""
    return stranger(site).served == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_fault(
    chaos: Town,
    struck: dict[str, Crowd],
    ask: Callable[..., dict[str, Figures]],
    report: Callable[[str], None],
    fault: Fault,
) -> None:
    """People whom a site knows are served as the row says, under their own names, by the deadline. Then it is over."""
    sites = {name: chaos.sites[name] for name in struck}
    healthy = ask(ASKED)
    with fault.strike(chaos):
        first = ask(ASKED)
        strangers = {name: stranger(site) for name, site in sites.items()}
        second = ask(ASKED)
    for name, site in sites.items():
        wait_until(lambda site=site: is_back(site), BACK_WITHIN, f"{fault.name}, {name}")  # type: ignore[misc]
    after = ask(KNOWN)
    for name in struck:
        report(f"{fault.name}, {name}: {first[name]}")
        report(f"{' ' * len(fault.name)}  {' ' * len(name)}  {second[name]}")
        if fault.silent:
            rate, slowest = second[name].rate / healthy[name].rate, second[name].percentile(0.99)
            report(f"{rate:.0%} of the healthy throughput; p99 {slowest / healthy[name].percentile(0.99):.1f} times")
    for name in struck:
        said = f"{fault.name}, {name}: {first[name]} | {second[name]}\n{chaos.sites[name].process.said()}"
        for figures in (first[name], second[name]):
            assert figures.wrong == [], said
            assert statuses(figures) <= fault.known.get(name, SERVED), said
            assert figures.longest < DEADLINE + SLACK or name in fault.slow, said
        assert statuses(strangers[name]) <= fault.stranger, (strangers[name], said)
        assert (after[name].served, after[name].wrong) == (KNOWN, []), (after[name], said)
        if fault.silent:
            before, then = first[name].operations, second[name].operations
            asked = {pid: count - before.get(pid, count) for pid, count in then.items()}
            assert all(count <= HANDFUL for count in asked.values()), (asked, said)
