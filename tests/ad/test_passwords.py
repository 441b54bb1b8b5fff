"""Signing in at the real directory with odd names and passwords."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ad.people import EXAMPLE
from tests.ad.samba import DomainController
from wauth_core import Wauth
from wauth_core.directory import AuthReason, LDAPManager
from wauth_core.throttle import NAME_LIMIT

UNUSUAL = {person.sam: person.password or "" for person in EXAMPLE.people if person.sam.startswith("pw.")}


@pytest.mark.parametrize("sam", sorted(UNUSUAL))
def test_unusual_passwords_log_in_byte_for_byte(manager: LDAPManager, sam: str) -> None:
    """Ligatures, full-width, zero-width and combining letters stay what they are; nothing normalises them."""
    password = UNUSUAL[sam]
    assert manager.authenticate(sam, password)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, password)
        if other != password:
            assert manager.authenticate(sam, other).reason is AuthReason.BAD_PASSWORD


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "*",
        "al*",
        "\0alice",
        "alice\0",
        "OTHER\\alice",
        "alice@other.local",
        "<GUID=00000000-0000-0000-0000-000000000000>",
        "x" * 5000,
    ],
)
def test_names_that_do_not_log_in(manager: LDAPManager, samba: DomainController, name: str) -> None:
    """With everybody's password no strange name gets in; the answer is a refusal, not an error."""
    assert not manager.authenticate(name, samba.password)


def test_guesses_lock_nobody(samba: DomainController) -> None:
    """Sixteen passwords in parallel, where the controller locks after five: four are tried, and nobody is locked."""
    person = samba.create_user("guessed")
    samba.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=5")
    try:
        with Wauth({"EXAMPLE": samba.settings()}) as wauth:
            with ThreadPoolExecutor(16) as pool:
                found = list(pool.map(lambda number: wauth.authenticate(person, f"wrong {number}"), range(16)))
            reasons = [result.reason for result in found]
            assert reasons.count(AuthReason.BAD_PASSWORD) == NAME_LIMIT
            assert reasons.count(AuthReason.THROTTLED) == 16 - NAME_LIMIT
            assert wauth.manager("EXAMPLE").user(person).state.reasons == ()
        with Wauth({"EXAMPLE": samba.settings()}) as another:  # which has counted nothing itself
            assert another.authenticate(person, "wrong 17").reason is AuthReason.LOCKED
            assert another.manager("EXAMPLE").user(person).state.reasons == ()
    finally:
        samba.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")
        samba.delete(person)
