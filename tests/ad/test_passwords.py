"""Passwords at the real directory: what never leaves the process, and what must arrive byte for byte."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from tests.ad.people import EXAMPLE
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import AuthReason, LDAPManager

Open = Callable[..., LDAPManager]
UNUSUAL = {person.sam: person.password or "" for person in EXAMPLE.people if person.sam.startswith("pw.")}


NO_PASSWORDS = {
    "empty": "",
    "blank": " ",
    "control characters": "\t\r\n",
    "wide blanks": "\u00a0\u3000",
    "NUL": "\0",
    "NUL first": "\0Passw0rd!x",
    "NUL last": "Passw0rd!x\0",
    "zero width": "\u200b",
    "zero widths": "\u200b\u200c\u200d\ufeff",
    "soft hyphen": "\u00ad",
}


@pytest.mark.parametrize("password", NO_PASSWORDS.values(), ids=NO_PASSWORDS)
def test_nothing_leaves_the_process(open_manager: Open, tap: Tap, tap_settings: dict[str, Any], password: str) -> None:
    """A password that a server could take for none at all (and so let anybody in) is refused here."""
    manager = open_manager(**tap_settings)
    result = manager.authenticate("alice", password)
    assert not result
    assert result.reason is AuthReason.EMPTY_PASSWORD
    assert tap.accepted == 0


@pytest.mark.parametrize("sam", sorted(UNUSUAL))
def test_unusual_passwords_log_in_byte_for_byte(manager: LDAPManager, sam: str) -> None:
    """Ligatures, full-width, zero-width and combining letters stay what they are; nothing normalises them."""
    password = UNUSUAL[sam]
    assert manager.authenticate(sam, password)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, password)
        if other != password:
            assert manager.authenticate(sam, other).reason is AuthReason.BAD_PASSWORD


@pytest.mark.parametrize("spelling", ["alice", "ALICE", "EXAMPLE\\alice", "alice@example.local"])
def test_names_that_log_in(manager: LDAPManager, samba: DomainController, spelling: str) -> None:
    """A person logs in by any of the names that Windows takes."""
    result = manager.authenticate(spelling, samba.password)
    assert result
    assert result.user is not None
    assert result.user.username == "alice"


@pytest.mark.parametrize(
    ("sam", "reason"),
    [
        ("disabled.dan", "DISABLED"),
        ("expired.eve", "EXPIRED"),
        ("locked.lou", "LOCKED"),
        ("mustchange.mia", "MUST_CHANGE"),
    ],
)
def test_reasons(manager: LDAPManager, samba: DomainController, sam: str, reason: str) -> None:
    """An account that must not get in says why."""
    result = manager.authenticate(sam, samba.password)
    assert not result
    assert result.reason is AuthReason[reason]


def test_wrong_password_and_unknown_name(manager: LDAPManager) -> None:
    """Both are refused, and what a visitor is told does not tell them apart."""
    wrong = manager.authenticate("alice", "wrong")
    unknown = manager.authenticate("nobody.of.this.name", "wrong")
    assert not wrong
    assert not unknown
    assert wrong.reason is AuthReason.BAD_PASSWORD
    assert wrong.message == unknown.message


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
