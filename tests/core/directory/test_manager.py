"""`LDAPManager` against the embedded directory: what must work on every machine, with no Samba."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wauth_core import secrets
from wauth_core.directory import AuthReason, LDAPManager, Outcome, trace
from wauth_core.exceptions import (
    BindError,
    ConfigurationError,
    DirectoryUnavailable,
    GroupNotFound,
    MembershipUnreadable,
    OperationFailed,
    ReadOnlyError,
    UserNotFound,
)
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

PASSWORD = "Passw0rd!x"


@pytest.fixture(scope="module")
def directory(shared_directory: EmbeddedDirectory) -> EmbeddedDirectory:
    """The example company, shared; tests that change it put it back."""
    return shared_directory


def managed(directory: EmbeddedDirectory, **overrides: Any) -> LDAPManager:
    """A manager of it."""
    return LDAPManager(LDAPSettings(**directory.settings(**overrides)), "EXAMPLE")


@pytest.fixture
def manager(directory: EmbeddedDirectory) -> Iterator[LDAPManager]:
    """A fresh manager."""
    with managed(directory) as manager:
        yield manager
    directory.faults.clear()


def searches(operations: list[Any]) -> int:
    """How many searches were made."""
    return len([operation for operation in operations if operation.kind == "search"])


def test_people_in_every_way(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """By name, DOMAIN\\name, UPN, GUID, SID and DN: the same person."""
    for sam in ("alice", "zoë.ünal", "penny(f)", "ohara", "r.and.d", "jose"):
        user = manager.user(sam)
        assert user.guid == directory.guid(sam)
        for way in (sam.upper(), f"EXAMPLE\\{sam}", f"{sam}@example.local", user.guid, user.sid, user.dn):
            assert manager.user(way) == user


@pytest.mark.parametrize("name", ["", "nobody", "*", "josé", "OTHER\\alice", "Domain Admins", "PC-0001$", "a=b"])
def test_nobody(manager: LDAPManager, name: str) -> None:
    """What names nobody is not found."""
    with pytest.raises(UserNotFound):
        manager.user(name)


def test_one_attribute_as_a_text(manager: LDAPManager) -> None:
    """The name of one attribute is that attribute, and not its letters."""
    assert manager.user("ada", attributes="department").attributes["department"] == "IT"
    [ada] = manager.users({"sAMAccountName": "ada"}, attributes="department")
    assert ada.attributes["department"] == "IT"
    [entry] = manager.search("(sAMAccountName=ada)", attributes="department")
    assert entry.attributes["department"] == "IT"


def test_one_search_for_a_known_person(manager: LDAPManager) -> None:
    """Attributes, state and all groups: two searches at first, then one."""
    with trace() as operations:
        bob = manager.person(guid=None, username="bob", attributes=["title"])
    assert searches(operations) == 2
    with trace() as operations:
        again = manager.person(guid=bob.guid, username="bob", attributes=["title"])
    assert searches(operations) == 1
    assert again.attributes["title"] == "Systems Administrator"
    assert f"{manager.domain_sid}-512" in (again.group_sids or ())


def test_groups(manager: LDAPManager) -> None:
    """Names mean SIDs, look-alikes nothing; nesting, cycles and lists count as AD counts them."""
    resolved = manager.resolve_groups(["Domain Admins", "Administrators", "Web Users", "All Staff", "nope"])
    assert set(resolved.sids) == {"Domain Admins", "Administrators", "Web Users"}
    assert "distribution" in resolved.unknown["All Staff"]
    ada = manager.person(guid=None, username="ada")
    assert ada.in_group("Web Users")
    assert not ada.in_group("Domain Admins")
    assert not manager.is_member("trudy", "Domain Admins")
    assert {user.username for user in manager.members("Project Wonderland", recursive=True)} == {
        "alice",
        "zoë.ünal",
        "jose",
    }
    assert "Web Editors" in {group.name for group in ada.groups()}
    with pytest.raises(GroupNotFound):
        ada.in_group("nope")


@pytest.mark.parametrize(
    ("username", "password", "reason"),
    [
        ("alice", PASSWORD, AuthReason.OK),
        ("zoë.ünal", "ﬁne-Pässwörd-１", AuthReason.OK),
        ("zoë.ünal", "fine-Pässwörd-1", AuthReason.BAD_PASSWORD),
        ("alice", "\u200b", AuthReason.EMPTY_PASSWORD),
        ("dan", PASSWORD, AuthReason.DISABLED),
        ("eve", PASSWORD, AuthReason.EXPIRED),
        ("lou", PASSWORD, AuthReason.LOCKED),
        ("newton", PASSWORD, AuthReason.MUST_CHANGE),
        ("olga", PASSWORD, AuthReason.PASSWORD_EXPIRED),
        ("nobody", PASSWORD, AuthReason.NO_SUCH_USER),
    ],
)
def test_sign_in(manager: LDAPManager, username: str, password: str, reason: AuthReason) -> None:
    """Each reason by its name."""
    assert manager.authenticate(username, password).reason is reason


@pytest.mark.parametrize("fault", ["drop", "reset"])
def test_a_read_is_asked_once_more(directory: EmbeddedDirectory, manager: LDAPManager, fault: str) -> None:
    """A connection that breaks once costs nothing but time; twice is an error."""
    manager.user("alice")
    getattr(directory.faults, fault)(operation="search", times=1)
    assert manager.user("bob").username == "bob"
    getattr(directory.faults, fault)(operation="search", times=2)
    with pytest.raises(DirectoryUnavailable):
        manager.user("bob")


def test_a_busy_server(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """ "Busy" is asked once more, then unavailable; at a bind too."""
    directory.faults.refuse(51, operation="search", times=1)
    assert manager.user("alice").username == "alice"
    with directory.faults.refuse(52, operation="search"), pytest.raises(DirectoryUnavailable, match="unavailable"):
        manager.user("alice")
    with directory.faults.refuse_binds(51), managed(directory) as other, pytest.raises(DirectoryUnavailable):
        other.user("alice")


def test_silence_ends_at_the_deadline(directory: EmbeddedDirectory) -> None:
    """A black hole costs one deadline."""
    with managed(directory, OPERATION_TIMEOUT=1) as manager:
        manager.user("alice")
        with directory.faults.hang(operation="search"):
            started = time.monotonic()
            with pytest.raises(DirectoryUnavailable, match="in time"):
                manager.user("bob")
            assert time.monotonic() - started < 1.5
        assert manager.user("bob").username == "bob"


def test_an_outage_and_back(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """While all is down calls fail at once; afterwards they work."""
    manager.user("alice")
    with directory.faults.outage(), pytest.raises(DirectoryUnavailable):
        manager.user("alice")
    assert manager.user("alice").username == "alice"


def test_failover(directory: EmbeddedDirectory) -> None:
    """The second server serves while the first is down."""
    with EmbeddedDirectory(seed=1) as other:
        servers = ["ldaps://127.0.0.1:1", other.ldaps_url]
        with managed(other, SERVER=servers) as manager:
            assert manager.user("alice").username == "alice"


def test_a_limit_is_told(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """A server that ends a search too early gives an error, not half of the people."""
    with directory.faults.size_limit(3), pytest.raises(OperationFailed, match="limits"):
        list(manager.users())


def test_token_groups_that_may_not_be_read(manager: LDAPManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to read tokenGroups there is an error with advice, and no "in no group"."""
    monkeypatch.setattr("wauth_core.directory.users.token_groups", lambda entry: None)
    with pytest.raises(MembershipUnreadable, match="Windows Authorization Access Group"):
        manager.person(guid=None, username="alice")


