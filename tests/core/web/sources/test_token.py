"""The rules for IIS's sign-in tokens: who may name a handle, what is read, what is closed."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wauth_core.testing.tokens import FakeTokenReader
from wauth_core.web.sources.token import (
    AUTHENTICATION_VARIABLE,
    PAIRING_VARIABLE,
    InvalidToken,
    TokenFacts,
    check_forwarder,
    parse_handle,
    read_token,
)

OWN_SID = "S-1-5-82-1-2-3-4-5"
ALICE = TokenFacts("S-1-5-21-1-2-3-1104", "EXAMPLE", "alice", frozenset({"S-1-5-21-1-2-3-513", "S-1-1-0"}))


def reader_of(facts: TokenFacts, handle: int = 0x22C) -> FakeTokenReader:
    return FakeTokenReader({handle: facts}, own_sid=OWN_SID)


def test_reads_and_closes() -> None:
    """A token gives the user and the enabled groups, and is closed exactly once."""
    reader = reader_of(ALICE)
    assert read_token("22c", reader) == ALICE
    assert reader.closed == [0x22C]
    with pytest.raises(InvalidToken, match="no readable token"):
        read_token("22c", reader)
    assert reader.closed == [0x22C]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("0", id="null"),
        pytest.param("22d", id="not a multiple of four"),
        pytest.param("-4", id="pseudo-handle of the process, signed"),
        pytest.param("-6", id="pseudo-handle of the effective token, signed"),
        pytest.param("fffffffffffffffc", id="pseudo-handle, 64 bits"),
        pytest.param("fffffffc", id="pseudo-handle, 32 bits"),
        pytest.param("80000000", id="upper half"),
        pytest.param("0x22c", id="prefix"),
        pytest.param("22c,22c", id="header sent twice"),
        pytest.param(" 22c", id="space"),
        pytest.param("22c\n", id="line end"),
        pytest.param("2_2c", id="underscore, which int() takes"),
        pytest.param("٢٢٤", id="Arabic digits, which int() takes"),
        pytest.param("0" * 17, id="too long"),
        pytest.param("22c" * 1000, id="very long"),
    ],
)
def test_hostile_numbers(value: str) -> None:
    """A header that cannot name a handle is refused before Windows is asked."""
    reader = reader_of(ALICE)
    with pytest.raises(InvalidToken):
        read_token(value, reader)
    assert reader.closed == []


@pytest.mark.parametrize(
    ("value", "handle"), [("4", 4), ("22C", 0x22C), ("000000000000022c", 0x22C), ("7ffffffc", 2**31 - 4)]
)
def test_numbers_that_can_be_handles(value: str, handle: int) -> None:
    """Upper and lower case, with leading zeros, up to the largest."""
    assert parse_handle(value) == handle


@pytest.mark.parametrize("value", ["0", "1", "2", "3", "5", "22d", "22e", "22f", "80000000", "80000004", "fffffffc"])
def test_numbers_that_no_handle_has(value: str) -> None:
    """Zero, no multiple of four, and the upper half with its pseudo-handles: refused before Windows is asked."""
    with pytest.raises(InvalidToken, match="no handle has such a number"):
        parse_handle(value)


def test_what_is_no_token_is_not_closed() -> None:
    """A client that names the number of a socket or a file gets it neither read nor closed."""
    reader = reader_of(ALICE)
    with pytest.raises(InvalidToken, match="no readable token"):
        read_token("1a4", reader)
    assert reader.closed == []


@pytest.mark.parametrize("sid", ["S-1-5-7", "S-1-5-17"])
def test_nobody_is_refused_and_closed(sid: str) -> None:
    """The anonymous accounts are nobody; their token came from IIS and is closed."""
    reader = reader_of(TokenFacts(sid, "NT AUTHORITY", "IUSR", frozenset()))
    with pytest.raises(InvalidToken, match="anonymous account"):
        read_token("22c", reader)
    assert reader.closed == [0x22C]


def test_own_account_is_refused_and_not_closed() -> None:
    """A token of this process's own account may be the process's own handle: refused, and left open."""
    reader = reader_of(TokenFacts(OWN_SID, "IIS APPPOOL", "shop", frozenset()))
    with pytest.raises(InvalidToken, match="this process runs as"):
        read_token("22c", reader)
    assert reader.closed == []


class Nameless(FakeTokenReader):
    """The domain controller does not answer, or the account was deleted."""

    def account(self, sid: str) -> tuple[str, str]:
        raise OSError(1332, "No mapping")


def test_a_token_without_a_name_is_closed() -> None:
    """A token that proved to be one is closed even if its account has no name."""
    reader = Nameless({0x22C: ALICE}, own_sid=OWN_SID)
    with pytest.raises(InvalidToken, match="does not say who S-1-5-21-1-2-3-1104 is"):
        read_token("22c", reader)
    assert reader.closed == [0x22C]


@pytest.mark.parametrize(("domain", "username"), [("", "alice"), ("EXAMPLE", ""), ("", "")])
def test_half_a_name_is_nobody(domain: str, username: str) -> None:
    """An account without a domain, or without a name, signs nobody in; its token is closed."""
    reader = reader_of(TokenFacts(ALICE.user_sid, domain, username, frozenset()))
    with pytest.raises(InvalidToken, match="has no name"):
        read_token("22c", reader)
    assert reader.closed == [0x22C]


class Meeting(FakeTokenReader):
    """Two requests that name one handle meet between the question whose it is and the closing, if they can."""

    def __init__(self, tokens: dict[int, TokenFacts]) -> None:
        super().__init__(tokens, own_sid=OWN_SID)
        self.barrier = threading.Barrier(2)

    def user_sid(self, handle: int) -> str:
        found = super().user_sid(handle)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.barrier.wait(timeout=0.2)
        return found


def test_one_handle_named_twice_at_once() -> None:
    """Only one of two simultaneous requests gets the token; it is closed once, its number may be a socket's next."""
    reader = Meeting({0x22C: ALICE})
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(read_token, "22c", reader) for _ in range(2)]
    errors = [result.exception() for result in results]
    assert sorted(type(error).__name__ for error in errors) == ["InvalidToken", "NoneType"]
    assert reader.closed == [0x22C]


