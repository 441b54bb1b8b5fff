"""What every front end shares: a visit, from the plain facts of a request to the answer. Standard library only."""

from __future__ import annotations

from wauth_core.identity import TransportFacts as TransportFacts
from wauth_core.web.outcomes import Anonymous as Anonymous
from wauth_core.web.outcomes import Rejected as Rejected
from wauth_core.web.outcomes import SignedIn as SignedIn
from wauth_core.web.outcomes import Source as Source
