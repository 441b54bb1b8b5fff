"""What the tests against the real directory share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.ad.certificates import Authority
from tests.ad.directory import managed
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager

IMPATIENT = {"CONNECT_TIMEOUT": 1, "OPERATION_TIMEOUT": 2}
"""Seconds, so that a test of a server that never answers does not last."""


@pytest.fixture
def open_manager(samba: DomainController) -> Iterator[Callable[..., LDAPManager]]:
    """Opens managers of EXAMPLE with settings of the test's choice, and closes them at the end."""
    with ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(managed(samba, **overrides))


@pytest.fixture(scope="session")
def manager(samba: DomainController) -> Iterator[LDAPManager]:
    """A manager of EXAMPLE with the settings most sites have."""
    with managed(samba) as manager:
        yield manager


@pytest.fixture
def tap(samba: DomainController, ad_authority: Authority) -> Iterator[Tap]:
    """A tap before the controller; see `tap_settings`."""
    with Tap(samba, ad_authority.issue("tap", hosts=("localhost",))) as tap:
        yield tap


@pytest.fixture
def tap_settings(tap: Tap, ad_authority: Authority) -> dict[str, Any]:
    """The settings that lead through the tap."""
    return {"SERVER": tap.url, "CA_FILE": str(ad_authority.ca_file)}


class Stopwatch:
    """How long the block took, in seconds."""

    def __enter__(self) -> Stopwatch:
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.elapsed = time.monotonic() - self._start
