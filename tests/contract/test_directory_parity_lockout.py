"""The guard of passwords over the embedded directory and a real AD (Samba): no policy's threshold is reached."""

from __future__ import annotations

from typing import Any

import ldap3
import pytest

from tests.contract.directories import DirectoryUnderTest, Scratch
from wauth_core import Wauth
from wauth_core.directory import AuthReason

WRONG, LOCKED = AuthReason.BAD_PASSWORD, AuthReason.LOCKED
SERVICE = "EXAMPLE\\svc_web"


def site(directory: DirectoryUnderTest, **more: Any) -> Wauth:
    """A site that has counted nothing yet, and signs people in by the service account."""
    settings = {
        "SERVER": f"ldaps://{directory.host}:{directory.tls_port}",
        "USERNAME": SERVICE,
        "PASSWORD": directory.password,
        "SEARCH_BASE": directory.base,
        "CA_FILE": directory.ca_file,
        **more,
    }
    return Wauth({"EXAMPLE": settings})


def guesses(wauth: Wauth, name: str, count: int) -> list[AuthReason]:
    """What wrong passwords come to, one after the other."""
    return [wauth.authenticate(name, f"wrong {number}").reason for number in range(count)]


@pytest.mark.parametrize("through", ["the account", "a group"])
def test_a_fine_grained_policy_locks_nobody(directory: DirectoryUnderTest, scratch: Scratch, through: str) -> None:
    """It locks after three, for one person or a group's; the domain's own locks nobody. The last one is not tried."""
    name, group = scratch.person(), scratch.group()
    dn = directory.dn(name)
    assert directory.modify(group, {"member": [(ldap3.MODIFY_ADD, [dn])]}) == 0
    scratch.policy(dn if through == "the account" else group, LockoutThreshold="3")
    with site(directory, USERNAME=directory.admin) as wauth:
        assert guesses(wauth, name, 4) == [WRONG, WRONG, LOCKED, LOCKED]
        assert wauth.manager("EXAMPLE").user(name).state.reasons == ()
    assert directory.sign_in(f"EXAMPLE\\{name}", "G00d-password") == "ok"


def test_a_policy_that_the_service_account_may_not_read(
    directory: DirectoryUnderTest, scratch: Scratch, caplog: pytest.LogCaptureFixture
) -> None:
    """By default administrators alone read them: three wrong passwords are taken to lock, and the log says so."""
    name = scratch.person()
    scratch.policy(directory.dn(name), LockoutThreshold="3")
    with site(directory) as wauth:
        assert guesses(wauth, name, 3) == [WRONG, WRONG, LOCKED]
    assert directory.sign_in(f"EXAMPLE\\{name}", "G00d-password") == "ok"
    assert ("cannot be read" in caplog.text) is (directory.name == "samba")  # ours shows everything to everybody
