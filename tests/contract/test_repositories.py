"""What every `UserRepository` must do, whatever it keeps its users in."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from wauth_core.exceptions import SyncError
from wauth_core.identity import canonical_domain
from wauth_core.sync.repository import Change, Link, Wanted

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=10)
ALL = Wanted(fields=("username", "first_name", "email"), flags=("is_active", "is_staff", "is_superuser"))
ALICE, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
SID = "S-1-5-21-1-2-3-1104"


def link(username="alice", guid=ALICE, domain="EXAMPLE", **kwargs):
    """A link as a first sync writes it."""
    return Link(domain, username, guid, SID, **kwargs)


def new(username, link=None, groups=(), **values):
    """A user to be created."""
    flags = {name: value for name, value in values.items() if name.startswith("is_")}
    fields = {"username": username, **{name: value for name, value in values.items() if name not in flags}}
    return Change(None, link, fields, {"is_active": True, **flags}, groups_add=frozenset(groups))


def one(repository, username="alice", domain="EXAMPLE", guid=None, wanted=ALL):
    """The one user that a look-up finds."""
    [found] = repository.find(wanted, domain=domain, username=username, guid=guid)
    return found


def test_a_created_user_is_found_as_it_was_written(repository):
    """What apply() creates, find() gives back: key, link, fields, flags and groups."""
    [key] = repository.apply(
        [new("alice", link(), ("Editors", "Staff"), first_name="Alice", email="a@example.local", is_staff=True)],
        now=NOW,
    )
    found = one(repository)
    assert found.key == key
    assert found.link == link()
    assert found.link.sid == SID
    assert found.link.last_sync == NOW
    assert found.fields == {"username": "alice", "first_name": "Alice", "email": "a@example.local"}
    assert found.flags == {"is_active": True, "is_staff": True, "is_superuser": False}
    assert found.groups == {"Editors", "Staff"}


def test_a_new_user_is_active_and_nothing_else(repository):
    """Without a word on flags a new user may sign in and has no privilege."""
    repository.apply([Change(None, link(), {"username": "alice"})], now=NOW)
    assert one(repository).flags == {"is_active": True, "is_staff": False, "is_superuser": False}


def test_only_wanted_fields_and_flags_are_read(repository):
    """A snapshot holds what the settings speak of, and passes over what the store does not have."""
    repository.apply([new("alice", link(), email="a@example.local")], now=NOW)
    wanted = Wanted(fields=("email", "shoe_size"), flags=("is_active", "is_wizard"))
    found = one(repository, wanted=wanted)
    assert set(found.fields) - {"shoe_size"} == {"email"}
    assert set(found.flags) - {"is_wizard"} == {"is_active"}


FOUND = [
    pytest.param("EXAMPLE", "alice", None, ["alice"], id="by-name"),
    pytest.param("EXAMPLE", "ALICE", None, ["alice"], id="name-without-case"),
    pytest.param("example", "alice", None, ["alice"], id="domain-without-case"),
    pytest.param("EXAMPLE", "alice.new", ALICE, ["alice"], id="renamed-by-guid"),
    pytest.param("EXAMPLE", "bob", ALICE, ["alice", "bob"], id="name-passed-on"),
    pytest.param("EXAMPLE", "alice", uuid.UUID(int=9), ["alice"], id="reused-name"),
    pytest.param("OTHER", "alice", None, ["twin"], id="twin-in-another-domain"),
    pytest.param("OTHER", "alice", ALICE, ["twin"], id="guid-counts-in-its-domain"),
    pytest.param("NOWHERE", "alice", None, [], id="unknown-domain"),
    pytest.param("EXAMPLE", "carol", None, [], id="unlinked-user"),
    pytest.param("EXAMPLE", "", None, [], id="empty"),
    pytest.param("EXAMPLE", "ali%", None, [], id="percent"),
    pytest.param("EXAMPLE", "alic_", None, [], id="underscore"),
    pytest.param("EXAMPLE", "*", None, [], id="star"),
    pytest.param("EXAMPLE", "alice' OR '1'='1", None, [], id="quote"),
    pytest.param("EXAMPLE", "JOSÉ", None, ["josé"], id="non-ascii-without-case"),
    pytest.param("EXAMPLE", "jose", None, [], id="accent-counts"),
    pytest.param("EXAMPLE", "strasse", None, [], id="sharp-s-is-not-ss"),
    pytest.param("EXAMPLE", "İ" * 100, None, [], id="dotted-capital-i"),
]


@pytest.mark.parametrize(("domain", "username", "guid", "expected"), FOUND)
def test_users_are_found_by_link_only(repository, domain, username, guid, expected):
    """Domain and name compare without case and otherwise exactly; the GUID finds who was renamed."""
    repository.apply(
        [
            new("alice", link()),
            new("bob", link("bob", BOB)),
            new("twin", link("alice", uuid.UUID(int=3), "OTHER")),
            new("josé", link("josé", uuid.UUID(int=4))),
            new("straße", link("straße", uuid.UUID(int=5))),
            new("carol"),
        ],
        now=NOW,
    )
    found = repository.find(ALL, domain=domain, username=username, guid=guid)
    assert sorted(user.fields["username"] for user in found) == expected


NAMED = [
    pytest.param("carol", "carol", id="exact"),
    pytest.param("CAROL", "carol", id="without-case"),
    pytest.param("JOSÉ", "josé", id="non-ascii-without-case"),
    pytest.param("jose", None, id="accent-counts"),
    pytest.param("alice", "alice", id="linked"),
    pytest.param("a%b", "a%b", id="percent"),
    pytest.param("aXb", None, id="percent-is-no-pattern"),
    pytest.param("a_c", None, id="underscore-is-no-pattern"),
    pytest.param("nobody", None, id="nobody"),
    pytest.param("strasse", None, id="sharp-s-is-not-ss"),
    pytest.param("", None, id="empty"),
]


@pytest.mark.parametrize(("username", "expected"), NAMED)
def test_a_name_that_is_taken_is_seen(repository, username, expected):
    """named() finds whoever goes by a name in the application, linked or not, without case."""
    names = ("carol", "josé", "a%b", "abc", "straße")
    repository.apply([new("alice", link()), *(new(name) for name in names)], now=NOW)
    found = repository.named(ALL, username)
    assert (found and found.fields["username"]) == expected
    if found:
        assert (found.link is not None) == (expected == "alice")


def test_names_that_differ_in_case_only_are_told_apart_or_refused(repository):
    """Where a store lets two names differ in case only, the exact one is meant."""
    repository.apply([new("twice")], now=NOW)
    try:
        repository.apply([new("Twice")], now=NOW)
    except SyncError:
        assert repository.named(ALL, "Twice").fields["username"] == "twice"
    else:
        assert repository.named(ALL, "Twice").fields["username"] == "Twice"
        assert repository.named(ALL, "twice").fields["username"] == "twice"


def test_a_change_writes_what_it_holds_and_leaves_the_rest(repository):
    """Fields, flags and groups that a change does not speak of stay as they are."""
    [key] = repository.apply([new("alice", link(), ("A", "B", "own"), email="old@x", is_staff=True)], now=NOW)
    change = Change(
        key,
        fields={"email": "new@x"},
        flags={"is_superuser": True},
        groups_add=frozenset({"B", "C"}),
        groups_remove=frozenset({"A", "never-there"}),
    )
    assert repository.apply([change], now=LATER) == [key]
    found = one(repository)
    assert (found.fields["username"], found.fields["email"]) == ("alice", "new@x")
    assert found.flags == {"is_active": True, "is_staff": True, "is_superuser": True}
    assert found.groups == {"B", "C", "own"}
    assert found.link == link()
    assert found.link.last_sync == LATER


def test_a_rename_keeps_the_account(repository):
    """A new link for a known key moves the same user to the new name."""
    [key] = repository.apply([new("alice", link())], now=NOW)
    repository.apply([Change(key, link("alice.new"), {"username": "alice.new"})], now=LATER)
    assert repository.find(ALL, domain="EXAMPLE", username="alice") == []
    found = one(repository, "alice.new", guid=ALICE)
    assert (found.key, found.fields["username"]) == (key, "alice.new")


def test_changes_are_written_in_their_order(repository):
    """A name set free by the first change is free for the second, in the same transaction."""
    [old] = repository.apply([new("alice", link())], now=NOW)
    aside = Change(old, link("alice-old"), {"username": "alice-old"}, {"is_active": False})
    _, young = repository.apply([aside, new("alice", link("alice", BOB))], now=LATER)
    assert young != old
    assert one(repository).key == young
    assert one(repository, "alice-old").flags["is_active"] is False


def test_a_link_remembers_that_the_sync_deactivated(repository):
    """Whether a sync or an administrator deactivated a user survives in the link."""
    [key] = repository.apply([new("alice", link())], now=NOW)
    assert one(repository).link.deactivated is False
    repository.apply([Change(key, link(deactivated=True), flags={"is_active": False})], now=LATER)
    assert one(repository).link.deactivated is True


def test_a_link_made_by_hand_has_no_guid(repository):
    """Several links of a domain may lack a GUID until their first sync."""
    repository.apply([new("alice", Link("EXAMPLE", "alice")), new("bob", Link("EXAMPLE", "bob"))], now=NOW)
    assert one(repository).link.guid is None


REFUSED = [
    pytest.param([new("fresh", link("bob", uuid.UUID(int=7)))], id="link-name-taken"),
    pytest.param([new("fresh", link("BOB", uuid.UUID(int=7)))], id="link-name-taken-in-other-case"),
    pytest.param([new("fresh", link("fresh", BOB))], id="guid-taken"),
    pytest.param([Change(987654321, fields={"email": "x"})], id="user-is-gone"),
]


@pytest.mark.parametrize("changes", REFUSED)
def test_what_the_store_refuses_leaves_nothing_behind(repository, changes):
    """A refused change is a SyncError, and the changes before it are not written either."""
    repository.apply([new("bob", link("bob", BOB))], now=NOW)
    with pytest.raises(SyncError):
        repository.apply([new("early", link("early", uuid.UUID(int=5)), ("Early",)), *changes], now=LATER)
    assert repository.named(ALL, "early") is None
    assert repository.named(ALL, "fresh") is None
    assert one(repository, "bob").link.last_sync == NOW


def test_linked_users_come_in_batches_by_domain(repository):
    """linked() gives every user of the domain once, no other domain's, and survives writes between batches."""
    people = [new(f"u{n}", link(f"u{n}", uuid.UUID(int=100 + n))) for n in range(7)]
    repository.apply([*people, new("twin", link("u1", BOB, "OTHER")), new("carol")], now=NOW)
    seen = []
    for page in repository.linked(ALL, "example", batch=3):
        assert len(page) <= 3
        seen += [user.fields["username"] for user in page]
        repository.apply([Change(user.key, fields={"email": "seen@x"}) for user in page], now=LATER)
    assert sorted(seen) == [f"u{n}" for n in range(7)]
    assert one(repository, "u6").fields["email"] == "seen@x"


