"""`Simulate`: everybody is one made-up user. For development only."""

from __future__ import annotations

import logging
from urllib.parse import quote

from wauth_core.exceptions import ConfigurationError
from wauth_core.identity import NameRules
from wauth_core.web.outcomes import Outcome, SignedIn
from wauth_core.web.request import Request

logger = logging.getLogger("wauth.sources")

MARK = "X-Wauth-Simulated"


class Simulate:
    r"""Sign everybody in as *user* (``DOMAIN\name``), without asking anything, and mark every response.

    Risk: this is no authentication at all. It refuses to be made unless ``debug=True`` is passed.
    """

    name = "Simulate"

    def __init__(self, user: str, *, debug: bool = False) -> None:
        if debug is not True:
            raise ConfigurationError(
                f"Simulate({user!r}) signs everybody in as that user. It is for development: pass debug=True."
            )
        logger.warning("Every visitor is signed in as %r, by simulation.", user)
        self._user = user
        self._headers = ((MARK, quote(user, safe="\\@ ")),)

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        return SignedIn(rules.parse(self._user), self.name, headers=self._headers)
