"""How entries look in answers to any request."""

from __future__ import annotations

from .controls import RequestControls
from .entry import Entry
from .values import guid_text, sid_text

HIDDEN = {"unicodepwd", "dbcspwd", "ntsecuritydescriptor", "supplementalcredentials"}
"""Attributes that are never sent."""


def shown_dn(entry: Entry, options: RequestControls) -> str:
    """The DN; with the extended-DN control ``<GUID=…>;<SID=…>;`` before it."""
    if options.extended_dn is None:
        return entry.dn
    as_hex = options.extended_dn == 0
    guid = entry.guid.hex() if as_hex else guid_text(entry.guid)
    sid = ""
    if entry.sid is not None:
        sid = f"<SID={entry.sid.hex() if as_hex else sid_text(entry.sid)}>;"
    return f"<GUID={guid}>;{sid}{entry.dn}"
