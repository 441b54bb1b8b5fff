"""`IISToken`: IIS signed the user in, and HttpPlatformHandler hands the sign-in token to this process."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from datetime import datetime, timezone

from wauth_core.exceptions import ConfigurationError
from wauth_core.identity import Identity, Rules, TransportFacts, fold_username
from wauth_core.settings import ConfigurationWarning
from wauth_core.web.outcomes import Outcome, Rejected, Request, SignedIn
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

BUILTIN = "S-1-5-32-"  # MS-DTYP 2.4.2.4


class IISToken:
    """The token in ``X-IIS-WindowsAuthToken`` (or one of its two other names): the user, and the groups, without LDAP.

    The token is read and closed on every request that brings one, also where another source signs the user in, and its
    header never reaches the application. *domains* gives the settings' name for a NetBIOS name, where that is another
    ({"EXAMPLE": "example.local"}). Raises `ConfigurationError` off Windows, unless a *reader* is given.

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
    ) -> None:
        self._reader = _windows() if reader is None else reader
        self._environment = os.environ if environment is None else environment
        self._domains = {netbios.upper(): name for netbios, name in (domains or {}).items()}
        _warn_of_workers()

    def identify(self, request: Request, rules: Rules) -> Outcome | None:
        values = _tokens(request)
        if not values:
            return None
        try:
            read = self._take(request, values)
        except InvalidToken as error:
            return Rejected(error.reason, self.name)
        # S-1-5-32-… in a token are the web server's own groups: its administrators are not the domain's.
        groups = frozenset(sid for sid in read.group_sids if not sid.startswith(BUILTIN))
        facts = TransportFacts(read.user_sid, groups, datetime.now(timezone.utc), complete=False)
        return SignedIn(self._identity(read, rules), self.name, facts)

    def release(self, request: Request) -> None:
        """Close the token where another source answered before this one was asked; hide the shared secret."""
        values = _tokens(request)
        if values:
            try:
                self._take(request, values)
            except InvalidToken as error:
                logger.warning("A token was refused, beside another source's answer: %s", error.reason)
        request.remove_header(PAIRING_HEADER)

    def may_block(self, request: Request) -> bool:
        """Windows may ask a domain controller for the name behind a SID."""
        return bool(_tokens(request))

    def _take(self, request: Request, values: list[str]) -> TokenFacts:
        """Read and close every token; hide the headers. Raises `InvalidToken` unless there was one good one."""
        pairing = request.header_values(PAIRING_HEADER)
        for header in TOKEN_HEADERS:
            request.remove_header(header)
        check_forwarder(request.peer, pairing[0] if len(pairing) == 1 else None, self._environment)
        read: list[TokenFacts] = []
        failures: list[InvalidToken] = []
        for value in values:
            try:
                read.append(read_token(value, self._reader))
            except InvalidToken as error:
                failures.append(error)
        if len(values) > 1:
            raise InvalidToken("there is more than one, and a client sent the others")
        if failures:
            raise failures[0]
        return read[0]

    def _identity(self, read: TokenFacts, rules: Rules) -> Identity:
        username = fold_username(read.username) if rules.lowercase else read.username
        return Identity(self._domains.get(read.domain.upper(), read.domain), username)


def _tokens(request: Request) -> list[str]:
    """Each token that came; a header sent twice was joined by commas in WSGI."""
    values = [value for header in TOKEN_HEADERS for value in request.header_values(header)]
    return [part.strip() for value in values for part in value.split(",")]


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
