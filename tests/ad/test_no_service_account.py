"""Password sign-in without a service account: a person's own bind reads their own entry and groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.directory import AuthReason
from wauth_core.exceptions import DirectoryError
from wauth_core.testing import MemoryUserRepository
from wauth_core.user import WindowsUser

RIGHTS = {"SUPERUSER_GROUPS": "Domain Admins", "STAFF_GROUPS": "Nested L1", "MIRROR_GROUPS": "Nested*"}


@pytest.fixture
def wauth(samba: DomainController, tap_settings: dict[str, Any]) -> Iterator[Wauth]:
    """EXAMPLE through the tap, without an account."""
    domain = samba.settings(**tap_settings, **RIGHTS, USERNAME="", PASSWORD="")
    with Wauth({"EXAMPLE": domain}) as wauth:
        yield wauth


@pytest.mark.parametrize("typed", ["alice", "ALICE", "EXAMPLE\\alice", "alice@example.local"])
def test_a_person_reads_themselves(wauth: Wauth, samba: DomainController, tap: Tap, typed: str) -> None:
    """One bind as the person, and over that connection the entry and the groups; the sync asks nothing more."""
    store = MemoryUserRepository()
    result = wauth.authenticate(typed, samba.password)
    assert (result.reason, result.identity) == (AuthReason.OK, Identity("EXAMPLE", "alice"))
    own = {seen.connection for seen in tap.seen if seen.kind == "bind" and b"alice" in seen.octets.lower()}
    assert len(own) == 1
    tap.forget()
    synced = wauth.sync(result.identity, store)
    assert [seen for seen in tap.seen if seen.kind != "unbind"] == []  # the tap may see that of the sign-in late
    assert synced.status is SyncStatus.CREATED
    with Wauth({"EXAMPLE": samba.settings(**RIGHTS)}) as usual:
        expected = usual.sync(Identity("EXAMPLE", "alice"), MemoryUserRepository())
    assert (synced.flags, synced.groups) == (expected.flags, expected.groups)
    assert synced.flags["is_staff"]
    assert store.users[synced.key].fields["email"] == "alice@example.local"
    assert WindowsUser(result.identity, directory=wauth.people).in_group("Domain Users") is True
    assert (
        WindowsUser(result.identity, directory=wauth.people).in_group("Domain Admins") is synced.flags["is_superuser"]
    )


REFUSED = [
    pytest.param("bob", "wrong", AuthReason.BAD_PASSWORD, id="wrong-password"),
    pytest.param("nobody", "wrong", AuthReason.BAD_PASSWORD, id="nobody"),
    pytest.param("disabled.dan", None, AuthReason.DISABLED, id="disabled"),
    pytest.param("OTHER\\bob", None, AuthReason.NO_SUCH_USER, id="another-domain"),
    pytest.param("timothy", None, AuthReason.NO_SUCH_USER, id="a-upn-is-no-bare-name"),
    pytest.param("CN=bob,OU=Staff,DC=example,DC=local", None, AuthReason.NO_SUCH_USER, id="dn"),
    pytest.param("bob", "", AuthReason.EMPTY_PASSWORD, id="no-password"),
    pytest.param("*", None, AuthReason.BAD_PASSWORD, id="star"),
]


@pytest.mark.parametrize(("typed", "password", "reason"), REFUSED)
def test_a_refusal_has_its_reason(
    wauth: Wauth, samba: DomainController, typed: str, password: str | None, reason: AuthReason
) -> None:
    """AD's reasons come from the bind; a name never matches somebody else."""
    result = wauth.authenticate(typed, samba.password if password is None else password)
    assert (result.reason, result.identity) == (reason, None)


def test_an_explicit_upn_signs_its_owner_in(wauth: Wauth, samba: DomainController) -> None:
    """timothy@example.local is tim."""
    result = wauth.authenticate("timothy@example.local", samba.password)
    assert result.identity == Identity("EXAMPLE", "tim")


def test_filters_hold(samba: DomainController) -> None:
    """Whom USER_QUERY_FILTER or SEARCH_BASE leaves out signs in by no door."""
    for settings in ({"USER_QUERY_FILTER": {"title": "Queen"}}, {"SEARCH_BASE": f"OU=Leavers,{samba.base_dn}"}):
        domain = samba.settings(USERNAME="", PASSWORD="", **settings)
        with Wauth({"EXAMPLE": domain}) as wauth:
            assert wauth.authenticate("bob", samba.password).reason is AuthReason.NO_SUCH_USER


def test_what_needs_a_service_account_says_so(wauth: Wauth, samba: DomainController) -> None:
    """Looking at others, and a sync that no sign-in precedes; what was read is used once."""
    store = MemoryUserRepository()
    identity = wauth.authenticate("bob", samba.password).identity
    assert identity is not None
    assert wauth.sync(identity, store).ok
    for ask in (
        lambda: wauth.sync(identity, store),
        lambda: wauth.sync_all(store, "EXAMPLE"),
        lambda: wauth.manager("EXAMPLE").user("alice"),
        lambda: WindowsUser(identity, directory=wauth.people).in_group("Web Admins"),
    ):
        with pytest.raises(DirectoryError, match="needs a service account: set USERNAME and PASSWORD"):
            ask()
    assert store.users[next(iter(store.users))].flags["is_active"] is True
