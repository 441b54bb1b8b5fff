"""Watching what goes to the directory: ``with trace() as operations: …``."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from wauth_core.directory import diagnosis
from wauth_core.directory.wire import RawEntry

ENTRIES_KEPT = 100
"""So many entries of one answer are kept; the rest is counted only."""
NOT_SHOWN = "(not shown)"

_watching: ContextVar[tuple[list[Operation], ...]] = ContextVar("wauth_directory_trace", default=())
_NO_FAILURE = frozenset(
    {diagnosis.SUCCESS, diagnosis.COMPARE_FALSE, diagnosis.COMPARE_TRUE, diagnosis.SASL_BIND_IN_PROGRESS}
)
_SECRET = re.compile(
    r"pwd|passw|secret|credential|privatekey|principalkey|keypackage|trustauth|^initialauth|^(current|prior)value$"
)
_NO_SECRET = frozenset(
    [
        "badpasswordtime",
        "badpwdcount",
        "maxpwdage",
        "minpwdage",
        "minpwdlength",
        "mslapspasswordexpirationtime",
        "msmcsadmpwdexpirationtime",
        "msdsuserpasswordexpired",
        "msdsuserpasswordexpirytimecomputed",
        "pwdaccountlockedtime",
        "pwdchangedtime",
        "pwdhistorylength",
        "pwdlastset",
        "pwdproperties",
    ]
)
_PHOTOS = frozenset({"thumbnailphoto", "jpegphoto", "photo", "thumbnaillogo"})


@dataclass
class Operation:
    """One LDAP operation as it went over the wire. Holds no secret.

    *kind* is "connect", "starttls", "bind", "search", "compare", "add", "modify", "modifydn", "delete", "extended",
    "abandon" or "unbind". *base* is the entry, the account of a bind, or an extended operation's OID. *code* is the
    server's result code (RFC 4511 appendix A), None if it gave none. *entries* is how many entries came, *found*
    the first `ENTRIES_KEPT` of them, without secrets and photos. *changes* are (what, attribute, values). *sent* and
    *received* are octets, *duration* is in seconds, *error* the text of what went wrong. *stack* holds the calling
    code's frames, outermost first.
    """

    domain: str
    kind: str
    base: str = ""
    scope: str = ""
    filter: str = ""
    attributes: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    changes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    code: int | None = None
    entries: int = 0
    found: list[RawEntry] = field(default_factory=list, repr=False)
    sent: int = 0
    received: int = 0
    duration: float = 0.0
    stack: list[traceback.FrameSummary] = field(default_factory=list, repr=False)
    error: str | None = None
    server: str = ""
    _started: float = field(default=0.0, repr=False)
    _socket: Any = field(default=None, repr=False)

    def answered(self, code: int, entries: Iterable[RawEntry] = ()) -> None:
        """Note the server's answer. *entries* are read one by one."""
        self.code = code
        if code not in _NO_FAILURE:
            self.error = diagnosis.code_name(code)
        for entry in entries:
            self.entries += 1
            if len(self.found) < ENTRIES_KEPT:
                shown = {name: values for name, values in entry.attributes.items() if not is_left_out(name)}
                self.found.append(RawEntry(entry.dn, shown))

    def end(self, error: BaseException | None = None) -> None:
        """Note how long it took, and *error*."""
        self.duration = time.perf_counter() - self._started
        if error is not None:
            self.error = self.error or f"{type(error).__name__}: {error}"
        if self._socket is not None:
            self.sent = self._socket.sent - self.sent
            self.received = self._socket.received - self.received
            self._socket = None


@contextmanager
def trace() -> Iterator[list[Operation]]:
    """Collect every operation of this thread (or task) while the block runs. Traces nest; each collects."""
    operations: list[Operation] = []
    token = _watching.set((*_watching.get(), operations))
    try:
        yield operations
    finally:
        _watching.reset(token)


def begin(domain: str, kind: str, *, server: str, socket: Any = None, **details: Any) -> Operation | None:
    """Note that an operation begins; None if nobody watches. The octets that go through *socket* are counted."""
    watchers = _watching.get()
    if not watchers:
        return None
    noted = Operation(domain, kind, server=server, **details)
    noted.stack = traceback.StackSummary.extract(
        traceback.walk_stack(None), limit=40, lookup_lines=False, capture_locals=False
    )
    noted.stack.reverse()
    if socket is not None:
        noted._socket, noted.sent, noted.received = socket, socket.sent, socket.received
    for operations in watchers:
        operations.append(noted)
    noted._started = time.perf_counter()
    return noted


@contextmanager
def operation(domain: str, kind: str, *, server: str, socket: Any = None, **details: Any) -> Iterator[Operation | None]:
    """`begin` an operation that ends with the block."""
    noted = begin(domain, kind, server=server, socket=socket, **details)
    if noted is None:
        yield None
        return
    try:
        yield noted
    except BaseException as error:
        noted.end(error)
        raise
    noted.end()


def is_secret(attribute: str) -> bool:
    """Whether the values of *attribute* may be passwords or keys, by its name."""
    name = attribute.lower().partition(";")[0].replace("-", "")
    return name not in _NO_SECRET and bool(_SECRET.search(name))


def is_left_out(attribute: str) -> bool:
    """Whether an entry is kept without *attribute*: a secret or a photo."""
    return attribute.lower().partition(";")[0] in _PHOTOS or is_secret(attribute)
