"""Signing in by a name and a password, as people type them: the guard that every door stands behind.

What a guest typed chooses no server and raises nothing. It costs AD at most one bind, the same for a name or a domain
that does not exist, and it is counted before AD is asked.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import deque
from collections.abc import Callable
from secrets import token_hex
from statistics import median
from time import monotonic, sleep

from wauth_core.cache import Cache
from wauth_core.directory import AuthReason, AuthResult, DirectoryUser, filters
from wauth_core.directory.authenticate import is_empty
from wauth_core.exceptions import DirectoryError, DirectoryUnavailable, InvalidIdentity, UserNotFound
from wauth_core.identity import Identity, canonical_domain, fold_username
from wauth_core.sync.directories import Directories
from wauth_core.sync.manager_answers import OwnAnswers
from wauth_core.throttle import Throttle, Turns

logger = logging.getLogger("wauth.service")

LONGEST_PAUSE = 1.0  # seconds
LONGEST_TURN = 15.0  # seconds that an attempt waits for the one before it, by the same name


# Peers that are the site's own proxy, and speak for everybody: loopback and unix sockets
_OWN_MACHINE = ("127.", "::1", "::ffff:127.", "/", "unix:")
_NOBODYS = (AuthReason.NO_SUCH_USER, AuthReason.REFUSED, AuthReason.LOCKED)

# A DN, GUID or SID names a person too, in endless spellings, and nobody signs in by one.
_NO_LOGON_NAME = re.compile(r"=|^S-1-|^\{|^[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Typed:
    """What somebody typed, or what a form says for them."""

    username: str
    password: str = dataclasses.field(repr=False)
    domain: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether both are texts: JSON may hold anything."""
        return all(isinstance(each, str) for each in (self.username, self.password))

    @property
    def name(self) -> str:
        """The name without the domain in front."""
        return self.username.partition("\\")[2] if "\\" in self.username else self.username

    @property
    def marks(self) -> str:
        """All of it, as one text."""
        return "\0".join((self.domain or "", self.username, self.password))


