"""Signing in by a name and a password, as people type them. What a guest typed chooses no server and raises nothing."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from wauth_core.directory import AuthReason, AuthResult, DirectoryUser, filters
from wauth_core.exceptions import DirectoryError, DirectoryUnavailable, InvalidIdentity, UserNotFound
from wauth_core.identity import Identity, canonical_domain

if TYPE_CHECKING:
    from wauth_core.service import Wauth

logger = logging.getLogger("wauth.service")


def check(wauth: Wauth, username: str, password: str, domain: str | None) -> AuthResult:
    """See `Wauth.authenticate`."""
    named = domain_of(wauth, username)
    if named is None:
        named = domain if domain is not None else _only_domain(wauth)
    if named is None or named not in wauth.domains or (domain is not None and not _same(wauth, domain, named)):
        return AuthResult(AuthReason.NO_SUCH_USER)
    if not wauth.domains.is_listed(named) and (reason := _default_is_not(wauth, named)) is not None:
        return AuthResult(reason)
    name = username.partition("\\")[2] if "\\" in username else username
    began = wauth.now()
    result = wauth.manager(named).authenticate(name, password, wauth.own_reader(named))
    if not result.ok or result.user is None:
        return result
    try:
        identity = wauth.identity(named, wauth.logon_name(result.user, named))
    except InvalidIdentity:
        return AuthResult(AuthReason.REFUSED, result.user)
    if result.own is not None:
        wauth.keep_own_answers(identity, result.own, began)
        return dataclasses.replace(result, identity=identity)
    if wauth.options.use_spn and (reason := _another_bears(wauth, identity, result.user)) is not None:
        return AuthResult(reason, result.user)
    return dataclasses.replace(result, identity=identity)


def domain_of(wauth: Wauth, name: str) -> str | None:
    """See `Wauth.domain_of`."""
    before, slash, _ = name.partition("\\")
    if slash:
        return before
    _, at, suffix = name.rpartition("@")
    if not at:
        return None
    if wauth.domains.is_listed(suffix):
        return wauth.domains.canonical(suffix)
    for listed in wauth.domains:
        base = wauth.manager(listed).settings.search_bases[0]
        if filters.dns_domain(filters.domain_root(base)).lower() == suffix.lower():
            return listed
    return _of_forest(wauth, name, canonical_domain(suffix))


def _of_forest(wauth: Wauth, upn: str, suffix: str) -> str | None:
    """The one configured domain that has somebody with that UPN, whose suffix is one of the forest's."""
    try:
        domains = [domain for domain in wauth.domains if suffix in wauth.upn_suffixes(domain)]
        found = domains if len(domains) == 1 else [domain for domain in domains if _has(wauth, domain, upn)]
    except DirectoryError as error:
        logger.error("A user name could not be looked up: %s", error)
        return None
    return found[0] if len(found) == 1 else None


def _has(wauth: Wauth, domain: str, upn: str) -> bool:
    try:
        wauth.manager(domain).user(upn)
    except UserNotFound:
        return False
    return True


def _default_is_not(wauth: Wauth, typed: str) -> AuthReason | None:
    """Why ``__default__`` does not serve a domain that somebody typed: a guest's words choose no server, and make no
    person of one domain one of another."""
    if not wauth.domains.default_is_fixed:
        logger.warning("No password sign-in to the domain %r: give it an entry in WAUTH_DOMAINS.", typed)
        return AuthReason.NO_SUCH_USER
    own = filters.dns_domain(filters.domain_root(wauth.domains[typed].search_bases[0]))
    try:
        return None if own and wauth.manager(own).goes_by(typed) else AuthReason.NO_SUCH_USER
    except DirectoryError as error:
        logger.error("A sign-in could not be checked: %s", error)
        return AuthReason.UNAVAILABLE


def _another_bears(wauth: Wauth, identity: Identity, user: DirectoryUser) -> AuthReason | None:
    """Why *identity* does not lead back to *user*, whose UPN may begin with another's sAMAccountName."""
    try:
        found = wauth.find(identity)
    except DirectoryUnavailable as error:
        logger.error("A sign-in could not be checked: %s", error)
        return AuthReason.UNAVAILABLE
    except DirectoryError as error:
        logger.warning("A sign-in was refused: %s", error)
        return AuthReason.REFUSED
    return None if found.guid == user.guid else AuthReason.REFUSED


def _only_domain(wauth: Wauth) -> str | None:
    listed = list(wauth.domains)
    return listed[0] if len(listed) == 1 else None


def _same(wauth: Wauth, one: str, other: str) -> bool:
    return wauth.domains.canonical(one) == wauth.domains.canonical(other)
