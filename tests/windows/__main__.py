"""``python -m tests.windows [TESTS...]``: README's test command on Windows' Python under Wine.

Without TESTS the folders that speak to no Samba, no browser and no other server; two at a time, each in a Wine prefix
and a pytest of its own. Prints how each ended, all of what a failed one said, and exits with 1 if one failed. A few
tests that fail are run once more, alone, and that is printed: beside another run a deadline of a test may pass.
"""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from tests.windows.wine import WindowsPython, windows_python

FOLDERS = ("tests/core", "tests/django_app", "tests/contract", "tests/flask_app", "tests/wsgi")  # the longest first
ALONE = 5  # tests at most
SECONDS = 1200  # for one of them, on a busy machine


def main(tests: list[str]) -> int:
    """Run them; how many failed."""
    with windows_python() as first, ThreadPoolExecutor(2) as workers:
        free: SimpleQueue[WindowsPython] = SimpleQueue()
        free.put(first)
        free.put(first.beside("prefix-2"))

        def run(test: str) -> tuple[str, bool, float, str]:
            python, began = free.get(), time.monotonic()
            try:
                finished = python.pytest("-q", "-m", "not ad and not wine", test, timeout=SECONDS)
                again = re.findall(r"^(?:FAILED|ERROR) (tests/.*?)(?: - .*)?$", finished.output, re.MULTILINE)
                well = finished.code == 0
                if again and len(again) <= ALONE:
                    alone = python.pytest("-q", *again, timeout=SECONDS)
                    well = alone.code == 0
                    say(f"{'Passed' if well else 'Failed'} alone, after a failure: {', '.join(again)}")
            finally:
                free.put(python)
            return test, well, time.monotonic() - began, finished.output

        failed = 0
        for ended in as_completed([workers.submit(run, test) for test in tests]):
            test, well, seconds, output = ended.result()
            summary = re.findall(r"^=*\s*(\d+ [a-z]+.* in .*?)\s*=*$", output, re.MULTILINE)
            say(f"{test}: {summary[-1] if summary else 'no summary'}; {seconds:.0f} s in all")
            if not well:
                failed += 1
                say(output)
    return failed


def say(line: str) -> None:
    """Print it now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(FOLDERS)) > 0)
