"""Simple bind: which names AD takes, and in which order it finds reasons to refuse (MS-ADTS 5.1.1.1.1)."""

from __future__ import annotations

import hmac
import time
import uuid

from . import values as v
from .constructed import is_locked, password_age_exceeded
from .distinguished_names import BadName, fold
from .domain_policy import policy_of
from .entry import Entry
from .hosted_domain import Domain
from .result_codes import bad_credentials

NO_SUCH_USER = "525"
BAD_PASSWORD = "52e"  # noqa: S105 - a code, not a password
LOGON_HOURS = "530"
WORKSTATION = "531"
PASSWORD_EXPIRED = "532"  # noqa: S105
ACCOUNT_DISABLED = "533"
ACCOUNT_EXPIRED = "701"
MUST_CHANGE_PASSWORD = "773"  # noqa: S105
LOCKED_OUT = "775"


def bind(domain: Domain, name: str, password: bytes) -> Entry:
    """The account that *name* and *password* prove; raises `Refused` with AD's reason.

    Everybody learns that an account is locked. The other reasons go only to those who know the password.
    """
    entry = find_account(domain, name)
    if entry is None:
        raise bad_credentials(NO_SUCH_USER)
    if not domain.store.values(entry, "useraccountcontrol"):
        raise bad_credentials(BAD_PASSWORD)
    if is_locked(domain, entry):
        raise bad_credentials(LOCKED_OUT)
    expected = entry.password
    if expected is None or not hmac.compare_digest(expected.encode(), password):
        _count_failure(domain, entry)
        raise bad_credentials(BAD_PASSWORD)
    reason = _obstacle(domain, entry)
    if reason is not None:
        raise bad_credentials(reason)
    # not replicated, and no new USN: a sign-in is no change
    entry.attrs["badpwdcount"] = b"0"
    entry.attrs["lastlogon"] = b"%d" % v.filetime(domain.clock())
    entry.attrs["logoncount"] = b"%d" % (domain.store.number(entry, "logoncount") + 1)
    return entry


def find_account(domain: Domain, name: str) -> Entry | None:
    """By DN, ``DOMAIN\\sam``, UPN, ``sam@realm``, SID, ``{GUID}`` or an unambiguous display name.

    A bare sAMAccountName is none of AD's forms, and finds nobody.
    """
    store = domain.store
    found: list[Entry] = []
    if "=" in name:
        try:
            entry = store.find(name)
        except BadName:
            entry = None
        return entry
    if "\\" in name:
        netbios, _, sam = name.partition("\\")
        if fold(netbios) != fold(domain.netbios):
            return None
        found = store.lookup("samaccountname", sam.encode()) or []
    elif "@" in name:
        found = store.lookup("userprincipalname", name.encode()) or []
        sam, _, suffix = name.rpartition("@")
        if not found and fold(suffix) in (fold(domain.realm), fold(domain.netbios)):
            found = store.lookup("samaccountname", sam.encode()) or []
    else:
        found = _by_other_names(domain, name)
    found = [entry for entry in found if not entry.deleted]
    return found[0] if len(found) == 1 else None


def _by_other_names(domain: Domain, name: str) -> list[Entry]:
    store = domain.store
    try:
        if name.startswith("{"):
            entry = store.by_guid.get(uuid.UUID(name).bytes_le)
            return [] if entry is None else [entry]
        if name[:4].upper() == "S-1-":
            entry = store.by_sid.get(v.pack_sid(name))
            return [] if entry is None else [entry]
    except ValueError:
        return []
    return store.lookup("displayname", name.encode()) or []


def _obstacle(domain: Domain, entry: Entry) -> str | None:
    store, now = domain.store, domain.clock()
    if store.number(entry, "useraccountcontrol") & v.DISABLED:
        return ACCOUNT_DISABLED
    expires = store.number(entry, "accountexpires")
    if expires not in (0, v.NEVER) and v.filetime(now) >= expires:
        return ACCOUNT_EXPIRED
    hours = store.values(entry, "logonhours")
    if hours and len(hours[0]) == 21 and not _within(hours[0], now):
        return LOGON_HOURS
    if store.values(entry, "userworkstations"):
        return WORKSTATION  # an LDAP client is none of the listed machines
    if store.number(entry, "pwdlastset") == 0 and password_age_exceeded(domain, entry):
        return MUST_CHANGE_PASSWORD
    if password_age_exceeded(domain, entry):
        return PASSWORD_EXPIRED
    return None


def _within(hours: bytes, now: float) -> bool:
    """logonHours: a bit for each hour of the week, from Sunday midnight UTC."""
    at = time.gmtime(now)
    hour = ((at.tm_wday + 1) % 7) * 24 + at.tm_hour
    return bool(hours[hour // 8] >> (hour % 8) & 1)


def _count_failure(domain: Domain, entry: Entry) -> None:
    store = domain.store
    count = store.number(entry, "badpwdcount") + 1
    entry.attrs["badpwdcount"] = b"%d" % count
    entry.attrs["badpasswordtime"] = b"%d" % v.filetime(domain.clock())
    threshold = policy_of(domain, entry).lockout_threshold
    if threshold and count >= threshold:
        store.put(entry, "lockouttime", (b"%d" % v.filetime(domain.clock()),))
