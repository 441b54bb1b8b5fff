"""Writes against the embedded directory: what breaks on the way, LDIF, the recycle bin, values."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.directory import LDAPManager, decode, encode, security
from wauth_core.directory.edits import Edit, Mod
from wauth_core.directory.wire import Control
from wauth_core.directory.wire_writes import ADD, DELETE, REPLACE
from wauth_core.exceptions import ChangeRefused, ChangeUncertain, ConfigurationError, DirectoryUnavailable, NotFound
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory


@pytest.fixture
def directory() -> Iterator[EmbeddedDirectory]:
    """The example company, with a recycle bin."""
    with EmbeddedDirectory(recycle_bin=True) as directory:
        yield directory


@pytest.fixture
def manager(directory: EmbeddedDirectory) -> Iterator[LDAPManager]:
    """A manager that may write."""
    with LDAPManager(LDAPSettings(**directory.settings(READ_ONLY=False, OPERATION_TIMEOUT=2)), "EXAMPLE") as manager:
        yield manager


def sent(directory: EmbeddedDirectory, op: str) -> int:
    """How many requests of a kind reached the server's log."""
    return len([each for each in directory.operations if each.op == op])


@pytest.mark.parametrize("fault", ["drop", "reset"])
def test_a_lost_answer_is_never_sent_again(directory: EmbeddedDirectory, manager: LDAPManager, fault: str) -> None:
    """The connection breaks at a modify: one try, and an error that says that nobody knows."""
    manager.user("alice")
    getattr(directory.faults, fault)(operation="modify", times=1)
    with pytest.raises(ChangeUncertain, match="look"):
        manager.set("alice", {"title": "Queen"})
    made = manager.user("alice", "title").attributes.get("title") == "Queen"
    assert made == (fault == "reset")  # the server had done it, and its answer was lost
    assert sent(directory, "modify") == int(made)


