"""Whether time tells which names exist: a wrong password of a known name beside one of an unknown name, or domain.

``python -m benchmarks.password_times`` asks the embedded directory; with BENCHMARK_DOMAINS (WAUTH_DOMAINS in JSON)
another one. Prints the ratio of the medians to that of a known name, and how far the middle half spreads.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator

from wauth_core import Wauth
from wauth_core.passwords import Guard
from wauth_core.testing import EmbeddedDirectory

ROUNDS = 200
NAMES = {"known": "alice", "unknown name": "nobody", "unknown domain": "NOWHERE\\alice"}


@contextlib.contextmanager
def domains() -> Iterator[dict[str, object]]:
    """The settings of a directory that runs."""
    given = os.environ.get("BENCHMARK_DOMAINS")
    if given:
        yield json.loads(given)
        return
    with EmbeddedDirectory() as directory:
        yield {"EXAMPLE": directory.settings()}


def main() -> None:
    """Ask in turns, so that a slow moment of the machine is everybody's."""
    taken: dict[str, list[float]] = {kind: [] for kind in NAMES}
    with domains() as settings, Wauth(settings) as wauth:
        for number in itertools.chain(range(10), range(ROUNDS)):
            for kind, name in NAMES.items():
                pace, wauth._guard = wauth._guard._pace, Guard()  # what is measured is a first attempt
                wauth._guard._pace = pace
                began = time.perf_counter()
                wauth.authenticate(name, f"wrong {number}")
                taken[kind].append(time.perf_counter() - began)
    known = statistics.median(taken["known"][10:])
    for kind, times in taken.items():
        low, middle, high = statistics.quantiles(times[10:], n=4)
        print(f"{kind:15} {middle * 1000:6.2f} ms  {middle / known:5.2f}  ({low / known:.2f} to {high / known:.2f})")


if __name__ == "__main__":
    main()
