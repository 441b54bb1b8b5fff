"""Attributes that AD computes when they are asked for by name (MS-ADTS 3.1.1.4.5)."""

from __future__ import annotations

from collections.abc import Callable

from . import values as v
from .domain_policy import policy_of, resultant
from .entry import Entry, Values
from .hosted_domain import Domain

TOKEN_GROUPS = ("tokengroups", "tokengroupsglobalanduniversal", "tokengroupsnogcacceptable")


def constructed(domain: Domain, entry: Entry, name: str) -> Values:
    """The values of the constructed attribute *name* (lower-cased); none if AD returns none."""
    if name in TOKEN_GROUPS:
        return _tokens(domain, entry, name)
    made = _MADE.get(name)
    return domain.store.values(entry, name) if made is None else made(domain, entry)


def account_flags(domain: Domain, entry: Entry) -> int:
    """msDS-User-Account-Control-Computed: locked out, password expired (MS-ADTS 3.1.1.4.5.17)."""
    flags = 0
    if is_locked(domain, entry):
        flags |= v.LOCKED_OUT
    if password_age_exceeded(domain, entry):
        flags |= v.PASSWORD_EXPIRED
    return flags


def is_locked(domain: Domain, entry: Entry) -> bool:
    """Whether the account is locked out now: lockoutTime ends after the domain's lockoutDuration."""
    since = domain.store.number(entry, "lockouttime")
    if not since:
        return False
    duration = policy_of(domain, entry).lockout_duration
    return duration == 0 or v.filetime(domain.clock()) < since - duration


def password_age_exceeded(domain: Domain, entry: Entry) -> bool:
    """Whether the password is older than the domain allows, or must be changed."""
    store = domain.store
    flags = store.number(entry, "useraccountcontrol")
    if not flags or flags & (v.DONT_EXPIRE_PASSWORD | v.WORKSTATION_ACCOUNT | v.SERVER_ACCOUNT):
        return False
    last_set = store.number(entry, "pwdlastset")
    if last_set == 0:
        return True
    maximum = policy_of(domain, entry).max_age
    return maximum != 0 and v.filetime(domain.clock()) > last_set - maximum


def _tokens(domain: Domain, entry: Entry, name: str) -> Values:
    if not domain.store.values(entry, "useraccountcontrol"):
        return ()  # MS-ADA3: computed for a user or a computer
    groups = domain.store.token_groups(entry)
    if name == "tokengroupsglobalanduniversal":
        number = domain.store.number
        groups = {g: None for g in groups if number(g, "grouptype") & 0xA}
    return tuple(group.sid for group in groups if group.sid is not None)


def _canonical_name(domain: Domain, entry: Entry) -> Values:
    names: list[str] = []
    at: Entry | None = entry
    while at is not None and at.parent is not None:
        names.append(at.rdn.value.replace("/", "\\/"))
        at = at.parent
    return (f"{domain.realm}/{'/'.join(reversed(names))}".encode(),)


def _principal_name(domain: Domain, entry: Entry) -> Values:
    sam = domain.store.values(entry, "samaccountname")
    return (f"{domain.netbios}\\".encode() + sam[0],) if sam else ()


def _password_expiry(domain: Domain, entry: Entry) -> Values:
    store = domain.store
    flags = store.number(entry, "useraccountcontrol")
    if not flags:
        return ()
    maximum = policy_of(domain, entry).max_age
    if maximum in (0, -v.NEVER - 1) or flags & (v.DONT_EXPIRE_PASSWORD | v.WORKSTATION_ACCOUNT | v.SERVER_ACCOUNT):
        return (b"%d" % v.NEVER,)
    last_set = store.number(entry, "pwdlastset")
    return (b"%d" % (last_set - maximum if last_set else 0),)


def _computed_flags(domain: Domain, entry: Entry) -> Values:
    if not domain.store.values(entry, "useraccountcontrol"):
        return ()
    return (b"%d" % account_flags(domain, entry),)


def _primary_group_token(domain: Domain, entry: Entry) -> Values:
    if not domain.store.values(entry, "grouptype") or entry.sid is None:
        return ()
    return (b"%d" % int.from_bytes(entry.sid[-4:], "little"),)


def _parent_guid(domain: Domain, entry: Entry) -> Values:
    return () if entry.parent is None else (entry.parent.guid,)


def _structural_class(domain: Domain, entry: Entry) -> Values:
    return domain.store.classes(entry)


def _resultant_policy(domain: Domain, entry: Entry) -> Values:
    found = resultant(domain, entry)
    return () if found is None else (found.dn.encode(),)


def _subschema(domain: Domain, entry: Entry) -> Values:
    return (f"CN=Aggregate,CN=Schema,CN=Configuration,{domain.store.base_dn}".encode(),)


def _create_stamp(domain: Domain, entry: Entry) -> Values:
    return (v.generalized_time(entry.created),)


def _modify_stamp(domain: Domain, entry: Entry) -> Values:
    return (v.generalized_time(entry.changed),)


_MADE: dict[str, Callable[[Domain, Entry], Values]] = {
    "canonicalname": _canonical_name,
    "msds-principalname": _principal_name,
    "msds-user-account-control-computed": _computed_flags,
    "msds-userpasswordexpirytimecomputed": _password_expiry,
    "msds-resultantpso": _resultant_policy,
    "primarygrouptoken": _primary_group_token,
    "parentguid": _parent_guid,
    "structuralobjectclass": _structural_class,
    "subschemasubentry": _subschema,
    "createtimestamp": _create_stamp,
    "modifytimestamp": _modify_stamp,
}