def test_a_busy_server_did_nothing(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """ "busy" is an answer: nothing was done, and nothing is sent again."""
    directory.faults.refuse(51, operation="modify", times=1)
    with pytest.raises(DirectoryUnavailable) as caught:
        manager.set("alice", {"title": "Queen"})
    assert not isinstance(caught.value, ChangeUncertain)
    assert manager.user("alice", "title").attributes.get("title") != "Queen"


def test_batches_say_what_was_done(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """The second of two requests is refused: the first one's members are in, and the error names that request."""
    for number in range(600):
        directory.add_user(f"many{number}", ou="Many")
    directory.add_group("Big")
    people = list(manager.users("(sAMAccountName=many*)"))
    at_nth_modify(directory, manager, 2, "refuse")
    with pytest.raises(ChangeRefused) as caught:
        manager.add_members("Big", people)
    assert len(caught.value.done) == 1
    assert len(list(manager.members("Big"))) == 500
    manager.add_members("Big", people)
    assert len(list(manager.members("Big"))) == 600


def test_the_recycle_bin(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """What was deleted comes back whole: attributes, memberships, reports, password."""
    directory.add_group("Club", members=["bob"])
    before = manager.user("bob", ["title", "manager"])
    groups = {group.name for group in before.groups()}
    manager.delete("bob")
    assert "Club" not in {group.name for group in manager.groups() if list(group.members())}
    [gone] = manager.deleted({"sAMAccountName": "bob"}, ["title"])
    assert (gone.is_complete, gone.attributes["title"]) == (True, before.attributes["title"])
    assert manager.forest_info().recycle_bin
    manager.restore("bob")
    after = manager.user("bob", ["title", "manager"])
    assert (after.guid, after.dn, after.attributes["title"]) == (before.guid, before.dn, before.attributes["title"])
    assert {group.name for group in after.groups()} == groups
    assert manager.authenticate("bob", "Bu1lder's-Yard").ok


def test_a_name_that_was_taken_meanwhile(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """Nobody is restored over somebody else."""
    manager.delete("bob")
    directory.add_user("bob", name="Another Bob")
    with pytest.raises(ChangeRefused) as caught:
        manager.restore("bob")
    assert caught.value.reason == "exists"


def test_the_server_protects_too(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """What is protected, AD itself does not delete, whoever asks."""
    made = manager.create_ou("Vault")
    manager.connection.delete(made.dn)
    assert manager.connection.result["result"] == 50
    manager.protect("Vault", False)
    assert manager.delete("Vault").changed


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("fault", ["refuse", "drop", "reset"])
def test_a_unit_is_made_whole_or_not_at_all(
    directory: EmbeddedDirectory, manager: LDAPManager, fault: str, step: int
) -> None:
    """Refused, cut before it was done, or cut after it: the parent's change, or that of the unit itself."""
    before = permissions(manager)
    at_nth_modify(directory, manager, step, fault)
    try:
        assert manager.create_ou("Half").after["protected"]
    except (ChangeRefused, ChangeUncertain):
        with pytest.raises(NotFound):
            manager.ou("Half")
        assert (permissions(manager) == before) == (fault == "refuse" or (fault, step) == ("drop", 1))
    else:
        assert (fault, step) == ("reset", 2), "only an answer that was lost at the end is overlooked"
        assert not manager.protect("Half").changed


@pytest.mark.parametrize("fault", ["refuse", "drop"])
def test_who_was_not_protected_has_the_same_parent(
    directory: EmbeddedDirectory, manager: LDAPManager, fault: str
) -> None:
    """The parent denies first; where the object's own change is refused, it no longer does."""
    made = manager.create_ou("Loose", protected=False)
    before = permissions(manager)
    at_nth_modify(directory, manager, 2, fault)
    with pytest.raises(ChangeRefused if fault == "refuse" else ChangeUncertain) as caught:
        manager.protect(made.dn)
    assert getattr(caught.value, "done", ()) == ()
    assert (permissions(manager) == before) == (fault == "refuse")
    assert manager.protect(made.dn).changed


def test_a_unit_that_can_neither_be_protected_nor_deleted(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """The error says what is there now."""
    directory.faults.refuse(50, operation="modify")
    directory.faults.refuse(50, operation="delete")
    with pytest.raises(ChangeUncertain, match="was made, and is not protected"):
        manager.create_ou("Half")


def permissions(manager: LDAPManager) -> bytes:
    """The access list of the domain itself."""
    return manager._descriptor(manager.settings.SEARCH_BASE)


def at_nth_modify(directory: EmbeddedDirectory, manager: LDAPManager, number: int, fault: str) -> None:
    """Let the *number*-th change from now on meet *fault*, once."""
    real, left = manager._writer._send, [number]

    def send(edit: Edit, what: str) -> None:
        left[0] -= edit.kind == "modify"
        if edit.kind == "modify" and left[0] == 0:
            arguments = (50,) if fault == "refuse" else ()
            getattr(directory.faults, fault)(*arguments, operation="modify", times=1)
        real(edit, what)

    manager._writer._send = send  # type: ignore[method-assign]


VALUES = {
    "text": ("title", "Größe", (b"Gr\xc3\xb6\xc3\x9fe",)),
    "several": ("otherTelephone", ["1", "2", "1"], (b"1", b"2")),
    "none": ("title", None, ()),
    "empty": ("title", "", ()),
    "flag": ("isDeleted", True, (b"TRUE",)),
    "number": ("userAccountControl", 512, (b"512",)),
    "filetime": ("accountExpires", datetime(2030, 1, 1, tzinfo=timezone.utc), (b"135379296000000000",)),
    "time": ("whenCreated", datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), (b"20300101000000.0Z",)),
    "duration": ("maxPwdAge", timedelta(days=42), (b"-36288000000000",)),
    "guid": ("objectGUID", uuid.UUID(int=1), (bytes(15) + b"\x01",)),
    "octets": ("jpegPhoto", b"\xff\x00", (b"\xff\x00",)),
}


@pytest.mark.parametrize(("name", "value", "octets"), VALUES.values(), ids=list(VALUES))
def test_values_are_written_as_they_are_read(name: str, value: Any, octets: tuple[bytes, ...]) -> None:
    """Each type to octets, and back by the decoder."""
    assert encode.values(name, value) == octets
    if len(octets) == 1:
        assert decode.attribute(name, list(octets)) in (value, [value])


@pytest.mark.parametrize("value", ["a\0b", "\ud800", datetime(2030, 1, 1), 1.5, object(), {"a": 1}])
def test_what_no_attribute_can_hold(value: Any) -> None:
    """Refused before anything is sent."""
    with pytest.raises(ConfigurationError):
        encode.values("accountExpires", value)


def test_ldif() -> None:
    """The records of RFC 2849: base64 where it must be, folded lines, controls, and no secret."""
    mods = (
        Mod(REPLACE, "title", ("Größe".encode(),)),
        Mod(ADD, "description", (b"x" * 100,)),
        Mod(DELETE, "info", ()),
        Mod(REPLACE, "unicodePwd", (b"hush",)),
    )
    edit = Edit("modify", "CN=Zoë,DC=example", mods, controls=(Control("1.2.3", critical=True),))
    assert edit.ldif() == (
        "dn:: Q049Wm/DqyxEQz1leGFtcGxl\ncontrol: 1.2.3 true\nchangetype: modify\n"
        "replace: title\ntitle:: R3LDtsOfZQ==\n-\n"
        "add: description\ndescription: " + "x" * 63 + "\n " + "x" * 37 + "\n-\n"
        "delete: info\n-\n"
        "replace: unicodePwd\n# unicodePwd: (not shown)\n-\n"
    )
    assert "hush" not in repr(edit)
    rename = Edit("rename", "CN=a,DC=x", new_rdn="CN=b", new_parent="OU=c,DC=x")
    assert rename.ldif() == "dn: CN=a,DC=x\nchangetype: modrdn\nnewrdn: CN=b\ndeleteoldrdn: 1\nnewsuperior: OU=c,DC=x\n"
    assert Edit("delete", "CN=a,DC=x").ldif() == "dn: CN=a,DC=x\nchangetype: delete\n"


@given(st.binary(max_size=200))
def test_ldif_carries_any_octets(value: bytes) -> None:
    """Whatever the value, ldap3's own rules for LDIF read it back."""
    import base64

    text = Edit("add", "CN=a", (Mod(ADD, "info", (value,)),)).ldif().replace("\n ", "")
    [line] = [each for each in text.split("\n") if each.startswith("info:")]
    read = base64.b64decode(line[6:]) if line.startswith("info:: ") else line[6:].encode()
    assert read == value
    assert text.isascii()


def test_access_lists() -> None:
    """A deny entry goes in first and comes out again; the others stay, and a descriptor that cannot be read is left."""
    allow = bytes.fromhex("00001400ff010f00010100000000000512000000")
    dacl = bytes.fromhex("0400") + (8 + len(allow)).to_bytes(2, "little") + bytes.fromhex("01000000") + allow
    descriptor = bytes.fromhex("0100048400000000000000000000000014000000") + dacl
    assert not security.is_protected(descriptor)
    denied = security.denying(descriptor, security.DELETE | security.DELETE_TREE)
    assert security.is_protected(denied)
    assert not security.denies(denied, security.DELETE_CHILD)
    assert security.allowing(denied, security.DELETE) == descriptor
    with pytest.raises(ValueError, match="permissions"):
        security.denying(b"", security.DELETE)
