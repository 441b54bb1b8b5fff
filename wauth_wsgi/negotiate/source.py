"""`Negotiate`: the Kerberos handshake of RFC 4559 inside this process, with no IIS or Apache in front."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache

from wauth_core.cache import FileCache
from wauth_core.exceptions import ConfigurationError, DirectoryError
from wauth_core.identity import Identity, NameRules, Principal, TransportFacts, fold_username
from wauth_core.session_numbers import CachedNumbers, MemoryNumbers, NumbersUnavailable, SessionNumbers, person_key
from wauth_core.web.asking import Challenge
from wauth_core.web.outcomes import Handshake, Headers, Outcome, Rejected, SignedIn, Unchecked
from wauth_core.web.request import Request
from wauth_core.web.sources.pac import BadPac, LogonInfo, facts_of, read_logon_info
from wauth_wsgi.negotiate.acceptor import Acceptor, HandshakeFailed, system_acceptor
from wauth_wsgi.negotiate.cookie import Key, Session, SessionCookie
from wauth_wsgi.negotiate.password import BasicCredentials, Fallback, NotNow, WrongPassword

if TYPE_CHECKING:
    from wauth_core import AuthResult

MAX_TOKEN = 128 * 1024  # base64 characters; Windows' MaxTokenSize is 48,000 bytes
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")  # RFC 9110 9.2.1
CHECK_EVERY = 5.0  # seconds between two questions whether a person's sessions were ended
CHECKED_AT_ONCE = 10_000  # people remembered meanwhile
NTLM = b"NTLMSSP\x00"  # MS-NLMP 2.2.1


class Negotiate:
    """Sign people in by their Kerberos ticket, once a session.

    - *keytab*: the file with the key of ``HTTP/host``; None takes the system's, and on Windows always the process's own
      account (SSPI). *service*: accept tickets for this principal only, not for any in the keytab.
    - *secret_key*: signs the session cookie. A list replaces keys without ending sessions: the first one signs, all
      are believed. None makes a random one for this process.
    - *session*: how long one handshake serves. *password_session*: the same after a password.
    - *ticket_groups_for*: how long the groups of a ticket are believed, from the time its owner logged on. None means
      WAUTH_RESYNC_DELTA; after that, groups come from LDAP. Risk: a right that AD took away stays so long.
    - *realms*: the domains whose people may come, as ``{"EXAMPLE.LOCAL": "EXAMPLE"}`` with the name that the settings
      use. None takes the keytab's own realms, under the NetBIOS name that the ticket tells, or under the realm in
      lower case with WAUTH_USE_SPN.
    - *no_pac*: "refuse" a ticket without group facts (the default), or "ldap" to take its name and ask LDAP. Windows'
      SSPI shows no facts, so there it is always "ldap".
    - *fallback*: "basic" or "form" lets people without a ticket type a password, which an LDAP bind checks.
    - *secure*: the cookie and the passwords travel by TLS only. False is for plain HTTP on a developer's machine.

    Risk: browsers answer the challenge by themselves, for requests that other sites start too. The cookie is
    ``SameSite=Lax``, and a handshake that a browser marks as cross-site is refused unless the method is safe; the
    application still needs its CSRF protection. Without ``secure`` a neighbouring host can plant a cookie (login
    CSRF). A ticket without a PAC says a name as its owner typed it; who may create accounts may make one that looks
    like another's. NTLM is not spoken: it needs a second leg, which HTTP servers cannot hold on to.
    """

    name = "Negotiate"

    def __init__(
        self,
        keytab: str | os.PathLike[str] | None = None,
        *,
        service: str | None = None,
        secret_key: Key | Iterable[Key] | None = None,
        session: timedelta = timedelta(minutes=10),
        password_session: timedelta = timedelta(hours=8),
        ticket_groups_for: timedelta | None = None,
        realms: Mapping[str, str] | None = None,
        no_pac: str | None = None,
        fallback: str | None = None,
        authenticate: Callable[[str, str], AuthResult] | None = None,
        secure: bool = True,
        acceptor: Acceptor | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        if no_pac not in (None, "ldap", "refuse"):
            raise ConfigurationError(f"no_pac must be 'ldap' or 'refuse', not {no_pac!r}.")
        self._acceptor = system_acceptor(keytab, service) if acceptor is None else acceptor
        self._needs_pac = self._acceptor.shows_pac if no_pac is None else no_pac == "refuse"
        if self._needs_pac and not self._acceptor.shows_pac:
            raise ConfigurationError("no_pac='refuse' would refuse everybody: SSPI does not show a ticket's groups.")
        self._realms = _realms(realms, self._acceptor)
        self._own_names = realms is None
        self._session, self._password_session = session, password_session
        self._groups_for = ticket_groups_for
        # A random key ends sessions with this process anyway; with a lasting one, other processes know them too.
        self._numbers: SessionNumbers = MemoryNumbers() if secret_key is None else CachedNumbers(FileCache())
        self._checked: TTLCache[str, int] = TTLCache(CHECKED_AT_ONCE, CHECK_EVERY)
        # Who trusts other realms, another service or tickets without a PAC does not share sessions, even with one key.
        trust = json.dumps([self.name, service, sorted(self._realms.items()), self._needs_pac, fallback])
        self._cookie = SessionCookie(secret_key, audience=trust, secure=secure, now=now)
        self._fallback = None if fallback is None else Fallback(fallback, authenticate, secure=secure)
        self._now = now
        # A ticket comes back with the same PAC at each handshake, and reading it is a pure function of the bytes.
        self._read = lru_cache(maxsize=256)(self._read_ticket)
        headers: Headers = (("WWW-Authenticate", "Negotiate"),)
        self.challenge = Challenge(headers) if self._fallback is None else self._fallback.challenge(headers)

    def bind(self, wauth: Any) -> None:
        """Check passwords with this application's `wauth_core.Wauth`, and end sessions when it does.

        Without a cache of its own, a session that was ended is known to the processes of this machine alone.
        """
        if wauth is not None:
            self._numbers = wauth.session_numbers
        if self._fallback is not None:
            self._fallback.bind(wauth)

    def may_block(self, request: Request) -> bool:
        """A password is checked by LDAP; a ticket is checked without network."""
        return self._fallback is not None and _scheme(request)[0] == "basic"

    def sign_out(self, identity: Identity, sid: str | None = None) -> tuple[str, str]:
        """End all sessions of *identity*, and return the ``Set-Cookie`` header that removes this one.

        A browser with a ticket signs in again when asked. Raises `NumbersUnavailable`.
        """
        for person in {person_key(identity), person_key(identity, sid)}:
            self._numbers.end(person)
            self._checked.pop(person, None)
        return self._cookie.ending()

    def identify(self, request: Request, rules: NameRules) -> Outcome | None:
        scheme, credentials = _scheme(request)
        if scheme == "negotiate":
            return self._handshake(request, credentials, rules)
        session = self._cookie.read(request)
        try:
            if session is not None and self._has_ended(session):
                session = None
        except NumbersUnavailable as error:
            return Unchecked(str(error), self.name)
        if scheme == "basic" and self._fallback is not None:
            typed = self._fallback.typed(request, credentials)
            if typed is not None and (session is None or session.login != typed.username):
                return self._password(self._fallback, typed, request)
        if session is None:
            return None
        by_password = session.login is not None
        return SignedIn(session.identity, self.name, session.facts, by_password=by_password, sid=session.sid)

    def _has_ended(self, session: Session) -> bool:
        """Whether somebody ended it: asked every few seconds in this process."""
        return self._number(session) != session.number

    def _number(self, session: Session) -> int:
        person = person_key(session.identity, session.sid)
        number = self._checked.get(person)
        if number is None:
            number = self._checked[person] = self._numbers.number(person)
        return number

    def release(self, request: Request) -> None:
        """Hide the ticket, or the password that was typed, from the application, as Apache does."""
        scheme, credentials = _scheme(request)
        typed = scheme == "basic" and self._fallback is not None and self._fallback.typed(request, credentials)
        if typed or scheme == "negotiate":
            request.remove_header("authorization")

    def _handshake(self, request: Request, credentials: str, rules: NameRules) -> Outcome:
        if request.method not in SAFE_METHODS and "cross-site" in request.header_values("sec-fetch-site"):
            return Rejected("another site's page sent it", self.name)
        try:
            ticket = self._acceptor.accept(_token(credentials))
            identity, facts = self._read(ticket.principal, ticket.logon_info, ticket.client_info, rules)
        except HandshakeFailed as error:
            return Handshake(self.challenge.over(request.secure).headers, self.name, str(error))
        lasts = self._session if ticket.lifetime is None else min(self._session, ticket.lifetime)
        sid = None if facts is None else facts.user_sid
        try:
            begun = self._begun(Session(identity, self._now() + lasts, facts, sid=sid))
        except NumbersUnavailable as error:
            return Unchecked(str(error), self.name)
        reply = () if ticket.reply is None else (("WWW-Authenticate", _encoded(ticket.reply)),)
        return SignedIn(identity, self.name, facts, (*reply, *begun), sid=sid)

    def _begun(self, session: Session) -> Headers:
        """The headers of a session that begins now. Raises `NumbersUnavailable`."""
        return self._cookie.headers(replace(session, number=self._number(session)))

    def _read_ticket(
        self, principal: str, pac: bytes | None, client_info: bytes | None, rules: NameRules
    ) -> tuple[Identity, TransportFacts | None]:
        """Raises `HandshakeFailed` or InvalidIdentity."""
        info = None if pac is None else _logon_info(pac)
        if info is None and self._needs_pac:
            raise HandshakeFailed("the ticket has no PAC: it was asked for without, or the domain is no AD")
        try:
            facts = None if info is None else facts_of(info, client_info, self._groups_for)
        except BadPac as error:
            raise HandshakeFailed(f"the ticket's PAC cannot be read: {error}") from None
        return self._identity(principal, info, rules), facts

    def _identity(self, name: str, info: LogonInfo | None, rules: NameRules) -> Identity:
        if not self._acceptor.shows_pac and "\\" in name:
            return NameRules(by_upn=False, lowercase=rules.lowercase).parse(name)  # as SSPI tells it
        principal = Principal.parse(name)
        if info is None and principal.enterprise:
            raise HandshakeFailed("a ticket without a PAC has a UPN for a name, and nothing that says whose it is")
        username = principal.name if info is None else info.username
        return Identity(
            self._domain(principal.realm, info, rules), fold_username(username) if rules.lowercase else username
        )

    def _domain(self, realm: str, info: LogonInfo | None, rules: NameRules) -> str:
        named = self._realms.get(realm)
        if named is None:
            known = ", ".join(self._realms) or "none"
            raise HandshakeFailed(f"the realm {realm!r} is not among realms= ({known})")
        if not self._own_names:
            return named
        if rules.by_upn:
            return realm
        if info is None:
            raise HandshakeFailed(f"the ticket tells no NetBIOS name: say realms={{{realm!r}: 'NETBIOS'}}")
        return info.domain

    def _password(self, fallback: Fallback, typed: BasicCredentials, request: Request) -> Outcome:
        try:
            identity, sid = fallback.check(typed, request.peer)
        except WrongPassword as error:
            headers = fallback.refusal(self.challenge.over(request.secure).headers)
            return Handshake(headers, self.name, str(error))
        except NotNow as error:
            return Unchecked(str(error), self.name, (("Retry-After", str(error.seconds)),), error.status)
        except DirectoryError as error:
            return Unchecked(f"the password could not be checked: {error}", self.name)
        session = Session(identity, self._now() + self._password_session, login=typed.username, sid=sid)
        try:
            headers = self._begun(session) if typed.keep else ()
        except NumbersUnavailable as error:
            return Unchecked(str(error), self.name)
        return SignedIn(identity, self.name, headers=headers, by_password=True, sid=sid)


def _scheme(request: Request) -> tuple[str, str]:
    """The authentication scheme in lower case, and its credentials. Two headers are a scheme of nobody's."""
    values = request.header_values("authorization")
    if len(values) != 1:
        return ("", "") if not values else ("several", "")
    scheme, _, credentials = values[0].partition(" ")
    return scheme.lower(), credentials.strip()


def _token(credentials: str) -> bytes:
    if len(credentials) > MAX_TOKEN:
        raise HandshakeFailed("the token is too long")
    try:
        token = base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        raise HandshakeFailed("the token is not base64") from None
    if not token:
        raise HandshakeFailed("the token is empty")
    if token.startswith(NTLM):
        raise HandshakeFailed("the client offers NTLM, not Kerberos: has it a ticket, and does the SPN exist?")
    return token


def _encoded(reply: bytes) -> str:
    return "Negotiate " + base64.b64encode(reply).decode("ascii")


def _logon_info(pac: bytes) -> LogonInfo:
    try:
        return read_logon_info(pac)
    except BadPac as error:
        raise HandshakeFailed(f"the ticket's PAC cannot be read: {error}") from None


def _realms(given: Mapping[str, str] | None, acceptor: Acceptor) -> dict[str, str]:
    """The realms that may come, with the settings' names for them."""
    if given is not None:
        return {realm.upper(): domain for realm, domain in given.items()}
    if not acceptor.realms and acceptor.shows_pac:
        raise ConfigurationError("Negotiate cannot tell its own realm from the keytab: say realms={'REALM': 'DOMAIN'}.")
    return {realm.upper(): realm for realm in acceptor.realms}
