"""Sign-in tokens, read by the real libraries of Windows (or of Wine)."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows; tests/windows/test_wine.py runs it under Wine", allow_module_level=True)

import msvcrt

from tests.windows.inside.win import Windows, open_token
from wauth_core.web.sources.token import InvalidToken, read_token
from wauth_core.web.sources.win32 import Win32TokenReader


class OfAnotherAccount(Win32TokenReader):
    """As in an application pool: this process runs as somebody else than the visitor."""

    def own_sid(self) -> str:
        return "S-1-5-82-1-2-3-4-5"


@pytest.fixture(scope="module")
def windows() -> Windows:
    return Windows()


def test_reads_a_token(windows: Windows) -> None:
    """The user's SID, name and groups; and the handle is closed."""
    with open_token(windows) as token:
        facts = read_token(f"{token:x}", OfAnotherAccount())
        assert re.fullmatch(r"S-1-5-21(-\d+)+", facts.user_sid)
        assert facts.username.lower() == getpass.getuser().lower()
        assert facts.domain.lower() == os.environ["COMPUTERNAME"].lower()
        assert {"S-1-1-0", "S-1-5-11"} <= facts.group_sids  # Everyone, Authenticated Users
        assert not windows.is_open(token)


def test_own_token_is_refused_and_left_open(windows: Windows) -> None:
    """A client that names the process's own token becomes nobody, and closes nothing."""
    with open_token(windows) as token:
        with pytest.raises(InvalidToken, match="this process runs as"):
            read_token(f"{token:x}", Win32TokenReader())
        assert windows.is_open(token)


def test_a_group_that_only_denies_does_not_count(windows: Windows) -> None:
    """A group is a member's right only if the token says so."""
    reader = OfAnotherAccount()
    with open_token(windows) as token:
        group = sorted(reader.group_sids(token) & {"S-1-5-32-544", "S-1-5-32-545"})[0]
    restricted = windows.restricted_token(group)
    assert group not in read_token(f"{restricted:x}", reader).group_sids


def test_a_file_is_not_a_token(windows: Windows, tmp_path: Path) -> None:
    """The handle of an open file is refused, and the file stays open."""
    with open(tmp_path / "a", "w+") as file:
        handle = msvcrt.get_osfhandle(file.fileno())
        with pytest.raises(InvalidToken, match="no readable token"):
            read_token(f"{handle:x}", OfAnotherAccount())
        file.write("still open")
        file.flush()
    assert (tmp_path / "a").read_text() == "still open"


def test_a_socket_is_not_a_token(windows: Windows) -> None:
    """The handle of a socket is refused, and the socket still talks."""
    one, other = socket.socketpair()
    with one, other:
        with pytest.raises(InvalidToken):
            read_token(f"{one.fileno():x}", OfAnotherAccount())
        one.sendall(b"still open")
        assert other.recv(100) == b"still open"


def test_a_closed_handle_is_not_a_token(windows: Windows) -> None:
    """What was closed is refused."""
    token = windows.own_token()
    windows.close(token)
    with pytest.raises(InvalidToken, match="no readable token"):
        read_token(f"{token:x}", OfAnotherAccount())


def test_every_number_a_client_may_try(windows: Windows) -> None:
    """Trying all small handles reads none but tokens, and closes nothing but tokens."""
    before = [handle for handle in range(4, 2048, 4) if windows.is_open(handle)]
    assert before
    for handle in range(4, 2048, 4):
        with pytest.raises(InvalidToken):
            read_token(f"{handle:x}", Win32TokenReader())
    assert [handle for handle in before if not windows.is_open(handle)] == []


@pytest.mark.parametrize("sid", ["S-1-5-32-544", "S-1-5-18", "S-1-5-21-1-2-3-4", "nonsense"])
def test_sids_that_are_no_user(sid: str) -> None:
    """Groups, built-in accounts and SIDs of nobody have no name to sign in with."""
    with pytest.raises(OSError):  # noqa: PT011 - which of Windows' errors it is differs
        Win32TokenReader().account(sid)


def test_no_handle_is_lost(windows: Windows) -> None:
    """A thousand sign-ins leave no handle behind."""
    reader = OfAnotherAccount()
    read_token(f"{windows.own_token():x}", reader)
    before = [handle for handle in range(4, 4096, 4) if windows.is_open(handle)]
    for _ in range(1000):
        read_token(f"{windows.own_token():x}", reader)
    assert [handle for handle in range(4, 4096, 4) if windows.is_open(handle)] == before
