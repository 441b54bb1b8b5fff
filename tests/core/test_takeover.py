"""Ways in which somebody could become somebody else, tried on a real `Wauth` with the embedded directory."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from wauth_core import Identity, SyncStatus, Verdict, Wauth
from wauth_core.exceptions import AmbiguousUser
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.directory import EmbeddedDirectory

ALICE = Identity("EXAMPLE", "alice")
NOW = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
SPN = "example.local"


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


@pytest.fixture
def directory(windowsauth_directory: EmbeddedDirectory) -> EmbeddedDirectory:
    return windowsauth_directory


def wauth_for(directory: EmbeddedDirectory, name: str = "EXAMPLE", options: Any = None, **settings: Any) -> Wauth:
    return Wauth({name: directory.settings(**settings)}, clock=lambda: NOW, **(options or {}))


# -- a name that passes to somebody whom the settings leave out


@pytest.mark.parametrize("left_out", ["by-search-base", "by-filter"])
def test_a_name_that_passes_out_of_sight(
    directory: EmbeddedDirectory, store: MemoryUserRepository, left_out: str
) -> None:
    """Who is hired under the old name of a renamed person, and may not come, does not get that person's account."""
    directory.add_ou("Crew")
    directory.add_ou("Guests")
    directory.add_user("skipper", ou="Crew", department="Crew")
    settings: dict[str, Any] = {"SEARCH_BASE": f"OU=Crew,{directory.base_dn}"}
    if left_out == "by-filter":
        settings = {"USER_QUERY_FILTER": "(department=Crew)"}
    with wauth_for(directory, **settings) as wauth:
        old = wauth.sync(Identity("EXAMPLE", "skipper"), store)
        assert old.status is SyncStatus.CREATED
        directory.rename("skipper", "captain")
        assert wauth.sync(Identity("EXAMPLE", "skipper"), store).key == old.key, "the old name is nobody else's yet"
        directory.add_user("skipper", ou="Guests", department="Guests", name="Another Skipper")
        newcomer = wauth.sync(Identity("EXAMPLE", "skipper"), store)
        assert (newcomer.ok, newcomer.key) == (False, None)
        assert wauth.sync(Identity("EXAMPLE", "captain"), store).key == old.key
        assert store.users[1].flags["is_active"] is not False


# -- USE_SPN: one person's implicit UPN is another's explicit one


def test_a_upn_that_is_anothers_logon_name(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Where name@domain is one person's sAMAccountName and another's userPrincipalName, it signs in neither."""
    directory.add_user("mallet", upn=f"boss@{SPN}", password="Mallet-1!")
    directory.add_user("boss", upn="the.boss@elsewhere.example", password="Boss-1!")
    with wauth_for(directory, SPN, {"use_spn": True}) as wauth:
        identity = Identity(SPN, "boss")
        with pytest.raises(AmbiguousUser):
            wauth.sync(identity, store)
        with pytest.raises(AmbiguousUser):
            wauth.directory_user(identity)
        assert not wauth.authenticate(f"boss@{SPN}", "Mallet-1!").ok
        assert not wauth.authenticate(f"{SPN}\\boss", "Boss-1!").ok


def test_a_upn_taken_after_the_link(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Nor does somebody whose UPN is set to a known user's logon name later become that user by a password."""
    directory.add_user("boss", upn="the.boss@elsewhere.example")
    directory.add_user("mallet", upn=f"mallet@{SPN}", password="Mallet-1!")
    with wauth_for(directory, SPN, {"use_spn": True}) as wauth:
        wauth.sync(Identity(SPN, "boss"), store)
        directory.update("mallet", userPrincipalName=f"boss@{SPN}")
        assert not wauth.authenticate(f"boss@{SPN}", "Mallet-1!").ok


def test_an_ambiguous_name_is_refused_not_waited_out(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A name that two people bear is not taken for a directory that is down: nobody goes on as the one known by it."""
    directory.add_user("boss", upn="the.boss@elsewhere.example")
    with wauth_for(directory, SPN, {"use_spn": True}) as wauth:
        wauth.sync(Identity(SPN, "boss"), store)
        directory.add_user("mallet", upn=f"boss@{SPN}")
        refreshed = wauth.refresh(Identity(SPN, "boss"), store, last_sync=NOW, delta=0)
        assert refreshed.verdict is Verdict.REFUSE
        assert store.users[1].flags["is_active"] is not False, "and nothing is taken from the one known"
