"""The embedded directory and a real AD (Samba) are asked the same, and must answer the same: signing in."""

from __future__ import annotations

import socket

import ldap3
import pytest

from tests.ad.people import EXAMPLE
from tests.contract.directories import DirectoryUnderTest, Scratch, quoted
from wauth_core.testing.embedded import ber

BASE = "DC=example,DC=local"
NOBODY = {"windows": "525", "samba": "52e"}
PASSWORDS = {person.sam: person.password for person in EXAMPLE.people}


@pytest.mark.parametrize(
    "name",
    [
        "EXAMPLE\\alice",
        "example\\ALICE",
        "alice@example.local",
        "ALICE@EXAMPLE.LOCAL",
        "alice@EXAMPLE",
        f"CN=alice,OU=Staff,{BASE}",
        "cn=ALICE, ou=staff,dc=example,dc=local",
        "U.Upper@corp.example",
        "ursula@example.local",
        "EXAMPLE\\zoë.ünal",
        "Zoë.Ünal@example.local",
        "EXAMPLE\\a(b)c&d",
        "EXAMPLE\\cn.star",
    ],
)
def test_names_that_sign_in(directory: DirectoryUnderTest, name):
    """DOMAIN\\name, a user principal name (explicit or implied), and a DN, in any case."""
    assert directory.sign_in(name) == "ok"


@pytest.mark.parametrize(
    "name",
    [
        "alice",
        "EXAMPLE\\nobody",
        "nobody@example.local",
        f"CN=nobody,{BASE}",
        "OTHER\\alice",
        "alice@other.local",
        "garbage,,",
        "{00000000-0000-0000-0000-000000000000}",
        "EXAMPLE\\",
        "*",
        "EXAMPLE\\*",
        "EXAMPLE\\alice*",
    ],
)
def test_names_of_nobody(directory: DirectoryUnderTest, name):
    """Nobody is found by a bare name, another domain's, or a wildcard. Windows says 525, Samba 52e."""
    assert directory.sign_in(name) == directory.expects(**NOBODY)


@pytest.mark.parametrize(
    ("sam", "right", "wrong"),
    [
        ("alice", "ok", "52e"),
        ("disabled.dan", "533", "52e"),
        ("expired.eve", "701", "52e"),
        ("mustchange.mia", "773", "52e"),
        ("locked.lou", "775", "775"),
    ],
)
def test_reasons(directory: DirectoryUnderTest, sam, right, wrong):
    """Why not is told to who knows the password; a lock-out to everybody."""
    assert directory.sign_in(f"EXAMPLE\\{sam}") == right
    assert directory.sign_in(f"EXAMPLE\\{sam}", "wrong") == wrong


@pytest.mark.parametrize("sam", [sam for sam in PASSWORDS if sam.startswith("pw.")])
def test_passwords_are_bytes(directory: DirectoryUnderTest, sam):
    """Ligatures, full-width letters, zero-width spaces: the very bytes count."""
    password = PASSWORDS[sam]
    assert password is not None
    assert directory.sign_in(f"EXAMPLE\\{sam}", password.encode()) == "ok"
    assert directory.sign_in(f"EXAMPLE\\{sam}", (password + " ").encode()) == "52e"


def test_a_group_cannot_sign_in(directory: DirectoryUnderTest):
    """What is no account has no password."""
    assert directory.sign_in(f"CN=Web Admins,OU=Staff,{BASE}", "x") == "52e"


def test_start_tls(directory: DirectoryUnderTest):
    """StartTLS, then a bind."""
    connection = directory.connect(secure=False, bind=False)
    assert connection.start_tls(read_server_info=False)
    assert connection.bind()


def exchange(client: socket.socket, message: bytes) -> tuple[int, bytes]:
    """The result code of one raw request, and the whole answer."""
    client.sendall(message)
    answer = client.recv(65536)
    outer = ber.Cursor(answer).enter(ber.SEQUENCE)
    outer.integer()
    return ber.Cursor(outer.any()[1]).integer(ber.ENUMERATED), answer


def bind_message(number: int, name: str, password: bytes) -> bytes:
    """A simple bind as bytes; ldap3 refuses to send an empty password."""
    content = ber.integer(3) + ber.octets(name.encode()) + ber.tlv(0x80, password)
    return ber.tlv(0x30, ber.integer(number) + ber.tlv(0x60, content))


