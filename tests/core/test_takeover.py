"""Ways in which somebody could become somebody else, tried on a real `Wauth` with the embedded directory."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.core.standing import Ticking, person_of, standing
from wauth_core import Identity, SyncStatus, Wauth
from wauth_core.directory import AuthReason, DirectoryUser
from wauth_core.exceptions import AmbiguousUser, UnknownDomain, UserNotFound
from wauth_core.identity import TransportFacts
from wauth_core.sync.knowledge import May
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory

ALICE = Identity("EXAMPLE", "alice")
NOW = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
FQDN = "example.local"


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


def wauth_for(directory: EmbeddedDirectory, name: str = "EXAMPLE", options: Any = None, **settings: Any) -> Wauth:
    return Wauth({name: directory.settings(**settings)}, clock=Ticking(NOW), **(options or {}))


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
    directory.add_user("mallet", upn=f"boss@{FQDN}", password="Mallet-1!")
    directory.add_user("boss", upn="the.boss@elsewhere.example", password="Boss-1!")
    with wauth_for(directory, FQDN, {"use_spn": True}) as wauth:
        identity = Identity(FQDN, "boss", True)
        with pytest.raises(AmbiguousUser):
            wauth.sync(identity, store)
        with pytest.raises(AmbiguousUser):
            wauth.people.user(identity)
        assert not wauth.authenticate(f"boss@{FQDN}", "Mallet-1!").ok
        assert not wauth.authenticate(f"{FQDN}\\boss", "Boss-1!").ok


def test_a_upn_taken_after_the_link(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Nor does somebody whose UPN is set to a known user's logon name later become that user by a password."""
    directory.add_user("boss", upn="the.boss@elsewhere.example")
    directory.add_user("mallet", upn=f"mallet@{FQDN}", password="Mallet-1!")
    with wauth_for(directory, FQDN, {"use_spn": True}) as wauth:
        wauth.sync(Identity(FQDN, "boss", True), store)
        directory.update("mallet", userPrincipalName=f"boss@{FQDN}")
        assert not wauth.authenticate(f"boss@{FQDN}", "Mallet-1!").ok


