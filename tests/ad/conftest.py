"""Managers of the test domains, for the tests of what goes to the directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ad.directory import managed
from tests.ad.samba import DomainController
from wauth_core.directory import LDAPManager


@pytest.fixture(scope="session")
def manager(samba: DomainController) -> Iterator[LDAPManager]:
    """A manager of EXAMPLE with the settings most sites have."""
    with managed(samba) as manager:
        yield manager
