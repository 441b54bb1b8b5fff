"""Who the front end says is signed in.

Parsing is total: any value goes in, an `Identity` or one `InvalidIdentity` comes out. Callers turn the error into a
refusal; it is never a server error.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wauth_core.exceptions import InvalidIdentity

MAX_USERNAME = 256  # characters; rangeUpper of sAMAccountName in the AD schema, MS-ADA3 2.222
MAX_DOMAIN = 255  # octets of a DNS name, RFC 1035 2.3.4

# What a sAMAccountName may not hold (MS-SAMR 3.1.1.8.4), and "@", which would be a second separator.
_NOT_IN_USERNAME = frozenset('"/\\[]:;|=,+*?<>@')
_DOMAIN = re.compile(r"[\w!#$%&'(){}~^-]([\w.!#$%&'(){}~^-]*[\w!#$%&'(){}~^-])?")
_REALM = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")


@dataclass(frozen=True)
class Identity:
    r"""A Windows user: *username* (sAMAccountName or UPN prefix) in *domain* (NetBIOS name or FQDN).

    A NetBIOS domain is kept in upper case, an FQDN (it has a dot) in lower case, so that equal means the same.
    ``str()`` gives ``DOMAIN\username``, or ``username@fqdn`` where the domain is an FQDN.

    *is_upn* says that the name is a user principal name (MS-ADTS 5.1.1.1.1), so that look-ups search for that: the
    prefix of one person's UPN may be another person's sAMAccountName.

    Raises `InvalidIdentity` when either half cannot be what it says.
    """

    domain: str
    username: str
    is_upn: bool = False

    def __post_init__(self) -> None:
        _check_domain(self.domain)
        _check_username(self.username)
        object.__setattr__(self, "domain", canonical_domain(self.domain))

    @classmethod
    def parse(cls, value: object, *, by_upn: bool = False, lowercase: bool = True) -> Identity:
        r"""Read ``DOMAIN\username``, or ``username@fqdn`` with *by_upn* (the manual's WAUTH_USE_SPN).

        With *lowercase* the user name is lower-cased letter by letter, as AD compares without case; a letter whose
        lower case is several letters (``İ``) stays, since AD knows no such mapping.

        Raises `InvalidIdentity`, and never another error.
        """
        if not isinstance(value, str):
            raise InvalidIdentity(value, "it is not text")
        if not value:
            raise InvalidIdentity(value, "it is empty")
        if len(value) > MAX_DOMAIN + 1 + MAX_USERNAME:
            raise InvalidIdentity(value, "it is too long")
        separator = "@" if by_upn else "\\"
        wanted = "username@domain (WAUTH_USE_SPN is on)" if by_upn else "DOMAIN\\username (WAUTH_USE_SPN is off)"
        if separator not in value:
            raise InvalidIdentity(value, f"{wanted} is expected")
        if value.count("\\") + value.count("@") != 1:
            raise InvalidIdentity(value, "it has more than one separator")
        left, right = value.split(separator)
        domain, username = (right, left) if by_upn else (left, right)
        try:
            return cls(domain, fold_username(username) if lowercase else username, by_upn)
        except InvalidIdentity as error:
            raise InvalidIdentity(value, error.reason) from None

    def name_key(self) -> tuple[str, str, bool]:
        """What identities are compared by, if nothing but the name is known: equal without case."""
        return canonical_domain(self.domain), fold_username(self.username), self.is_upn

    def same_name(self, other: Identity) -> bool:
        """Whether both are the same name in the same domain."""
        return self.name_key() == other.name_key()

    def down_level(self) -> str:
        r"""The down-level logon name, ``DOMAIN\username``."""
        return f"{self.domain}\\{self.username}"

    def upn(self) -> str:
        """``username@domain``, which the manual calls the SPN scheme."""
        return f"{self.username}@{self.domain}"

    def __str__(self) -> str:
        return self.upn() if "." in self.domain else self.down_level()


@dataclass(frozen=True)
class TransportFacts:
    """What a Windows token or a Kerberos ticket says of its owner, with no question to the directory.

    *group_sids* are enabled groups only, nested ones included. *complete* is False where built-in groups
    (``S-1-5-32-…``) are missing, as in a ticket's PAC.

    *as_of* is a time at which they were true (aware, UTC, by the site's clock): a ticket's own, less five minutes.
    None if nobody knows their age, as with an IIS token. *believed_for* is how long the operator wants them to be
    believed (``ticket_groups_for=`` of a source); by default it is WAUTH_RESYNC_DELTA.
    """

    user_sid: str
    group_sids: frozenset[str] = field(repr=False)
    as_of: datetime | None = None
    complete: bool = True
    upn: str | None = None
    believed_for: timedelta | None = None

    def true_at(self, now: datetime) -> datetime | None:
        """*as_of*, but None if it lies after *now*: then a clock is wrong, and their age is unknown.

        Of facts of unknown age the operator says, by *believed_for*, that they are no older than that.
        """
        if self.as_of is None:
            return None if self.believed_for is None else now - self.believed_for
        return self.as_of if self.as_of <= now else None


@dataclass(frozen=True)
class NameRules:
    """How names are read: the part of the site's settings that a source needs."""

    by_upn: bool = False
    lowercase: bool = True

    def parse(self, value: object) -> Identity:
        """`Identity.parse` by these rules. Raises `InvalidIdentity`."""
        return Identity.parse(value, by_upn=self.by_upn, lowercase=self.lowercase)


@dataclass(frozen=True)
class Principal:
    r"""A Kerberos user principal (RFC 4120 6.2; enterprise names: RFC 6806 5).

    *name* is as the user typed it: ``kinit ALICE`` gives ``ALICE``. An enterprise name (``alice\@example.local@REALM``)
    is a UPN, with *enterprise* set. The canonical sAMAccountName and SID are in the ticket's PAC, not here.
    """

    name: str
    realm: str
    enterprise: bool = False

    @classmethod
    def parse(cls, value: object) -> Principal:
        r"""Read ``alice@REALM`` or ``alice\@example.local@REALM``. Raises `InvalidIdentity`.

        A service's or a host's principal (``HTTP/web@REALM``) is not a user and is refused.
        """
        if not isinstance(value, str):
            raise InvalidIdentity(value, "it is not text")
        if len(value) > 2 * MAX_DOMAIN + MAX_USERNAME:
            raise InvalidIdentity(value, "it is too long")
        quoted, at, realm = value.rpartition("@")
        if not at or quoted.endswith("\\") or not _REALM.fullmatch(realm):
            raise InvalidIdentity(value, "a Kerberos principal, name@REALM, is expected")
        name, enterprise_at, suffix = quoted.partition("\\@")
        try:
            _check_username(name)
            if enterprise_at:
                _check_domain(suffix)
        except InvalidIdentity as error:
            raise InvalidIdentity(value, error.reason) from None
        return cls(f"{name}@{suffix}" if enterprise_at else name, realm.upper(), bool(enterprise_at))


def is_builtin_group(sid: str) -> bool:
    """Whether *sid* is of the built-in domain (``S-1-5-32-…``, MS-DTYP 2.4.2.4): its groups are each machine's own, and
    no ticket tells them."""
    return sid.startswith("S-1-5-32-")


def fold_username(username: str) -> str:
    """Lower-case letter by letter, leaving a letter whose lower case is several letters or another letter's: a Kelvin
    sign is no K."""
    if username.isascii():
        return username.lower()
    return "".join(low if (low := letter.lower()).upper() == letter else letter for letter in username)


def canonical_domain(domain: str) -> str:
    """The one spelling of a domain: a NetBIOS name in upper case, an FQDN in lower case."""
    if "." in domain:
        return fold_username(domain)
    return domain.upper() if domain.isascii() else "".join(_raised(letter) for letter in domain)


def _raised(letter: str) -> str:
    """The upper case of a letter, if that is no other letter's: a long s is no S."""
    return up if (up := letter.upper()).lower() == letter else letter


def _check_domain(domain: str) -> None:
    if not domain:
        raise InvalidIdentity(domain, "its domain is empty")
    if len(domain) > MAX_DOMAIN:
        raise InvalidIdentity(domain, "its domain is too long")
    _check_letters(domain, "domain")
    if not _DOMAIN.fullmatch(domain) or ".." in domain:
        raise InvalidIdentity(domain, "its domain is not a NetBIOS or DNS name")


def _check_username(username: str) -> None:
    if not username or username.isspace():
        raise InvalidIdentity(username, "its user name is empty")
    if len(username) > MAX_USERNAME:
        raise InvalidIdentity(username, "its user name is too long")
    _check_letters(username, "user name")
    if not _NOT_IN_USERNAME.isdisjoint(username):
        found = next(letter for letter in username if letter in _NOT_IN_USERNAME)
        raise InvalidIdentity(username, f"a logon name cannot hold {found!r}")
    if username[0] == " " or username[-1] in " .":
        raise InvalidIdentity(username, "a logon name cannot start with a space, or end in a space or a dot")


def _check_letters(text: str, what: str) -> None:
    """Refuse letters that cannot be seen or that mean an encoding lost some (U+FFFD)."""
    for letter in text:
        if letter == "\ufffd":
            raise InvalidIdentity(text, f"its {what} lost letters on the way (wrong encoding)")
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or (
            letter != " " and letter.isspace()
        ):
            raise InvalidIdentity(text, f"its {what} has a control or invisible character")
