"""No text that a person can choose reaches further than the person it names."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ad.people import EXAMPLE
from wauth_core.exceptions import Ambiguous, InvalidIdentity, NotFound

if TYPE_CHECKING:
    from wauth_core.directory import DirectoryUser, LDAPManager

NAMES = [person.sam for person in EXAMPLE.people if not person.sam.startswith("user")]
CNS = [person.cn or person.sam for person in EXAMPLE.people if not person.sam.startswith("user")]
GROUPS = [group.cn or group.sam for group in EXAMPLE.groups if not group.sam.startswith("Group ")]
SYNTAX = [
    "*", "(", ")", "\\", "\0", "&", "|", "!", "=", ",", ";", "+", "<", ">", '"', "#", "/", "@", ":", "~", " ",
    "\\2a", "\\28", "\\00", ")(", "*)(", "(objectClass=*)", ")(|(cn=*", "cn=", "CN=", "OU=Staff", "DC=example,DC=local",
    "<GUID=", "<SID=S-1-5-32-544>", "<WKGUID=", "EXAMPLE\\", "OTHER\\", "@example.local",
    "\u202e", "\u0301", "ﬁ", "İ", "ß", ":1.2.840.113556.1.4.1941:=", ";range=0-*",
]  # fmt: skip
"""What means something to a filter, a DN, ldap3's query language or AD's search bases."""

texts = st.lists(st.sampled_from(NAMES + CNS + GROUPS + SYNTAX) | st.text(max_size=5), max_size=6).map("".join)
# one manager serves all examples, as in a web server; CI always tries the same ones
examples = settings(
    max_examples=int(os.environ.get("WAUTH_TEST_EXAMPLES", "150")),
    deadline=None,
    derandomize=os.environ.get("WAUTH_REQUIRE_AD") == "1",
)


def folded(text: str) -> str:
    """As Active Directory compares names: without case, and blanks run together."""
    return " ".join(text.casefold().split())


def may_be_called(user: DirectoryUser, name: str) -> bool:
    """Whether `name` is one of the names that this person has."""
    dn, upn = user.dn, user.upn or ""
    spellings = {user.username, f"EXAMPLE\\{user.username}", f"{user.username}@example.local", upn, dn, str(user.sid)}
    try:
        if uuid.UUID(name) == user.guid:
            return True
    except ValueError:
        pass
    return folded(name) in {folded(spelling) for spelling in spellings}


@examples
@given(name=texts)
@example(name="cn=\\Back\\Slash\\")
def test_a_name_finds_that_person_or_nobody(manager: LDAPManager, name: str) -> None:
    """Whatever is looked up, the person found has that name; else it is a named refusal."""
    try:
        user = manager.user(name)
    except (NotFound, Ambiguous, InvalidIdentity):
        return
    assert may_be_called(user, name)


@examples
@given(name=texts)
def test_a_group_name_finds_that_group_or_none(manager: LDAPManager, name: str) -> None:
    """The same for groups."""
    try:
        group = manager.group(name)
    except (NotFound, Ambiguous, InvalidIdentity):
        return
    cn = group.dn.partition(",")[0]
    assert folded(name) in {folded(group.name), folded(group.dn), str(group.sid).casefold(), str(group.guid)} or (
        folded(name) in {folded(text) for text in GROUPS} or folded(cn) == folded(f"CN={name}")
    )


@examples
@given(name=texts, group=texts)
def test_nobody_becomes_a_member_by_spelling(manager: LDAPManager, name: str, group: str) -> None:
    """carol is in one group; no spelling of a group's name makes her a member of another."""
    try:
        answer = manager.is_member("carol", group)
    except (NotFound, Ambiguous, InvalidIdentity):
        return
    if answer:
        found = manager.group(group)
        assert found.name in {"Former Domain Admins", "Domain Users", "Users"}


@pytest.mark.parametrize("tail", ["\0", "\0x", "*", "\\", "\n", "\u200b", ")"])
def test_text_after_a_name_finds_nobody(manager: LDAPManager, tail: str) -> None:
    """A server that stops reading at a NUL, or takes the rest for syntax, is not asked."""
    with pytest.raises((NotFound, InvalidIdentity)):
        manager.user(f"alice{tail}")
    with pytest.raises((NotFound, InvalidIdentity)):
        manager.person(guid=None, username=f"alice{tail}")
    with pytest.raises((NotFound, InvalidIdentity)):
        manager.group(f"Web Admins{tail}")
    assert not list(manager.users({"sAMAccountName": f"alice{tail}"}))


@examples
@given(value=texts)
@example(value="alice\0")
def test_a_filter_value_is_a_value(manager: LDAPManager, value: str) -> None:
    """A value in a filter's mapping is compared as it stands: nothing in it is syntax."""
    if value == "*":
        return  # documented to mean "has one"
    for user in manager.users({"sAMAccountName": value}):
        assert folded(user.username) == folded(value)


@examples
@given(name=texts, password=texts)
@example(name="cn=\\Back\\Slash\\", password="")
@example(name="cn=\\ff,DC=example,DC=local", password="")
def test_no_name_logs_in_with_a_guess(manager: LDAPManager, name: str, password: str) -> None:
    """authenticate() takes any two texts and answers; it raises nothing."""
    result = manager.authenticate(name, f"{password}?")
    assert not result


@pytest.mark.parametrize("group", [g for g in EXAMPLE.groups if not g.sam.startswith("Group ")], ids=lambda g: g.sam)
def test_every_group_is_found_by_every_name(manager: LDAPManager, group) -> None:  # type: ignore[no-untyped-def]
    """The same for groups, whose members are those who were put there."""
    found = manager.group(group.sam)
    assert found.name == group.sam
    for other in (found.dn, str(found.guid), found.guid, found.sid):
        assert manager.group(other) == found
    people = {member for member in group.members if member in NAMES or member.startswith("user")}
    if group.sam != "Primary People":
        assert {user.username for user in found.members()} == people
