"""What Wine 8's Kerberos lacks of Windows' own SSPI, filled in below pyspnego: for tests only.

Wine takes tickets from the Kerberos of the system below, so a context with a real controller is real. But it allocates
no token buffers, knows no stream buffers, encrypts whatever it wraps, and leaves channel bindings out.
Seen in its traces (``WINEDEBUG=+kerberos``).
"""

from __future__ import annotations

from typing import Any

LONGEST_TOKEN = 65536
LAYERS = 4  # bytes: what RFC 4752 section 3.1 exchanges


def fill_in() -> None:
    """Let pyspnego's contexts work in this process."""
    import spnego._sspi as pyspnego
    import sspilib.raw as raw

    kinds, buffer, begin = raw.SecBufferType, raw.SecBuffer, raw.initialize_security_context

    def allocated(data: Any, kind: Any, *more: Any) -> Any:
        if data is None and kind == kinds.SECBUFFER_TOKEN:
            data = bytearray(LONGEST_TOKEN)
        return buffer(data, kind, *more)

    def initialize(*, context_req: int, **given: Any) -> Any:
        return begin(context_req=int(context_req) & ~int(raw.IscReq.ISC_REQ_ALLOCATE_MEMORY), **given)

    def unwrap(self: Any, data: bytes) -> Any:
        pair = raw.SecBufferDesc(
            [
                buffer(bytearray(data[:LAYERS]), kinds.SECBUFFER_DATA),
                buffer(bytearray(data[LAYERS:]), kinds.SECBUFFER_TOKEN),
            ]
        )
        raw.decrypt_message(self._context, pair, seq_no=0)
        return pyspnego.UnwrapResult(data=pair[0].data, encrypted=False, qop=0)

    def wrap(self: Any, data: bytes, encrypt: bool = True, qop: int | None = None) -> Any:
        pair = raw.SecBufferDesc(
            [
                buffer(bytearray(data), kinds.SECBUFFER_DATA),
                buffer(bytearray(LONGEST_TOKEN), kinds.SECBUFFER_TOKEN),
            ]
        )
        raw.encrypt_message(self._context, qop=0, message=pair, seq_no=0)
        return pyspnego.WrapResult(data=pair[0].data + pair[1].data, encrypted=True)

    raw.SecBuffer, raw.initialize_security_context = allocated, initialize
    pyspnego.SSPIProxy.unwrap, pyspnego.SSPIProxy.wrap = unwrap, wrap
