"""`ServerIdentity`: the web server signed the user in, and says so itself."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from wauth_core.exceptions import ConfigurationError, InvalidIdentity
from wauth_core.identity import NameRules
from wauth_core.web.outcomes import Outcome, Rejected, SignedIn
from wauth_core.web.request import Request
from wauth_core.web.sources.encoding import MACHINE_CODE_PAGE, as_text, check_code_page
from wauth_core.web.sources.pac import MAX_BYTES, BadPac, LogonInfo, facts_of, read_logon_info

MAX_LENGTH = 2048  # characters of a REMOTE_USER worth reading


class ServerIdentity:
    r"""The server's own ``REMOTE_USER``: IIS through FastCGI, Apache with mod_wsgi. No ``HTTP_…`` key is ever read.

    Names come as latin-1 of UTF-8 bytes, or in the ANSI code page where *code_page* names it ("cp1252"); on Windows
    the machine's own code page is the default. Bytes that are neither are refused. *pac* names a variable in which
    Apache's mod_auth_gssapi hands on the ticket's PAC, and *pac_time* the one with its time, so that groups need no
    LDAP while the ticket is young (``GssapiNameAttributes PAC_LOGON_INFO urn:mspac:logon-info`` and ``PAC_CLIENT_INFO
    urn:mspac:client-info``). Without *pac_time* nobody knows how old a ticket is. *ticket_groups_for* is how long its
    groups are believed: WAUTH_RESYNC_DELTA by default. Risk: a right that AD took away stays so long.

    Risk: as good as the server. Something in front that sets ``REMOTE_USER`` from a header gives that header the last
    word. IIS replaces letters outside its code page by similar ones or ``?`` unless ``FastCGIUtf8ServerVariables``
    lists REMOTE_USER: a name with ``?`` is refused, a similar letter cannot be seen.

    Raises `ConfigurationError` if the process's own environment (*environment*) holds ``REMOTE_USER``, or the variable
    *pac*: some servers put it into every request, which would sign everybody in as that user. Under CGI the
    environment is the request's own.
    """

    name = "ServerIdentity"
    asgi = False

    def __init__(
        self,
        *,
        code_page: str | None = MACHINE_CODE_PAGE,
        pac: str | None = None,
        pac_time: str | None = None,
        ticket_groups_for: timedelta | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        check_code_page(code_page)
        for name in (pac, pac_time):
            if name is not None and name.upper().startswith("HTTP_"):
                raise ConfigurationError(f"{name!r} is a client's header: name a variable that the server itself sets.")
        _refuse_a_constant(os.environ if environment is None else environment, ("REMOTE_USER", pac, pac_time))
        self._code_page = code_page
        self._pac, self._pac_time = pac, pac_time
        self._groups_for = ticket_groups_for
        # Pure functions of their arguments, so remembering them is safe.
        self._read = lru_cache(maxsize=1024)(self._read_name)
        self._read_pac = lru_cache(maxsize=256)(_logon_info)

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        server = request.server
        value = server.get("REMOTE_USER")
        if not value:
            return None
        if len(value) > MAX_LENGTH:
            return Rejected("REMOTE_USER is too long", self.name)
        outcome = self._read(value, rules.by_upn, rules.lowercase)
        if self._pac is None or not isinstance(outcome, SignedIn):
            return outcome
        pac = server.get(self._pac)
        at = server.get(self._pac_time) if self._pac_time is not None else None
        return self._with_facts(outcome, pac, at) if pac else outcome

    def _read_name(self, value: str, by_upn: bool, lowercase: bool) -> Outcome:
        try:
            return SignedIn(NameRules(by_upn, lowercase).parse(as_text(value, self._code_page)), self.name)
        except InvalidIdentity as error:
            return Rejected(str(error), self.name)

    def _with_facts(self, signed_in: SignedIn, pac: str, at: str | None) -> Outcome:
        try:
            info = self._read_pac(pac)
            facts = facts_of(info, _decoded(at) if at else None, self._groups_for)
        except BadPac as error:
            return Rejected(f"the PAC in {self._pac} cannot be read: {error}", self.name)
        if info.username.casefold() != signed_in.identity.username.casefold():
            return Rejected(f"REMOTE_USER and the PAC tell two names, {info.username!r} in the PAC", self.name)
        return SignedIn(signed_in.identity, self.name, facts)


def _refuse_a_constant(environment: Mapping[str, str], names: tuple[str | None, ...]) -> None:
    if environment.get("GATEWAY_INTERFACE", "").startswith("CGI/"):  # RFC 3875 4.1.4
        return
    for name in names:
        if name is not None and name in environment:
            raise ConfigurationError(
                f"ServerIdentity: this process's environment holds {name}. Servers such as wsgiref and granian put it "
                "into every request, and everybody would be that user. Take it out of the environment."
            )


def _logon_info(text: str) -> LogonInfo:
    return read_logon_info(_decoded(text))


def _decoded(text: str) -> bytes:
    if len(text) > 2 * MAX_BYTES:
        raise BadPac("it is too long")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPac(str(error)) from None
