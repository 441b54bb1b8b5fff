"""`IISToken`: IIS signed the user in, and HttpPlatformHandler hands the sign-in token to this process."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from datetime import timedelta

from wauth_core.exceptions import ConfigurationError
from wauth_core.identity import Identity, NameRules, TransportFacts, fold_username, is_builtin_group
from wauth_core.settings import ConfigurationWarning
from wauth_core.web.outcomes import Outcome, Rejected, SignedIn
from wauth_core.web.request import Request
from wauth_core.web.sources.token import (
    PAIRING_HEADER,
    TOKEN_HEADERS,
    InvalidToken,
    TokenFacts,
    TokenReader,
    check_forwarder,
    read_token,
)

logger = logging.getLogger("wauth.sources")


class IISToken:
    """The token in ``X-IIS-WindowsAuthToken``: the user, and the groups, without LDAP.

    *header* is the one header that is read: one of `wauth_core.web.sources.token.TOKEN_HEADERS`. It must come once and
    hold one number, or no handle is touched. The token is read and closed on every request that brings one, also if
    another source signs the user in, and none of these headers reaches the application. *domains* gives the settings'
    name for a NetBIOS name, if that is another ({"EXAMPLE": "example.local"}).

    A token does not tell how old its groups are, so by default they give nothing, and LDAP is asked.
    *ticket_groups_for* believes them, as if they were that old: Windows keeps a sign-in for ten hours, and a right that
    AD took away stays so long. Raises `ConfigurationError` off Windows, unless a *reader* is given, and for a *header*
    that IIS does not send.

    Risk: a token is a number, and any program on this machine that reaches the port can send one. So only loopback
    peers are heard, and with HttpPlatformHandler 2.x only requests with the secret it shares with this process. With
    1.2 other people's programs on the server are trusted, and Anonymous Authentication must be off. The numbers mean
    something in the one process that IIS started: several workers break it.
    """

    name = "IISToken"

    def __init__(
        self,
        *,
        reader: TokenReader | None = None,
        environment: Mapping[str, str] | None = None,
        domains: Mapping[str, str] | None = None,
        header: str = TOKEN_HEADERS[0],
        ticket_groups_for: timedelta | None = None,
    ) -> None:
        if header not in TOKEN_HEADERS:
            raise ConfigurationError(f"IISToken: header must be one of {', '.join(TOKEN_HEADERS)}; not {header!r}.")
        self._header = header
        self._reader = _windows() if reader is None else reader
        self._environment = os.environ if environment is None else environment
        self._domains = {netbios.upper(): name for netbios, name in (domains or {}).items()}
        self._groups_for = ticket_groups_for
        _warn_of_workers()

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        values = request.header_values(self._header)
        if not values:
            return self._of_another_header(request)
        try:
            read = self._take(request, values)
        except InvalidToken as error:
            return Rejected(error.reason, self.name)
        # S-1-5-32-… in a token are the web server's own groups: its administrators are not the domain's.
        groups = frozenset(sid for sid in read.group_sids if not is_builtin_group(sid))
        facts = TransportFacts(read.user_sid, groups, complete=False, believed_for=self._groups_for)
        return SignedIn(self._identity(read, rules), self.name, facts)

    def release(self, request: Request) -> None:
        """Close the token if another source answered before this one was asked; hide every token and the secret."""
        values = request.header_values(self._header)
        if values:
            try:
                self._take(request, values)
            except InvalidToken as error:
                logger.warning("A token was refused, beside another source's answer: %s", error.reason)
        for header in (*TOKEN_HEADERS, PAIRING_HEADER):
            request.remove_header(header)

    def may_block(self, request: Request) -> bool:
        """Windows may ask a domain controller for the name behind a SID."""
        return bool(request.header_values(self._header))

    def _of_another_header(self, request: Request) -> Rejected | None:
        """A token that came under another name only: the settings are wrong, or a client made it up."""
        for name in TOKEN_HEADERS:
            if request.header_values(name):
                return Rejected(f"it came in {name}, and IISToken(header=…) does not name that", self.name)
        return None

    def _take(self, request: Request, values: list[str]) -> TokenFacts:
        """Read and close the one token; hide its header. Raises `InvalidToken`.

        IIS replaces what a client sent under the same name. So a second number, or a second header, is a client's,
        and it may be the handle of another visitor's token: nothing is closed then.
        """
        pairing = request.header_values(PAIRING_HEADER)
        request.remove_header(self._header)
        check_forwarder(request.peer, pairing[0] if len(pairing) == 1 else None, self._environment)
        if request.may_fold:
            raise InvalidToken("this server may take a client's X_… header for IIS's X-…: use waitress (wauth serve)")
        if len(values) != 1:
            raise InvalidToken("there is more than one, and a client sent the others")
        return read_token(values[0], self._reader)

    def _identity(self, read: TokenFacts, rules: NameRules) -> Identity:
        username = fold_username(read.username) if rules.lowercase else read.username
        return Identity(self._domains.get(read.domain.upper(), read.domain), username)


def _windows() -> TokenReader:
    if os.name != "nt":
        raise ConfigurationError("IISToken works on Windows, behind IIS and HttpPlatformHandler, only.")
    from wauth_core.web.sources.win32 import Win32TokenReader

    return Win32TokenReader()


def _warn_of_workers() -> None:
    import multiprocessing  # here: it adds a module to every process that imports it

    workers = os.environ.get("WEB_CONCURRENCY", "1")
    if multiprocessing.parent_process() is not None or (workers.isdigit() and int(workers) > 1):
        warnings.warn(
            "IISToken in a worker process: IIS hands its tokens to the one process it started. Run one process "
            "(uvicorn --workers 1, no --reload) and let processesPerApplication in web.config start more.",
            ConfigurationWarning,
            stacklevel=3,
        )