def test_many_threads(directory: EmbeddedDirectory) -> None:
    """Each gets the own answer, over at most POOL_SIZE connections."""
    with managed(directory, POOL_SIZE=3) as manager:
        names = [user.username for user in manager.users()]

        def look(number: int) -> bool:
            sam = names[number % len(names)]
            busy, idle = manager._pool.counts()
            return manager.user(sam).username == sam and busy + idle <= 3

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(look, range(200)))


def test_read_only(manager: LDAPManager) -> None:
    """No write without READ_ONLY=False."""
    with pytest.raises(ReadOnlyError):
        manager.connection.add("CN=x,DC=example,DC=local", "user")


def test_start_tls_and_plaintext(directory: EmbeddedDirectory) -> None:
    """StartTLS encrypts; without encryption no password is sent, unless a setting allows it."""
    with managed(directory, SERVER=directory.url, START_TLS=True) as manager:
        assert manager.authenticate("alice", PASSWORD)
    with managed(directory, SERVER=directory.url) as manager, pytest.raises(ConfigurationError, match="unencrypted"):
        manager.user("alice")
    with managed(directory, SERVER=directory.url, ALLOW_INSECURE_PLAINTEXT_BIND=True) as manager:
        assert manager.authenticate("alice", PASSWORD)


def test_doctor(directory: EmbeddedDirectory, manager: LDAPManager) -> None:
    """All is well; and where it is not, the doctor says what and raises nothing."""
    checks = manager.doctor()
    assert {check.outcome for check in checks} <= {Outcome.OK, Outcome.WARNING, Outcome.SKIPPED}
    for overrides, name in (
        ({"PASSWORD": "wrong"}, "sign in"),
        ({"SERVER": "nowhere.invalid"}, "name nowhere.invalid"),
        ({"SERVER": "ldaps://127.0.0.1:1"}, "port 1"),
        ({"CA_FILE": None}, "TLS"),
        ({"SEARCH_BASE": "DC=wrong"}, "search base"),
        ({"STAFF_GROUPS": ["nope"]}, "configured groups"),
        ({"USER_QUERY_FILTER": "(("}, "people"),
    ):
        with managed(directory, **overrides) as ill:
            failed = [check for check in ill.doctor() if check.outcome is Outcome.FAILED]
        assert [check.name for check in failed if check.name.startswith(name)], overrides