class Groupless(FakeTokenReader):
    """The groups cannot be read."""

    def group_sids(self, handle: int) -> frozenset[str]:
        raise OSError(5, "Access is denied")


def test_a_token_without_groups_is_closed() -> None:
    """Nobody is signed in without the groups, and the handle is not lost."""
    reader = Groupless({0x22C: ALICE}, own_sid=OWN_SID)
    with pytest.raises(InvalidToken, match="does not tell its groups"):
        read_token("22c", reader)
    assert reader.closed == [0x22C]


def test_errors_do_not_tell_the_handle() -> None:
    """A handle is a key for as long as it is open: no error text carries it."""
    with pytest.raises(InvalidToken) as caught:
        read_token("7f00", reader_of(ALICE))
    assert "7f00" not in str(caught.value)


PAIRED = {PAIRING_VARIABLE: "s3cret", AUTHENTICATION_VARIABLE: "windows;"}


@pytest.mark.parametrize(
    ("peer", "pairing", "environment"),
    [
        ("127.0.0.1", None, {}),
        ("127.8.8.8", None, {}),
        ("::1", None, {}),
        ("::ffff:127.0.0.1", "s3cret", PAIRED),
        ("127.0.0.1", "s3cret", PAIRED),
    ],
)
def test_forwarder_accepted(peer: str, pairing: str | None, environment: dict[str, str]) -> None:
    """The IIS on this machine is believed, with its secret where it has one."""
    check_forwarder(peer, pairing, environment)


@pytest.mark.parametrize(
    ("peer", "pairing", "environment"),
    [
        pytest.param(None, None, {}, id="no peer"),
        pytest.param("", None, {}, id="empty peer"),
        pytest.param("10.0.0.5", "s3cret", PAIRED, id="another machine, even with the secret"),
        pytest.param("127.0.0.1.example.com", None, {}, id="a name that begins like loopback"),
        pytest.param("127.0.0.1\n", None, {}, id="line end"),
        pytest.param("::ffff:10.0.0.5", None, {}, id="another machine, mapped"),
        pytest.param("127.0.0.1", None, PAIRED, id="no secret"),
        pytest.param("127.0.0.1", "", PAIRED, id="empty secret"),
        pytest.param("127.0.0.1", "s3creT", PAIRED, id="wrong secret"),
        pytest.param("127.0.0.1", "Zoë", PAIRED, id="not ASCII"),
        pytest.param("127.0.0.1", "", {**PAIRED, PAIRING_VARIABLE: ""}, id="IIS gave an empty secret"),
        pytest.param("127.0.0.1", "s3cret", {PAIRING_VARIABLE: "s3cret"}, id="nothing said of authentication"),
        pytest.param(
            "127.0.0.1",
            "s3cret",
            {**PAIRED, AUTHENTICATION_VARIABLE: "windows;anonymous;"},
            id="anonymous too",
        ),
        pytest.param("127.0.0.1", "s3cret", {**PAIRED, AUTHENTICATION_VARIABLE: "anonymous;"}, id="anonymous only"),
    ],
)
def test_forwarder_refused(peer: str | None, pairing: str | None, environment: dict[str, str]) -> None:
    """Anybody else who sends the header is refused."""
    with pytest.raises(InvalidToken):
        check_forwarder(peer, pairing, environment)
