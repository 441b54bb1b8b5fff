"""Load for as long as one likes, while one part after the other fails: two thousand people, and nobody is another.

WAUTH_CHAOS_MINUTES is how long it lasts; without it a short while.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.crowd import Figures
from tests.chaos.faults import FAULTS
from tests.chaos.town import CLOCK, Site, Town

MINUTES = float(os.environ.get("WAUTH_CHAOS_MINUTES", "0.4"))
PEOPLE = 2000 if MINUTES >= 5 else 60
LASTS = 12.0 if MINUTES >= 5 else 4.0  # seconds that a fault lasts
REST = 18.0 if MINUTES >= 5 else 3.0  # seconds between two of them
AT_LAST = min(PEOPLE, 200)  # requests to each site when all is over
SHARED = 8  # connections of a pool (POOL_SIZE) that one process may keep
GROWS = 1.5  # times as much memory as at first


class Watch:
    """What the processes of a site hold: at first, when everybody is known, and at last."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.most_connections = 0
        self.first = self._now()
        self.lines = site.log_lines()

    def look(self) -> tuple[int, int, int, int]:
        """Processes, megabytes, descriptors and connections to controllers now."""
        now = self._now()
        self.most_connections = max(self.most_connections, now[3])
        return now

    def _now(self) -> tuple[int, int, int, int]:
        held = self._site.held()
        return (
            len(held),
            sum(each.memory for each in held) >> 20,
            sum(each.files for each in held),
            sum(each.connections for each in held),
        )

    def __str__(self) -> str:
        now = self.look()
        words = zip(("processes", "MB", "descriptors", "connections"), self.first, now, strict=True)
        told = ", ".join(f"{before} to {after} {what}" for what, before, after in words)
        return f"{told} (at most {self.most_connections}), {self._site.log_lines() - self.lines} log lines"


def test_soak(chaos: Town, report: Callable[[str], None]) -> None:
    """No wrong name or right, and no status of a traceback; what is held does not grow; at last everybody is served."""
    sites = {name: site for name, site in chaos.sites.items() if name != CLOCK}
    crowds = [site.crowd(0, PEOPLE) for site in sites.values()]
    over = threading.Event()
    with ThreadPoolExecutor(len(crowds)) as together:
        asking = [together.submit(crowd.ask_until, over) for crowd in crowds]
        ends = time.monotonic() + 60 * MINUTES
        time.sleep(REST)
        watches = {name: Watch(site) for name, site in sites.items()}
        struck = []
        for fault in itertools.cycle(each for each in FAULTS if not each.of_clock):
            with fault.strike(chaos):
                time.sleep(LASTS)
            struck.append(fault.name)
            time.sleep(REST)
            for watch in watches.values():
                watch.look()
            if time.monotonic() > ends:
                break
        over.set()
        figures: list[Figures] = [each.result() for each in asking]
        last = list(together.map(lambda crowd: crowd.ask(AT_LAST), crowds))
    report(f"soak of {MINUTES:g} minutes, {PEOPLE} people, {len(struck)} faults: {', '.join(struck)}")
    for crowd, told, after in zip(crowds, figures, last, strict=True):
        site, watch = chaos.sites[crowd.name], watches[crowd.name]
        report(f"soak, {crowd.name}: {told}; {sum(told.operations.values())} LDAP operations; {watch}")
        said = f"{crowd.name}: {told}, then {after}\n{site.process.said()}"
        assert told.wrong == after.wrong == [], (told.wrong, after.wrong, said)
        cut_in_the_middle = crowd.threads * sum("databases" in name for name in struck)  # the page's own query
        assert set(told.others) <= {500}, said
        assert told.others[500] <= cut_in_the_middle, said
        assert after.served == AT_LAST, said
        processes, memory, files, _ = watch.look()
        assert watch.most_connections <= SHARED * processes, said
        assert memory <= GROWS * watch.first[1], (watch.first, memory)
        assert files <= watch.first[2] + (SHARED + 5) * processes, (watch.first, files)
