"""UPN suffixes of the forest: with WAUTH_USE_SPN a person is one user under each of their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ldap3
import pytest

from tests.ad.samba import DomainController
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.exceptions import AmbiguousUser, UnknownDomain, UserNotFound
from wauth_core.testing import MemoryUserRepository

SUFFIX = "corp.example"  # ursula's UPN is U.Upper@corp.example


@contextmanager
def suffix(controller: DomainController, name: str = SUFFIX) -> Iterator[None]:
    """The forest has the UPN suffix *name* while this lasts."""
    container = f"CN=Partitions,CN=Configuration,{controller.base_dn}"

    def change(operation: str) -> None:
        with controller.connect() as admin:
            admin.modify(container, {"uPNSuffixes": [(operation, [name])]})

    change(ldap3.MODIFY_ADD)
    try:
        yield
    finally:
        change(ldap3.MODIFY_DELETE)


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


def named(text: str) -> Identity:
    """As a source reads it."""
    return Identity.parse(text, by_upn=True)


def test_one_user_under_each_name(samba: DomainController, store: MemoryUserRepository) -> None:
    """The explicit UPN of another suffix, the implicit one and a typed one lead to the same user and link."""
    with suffix(samba), Wauth({"example.local": samba.settings()}, use_spn=True) as wauth:
        first = wauth.sync(named("U.UPPER@CORP.example"), store)
        assert (first.status, first.identity) == (SyncStatus.CREATED, named("ursula@example.local"))
        for name in ("ursula@example.local", "u.upper@corp.example"):
            again = wauth.sync(named(name), store)
            assert (again.status, again.key) == (SyncStatus.UNCHANGED, first.key)
            assert wauth.people.user(named(name)).username == "ursula"
            assert wauth.authenticate(name, samba.password).identity == named("ursula@example.local")
        assert len(store.users) == 1


def test_a_suffix_that_the_forest_does_not_have(samba: DomainController, store: MemoryUserRepository) -> None:
    """It is another domain's, whatever stands in somebody's userPrincipalName."""
    with Wauth({"example.local": samba.settings()}, use_spn=True) as wauth, pytest.raises(UnknownDomain):
        wauth.sync(named("u.upper@corp.example"), store)
    assert not store.users


def test_nobody_of_that_name(samba: DomainController, store: MemoryUserRepository) -> None:
    """A suffix of the forest makes nobody."""
    with suffix(samba), Wauth({"example.local": samba.settings()}, use_spn=True) as wauth:
        with pytest.raises(UnknownDomain):
            wauth.sync(named("nobody@corp.example"), store)
        assert wauth.sync(named("nobody@example.local"), store).status is SyncStatus.NOT_FOUND


def test_a_name_in_two_domains_is_refused(
    samba: DomainController, other_domain: DomainController, store: MemoryUserRepository
) -> None:
    """Somebody's explicit UPN is another's implicit one in the domain of that name: neither signs in by it."""
    impostor = samba.create_user("impostor")
    try:
        samba.modify(impostor, userPrincipalName="bob@other.local")
        domains = {"example.local": samba.settings(), "other.local": other_domain.settings()}
        with Wauth(domains, use_spn=True) as wauth:
            bob = wauth.sync(named("bob@other.local"), store)
            assert (bob.status, bob.identity.domain) == (SyncStatus.CREATED, "other.local")
        with suffix(samba, "other.local"), Wauth(domains, use_spn=True) as wauth:
            with pytest.raises(AmbiguousUser):
                wauth.sync(named("bob@other.local"), store)
            assert not wauth.authenticate("bob@other.local", "never asked")
            assert wauth.sync(named("alice@example.local"), store).ok
    finally:
        samba.delete(impostor)


def test_without_the_setting_a_name_is_in_its_domain(samba: DomainController, store: MemoryUserRepository) -> None:
    """Down-level names have no suffixes; nothing more is asked."""
    with Wauth({"EXAMPLE": samba.settings()}) as wauth:
        assert wauth.people.canonical(Identity("EXAMPLE", "nobody")) == Identity("EXAMPLE", "nobody")
        with pytest.raises(UserNotFound):
            wauth.people.user(Identity("EXAMPLE", "nobody"))