def test_a_touched_user_was_checked_and_is_otherwise_the_same(repository):
    """touch() moves last_sync alone, for the users named alone."""
    alice, _ = repository.apply([new("alice", link(), ("A",)), new("bob", link("bob", BOB))], now=NOW)
    before = one(repository)
    repository.touch([alice], now=LATER)
    assert one(repository) == before
    assert one(repository).link.last_sync in {NOW, LATER}
    assert one(repository, "bob").link.last_sync == NOW
    repository.touch([], now=LATER)


def in_another_thread(function):
    """What *function* gives in a thread of its own."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join(30)
    return result[0]


def test_one_worker_at_a_time_holds_a_user(repository):
    """The lock is one user's, without case, does not wait unless told to, and is free again after an error."""
    repository.apply([new("alice", link()), new("bob", link("bob", BOB))], now=NOW)

    def take(username, domain="EXAMPLE"):
        with repository.lock(domain, username) as mine:
            return mine

    with repository.lock("EXAMPLE", "alice") as mine:
        assert mine is True
        assert in_another_thread(lambda: take("alice")) is False
        assert in_another_thread(lambda: take("ALICE", "example")) is False
        assert in_another_thread(lambda: take("bob")) is True
        assert in_another_thread(lambda: take("alice", "OTHER")) is True
    assert in_another_thread(lambda: take("alice")) is True
    with pytest.raises(ZeroDivisionError), repository.lock("EXAMPLE", "alice"):
        raise ZeroDivisionError
    assert in_another_thread(lambda: take("alice")) is True


