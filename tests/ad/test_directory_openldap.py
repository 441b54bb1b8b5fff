"""A directory that is not Active Directory works too: OpenLDAP, where groups are known by their DNs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ad.directory import managed
from tests.ad.slapd import PEOPLE, OpenLDAP
from wauth_core.directory import AuthReason, LDAPManager, trace
from wauth_core.exceptions import ConfigurationError, UserNotFound


@pytest.fixture(scope="module")
def unix(openldap: OpenLDAP) -> Iterator[LDAPManager]:
    """A manager of the OpenLDAP server."""
    with managed(openldap) as manager:
        yield manager


@pytest.mark.parametrize("uid", PEOPLE)
def test_finds_people(openldap: OpenLDAP, unix: LDAPManager, uid: str) -> None:
    """By uid, DN, and entryUUID."""
    user = unix.user(uid)
    assert user.username == uid
    assert user.guid is not None
    assert user.sid is None
    for way in (openldap.user_dn(uid), user.guid, str(user.guid), uid.upper(), f"UNIX\\{uid}", user):
        assert unix.user(way).guid == user.guid
    assert unix.person(guid=user.guid, username=uid).dn == user.dn
    assert unix.person(guid=None, username=uid).dn == user.dn


@pytest.mark.parametrize("name", ["nobody", "*", "al*", "OTHER\\alice", "web admins", "S-1-5-32-544", "zoe"])
def test_finds_nobody(unix: LDAPManager, name: str) -> None:
    """What names nobody is not found."""
    with pytest.raises(UserNotFound):
        unix.user(name)


def test_what_the_server_is_gets_asked_once(openldap: OpenLDAP) -> None:
    """The first look-up finds out that this is not AD; the next is one search."""
    with managed(openldap) as manager:
        with trace() as first:
            alice = manager.person(guid=None, username="alice", groups=False)
        with trace() as later:
            manager.person(guid=alice.guid, username="alice", groups=False)
    assert len([operation for operation in first if operation.kind == "search"]) == 4
    assert len([operation for operation in later if operation.kind == "search"]) == 1


@pytest.mark.parametrize("method", ["auto", "memberOf"])
@pytest.mark.parametrize(
    ("uid", "group", "expected"),
    [
        ("alice", "web admins", True),
        ("alice", "nested l2", True),
        ("carol", "web admins", False),
        ("bob", "loop b", True),
        ("zoë", "odd, group (x) *", True),
        ("alice", "odd, group (x) *", False),
    ],
)
def test_membership(openldap: OpenLDAP, method: str, uid: str, group: str, expected: bool) -> None:
    """Nested and cyclic groups are walked upwards; look-alikes give nothing."""
    with managed(openldap, MEMBERSHIP=method) as manager:
        user = manager.person(guid=None, username=uid)
        meaning = manager.resolve_groups([group, "no such group", openldap.group_dn(group)])
        assert len(meaning[group]) == 1
        assert meaning[group] == meaning[openldap.group_dn(group)]
        assert set(meaning.unknown) == {"no such group"}
        assert bool(meaning[group] & (user.group_sids or frozenset())) is expected
        assert user.in_group(group) is expected
        assert (group in {g.name for g in user.groups()}) is expected


def test_default_names_mean_nothing_here(unix: LDAPManager) -> None:
    """Without SIDs "Domain Admins" is an ordinary name, and there is no such group."""
    resolved = unix.resolve_groups(["Domain Admins", "Administrators", "S-1-5-32-544"])
    assert not resolved.sids
    assert len(resolved.problems) == 3


def test_members(unix: LDAPManager) -> None:
    """Members are read one by one, nested ones too, through cycles."""
    assert {user.username for user in unix.members("web admins", recursive=True)} == {"alice"}
    assert {user.username for user in unix.members("web admins")} == set()
    assert {user.username for user in unix.members("loop b", recursive=True)} == {"bob"}


def test_signs_in(openldap: OpenLDAP, unix: LDAPManager) -> None:
    """Passwords are checked by a bind; a wrong one is a reason."""
    assert unix.authenticate("alice", openldap.password).user == unix.user("alice")
    assert unix.authenticate("zoë", openldap.password)
    assert unix.authenticate("alice", "wrong").reason is AuthReason.BAD_PASSWORD
    assert unix.authenticate("nobody", "wrong").reason is AuthReason.NO_SUCH_USER


def test_streams_and_says_what_it_cannot(unix: LDAPManager) -> None:
    """users() and groups() stream; what only AD has is told as that."""
    assert {user.username for user in unix.users()} == set(PEOPLE)
    assert "web admins" in {group.name for group in unix.groups()}
    with pytest.raises(ConfigurationError, match="not Active Directory"):
        unix.changes()
