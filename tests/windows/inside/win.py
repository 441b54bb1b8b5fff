"""The few calls into Windows that the tests themselves make."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes
from typing import Any

from wauth_core.web.sources.win32 import SidAndAttributes

TOKEN_ALL_ACCESS = 0xF01FF
DUPLICATE_SAME_ACCESS = 2


class Windows:
    """kernel32 and advapi32, with the types of what is used."""

    def __init__(self) -> None:
        loader: Any = ctypes.WinDLL  # type: ignore[attr-defined]
        self.kernel32, self.advapi32 = loader("kernel32", use_last_error=True), loader("advapi32", use_last_error=True)
        handle, dword, pointer = wintypes.HANDLE, wintypes.DWORD, ctypes.c_void_p
        self.kernel32.GetCurrentProcess.restype = handle
        self.kernel32.GetHandleInformation.argtypes = (handle, ctypes.POINTER(dword))
        self.kernel32.CloseHandle.argtypes = (handle,)
        self.kernel32.DuplicateHandle.argtypes = (
            *(handle, handle, handle, ctypes.POINTER(handle)),
            *(dword, wintypes.BOOL, dword),
        )
        self.advapi32.OpenProcessToken.argtypes = (handle, dword, ctypes.POINTER(handle))
        self.advapi32.ConvertStringSidToSidW.argtypes = (wintypes.LPCWSTR, ctypes.POINTER(pointer))
        self.advapi32.CreateRestrictedToken.argtypes = (
            *(handle, dword, dword, ctypes.POINTER(SidAndAttributes)),
            *(dword, pointer, dword, pointer, ctypes.POINTER(handle)),
        )

    def own_token(self) -> int:
        """A handle to this process's own token, as any process can open it."""
        token = wintypes.HANDLE()
        assert self.advapi32.OpenProcessToken(self.kernel32.GetCurrentProcess(), TOKEN_ALL_ACCESS, ctypes.byref(token))
        return token.value or 0

    def restricted_token(self, denied: str) -> int:
        """A copy of this process's token in which the group *denied* can only deny."""
        token, sid, made = self.own_token(), ctypes.c_void_p(), wintypes.HANDLE()
        assert self.advapi32.ConvertStringSidToSidW(denied, ctypes.byref(sid))
        groups = SidAndAttributes(sid.value, 0)
        assert self.advapi32.CreateRestrictedToken(
            token, 0, 1, ctypes.byref(groups), 0, None, 0, None, ctypes.byref(made)
        )
        self.close(token)
        return made.value or 0

    def duplicate_into(self, process: int, handle: int) -> int:
        """What HttpPlatformHandler does: the same object under a handle of another process."""
        there = wintypes.HANDLE()
        own = self.kernel32.GetCurrentProcess()
        assert self.kernel32.DuplicateHandle(own, handle, process, ctypes.byref(there), 0, False, DUPLICATE_SAME_ACCESS)
        return there.value or 0

    def is_open(self, handle: int) -> bool:
        return bool(self.kernel32.GetHandleInformation(handle, ctypes.byref(wintypes.DWORD())))

    def close(self, handle: int) -> None:
        self.kernel32.CloseHandle(handle)


@contextmanager
def open_token(windows: Windows) -> Iterator[int]:
    """This process's own token, closed at the end if it is still open."""
    token = windows.own_token()
    try:
        yield token
    finally:
        if windows.is_open(token):
            windows.close(token)