def search_message(number: int, base: str) -> bytes:
    """A BASE search as bytes."""
    content = ber.octets(base.encode()) + ber.integer(0, 10) * 2 + ber.integer(0) * 2 + ber.boolean(False)
    return ber.tlv(0x30, ber.integer(number) + ber.tlv(0x63, content + ber.tlv(0x87, b"objectClass") + b"\x30\x00"))


def test_an_anonymous_bind_gets_nowhere(directory: DirectoryUnderTest):
    """It succeeds, and whatever comes after it fails."""
    with socket.create_connection((directory.host, directory.port), 10) as client:
        assert exchange(client, bind_message(1, "", b""))[0] == 0
        assert exchange(client, search_message(2, BASE))[0] == 1


def test_an_empty_password_signs_nobody_in(directory: DirectoryUnderTest):
    """A name with an empty password is an anonymous bind on Windows; Samba wants TLS for it. Nobody is signed in."""
    with socket.create_connection((directory.host, directory.port), 10) as client:
        code, _ = exchange(client, bind_message(1, f"CN=alice,OU=Staff,{BASE}", b""))
        assert code == directory.expects(windows=0, samba=8)
        assert exchange(client, search_message(2, BASE))[0] == 1


def test_a_failed_bind_signs_out(directory: DirectoryUnderTest):
    """RFC 4511 4.2.1: the connection is anonymous then; Samba stays signed in."""
    connection = directory.connect()
    assert not connection.rebind("EXAMPLE\\alice", "wrong")
    code = directory.search(BASE, scope="BASE", connection=connection).code
    assert code == directory.expects(windows=1, samba=0)


def test_who_am_i(directory: DirectoryUnderTest):
    """RFC 4532, which Windows has and Samba has not."""
    connection = directory.connect("alice@example.local")
    connection.extended("1.3.6.1.4.1.4203.1.11.3")
    answer = (connection.result["result"], connection.result["responseValue"])
    assert answer == directory.expects(windows=(0, b"u:EXAMPLE\\alice"), samba=(2, b""))


def test_an_unknown_extended_operation(directory: DirectoryUnderTest):
    """It is a protocol error."""
    connection = directory.connect()
    connection.extended("1.2.3.4.5")
    assert connection.result["result"] == 2


class TestChangingPasswords:
    """unicodePwd, over TLS."""

    def test_an_administrator_resets_it(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A reset needs no old password; the new one counts at once."""
        sam = scratch.person()
        assert directory.sign_in(f"EXAMPLE\\{sam}", "G00d-password") == "ok"
        dn = directory.dn(sam)
        assert directory.modify(dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted("N3w-password")])]}) == 0
        assert directory.sign_in(f"EXAMPLE\\{sam}", "N3w-password") == "ok"

    @pytest.mark.parametrize(
        ("value", "code"),
        [(b"plain", 53), (quoted("sh0rT"), 19), (quoted("alllowercase"), 19)],
        ids=["not quoted", "too short", "too simple"],
    )
    def test_it_must_be_good(self, directory: DirectoryUnderTest, scratch: Scratch, value, code):
        """Form and complexity are checked."""
        dn = directory.dn(scratch.person())
        assert directory.modify(dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [value])]}) == code

    def test_its_owner_must_know_the_old_one(self, directory: DirectoryUnderTest, scratch: Scratch):
        """A change deletes the old one and adds the new one; nobody resets their own."""
        sam = scratch.person()
        dn = directory.dn(sam)
        owner = directory.connect(f"EXAMPLE\\{sam}", "G00d-password")
        add = (ldap3.MODIFY_ADD, [quoted("N3w-password")])
        wrong = {"unicodePwd": [(ldap3.MODIFY_DELETE, [quoted("Wr0ng-password")]), add]}
        assert directory.modify(dn, wrong, owner) == 19
        assert directory.modify(dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted("N3w-password")])]}, owner) == 50

    @pytest.mark.parametrize(
        "changes",
        [[(ldap3.MODIFY_ADD, [quoted("N3w-password")])], [(ldap3.MODIFY_DELETE, [])], [(ldap3.MODIFY_REPLACE, [])]],
        ids=["add alone", "delete", "replace by none"],
    )
    def test_neither_half_a_change_nor_none(self, directory: DirectoryUnderTest, scratch: Scratch, changes):
        """Other combinations are refused."""
        assert directory.modify(directory.dn(scratch.person()), {"unicodePwd": changes}) == 53
