"""People from files, mappings and the generator, and what can be done to them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.core.testing.client import found, names
from wauth_core.exceptions import Ambiguous, ConfigurationError, NotFound
from wauth_core.testing import EmbeddedDirectory, generate

SHOWN = ["givenName", "sn", "title", "mail", "memberOf", "userPrincipalName"]
YAML = """
domain: ACME
realm: acme.test
password: Everyb0dy's
users:
  alice: {name: Alice Liddell, email: alice@acme.test, ou: Staff/IT, title: Engineer, groups: [Web Team]}
  dan: {name: Dan Gone, disabled: true, password: "own ﬁne password"}
  eve: {name: Eve Ended, expires: 2020-01-31}
groups:
  Web Team: {ou: Groups, members: [dan]}
  Web Admins: {members: [Web Team], description: may do all}
  Domain Admins: {members: [alice]}
computers: [PC-0001]
"""
TOML = """
domain = "ACME"
realm = "acme.test"
password = "Everyb0dy's"
computers = ["PC-0001"]
[users.alice]
name = "Alice Liddell"
email = "alice@acme.test"
ou = "Staff/IT"
title = "Engineer"
groups = ["Web Team"]
[users.dan]
name = "Dan Gone"
disabled = true
password = "own ﬁne password"
[users.eve]
name = "Eve Ended"
expires = 2020-01-31
[groups."Web Team"]
ou = "Groups"
members = ["dan"]
[groups."Web Admins"]
members = ["Web Team"]
description = "may do all"
[groups."Domain Admins"]
members = ["alice"]
"""


@pytest.mark.parametrize(("name", "text"), [("people.yaml", YAML), ("people.toml", TOML)], ids=["yaml", "toml"])
def test_a_file_fills_the_directory(tmp_path, connect, name, text):
    """Both formats say the same: names, places, states, groups, passwords."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with EmbeddedDirectory(file) as directory:
        assert (directory.domain, directory.base_dn) == ("ACME", "DC=acme,DC=test")
        assert directory.dn("alice") == "CN=Alice Liddell,OU=IT,OU=Staff,DC=acme,DC=test"
        admin = connect(directory)
        [entry] = found(admin, directory.dn("alice"), "(objectClass=*)", "BASE", attributes=["*"])
        values = {
            key: [value.decode() for value in listed]
            for key, listed in entry["raw_attributes"].items()
            if key in ("givenName", "sn", "title", "mail", "memberOf", "userPrincipalName")
        }
        assert values == {
            "givenName": ["Alice"],
            "sn": ["Liddell"],
            "title": ["Engineer"],
            "mail": ["alice@acme.test"],
            "userPrincipalName": ["alice@acme.test"],
            "memberOf": ["CN=Domain Admins,CN=Users,DC=acme,DC=test", "CN=Web Team,OU=Groups,DC=acme,DC=test"],
        }
        assert connect(directory, "ACME\\alice", "Everyb0dy's").bound
        assert "data 533" in connect(directory, "ACME\\dan", "own ﬁne password".encode()).result["message"]
        assert "data 701" in connect(directory, "ACME\\eve", "Everyb0dy's").result["message"]
        nested = f"(memberOf:1.2.840.113556.1.4.1941:={directory.dn('Web Admins')})"
        assert names(admin, directory.base_dn, nested) == {"Web Team", "alice", "dan"}
        assert directory.dn("PC-0001$") == "CN=PC-0001,CN=Computers,DC=acme,DC=test"


@pytest.mark.parametrize(
    ("people", "text"),
    [
        ({"user": {}}, "Did you mean 'users'"),
        ({"users": {"alice": {"nmae": "Alice"}}}, "Did you mean 'name'"),
        ({"users": {"alice": "Alice"}}, "must be a table"),
        ({"users": {"alice": {"expires": "soon"}}}, "must be a date"),
        ({"groups": {"G": {"scope": "world"}}}, "scope must be one of"),
        ({"groups": {"G": {"members": ["nobody"]}}}, "nobody"),
        ({"users": {"a": {"name": "Same"}, "b": {"name": "Same"}}}, "already"),
        ({"users": {"alice": {}, "ALICE": {}}}, "taken"),
    ],
)
def test_a_mistake_in_a_file_is_named(people, text):
    """What is misspelt, missing or double is said."""
    with pytest.raises((ConfigurationError, NotFound), match=text):
        EmbeddedDirectory(people)