class Guard:
    """What stands between people who type passwords and the directory, in one application."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._throttle = Throttle(cache)
        self._turns = Turns()
        self._pace = Pace()

    def check(self, directories: Directories, typed: Typed, peer: str | None) -> AuthResult:
        """See `Wauth.authenticate`."""
        if not typed.is_text:
            return AuthResult(AuthReason.BAD_PASSWORD)
        if is_empty(typed.password):
            return AuthResult(AuthReason.EMPTY_PASSWORD)
        who = _key(directories, typed)
        with self._turns.take(who, LONGEST_TURN) as mine:
            if not mine:
                return AuthResult(AuthReason.UNAVAILABLE)
            if self._turns.was_refused(typed.marks):
                return AuthResult(AuthReason.BAD_PASSWORD)
            result = self._counted(who, peer, lambda: _ask(directories, typed))
            if not result.ok and result.reason not in (AuthReason.UNAVAILABLE, AuthReason.THROTTLED):
                self._turns.remember(typed.marks)
            return result

    def _counted(self, who: str, peer: str | None, ask: Callable[[], AuthResult]) -> AuthResult:
        """Ask, unless there were too many attempts already."""
        address = peer if peer is not None and not peer.startswith(_OWN_MACHINE) else None
        wait = self._throttle.wait_of_peer(address)
        taken: list[str] = []
        if not wait:
            wait, taken = self._throttle.admit(who)
        if wait:
            logger.warning("Too many attempts to sign in as %r or from %r: a password was not tried.", who[:80], peer)
            return AuthResult(AuthReason.THROTTLED, retry_after=wait)
        result = self._pace.keep(ask)
        if result.ok:
            self._throttle.forget(who)
        elif result.reason is AuthReason.UNAVAILABLE:
            self._throttle.take_back(taken)
        else:
            self._throttle.count_failure(address)
        return result


class Pace:
    """Lets the refusal of a name that nobody bears take as long as that of a wrong password.

    Both cost a bind, but a server looks a password up, counts it and logs it, and is done sooner without. So such a
    refusal waits for what the medians of the last ones of both kinds differ by. It is not held until a fixed time:
    wrong passwords differ in how long they take, and so must it.
    """

    def __init__(self, clock: Callable[[], float] = monotonic, pause: Callable[[float], None] = sleep) -> None:
        self._clock = clock
        self._pause = pause
        self._taken: dict[AuthReason, deque[float]] = {
            reason: deque(maxlen=32) for reason in (AuthReason.BAD_PASSWORD, *_NOBODYS)
        }

    def keep(self, ask: Callable[[], AuthResult]) -> AuthResult:
        """The answer of *ask*, not too soon."""
        began = self._clock()
        result = ask()
        taken, wrong = self._taken.get(result.reason), self._taken[AuthReason.BAD_PASSWORD]
        if taken is not None:
            taken.append(self._clock() - began)
            if taken is not wrong and wrong:
                self._pause(min(LONGEST_PAUSE, max(0.0, median(wrong) - median(taken))))
        return result


def _key(directories: Directories, typed: Typed) -> str:
    """By what attempts are counted: one text for all spellings of a logon name."""
    domain = _domain(directories, typed) or ""
    name = typed.name.rpartition("@")[0] or typed.name
    return f"{directories.domains.canonical(domain).upper()}\\{fold_username(name.strip())}"


def _domain(directories: Directories, typed: Typed) -> str | None:
    named = domain_of(directories, typed.username)
    if named is None:
        named = typed.domain if typed.domain is not None else _only_domain(directories)
    return named


def _ask(directories: Directories, typed: Typed) -> AuthResult:
    named, domain = _domain(directories, typed), typed.domain
    domains = directories.domains
    if named is None or named not in domains or (domain is not None and not _same(directories, domain, named)):
        return _of_no_domain(directories, typed, AuthReason.NO_SUCH_USER)
    if not domains.is_listed(named) and (reason := _default_is_not(directories, named)) is not None:
        return _of_no_domain(directories, typed, reason)
    if _NO_LOGON_NAME.search(typed.name):
        return _of_no_domain(directories, typed, AuthReason.NO_SUCH_USER)
    policy = directories.policy(named)
    result = directories.of(named).manager.authenticate(typed.name, typed.password, OwnAnswers.reader(policy))
    if not result.ok or result.user is None:
        return result
    try:
        identity = policy.identity(policy.logon_name(result.user))
    except InvalidIdentity:
        return AuthResult(AuthReason.REFUSED, result.user)
    if result.own is None and directories.settings.use_spn:
        reason = _another_bears(directories, identity, result.user)
        if reason is not None:
            return AuthResult(reason, result.user)
    return dataclasses.replace(result, identity=identity)


def _of_no_domain(directories: Directories, typed: Typed, reason: AuthReason) -> AuthResult:
    """Refuse in the time that a name of a listed domain takes."""
    first = next(iter(directories.domains), None)
    if first is not None:
        directories.of(first).manager.authenticate(token_hex(8), typed.password)
    return AuthResult(reason)


def domain_of(directories: Directories, name: str) -> str | None:
    r"""The domain that a typed name speaks of: ``DOMAIN`` in ``DOMAIN\user``, whether configured or not; for a UPN the
    listed domain whose name, or whose SEARCH_BASE, is its suffix. None where it speaks of none."""
    before, slash, _ = name.partition("\\")
    if slash:
        return before
    _, at, suffix = name.rpartition("@")
    if not at:
        return None
    if directories.domains.is_listed(suffix):
        return directories.domains.canonical(suffix)
    for listed in directories.domains:
        base = directories.of(listed).manager.settings.search_bases[0]
        if filters.dns_domain(filters.domain_root(base)).lower() == suffix.lower():
            return listed
    return _of_forest(directories, name, canonical_domain(suffix))


def _of_forest(directories: Directories, upn: str, suffix: str) -> str | None:
    """The one configured domain that has somebody with that UPN, whose suffix is one of the forest's."""
    try:
        domains = [domain for domain in directories.domains if suffix in directories.of(domain).upn_suffixes()]
        found = domains if len(domains) == 1 else [domain for domain in domains if _has(directories, domain, upn)]
    except DirectoryError as error:
        logger.error("A user name could not be looked up: %s", error)
        return None
    return found[0] if len(found) == 1 else None


def _has(directories: Directories, domain: str, upn: str) -> bool:
    try:
        directories.of(domain).manager.user(upn)
    except UserNotFound:
        return False
    return True


def _default_is_not(directories: Directories, typed: str) -> AuthReason | None:
    """Why ``__default__`` does not serve a domain that somebody typed: a guest's words choose no server, and make no
    person of one domain one of another."""
    if not directories.domains.default_is_fixed:
        logger.warning("No password sign-in to the domain %r: give it an entry in WAUTH_DOMAINS.", typed)
        return AuthReason.NO_SUCH_USER
    own = filters.dns_domain(filters.domain_root(directories.domains[typed].search_bases[0]))
    try:
        return None if own and directories.of(own).manager.goes_by(typed) else AuthReason.NO_SUCH_USER
    except DirectoryError as error:
        logger.error("A sign-in could not be checked: %s", error)
        return AuthReason.UNAVAILABLE


def _another_bears(directories: Directories, identity: Identity, user: DirectoryUser) -> AuthReason | None:
    """Why *identity* does not lead back to *user*, whose UPN may begin with another's sAMAccountName."""
    try:
        found = directories.user(identity)
    except DirectoryUnavailable as error:
        logger.error("A sign-in could not be checked: %s", error)
        return AuthReason.UNAVAILABLE
    except DirectoryError as error:
        logger.warning("A sign-in was refused: %s", error)
        return AuthReason.REFUSED
    return None if found.guid == user.guid else AuthReason.REFUSED


def _only_domain(directories: Directories) -> str | None:
    listed = list(directories.domains)
    return listed[0] if len(listed) == 1 else None


def _same(directories: Directories, one: str, other: str) -> bool:
    return directories.domains.canonical(one) == directories.domains.canonical(other)
