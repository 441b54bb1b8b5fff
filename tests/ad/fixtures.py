"""The fixtures `samba`, `samba_second_dc`, `other_domain` and `openldap`, for every test folder.

Each starts what it needs when the first test asks for it. Where that can't be, the tests are skipped with the
reason; with WAUTH_REQUIRE_AD=1 they fail.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ad import hosts, slapd
from tests.ad.cache import cache_folder
from tests.ad.certificates import Authority
from tests.ad.places import DC1, DC2, OTHER_DC, Place, busy_port, why_not
from tests.ad.samba import DomainController
from tests.ad.slapd import OpenLDAP

PREFIX = "wauth-ad-"
FIXTURES = frozenset({"samba", "samba_second_dc", "other_domain", "openldap"})


def unavailable(reason: str) -> None:
    """Skip the test for this reason, or fail it where the directory is required."""
    if os.environ.get("WAUTH_REQUIRE_AD") == "1":
        pytest.fail(f"WAUTH_REQUIRE_AD=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses one of these fixtures with `ad`."""
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.ad)


@pytest.fixture(scope="session")
def ad_folder() -> Iterator[Path]:
    """A short-lived folder for all servers of the session."""
    _forget_killed_sessions()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # web servers of other users read the keytab and krb5.conf
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _forget_killed_sessions() -> None:
    """Delete what test runs left behind that were killed before they could tidy up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ad_authority(ad_folder: Path) -> Authority:
    """The authority that all test servers' certificates come from."""
    elsewhere = running_elsewhere()
    if elsewhere is not None:
        shutil.copytree(elsewhere / "authority", ad_folder / "authority")
    return Authority(ad_folder / "authority")


@pytest.fixture(scope="session")
def ad_names() -> Iterator[None]:
    """The servers' names resolve, for as long as the session lasts."""
    hosts.add()
    yield
    if running_elsewhere() is None:
        hosts.remove()


def running_elsewhere() -> Path | None:
    """The folder of controllers that `python -m tests.ad up` left running and WAUTH_TEST_AD names."""
    named = os.environ.get("WAUTH_TEST_AD")
    return Path(named) if named else None


def folder_name(place: Place) -> str:
    """Where in a session's folder a controller lives."""
    return f"{place.name}.{place.domain.netbios.lower()}"


@pytest.fixture(scope="session")
def samba(request: pytest.FixtureRequest) -> Iterator[DomainController]:
    """The domain controller dc1.example.local of EXAMPLE, with everybody of `people.EXAMPLE` in it."""
    yield from _controller(request, DC1)


@pytest.fixture(scope="session")
def samba_second_dc(request: pytest.FixtureRequest, samba: DomainController) -> Iterator[DomainController]:
    """The second controller of EXAMPLE, dc2.example.local, with a copy of what the first one held."""
    yield from _controller(request, DC2, first=samba)


@pytest.fixture(scope="session")
def other_domain(request: pytest.FixtureRequest) -> Iterator[DomainController]:
    """The controller dc1.other.local of another domain, with twins of some people of EXAMPLE."""
    yield from _controller(request, OTHER_DC)


@pytest.fixture(scope="session")
def openldap(ad_folder: Path, ad_authority: Authority) -> Iterator[OpenLDAP]:
    """An OpenLDAP with people and nested groups, for what must work without Active Directory."""
    reason = slapd.why_not()
    if reason is not None:
        unavailable(reason)
    server = OpenLDAP(ad_folder / "openldap", ad_authority)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _controller(
    request: pytest.FixtureRequest, place: Place, first: DomainController | None = None
) -> Iterator[DomainController]:
    elsewhere = running_elsewhere()
    if elsewhere is not None and (elsewhere / folder_name(place)).is_dir():
        request.getfixturevalue("ad_names")
        yield DomainController(place, elsewhere / folder_name(place), owned=False)
        return
    reason = why_not()
    if reason is None and (port := busy_port(place.address)) is not None:
        reason = f"something else listens on {place.address}:{port}"
    if reason is not None:
        unavailable(reason)
    request.getfixturevalue("ad_names")
    folder = request.getfixturevalue("ad_folder") / folder_name(place)
    controller = DomainController(place, folder, request.getfixturevalue("ad_authority"))
    try:
        if first is None:
            controller.prepare(cache_folder())
        else:
            controller.join(first)
        controller.start()
        yield controller
    finally:
        controller.kill()