def test_a_worker_may_wait_for_the_lock(repository):
    """With *wait* the lock is taken as soon as the other worker is done."""
    repository.apply([new("alice", link())], now=NOW)
    held, waiting = threading.Event(), []

    def wait_for_it():
        held.wait(30)
        with repository.lock("EXAMPLE", "alice", wait=30) as mine:
            waiting.append(mine)

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    with repository.lock("EXAMPLE", "alice") as mine:
        assert mine is True
        held.set()
    thread.join(30)
    assert waiting == [True]


def test_bookmarks_are_kept_for_each_domain(repository):
    """Where a bulk sync stopped is kept for each domain, without case, and replaced by the next."""
    assert repository.bookmark("EXAMPLE") is None
    repository.bookmark("EXAMPLE", "usn:1")
    repository.bookmark("OTHER", "usn:7")
    repository.bookmark("EXAMPLE", "usn:2" + "x" * 2000)
    assert repository.bookmark("example") == "usn:2" + "x" * 2000
    assert repository.bookmark("OTHER") == "usn:7"


def test_domains_are_kept_so_that_equal_means_the_same(repository):
    """A link gives its domain back as the same domain, NetBIOS name or FQDN."""
    repository.apply([new("alice", link(domain="example.local")), new("bob", link("bob", BOB))], now=NOW)
    assert canonical_domain(one(repository, domain="EXAMPLE.LOCAL").link.domain) == "example.local"
    assert canonical_domain(one(repository, "bob").link.domain) == "EXAMPLE"


def test_threads_make_each_user_once(repository):
    """Of eight workers that create the same person at once, one succeeds and the others get a SyncError."""
    start, outcomes = threading.Barrier(8), []

    def create(n):
        start.wait(30)
        try:
            outcomes.append(repository.apply([new(f"alice{n}", link())], now=NOW))
        except SyncError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len([outcome for outcome in outcomes if isinstance(outcome, list)]) == 1
    assert len(outcomes) == 8
    assert one(repository).link == link()