def test_wrong_password_of_the_service_account(directory: EmbeddedDirectory) -> None:
    """AD's reason has a name, and the same password is not sent again at once."""
    with managed(directory, PASSWORD="wrong") as manager:
        for text in ("wrong user name or password", "not tried again"):
            with pytest.raises(BindError, match=text) as caught:
                manager.user("alice")
            assert caught.value.code == "52e"


# -- servers that are none ---------------------------------------------------------------------------------------------

BIND_OK = bytes.fromhex("300c02010161070a010004000400")


class Impostor:
    """Something that takes connections on loopback and answers by *script*, one step for each request."""

    def __init__(self, *script: bytes, trickle: float = 0.0) -> None:
        self.script = script
        self.trickle = trickle
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with self.listener:
            while not self.ended.is_set():
                try:
                    opened, _ = self.listener.accept()
                except OSError:
                    return
                threading.Thread(target=self._serve, args=(opened,), daemon=True).start()

    def _serve(self, opened: socket.socket) -> None:
        with opened:
            try:
                for answer in self.script:
                    request = opened.recv(65536)
                    if not request:
                        return
                    number = request[request.index(b"\x02", 1) :][:6]
                    for octet in answer.replace(b"\x02\x01\x01", number):
                        opened.sendall(bytes((octet,))) if self.trickle else None
                        if self.trickle and self.ended.wait(self.trickle):
                            return
                    if not self.trickle:
                        opened.sendall(_resized(answer.replace(b"\x02\x01\x01", number)))
                self.ended.wait(10)
            except OSError:
                return

    def __enter__(self) -> Impostor:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):  # Windows refuses it, and wakes the thread by close()
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def _resized(message: bytes) -> bytes:
    """*message* with its outer length set right, as the number in it has grown."""
    return message[:1] + bytes((len(message) - 2,)) + message[2:] if message[:1] == b"\x30" else message


