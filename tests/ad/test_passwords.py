"""Signing in at the real directory with odd names and passwords."""

from __future__ import annotations

import unicodedata

import pytest

from tests.ad.people import EXAMPLE
from tests.ad.samba import DomainController
from wauth_core.directory import AuthReason, LDAPManager

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
