"""The calls into Windows that read a token. Everything here is thin; the rules are in
:mod:`wauth_core.web.sources.token`.

The libraries are loaded when a :class:`Win32TokenReader` is made, not on import. Each function's argument
types are set: without them ctypes passes a handle as 32 bits and cuts it off.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import wintypes
from typing import Any

# https://learn.microsoft.com/en-us/windows/win32/api/winnt/ne-winnt-token_information_class
TOKEN_USER = 1
TOKEN_GROUPS = 2
TOKEN_QUERY = 0x0008
# https://learn.microsoft.com/en-us/windows/win32/api/winnt/ns-winnt-token_groups
SE_GROUP_ENABLED = 0x00000004
SE_GROUP_USE_FOR_DENY_ONLY = 0x00000010
# https://learn.microsoft.com/en-us/windows/win32/api/winnt/ne-winnt-sid_name_use
SID_TYPE_USER = 1
SID_TYPE_COMPUTER = 9
ERROR_INSUFFICIENT_BUFFER = 122


class SidAndAttributes(ctypes.Structure):
    """SID_AND_ATTRIBUTES."""

    _fields_ = (("sid", ctypes.c_void_p), ("attributes", wintypes.DWORD))


class TokenGroups(ctypes.Structure):
    """TOKEN_GROUPS; *groups* is declared with one element and holds *count*."""

    _fields_ = (("count", wintypes.DWORD), ("groups", SidAndAttributes * 1))


def _load(name: str) -> Any:
    library: Any = getattr(ctypes, "WinDLL", None)
    if library is None:
        raise OSError("There are no sign-in tokens here: this is not Windows.")
    return library(name, use_last_error=True)


class Win32TokenReader:
    """A :class:`wauth_core.web.sources.token.TokenReader` on Windows. Safe to share between threads.

    :param load: loads a library by its name; another one is given in tests.
    """

    def __init__(self, load: Callable[[str], Any] = _load) -> None:
        self._kernel32 = load("kernel32")
        self._advapi32 = load("advapi32")
        self._declare()
        self._own_sid = self._read_own_sid()

    def user_sid(self, handle: int) -> str:
        buffer = self._information(handle, TOKEN_USER)
        return self._text(SidAndAttributes.from_buffer(buffer).sid)

    def group_sids(self, handle: int) -> frozenset[str]:
        buffer = self._information(handle, TOKEN_GROUPS)
        count = TokenGroups.from_buffer(buffer).count
        groups = (SidAndAttributes * count).from_buffer(buffer, TokenGroups.groups.offset)
        return frozenset(
            self._text(group.sid)
            for group in groups
            if group.attributes & SE_GROUP_ENABLED and not group.attributes & SE_GROUP_USE_FOR_DENY_ONLY
        )

    def account(self, sid: str) -> tuple[str, str]:
        """May ask a domain controller."""
        binary = ctypes.c_void_p()
        if not self._advapi32.ConvertStringSidToSidW(sid, ctypes.byref(binary)):
            raise _error("ConvertStringSidToSid")
        try:
            return self._look_up(binary)
        finally:
            self._kernel32.LocalFree(binary)

    def own_sid(self) -> str:
        return self._own_sid

    def close(self, handle: int) -> None:
        self._kernel32.CloseHandle(handle)

    def _declare(self) -> None:
        handle, dword, pointer, boolean = wintypes.HANDLE, wintypes.DWORD, ctypes.c_void_p, wintypes.BOOL
        dword_pointer = ctypes.POINTER(dword)
        kernel32, advapi32 = self._kernel32, self._advapi32
        _types(kernel32.CloseHandle, boolean, handle)
        _types(kernel32.GetCurrentProcess, handle)
        _types(kernel32.LocalFree, pointer, pointer)
        _types(advapi32.OpenProcessToken, boolean, handle, dword, ctypes.POINTER(handle))
        _types(advapi32.GetTokenInformation, boolean, handle, ctypes.c_int, pointer, dword, dword_pointer)
        _types(advapi32.ConvertSidToStringSidW, boolean, pointer, ctypes.POINTER(pointer))
        _types(advapi32.ConvertStringSidToSidW, boolean, wintypes.LPCWSTR, ctypes.POINTER(pointer))
        _types(
            advapi32.LookupAccountSidW,
            boolean,
            wintypes.LPCWSTR,
            pointer,
            wintypes.LPWSTR,
            dword_pointer,
            wintypes.LPWSTR,
            dword_pointer,
            dword_pointer,
        )

    def _information(self, handle: int, kind: int) -> ctypes.Array[ctypes.c_char]:
        """GetTokenInformation, asked for the size first. Fails with ERROR_INVALID_HANDLE on what is no token."""
        needed = wintypes.DWORD()
        self._advapi32.GetTokenInformation(handle, kind, None, 0, ctypes.byref(needed))
        if _last_error() != ERROR_INSUFFICIENT_BUFFER or not needed.value:
            raise _error("GetTokenInformation")
        buffer = ctypes.create_string_buffer(needed.value)
        size = len(buffer)
        if not self._advapi32.GetTokenInformation(handle, kind, buffer, size, ctypes.byref(needed)):
            raise _error("GetTokenInformation")
        return buffer

    def _text(self, sid: int) -> str:
        text = ctypes.c_void_p()
        if not self._advapi32.ConvertSidToStringSidW(sid, ctypes.byref(text)):
            raise _error("ConvertSidToStringSid")
        try:
            return ctypes.wstring_at(text.value or 0)
        finally:
            self._kernel32.LocalFree(text)

    def _look_up(self, sid: ctypes.c_void_p) -> tuple[str, str]:
        name_size, domain_size, kind = wintypes.DWORD(), wintypes.DWORD(), wintypes.DWORD()
        sizes = ctypes.byref(name_size), ctypes.byref(domain_size), ctypes.byref(kind)
        self._advapi32.LookupAccountSidW(None, sid, None, sizes[0], None, sizes[1], sizes[2])
        if _last_error() != ERROR_INSUFFICIENT_BUFFER:
            raise _error("LookupAccountSid")
        name = ctypes.create_unicode_buffer(max(name_size.value, 1))
        domain = ctypes.create_unicode_buffer(max(domain_size.value, 1))
        if not self._advapi32.LookupAccountSidW(None, sid, name, sizes[0], domain, sizes[1], sizes[2]):
            raise _error("LookupAccountSid")
        if kind.value not in (SID_TYPE_USER, SID_TYPE_COMPUTER):
            raise OSError(f"The token's account is not a user (SID_NAME_USE {kind.value}).")
        return domain.value, name.value

    def _read_own_sid(self) -> str:
        token = wintypes.HANDLE()
        process = self._kernel32.GetCurrentProcess()
        if not self._advapi32.OpenProcessToken(process, TOKEN_QUERY, ctypes.byref(token)):
            raise _error("OpenProcessToken")
        try:
            return self.user_sid(token.value or 0)
        finally:
            self._kernel32.CloseHandle(token)


def _types(function: Any, result: Any, *arguments: Any) -> None:
    function.restype = result
    function.argtypes = arguments


def _last_error() -> int:
    get: Any = getattr(ctypes, "get_last_error", int)
    return int(get())


def _error(call: str) -> OSError:
    return OSError(_last_error(), f"{call} failed")
