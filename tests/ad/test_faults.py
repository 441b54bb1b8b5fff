"""Whatever happens to a connection or a controller: an answer or a clear error in time, and service comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.ad.conftest import IMPATIENT, Stopwatch
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import DirectoryError, DirectoryUnavailable

Open = Callable[..., LDAPManager]
LONGEST = IMPATIENT["OPERATION_TIMEOUT"] + 1.0
"""Seconds within which every call ends."""


@pytest.fixture
def tapped(open_manager: Open, tap_settings: dict[str, Any]) -> LDAPManager:
    """An impatient manager whose connections go through the tap, one of them open and idle."""
    manager = open_manager(**tap_settings, **IMPATIENT)
    assert manager.user("alice").username == "alice"
    return manager


def fails_in_time(call: Callable[[], object], within: float = LONGEST) -> str:
    """The call says that the directory is unavailable, and says it in time; its words."""
    with Stopwatch() as watch, pytest.raises(DirectoryUnavailable) as caught:
        call()
    assert watch.elapsed < within
    return str(caught.value)


def works_in_time(manager: LDAPManager, within: float = LONGEST) -> None:
    """A look-up gives the right person in time."""
    with Stopwatch() as watch:
        assert manager.user("bob").username == "bob"
    assert watch.elapsed < within


@pytest.mark.parametrize("octets", [0, 1, 20, 300])
def test_connection_killed_in_the_middle_of_an_answer(tapped: LDAPManager, tap: Tap, octets: int) -> None:
    """A read is tried once more on a fresh connection."""
    tap.cuts, tap.cut_after = 1, octets
    works_in_time(tapped)
    assert tap.cuts == 0


def test_every_answer_breaks_off(tapped: LDAPManager, tap: Tap) -> None:
    """A read is tried twice and not for ever; service returns by itself."""
    tap.forget()
    tap.cuts = 1000
    fails_in_time(lambda: tapped.user("bob"))
    assert tap.accepted <= 3
    tap.cuts = 0
    works_in_time(tapped)


def test_write_is_never_repeated(open_manager: Open, tap_settings: dict[str, Any], tap: Tap) -> None:
    """A write whose answer is lost may have happened: it goes over the wire once, and is an error."""
    controller = tap.controller
    person = controller.create_user()
    manager = open_manager(
        **tap_settings, **IMPATIENT, READ_ONLY=False, USERNAME=controller.admin_user, PASSWORD=controller.admin_password
    )
    connection = manager.connection
    tap.forget()
    tap.cuts = 1
    changes = {"description": [("MODIFY_REPLACE", ["changed"])]}
    with pytest.raises(Exception, match=r".") as caught:
        connection.modify(controller.dn(person), changes)
    assert not isinstance(caught.value, AssertionError)
    assert [seen.kind for seen in tap.seen if seen.kind == "modify"] == ["modify"]
    assert manager.user(person).username == person


@pytest.fixture
def ours(samba: DomainController) -> None:
    """The controller may be killed: nobody else uses it."""
    if not samba.owned:
        pytest.skip("this controller belongs to another process")


@pytest.mark.usefixtures("ours")
class TestController:
    """The controller itself goes down, as controllers do."""

    @pytest.fixture
    def used(self, open_manager: Open) -> LDAPManager:
        """An impatient manager with a connection open and idle."""
        manager = open_manager(**IMPATIENT)
        assert manager.user("alice").username == "alice"
        return manager

    def test_restarted(self, used: LDAPManager, samba: DomainController) -> None:
        """After a restart the next call works."""
        samba.restart()
        works_in_time(used)

    def test_frozen(self, used: LDAPManager, samba: DomainController) -> None:
        """A controller that hangs costs the deadline, for a person who signs in too."""
        with samba.frozen():
            fails_in_time(lambda: used.user("bob"))
            with Stopwatch() as watch:
                result = used.authenticate("bob", samba.password)
            assert not result
            assert watch.elapsed < LONGEST
        works_in_time(used)


@pytest.mark.usefixtures("ours")
class TestTwoControllers:
    """With two controllers of the domain, one may be down."""

    @pytest.fixture
    def both(
        self, open_manager: Open, samba: DomainController, samba_second_dc: DomainController, ad_bundle: str
    ) -> LDAPManager:
        """A manager that knows both, and has not connected yet."""
        return open_manager(SERVER=[samba.host, samba_second_dc.host], CA_FILE=ad_bundle, **IMPATIENT)

    @pytest.fixture
    def ad_bundle(self, samba: DomainController, samba_second_dc: DomainController, tmp_path: Path) -> str:
        """Both controllers' authorities, which differ where they were started by hand."""
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(b"".join(Path(dc.ca_file).read_bytes() for dc in (samba, samba_second_dc)))
        return str(bundle)

    def test_first_is_down(self, both: LDAPManager, samba: DomainController) -> None:
        """The second one answers at once, and again; the first one is used again when it is back."""
        works_in_time(both)
        samba.kill()
        try:
            works_in_time(both)
            works_in_time(both)
        finally:
            samba.start()
        works_in_time(both)

    def test_first_is_down_from_the_start(self, both: LDAPManager, samba: DomainController) -> None:
        """A first call finds the second controller."""
        samba.kill()
        try:
            works_in_time(both)
        finally:
            samba.start()

    def test_first_hangs(self, both: LDAPManager, samba: DomainController) -> None:
        """One that accepts connections and says nothing is given up for the other."""
        works_in_time(both)
        with samba.frozen():
            with suppress(DirectoryUnavailable), Stopwatch() as watch:
                both.user("bob")  # the first call may have spent its time on the connection that hangs
            assert watch.elapsed < LONGEST
            works_in_time(both)
            works_in_time(both, within=0.6)  # less than it takes to find out once more that it hangs

    def test_both_are_down(self, both: LDAPManager, samba: DomainController, samba_second_dc: DomainController) -> None:
        """The error names both; each that comes back serves."""
        samba.kill()
        samba_second_dc.kill()
        try:
            words = fails_in_time(lambda: both.user("bob"))
            assert samba.host in words
            assert samba_second_dc.host in words
            samba_second_dc.start()
            works_in_time(both)
        finally:
            for controller in (samba, samba_second_dc):
                if controller.pid is None:
                    controller.start()

    def test_failed_server_is_probed_again(
        self, both: LDAPManager, samba: DomainController, samba_second_dc: DomainController
    ) -> None:
        """When the second goes down too, the first one is tried even though it failed a moment ago."""
        samba.kill()
        works_in_time(both)
        samba.start()
        samba_second_dc.kill()
        try:
            works_in_time(both)
        finally:
            samba_second_dc.start()


def test_errors_of_ldap3_stop_at_the_directory(tapped: LDAPManager, tap: Tap) -> None:
    """Whichever call meets the fault, what it raises is one of ours."""
    calls: list[Callable[[], object]] = [
        lambda: tapped.user("bob"),
        lambda: list(tapped.users()),
        lambda: tapped.group("Web Admins"),
        lambda: list(tapped.groups()),
        lambda: list(tapped.search("(cn=bob)")),
        lambda: tapped.is_member("bob", "Web Admins"),
        lambda: tapped.get_reader("user", "sAMAccountName: bob").search(),
        lambda: tapped.connection.search(tap.controller.base_dn, "(cn=bob)"),
    ]
    tap.refuse()
    for call in calls:
        tap.cut(reset=True)
        with pytest.raises(DirectoryError):
            call()
