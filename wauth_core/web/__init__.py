"""What every front end shares: a visit, from the plain facts of a request to the answer. Standard library only."""

from __future__ import annotations

from wauth_core.identity import NameRules, TransportFacts
from wauth_core.web.asking import Source
from wauth_core.web.outcomes import Anonymous, Handshake, Rejected, SignedIn, Unchecked
from wauth_core.web.request import Request
from wauth_core.web.sessions import end_sessions
from wauth_core.web.sources.encoding import as_text
from wauth_core.web.sources.header import HeaderSource, NotBelieved

__all__ = [
    "Anonymous",
    "Handshake",
    "HeaderSource",
    "NameRules",
    "NotBelieved",
    "Rejected",
    "Request",
    "SignedIn",
    "Source",
    "TransportFacts",
    "Unchecked",
    "as_text",
    "end_sessions",
]