@pytest.mark.parametrize(
    ("script", "trickle"),
    [
        ((), 0.0),
        ((BIND_OK,), 0.0),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), 0.0),
        ((b"\x30\x84\xff\xff\xff\xff",), 0.0),
        ((BIND_OK, b"\x30\x05\x02\x01\x01\x65\x00"), 0.0),
        ((BIND_OK, bytes.fromhex("300c02010261070a010004000400")), 0.0),
        ((BIND_OK * 20,), 0.04),
    ],
    ids=["says nothing", "only binds", "speaks HTTP", "endless length", "broken end", "answers another", "trickles"],
)
def test_impostors(script: tuple[bytes, ...], trickle: float) -> None:
    """Whatever answers instead of a directory, the call fails clearly within its deadline."""
    with (
        Impostor(*script, trickle=trickle) as impostor,
        LDAPManager(
            LDAPSettings(SERVER=impostor.url, SEARCH_BASE="DC=x", OPERATION_TIMEOUT=1, CONNECT_TIMEOUT=1), "X"
        ) as manager,
    ):
        started = time.monotonic()
        with pytest.raises(DirectoryUnavailable):
            manager.user("alice")
        assert time.monotonic() - started < 1.6


def test_a_missing_secret_is_told_before_anything_is_tried(directory: EmbeddedDirectory) -> None:
    """One line about the variable, and no connection: the server would be asked for nothing."""
    with managed(directory, PASSWORD=secrets.env("WAUTH_NO_SUCH_VARIABLE")) as manager, trace() as operations:
        with pytest.raises(ConfigurationError, match="'WAUTH_NO_SUCH_VARIABLE', which holds a secret, is not set"):
            manager.user("alice")
        with pytest.raises(ConfigurationError):
            _ = manager.connection
    assert operations == []


# -- several search bases ----------------------------------------------------------------------------------------------


def test_people_and_groups_of_several_trees(directory: EmbeddedDirectory) -> None:
    """Who is in one of them is found, each once, in every way; who is in none is nobody."""
    trees = ["OU=Management,OU=Staff,DC=example,DC=local", "OU=Groups,DC=example,DC=local"]
    with managed(directory, SEARCH_BASE=trees) as several, managed(directory) as whole:
        everybody = {user.dn for user in whole.users()}
        inside = {dn for dn in everybody if dn.endswith(trees[0])}
        assert 0 < len(inside) < len(everybody)
        assert {user.dn for user in several.users()} == inside
        outsider = next(user for user in whole.users() if user.dn not in inside)
        for name in (outsider.username, outsider.upn):
            with pytest.raises(UserNotFound):
                several.user(name)
        with pytest.raises(UserNotFound):
            several.person(guid=outsider.guid, username=outsider.username)
        assert {group.dn for group in several.groups()} == {
            group.dn for group in whole.groups() if group.dn.endswith(trees[1])
        }
        some = next(iter(several.users()))
        assert several.person(guid=None, username=some.username).guid == some.guid
        assert everybody <= {entry.entry_dn for entry in several.get_reader("user").search()}


def test_a_tree_below_another_is_searched_once(directory: EmbeddedDirectory) -> None:
    """Nobody is found twice, whatever the order, spelling and repetition."""
    whole = "DC=example,DC=local"
    for trees in ([f"OU=Staff,{whole}", whole], [whole, f"ou=staff, {whole.lower()}", whole]):
        with managed(directory, SEARCH_BASE=trees) as manager, trace() as operations:
            found = [user.dn for user in manager.users()]
            assert len(found) == len(set(found)) > 20
            assert {operation.base for operation in operations if operation.kind == "search" and operation.base} == {
                whole
            }


def test_trees_of_two_domains_are_refused(directory: EmbeddedDirectory) -> None:
    """Each domain has an entry of its own."""
    with pytest.raises(ConfigurationError, match="two domains"):
        managed(directory, SEARCH_BASE=["DC=example,DC=local", "DC=other,DC=local"])
