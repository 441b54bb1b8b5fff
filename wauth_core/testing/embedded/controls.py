"""The controls this server knows (MS-ADTS 3.1.1.3.4.1), read from a request."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import ber
from .messages import MessageControl
from .result_codes import PROTOCOL_ERROR, UNWILLING_TO_PERFORM, bad_control

PAGED = "1.2.840.113556.1.4.319"
DIR_SYNC = "1.2.840.113556.1.4.841"
SHOW_DELETED = "1.2.840.113556.1.4.417"
SHOW_RECYCLED = "1.2.840.113556.1.4.2064"
SORT = "1.2.840.113556.1.4.473"
SORT_ANSWER = "1.2.840.113556.1.4.474"
EXTENDED_DN = "1.2.840.113556.1.4.529"
DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"
SEARCH_OPTIONS = "1.2.840.113556.1.4.1340"
PERMISSIVE_MODIFY = "1.2.840.113556.1.4.1413"
TREE_DELETE = "1.2.840.113556.1.4.805"
LAZY_COMMIT = "1.2.840.113556.1.4.619"
SD_FLAGS = "1.2.840.113556.1.4.801"
KNOWN = (
    PAGED,
    DIR_SYNC,
    SHOW_DELETED,
    SHOW_RECYCLED,
    SORT,
    EXTENDED_DN,
    DOMAIN_SCOPE,
    SEARCH_OPTIONS,
    PERMISSIVE_MODIFY,
    TREE_DELETE,
    LAZY_COMMIT,
    SD_FLAGS,
)
# flags of DirSync (MS-ADTS 3.1.1.3.4.1.3)
OBJECT_SECURITY = 0x1
INCREMENTAL_VALUES = 0x80000000


@dataclass(frozen=True)
class PageRequest:
    """How many entries, and where the last page stopped."""

    size: int
    cookie: bytes


@dataclass(frozen=True)
class DirSync:
    """Changes since the cookie's USN."""

    flags: int
    since: int


@dataclass(frozen=True)
class SortKey:
    """Sort by this attribute."""

    attribute: str
    reverse: bool


@dataclass
class RequestControls:
    """What a request's controls ask for."""

    page: PageRequest | None = None
    dir_sync: DirSync | None = None
    sort: list[SortKey] = field(default_factory=list)
    show_deleted: bool = False
    extended_dn: int | None = None
    domain_scope: bool = False
    permissive: bool = False
    tree_delete: bool = False
    sd_flags: int | None = None


def read_options(controls: Sequence[MessageControl]) -> RequestControls:
    """What *controls* ask for. An unknown critical one is refused; any other unknown one is ignored."""
    options = RequestControls()
    for control in controls:
        if control.oid not in KNOWN:
            if control.critical:
                raise bad_control()
            continue
        try:
            _read(options, control)
        except ber.BerError as exc:
            raise bad_control(PROTOCOL_ERROR) from exc
    return options


def _read(options: RequestControls, control: MessageControl) -> None:
    if control.oid == PAGED:
        inner = ber.Cursor(control.value or b"").enter(ber.SEQUENCE)
        options.page = PageRequest(inner.integer(), inner.take(ber.OCTETS))
    elif control.oid == DIR_SYNC:
        inner = ber.Cursor(control.value or b"").enter(ber.SEQUENCE)
        flags, _, cookie = inner.integer(), inner.integer(), inner.take(ber.OCTETS)
        options.dir_sync = DirSync(flags & 0xFFFFFFFF, read_cookie(cookie))
    elif control.oid == SORT:
        listed = ber.Cursor(control.value or b"").enter(ber.SEQUENCE)
        while listed.more:
            key = listed.enter(ber.SEQUENCE)
            name = key.text()
            if key.tag() == 0x80:
                key.any()
            options.sort.append(SortKey(name, key.more and key.any()[1] != b"\0"))
    elif control.oid in (SHOW_DELETED, SHOW_RECYCLED):
        options.show_deleted = True
    elif control.oid == EXTENDED_DN:
        value = control.value
        options.extended_dn = ber.Cursor(value).enter(ber.SEQUENCE).integer() if value else 0
    elif control.oid == DOMAIN_SCOPE:
        options.domain_scope = True
    elif control.oid == SEARCH_OPTIONS:
        flags = ber.Cursor(control.value or b"").enter(ber.SEQUENCE).integer()
        options.domain_scope = options.domain_scope or bool(flags & 1)
    elif control.oid == PERMISSIVE_MODIFY:
        options.permissive = True
    elif control.oid == SD_FLAGS:
        options.sd_flags = ber.Cursor(control.value or b"").enter(ber.SEQUENCE).integer()
    elif control.oid == TREE_DELETE:
        options.tree_delete = True


def page_answer(cookie: bytes, total: int = 0) -> MessageControl:
    """Where the next page starts; an empty cookie ends it."""
    return MessageControl(PAGED, value=ber.tlv(ber.SEQUENCE, ber.integer(total) + ber.octets(cookie)))


def sort_answer() -> MessageControl:
    """The entries are sorted."""
    return MessageControl(SORT_ANSWER, value=ber.tlv(ber.SEQUENCE, ber.integer(0, ber.ENUMERATED)))


def dir_sync_answer(usn: int, invocation_id: bytes) -> MessageControl:
    """No more for now. The next request continues after *usn*."""
    cookie = b"MSDS" + struct.pack("<IQ", 3, usn) + invocation_id
    return MessageControl(
        DIR_SYNC,
        value=ber.tlv(ber.SEQUENCE, ber.integer(0) + ber.integer(0) + ber.octets(cookie)),
    )


def read_cookie(cookie: bytes) -> int:
    """The USN in one of our DirSync cookies. An empty cookie means from the beginning."""
    if not cookie:
        return 0
    if not cookie.startswith(b"MSDS") or len(cookie) < 16:
        raise bad_control(UNWILLING_TO_PERFORM)
    return int(struct.unpack_from("<Q", cookie, 8)[0])
