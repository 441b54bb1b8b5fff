"""The town of all tests of this folder, and its three sites, with a crowd whom they know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ad.fixtures import unavailable
from tests.ad.samba import DomainController
from tests.chaos.town import CLOCK, Town, town, why_not

_LINES: list[str] = []


@pytest.fixture(scope="session")
def report() -> Callable[[str], None]:
    """Print a line at the end of the run."""
    return _LINES.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures of this folder."""
    if _LINES:
        terminalreporter.section("figures of the bad days")
        terminalreporter.write_line("\n".join(_LINES))


@pytest.fixture(scope="package")
def chaos(samba: DomainController, samba_second_dc: DomainController) -> Iterator[Town]:
    """Everything that may be lost, and three sites that use it."""
    if (reason := why_not()) is not None or not (samba.owned and samba_second_dc.owned):
        unavailable(reason or "the controllers belong to another process")
    with town(samba, samba_second_dc) as made:
        for name in ("gunicorn", "waitress", "uvicorn"):
            made.start(name)
        made.start(CLOCK, "waitress")
        yield made
