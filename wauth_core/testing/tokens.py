"""A stand-in for Windows' sign-in tokens."""

from __future__ import annotations

from collections.abc import Mapping

from wauth_core.web.sources.token import TokenFacts


class FakeTokenReader:
    """A :class:`wauth_core.web.sources.token.TokenReader` over a dictionary: handle → what the token says.

    As on Windows, a closed handle is no longer a token. *closed* lists the closed handles, in order. To close a handle
    that is not open raises an error; Windows would silently close another object, such as a socket.
    """

    def __init__(self, tokens: Mapping[int, TokenFacts] | None = None, *, own_sid: str = "S-1-5-82-1-2-3-4-5") -> None:
        self._open: dict[int, TokenFacts] = {}
        self._names: dict[str, tuple[str, str]] = {}
        self._own_sid = own_sid
        self.closed: list[int] = []
        for handle, facts in (tokens or {}).items():
            self.add(handle, facts)

    def add(self, handle: int, facts: TokenFacts) -> None:
        """IIS hands over another token."""
        self._open[handle] = facts
        self._names[facts.user_sid] = (facts.domain, facts.username)

    def user_sid(self, handle: int) -> str:
        return self._facts(handle).user_sid

    def group_sids(self, handle: int) -> frozenset[str]:
        return self._facts(handle).group_sids

    def account(self, sid: str) -> tuple[str, str]:
        if sid not in self._names:
            raise OSError(1332, "No mapping between account names and security IDs was done")
        return self._names[sid]

    def own_sid(self) -> str:
        return self._own_sid

    def close(self, handle: int) -> None:
        if handle not in self._open:
            raise AssertionError(f"closed {handle:#x}, which is not an open token")
        del self._open[handle]
        self.closed.append(handle)

    def _facts(self, handle: int) -> TokenFacts:
        if handle not in self._open:
            raise OSError(6, "The handle is invalid")
        return self._open[handle]
