"""Tickets for tests that need no domain: a writer of PAC buffers, and an acceptor that believes what it is told."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

from wauth_wsgi.negotiate.acceptor import Accepted, HandshakeFailed

DOMAIN_SID = "S-1-5-21-1-2-3"
ENABLED, DENY_ONLY = 0x7, 0x10


def sid_bytes(sid):
    """An RPC_SID with its conformant count."""
    authority, *subs = (int(part) for part in sid.split("-")[2:])
    packed = struct.pack("<IBB", len(subs), 1, len(subs)) + authority.to_bytes(6, "big")
    return packed + struct.pack(f"<{len(subs)}I", *subs)


class Ndr:
    """Just enough NDR to write a KERB_VALIDATION_INFO."""

    def __init__(self):
        self.fixed, self.deferred, self.pointers = b"", b"", 0

    def pad(self):
        self.deferred += b"\0" * (-len(self.deferred) % 4)

    def add(self, layout, *values):
        self.fixed += struct.pack("<" + layout, *values)

    def pointer(self, present=True):
        self.pointers += present
        self.add("I", 0x20000 + 4 * self.pointers if present else 0)

    def string(self, text):
        raw = text.encode("utf-16-le")
        self.add("HH", len(raw), len(raw))
        self.pointer()
        self.pad()
        self.deferred += struct.pack("<III", len(raw) // 2, 0, len(raw) // 2) + raw

    def defer(self, data):
        self.pad()
        self.deferred += data


def logon_info(
    *,
    username="alice",
    domain="EXAMPLE",
    rid=1105,
    primary=513,
    groups=((513, ENABLED), (1201, ENABLED)),
    extra=(),
    resources=(),
    resource_domain="S-1-5-21-9-9-9",
    flags=0x20 | 0x200,
    domain_sid=DOMAIN_SID,
):
    """The bytes of urn:mspac:logon-info, as a domain controller writes them."""
    ndr = Ndr()
    ndr.add("6Q", *range(6))
    ndr.string(username)
    for text in ("Alice Liddell", "", "", "", ""):
        ndr.string(text)
    ndr.add("HH", 1, 0)
    ndr.add("III", rid, primary, len(groups))
    ndr.pointer()
    ndr.defer(struct.pack("<I", len(groups)) + b"".join(struct.pack("<II", *group) for group in groups))
    ndr.add("I16x", flags)
    ndr.string("DC1")
    ndr.string(domain)
    ndr.pointer()
    ndr.defer(sid_bytes(domain_sid))
    ndr.add("8xII8x8xII", 0x10, 0, 0, 0)
    ndr.add("I", len(extra))
    ndr.pointer(bool(extra))
    if extra:
        pointers = b"".join(struct.pack("<II", 0x30000 + 4 * n, attributes) for n, (_, attributes) in enumerate(extra))
        ndr.defer(struct.pack("<I", len(extra)) + pointers + b"".join(sid_bytes(sid) for sid, _ in extra))
    ndr.pointer(bool(resources))
    if resources:
        ndr.defer(sid_bytes(resource_domain))
    ndr.add("I", len(resources))
    ndr.pointer(bool(resources))
    if resources:
        ndr.defer(struct.pack("<I", len(resources)) + b"".join(struct.pack("<II", *group) for group in resources))
    body = struct.pack("<I", 0x20004) + ndr.fixed + ndr.deferred
    body += b"\0" * (-len(body) % 8)
    return b"\x01\x10\x08\x00\xcc\xcc\xcc\xcc" + struct.pack("<II", len(body), 0) + body


def client_info(at=None):
    """The bytes of urn:mspac:client-info: the ticket-granting ticket was given at *at*, a moment ago by default."""
    at = at or datetime.now(timezone.utc)
    ticks = int((at - datetime(1601, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1)) * 10
    name = "alice".encode("utf-16-le")
    return struct.pack("<QH", ticks, len(name)) + name


class Believing:
    """An acceptor whose token is its key in *tickets*; each is good once, as with a replay cache."""

    realms: tuple[str, ...] = ("EXAMPLE.LOCAL",)
    shows_pac = True

    def __init__(self, **tickets):
        self.tickets = {name.encode(): ticket for name, ticket in tickets.items()}
        self.calls = 0

    def accept(self, token):
        self.calls += 1
        if token not in self.tickets:
            raise HandshakeFailed("junk, or a replay")
        return self.tickets.pop(token)


def ticket(principal="alice@EXAMPLE.LOCAL", pac=True, at=None, **info):
    """A ticket of *principal*, with a PAC unless told otherwise; its owner logged on at *at*, just now by default."""
    if not pac:
        return Accepted(principal, reply=b"me too")
    return Accepted(principal, reply=b"me too", logon_info=logon_info(**info), client_info=client_info(at))