def test_an_ambiguous_name_is_refused_not_waited_out(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A name that two people bear is not taken for a directory that is down: nobody goes on as the one known by it."""
    directory.add_user("boss", upn="the.boss@elsewhere.example")
    with wauth_for(directory, FQDN, {"use_spn": True}) as wauth:
        wauth.sync(Identity(FQDN, "boss", True), store)
        directory.add_user("mallet", upn=f"boss@{FQDN}")
        assert standing(wauth, store, Identity(FQDN, "boss", True), delta=0).may is May.NO
        assert store.users[1].flags["is_active"] is not False, "and nothing is taken from the one known"


# -- domains that only __default__ serves


def default_for(directory: EmbeddedDirectory, **settings: Any) -> Wauth:
    return Wauth({"__default__": directory.settings(**settings)}, clock=Ticking(NOW))


def test_a_twin_that_only_the_default_serves(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A trusted domain's alice is not looked up in the one directory that __default__ names."""
    with default_for(directory) as wauth:
        assert wauth.sync(ALICE, store).ok
        assert wauth.sync(Identity("example.local", "bob"), store).ok
        twin = Identity("PARTNER", "alice")
        for ask in (
            lambda: wauth.sync(twin, store),
            lambda: wauth.sync_all(store, "PARTNER"),
            lambda: person_of(wauth, twin).in_group("Domain Users"),
            lambda: wauth.people.user(twin),
        ):
            with pytest.raises(UnknownDomain, match='__default__" does not serve it: its directory'):
                ask()
        assert len(store.users) == 2


def test_a_typed_domain_chooses_no_server(directory: EmbeddedDirectory) -> None:
    """Nobody makes us connect, with the service account's password, to a server that the typed domain names."""
    asked: list[str] = []

    def server(domain: str) -> str:
        asked.append(domain)
        return f"ldaps://{domain}"

    with default_for(directory, SERVER=server) as wauth:
        assert wauth.authenticate("evil.example\\alice", "x").reason is AuthReason.NO_SUCH_USER
        assert asked == []
    base = {"SEARCH_BASE": lambda domain: ",".join(f"DC={part}" for part in domain.split("."))}
    with default_for(directory, SERVER=server, **base) as wauth:
        assert wauth.authenticate("evil.example\\alice", "x").reason is AuthReason.NO_SUCH_USER
        assert asked == []


def test_typed_domains_open_no_connections(directory: EmbeddedDirectory) -> None:
    """Guests who type any number of domains leave neither managers nor connections behind."""
    with default_for(directory) as wauth:
        for number in range(20):
            assert not wauth.authenticate(f"GUESS{number}\\alice", "x").ok
            assert not wauth.authenticate("\\alice", "x").ok
        assert len(directory.operations) < 5
        assert len(wauth.directories._connected.here.lookups) == 1


def test_a_ticket_of_a_domain_nobody_configured(directory: EmbeddedDirectory) -> None:
    """The administrators of a trusted domain are not "Domain Admins" where only our own domain is configured."""
    partner = "S-1-5-21-9-9-9"
    facts = TransportFacts(f"{partner}-1105", frozenset({f"{partner}-512", "S-1-5-32-544"}), NOW)
    mallory = Identity("PARTNER", "mallory")
    with wauth_for(directory) as wauth, pytest.raises(UnknownDomain):
        person_of(wauth, mallory, facts).in_group("Domain Admins")
    with default_for(directory) as wauth, pytest.raises(UnknownDomain):
        assert not person_of(wauth, mallory, facts).in_group("Domain Admins")


# -- password sign-ins


@pytest.mark.parametrize("named_by", ["sam", "dn", "guid", "sid"])
def test_nobody_outside_the_search_base_signs_in(directory: EmbeddedDirectory, named_by: str) -> None:
    """Whatever a person types for a name, who is not under SEARCH_BASE has no password here."""
    directory.add_ou("Crew")
    directory.add_ou("Guests")
    directory.add_user("guest7", ou="Guests", password="Guest-7!")
    typed = {
        "sam": "guest7",
        "dn": directory.dn("guest7"),
        "guid": str(directory.guid("guest7")),
        "sid": directory.sid("guest7"),
    }[named_by]
    with wauth_for(directory, SEARCH_BASE=f"OU=Crew,{directory.base_dn}") as wauth:
        assert wauth.authenticate(typed, "Guest-7!").reason is AuthReason.NO_SUCH_USER


# -- what came with the sign-in tells one person from another


def facts_of(directory: EmbeddedDirectory, name: str) -> TransportFacts:
    return TransportFacts(directory.sid(name), frozenset(), NOW)


def test_a_reused_name_while_the_directory_is_down(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Whose ticket has another SID than the user known by that name does not go on as that user."""
    with wauth_for(directory, CONNECT_TIMEOUT=1, OPERATION_TIMEOUT=1) as wauth:
        wauth.sync(ALICE, store)
        mine, anothers = facts_of(directory, "alice"), facts_of(directory, "bob")
        directory.close()
        assert standing(wauth, store, ALICE, delta=0, facts=mine).may is May.YES
        assert standing(wauth, store, ALICE, delta=0, facts=anothers).may is May.UNKNOWN


def test_a_reused_name_while_another_worker_is_at_it(
    directory: EmbeddedDirectory, store: MemoryUserRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where another worker is just synchronising that name."""
    monkeypatch.setattr("wauth_core.sync.single.FIRST_SYNC_WAIT", 0.01)
    with wauth_for(directory) as wauth:
        wauth.sync(ALICE, store)
        mine, anothers = facts_of(directory, "alice"), facts_of(directory, "bob")
        with store.lock("EXAMPLE", "alice"):
            assert wauth.sync(ALICE, store, facts=mine).ok
            assert not wauth.sync(ALICE, store, facts=anothers).ok


def test_facts_of_another_person_read_nobodys_attributes(directory: EmbeddedDirectory) -> None:
    """The lazy user is the one whose SID came with the sign-in, or nobody: not who bears the name today."""
    with wauth_for(directory) as wauth:
        user = person_of(wauth, ALICE, facts_of(directory, "bob"))
        with pytest.raises(UserNotFound):
            _ = user.attributes
        assert person_of(wauth, ALICE, facts_of(directory, "alice")).attributes["sAMAccountName"] == "alice"


def test_a_sign_in_waits_where_a_name_may_just_pass(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Somebody's first two requests under a reused name, at once: neither is let in as who had the name before."""
    entered, go_on = threading.Event(), threading.Event()

    def before(identity: Identity, user: DirectoryUser) -> None:
        if user.display_name == "Alice Newcomer":
            entered.set()
            go_on.wait(10)

    with wauth_for(directory, options={"before_sync": before}) as wauth:
        old = wauth.sync(ALICE, store).key
        directory.delete("alice")
        directory.add_user("alice", name="Alice Newcomer")
        keys: list[Any] = []

        def request() -> None:
            result = standing(wauth, store, ALICE, delta=0).result
            keys.append(result.key if result is not None and result.ok else None)

        first, second = threading.Thread(target=request), threading.Thread(target=request)
        first.start()
        assert entered.wait(10)
        second.start()
        second.join(0.2)
        go_on.set()
        first.join(10)
        second.join(10)
        assert len(keys) == 2
        assert keys[0] == keys[1] not in (old, None)
