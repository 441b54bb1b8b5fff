"""`ServerIdentity`: the web server signed the user in, and says so itself."""

from __future__ import annotations

from functools import lru_cache

from wauth_core.exceptions import InvalidIdentity
from wauth_core.outcomes import Outcome, Rejected, Request, Rules, SignedIn
from wauth_wsgi.sources.names import MACHINE_CODE_PAGE, as_text, check_code_page

MAX_LENGTH = 2048  # characters of a REMOTE_USER worth reading


class ServerIdentity:
    r"""The server's own ``REMOTE_USER``: IIS through FastCGI, Apache with mod_wsgi. No ``HTTP_…`` key is ever read.

    Names come as latin-1 of UTF-8 bytes, or in the ANSI code page where *code_page* names it ("cp1252"); on Windows
    the machine's own code page is the default. Bytes that are neither are refused.

    Risk: as good as the server. Something in front that sets ``REMOTE_USER`` from a header gives that header the last
    word. IIS replaces letters outside its code page by similar ones or ``?`` unless ``FastCGIUtf8ServerVariables``
    lists REMOTE_USER: a name with ``?`` is refused, a similar letter cannot be seen.
    """

    name = "ServerIdentity"
    asgi = False

    def __init__(self, *, code_page: str | None = MACHINE_CODE_PAGE) -> None:
        check_code_page(code_page)
        self._code_page = code_page
        # A pure function of its arguments, so remembering it is safe.
        self._read = lru_cache(maxsize=1024)(self._read_name)

    def identify(self, request: Request, rules: Rules) -> Outcome | None:
        value = request.server.get("REMOTE_USER")
        if not value:
            return None
        if len(value) > MAX_LENGTH:
            return Rejected("REMOTE_USER is too long", self.name)
        return self._read(value, rules.use_spn, rules.lowercase)

    def _read_name(self, value: str, use_spn: bool, lowercase: bool) -> Outcome:
        try:
            return SignedIn(Rules(use_spn, lowercase).parse(as_text(value, self._code_page)), self.name)
        except InvalidIdentity as error:
            return Rejected(str(error), self.name)