def test_a_missing_or_broken_file(tmp_path):
    """It is a configuration error, not a traceback."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        EmbeddedDirectory(tmp_path / "none.yaml")
    broken = tmp_path / "people.yaml"
    broken.write_text("users: [", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not YAML"):
        EmbeddedDirectory(broken)


def test_the_example_company(connect):
    """About thirty people: departments, nested groups, every kind of trouble, and look-alikes without rights."""
    with EmbeddedDirectory() as directory:
        admin = connect(directory)
        people = names(admin, directory.base_dn, "(&(objectCategory=person)(mail=*))")
        assert 25 <= len(people) <= 35
        reasons = {"dan": "533", "eve": "701", "lou": "775", "newton": "773", "olga": "532"}
        for sam, code in reasons.items():
            answer = connect(directory, f"EXAMPLE\\{sam}", directory.bind_password).result
            assert f"data {code}" in answer["message"]
        assert "\\," in directory.dn("ohara")
        assert directory.dn("zoë.ünal").startswith("CN=Zoë Ünal")
        in_chain = f"(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:={directory.dn('Domain Admins')}))"
        assert names(admin, directory.base_dn, in_chain) == {"Administrator", "bob"}
        assert len(names(admin, directory.base_dn, "(&(objectClass=group)(name=D*main Admins))")) == 3


def test_the_generator(connect):
    """Any number of people, in groups nested ten deep."""
    with EmbeddedDirectory(generate(500, 20)) as directory:
        admin = connect(directory)
        assert len(names(admin, directory.base_dn, "(sAMAccountName=user0*)")) == 500
        chain = f"(member:1.2.840.113556.1.4.1941:={directory.dn('user00000')})"
        assert len(names(admin, directory.base_dn, chain)) == 10


@pytest.fixture
def directory():
    """Two people and two groups."""
    people = {
        "users": {"alice": {"name": "Alice Liddell"}, "bob": {"name": "Bob Builder"}},
        "groups": {"Team": {"members": ["alice"]}, "Admins": {"members": ["Team"]}},
    }
    with EmbeddedDirectory(people) as running:
        yield running


def test_a_person_by_any_name(directory):
    """sAMAccountName, DOMAIN\\name, UPN, GUID, SID and DN name the same person; nobody and several are errors."""
    dn = directory.dn("alice")
    for name in ("ALICE", "EXAMPLE\\alice", "alice@example.local", directory.guid("alice"), directory.sid("alice"), dn):
        assert directory.dn(name) == dn
    for name in ("nobody", "OTHER\\alice", f"CN=nobody,{directory.base_dn}"):
        with pytest.raises(NotFound):
            directory.dn(name)
    directory.add_group("Staff", name="Twin", ou="A")
    directory.add_group("Other", name="Twin", ou="B")
    with pytest.raises(Ambiguous):
        directory.dn("Twin")


def test_members_come_and_go(directory, connect):
    """A change is seen by the next search."""
    admin = connect(directory)
    query = f"(memberOf:1.2.840.113556.1.4.1941:={directory.dn('Admins')})"
    assert names(admin, directory.base_dn, query) == {"Team", "alice"}
    directory.add_member("Team", "bob")
    directory.remove_member("Team", "alice")
    directory.remove_member("Team", "alice")
    assert names(admin, directory.base_dn, query) == {"Team", "bob"}


def setting(directory, **attributes):
    """What sets these attributes of somebody."""
    return lambda user: directory.update(user, **attributes)


def test_states_come_and_go(directory, connect):
    """Disabled, locked, expired, password expired or to be changed: told at the next sign-in, and taken back."""

    def sign_in(password=directory.bind_password):
        message = connect(directory, "EXAMPLE\\alice", password).result["message"]
        return message.partition("data ")[2][:3] or "ok"

    steps = (
        (directory.disable, "533", directory.enable),
        (directory.lock, "775", directory.unlock),
        (directory.expire, "701", setting(directory, accountExpires=0)),
        (directory.expire_password, "532", lambda user: directory.set_password(user, directory.bind_password)),
        (directory.require_password_change, "773", lambda user: directory.set_password(user, directory.bind_password)),
        (
            lambda user: directory.update(user, logonHours=bytes(21)),
            "530",
            lambda u: directory.update(u, logonHours=None),
        ),
        (
            lambda user: directory.update(user, userWorkstations="PC1"),
            "531",
            lambda u: directory.update(u, userWorkstations=None),
        ),
    )
    for spoil, code, mend in steps:
        spoil("alice")
        assert sign_in() == code
        mend("alice")
        assert sign_in() == "ok"
    directory.set_password("alice", "another One 2")
    assert (sign_in(), sign_in("another One 2")) == ("52e", "ok")


def test_expiry_by_date(directory, connect):
    """An account may end later."""
    directory.expire("alice", datetime(2999, 1, 1, tzinfo=timezone.utc))
    assert connect(directory, "EXAMPLE\\alice", directory.bind_password).bound


def test_a_lockout_after_wrong_passwords(connect):
    """With a lockoutThreshold, wrong passwords lock; the lock ends by itself after lockoutDuration."""
    now = [1_800_000_000.0]
    with EmbeddedDirectory({"users": {"alice": {}}}, clock=lambda: now[0]) as directory:
        directory.update(directory.base_dn, lockoutThreshold=3)
        for _ in range(3):
            assert "data 52e" in connect(directory, "EXAMPLE\\alice", "wrong").result["message"]
        assert "data 775" in connect(directory, "EXAMPLE\\alice", directory.bind_password).result["message"]
        now[0] += 31 * 60
        assert connect(directory, "EXAMPLE\\alice", directory.bind_password).bound


def test_a_rename_keeps_the_person(directory):
    """Another logon name, UPN and CN: the same GUID, SID and groups; the old name may be given to somebody new."""
    guid, sid = directory.guid("alice"), directory.sid("alice")
    directory.rename("alice", "alice.hatter", name="Alice Hatter")
    assert (directory.guid("alice.hatter"), directory.sid("alice.hatter@example.local")) == (guid, sid)
    assert directory.dn(guid) == "CN=Alice Hatter,CN=Users,DC=example,DC=local"
    directory.add_user("alice", name="Alice Another")
    assert directory.guid("alice") != guid
    with pytest.raises(ConfigurationError, match="taken"):
        directory.rename("bob", "ALICE")


def test_a_deletion_frees_the_name(directory):
    """Deleted and made again is another person."""
    guid = directory.guid("alice")
    directory.delete("alice")
    with pytest.raises(NotFound):
        directory.dn("alice")
    directory.add_user("alice")
    assert directory.guid("alice") != guid


def test_attributes_change(directory, connect):
    """A value, several, none; links by name; nothing the schema does not know."""
    directory.update("alice", title="Queen", otherTelephone=["1", "2"], manager="bob")
    directory.move("alice", "Wonderland/Court")
    [entry] = found(
        connect(directory),
        directory.dn("alice"),
        "(objectClass=*)",
        "BASE",
        attributes=["title", "otherTelephone", "manager"],
    )
    assert entry["raw_attributes"] == {
        "title": [b"Queen"],
        "otherTelephone": [b"1", b"2"],
        "manager": [directory.dn("bob").encode()],
    }
    assert directory.dn("alice") == "CN=Alice Liddell,OU=Court,OU=Wonderland,DC=example,DC=local"
    directory.update("alice", title=None)
    assert found(connect(directory), directory.base_dn, "(title=Queen)") == []
    with pytest.raises(ConfigurationError, match="no attribute 'nickname'"):
        directory.update("alice", nickname="Al")
    for name in ("cn", "distinguishedName", "memberOf", "tokenGroups", "objectSid"):
        with pytest.raises(ConfigurationError, match="follows from something else"):
            directory.update("alice", **{name: "x"})


def test_the_same_seed_makes_the_same_directory():
    """With a seed, SIDs and GUIDs are the same in every run: good for recorded tests."""
    with EmbeddedDirectory(seed=7) as one, EmbeddedDirectory(seed=7) as other:
        assert one.domain_sid == other.domain_sid
        assert one.guid("alice") == other.guid("alice")
