"""The calls into Windows, against stand-ins for its libraries: layouts, sizes, order, and what is given back.

The same class runs against real Windows libraries in tests/windows.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import pytest

from wauth_core.web.sources import win32
from wauth_core.web.sources.token import TokenReader
from wauth_core.web.sources.win32 import SidAndAttributes, TokenGroups, Win32TokenReader

OWN_TOKEN, ALICE_TOKEN, NOT_A_TOKEN = 0x100, 0x22C, 0x1A4
OWN, ALICE, STAFF, DENIED, DISABLED, LABEL = 1, 2, 3, 4, 5, 6  # addresses of SIDs, so to speak
SIDS = {
    OWN: "S-1-5-82-1",
    ALICE: "S-1-5-21-1-2-3-1104",
    STAFF: "S-1-5-21-1-2-3-1200",
    DENIED: "S-1-5-32-544",
    DISABLED: "S-1-5-21-1-2-3-1300",
    LABEL: "S-1-16-8192",
}
USERS = {OWN_TOKEN: OWN, ALICE_TOKEN: ALICE}
GROUPS = [(STAFF, 0x7), (DENIED, 0x10 | 0x4), (DISABLED, 0x0), (LABEL, 0x60)]
ADDRESS = 4096


class Function:
    """One function of a library: remembers its declared types, and converts arguments by them as ctypes does."""

    def __init__(self, library: Library, name: str) -> None:
        self.argtypes: tuple[Any, ...] | None = None
        self.restype: Any = None
        self._library, self._name = library, name

    def __call__(self, *arguments: Any) -> Any:
        assert self.argtypes is not None, f"{self._name} is called with undeclared types"
        assert len(arguments) == len(self.argtypes)
        for declared, argument in zip(self.argtypes, arguments, strict=True):
            declared.from_param(argument)
        self._library.calls.append(self._name)
        return getattr(self._library, f"_{self._name}")(*arguments)


class Library:
    """kernel32 and advapi32 in one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.closed: list[int] = []
        self.freed: list[int] = []
        self.error = 0
        self.kind = win32.SID_TYPE_USER
        self._functions: dict[str, Function] = {}
        self._texts: list[Any] = []

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._functions.setdefault(name, Function(self, name))

    def _GetCurrentProcess(self) -> int:
        return -1

    def _OpenProcessToken(self, process: int, access: int, token: Any) -> bool:
        assert (process, access) == (-1, win32.TOKEN_QUERY)
        token._obj.value = OWN_TOKEN
        return True

    def _CloseHandle(self, handle: Any) -> bool:
        self.closed.append(getattr(handle, "value", handle))
        return True

    def _LocalFree(self, address: Any) -> None:
        self.freed.append(address.value)

    def _GetTokenInformation(self, handle: int, kind: int, buffer: Any, size: int, needed: Any) -> bool:
        if handle not in USERS:
            self.error = 6
            return False
        if kind == win32.TOKEN_USER:
            content = bytes(SidAndAttributes(USERS[handle], 0)) + b"the SID itself"
        else:
            groups = (SidAndAttributes * len(GROUPS))(*GROUPS)
            content = len(GROUPS).to_bytes(TokenGroups.groups.offset, sys.byteorder) + bytes(groups)
        needed._obj.value = len(content)
        if size < len(content):
            self.error = win32.ERROR_INSUFFICIENT_BUFFER
            return False
        ctypes.memmove(buffer, content, len(content))
        return True

    def _ConvertSidToStringSidW(self, sid: int, text: Any) -> bool:
        self._texts.append(ctypes.create_unicode_buffer(SIDS[sid]))
        text._obj.value = ctypes.addressof(self._texts[-1])
        return True

    def _ConvertStringSidToSidW(self, text: str, sid: Any) -> bool:
        numbers = [number for number, known in SIDS.items() if known == text]
        if not numbers:
            self.error = 1337
            return False
        sid._obj.value = numbers[0]
        return True

    def _LookupAccountSidW(self, system: None, sid: Any, name: Any, name_size: Any, domain: Any, *rest: Any) -> bool:
        domain_size, kind = rest
        if sid.value != ALICE:
            self.error = 1332
            return False
        if name is None:
            name_size._obj.value, domain_size._obj.value = len("Zoë") + 1, len("EXAMPLE") + 1
            self.error = win32.ERROR_INSUFFICIENT_BUFFER
            return False
        assert (len(name), len(domain)) == (4, 8)
        name.value, domain.value, kind._obj.value = "Zoë", "EXAMPLE", self.kind
        return True


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(ctypes, "get_last_error", lambda: made.error, raising=False)
    return made


@pytest.fixture
def reader(library: Library) -> TokenReader:
    return Win32TokenReader(lambda name: library)


def test_layouts() -> None:
    """The structures lie in memory as Windows lays them, with 8-byte pointers."""
    assert ctypes.sizeof(ctypes.c_void_p) == 8
    assert ctypes.sizeof(SidAndAttributes) == 16
    assert SidAndAttributes.attributes.offset == 8
    assert TokenGroups.groups.offset == 8


def test_user(reader: TokenReader, library: Library) -> None:
    """The SID behind a token, in its text form; the text is given back to Windows."""
    library.freed.clear()
    assert reader.user_sid(ALICE_TOKEN) == "S-1-5-21-1-2-3-1104"
    assert len(library.freed) == 1


def test_groups_that_count(reader: TokenReader) -> None:
    """Enabled groups only: neither those that only deny, nor disabled ones, nor the integrity label."""
    assert reader.group_sids(ALICE_TOKEN) == {"S-1-5-21-1-2-3-1200"}


def test_account(reader: TokenReader, library: Library) -> None:
    """A SID's domain and name, with letters outside ASCII."""
    library.freed.clear()
    assert reader.account("S-1-5-21-1-2-3-1104") == ("EXAMPLE", "Zoë")
    assert library.freed == [ALICE]


def test_account_that_is_a_group(reader: TokenReader, library: Library) -> None:
    """A group's SID is no user, whatever its name."""
    library.kind = 2
    with pytest.raises(OSError, match="not a user"):
        reader.account("S-1-5-21-1-2-3-1104")
    assert library.freed[-1] == ALICE


@pytest.mark.parametrize("sid", ["S-1-5-32-544", "nonsense"])
def test_account_without_a_name(reader: TokenReader, sid: str) -> None:
    """A SID that Windows cannot translate is an OSError, as the protocol says."""
    with pytest.raises(OSError, match="failed"):
        reader.account(sid)


def test_what_is_no_token(reader: TokenReader, library: Library) -> None:
    """Any other handle fails at the first question; nothing is closed."""
    library.closed.clear()
    for ask in (reader.user_sid, reader.group_sids):
        with pytest.raises(OSError, match="GetTokenInformation failed") as caught:
            ask(NOT_A_TOKEN)
        assert caught.value.errno == 6
    assert library.closed == []


def test_own_account_is_asked_once(reader: TokenReader, library: Library) -> None:
    """The process's own account does not change: asked at the start, and that handle closed."""
    assert library.closed == [OWN_TOKEN]
    library.calls.clear()
    assert reader.own_sid() == "S-1-5-82-1"
    assert library.calls == []


def test_close(reader: TokenReader, library: Library) -> None:
    """Closing passes the handle on unchanged."""
    reader.close(0x7FFFFFFC)
    assert library.closed[-1] == 0x7FFFFFFC


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has the libraries")
def test_elsewhere_it_says_so() -> None:
    """On another system making a reader fails with a sentence, not with an AttributeError."""
    with pytest.raises(OSError, match="not Windows"):
        Win32TokenReader()
