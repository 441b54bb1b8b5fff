"""From octets to Python values, by the attribute's name."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.directory import decode
from wauth_core.directory.entries import AccountState

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("objectGUID", [bytes(range(16))], uuid.UUID("03020100-0504-0706-0809-0a0b0c0d0e0f")),
        ("objectguid", [b"short"], "short"),
        ("objectSid", [bytes.fromhex("01020000000000052000000020020000")], "S-1-5-32-544"),
        ("tokenGroups", [bytes.fromhex("01020000000000052000000020020000")], ["S-1-5-32-544"]),
        ("lastLogon", [b"0"], None),
        ("accountExpires", [b"9223372036854775807"], None),
        ("accountExpires", [b"132223104000000000"], datetime(2020, 1, 1, tzinfo=timezone.utc)),
        ("pwdLastSet", [b"-1"], None),
        ("whenCreated", [b"20200229120000.0Z"], datetime(2020, 2, 29, 12, tzinfo=timezone.utc)),
        ("whenCreated", [b"202002291200+0130"], datetime(2020, 2, 29, 10, 30, tzinfo=timezone.utc)),
        ("dSCorePropagationData", [b"16010101000000.0Z"], [datetime(1601, 1, 1, tzinfo=timezone.utc)]),
        ("whenChanged", [b"tomorrow"], "tomorrow"),
        ("userAccountControl", [b"512"], 512),
        ("groupType", [b"-2147483646"], -2147483646),
        ("isDeleted", [b"TRUE"], True),
        ("jpegPhoto", [b"abc"], b"abc"),
        ("description", [b"20200229120000.0Z"], "20200229120000.0Z"),
        ("description", [b"a", b"b"], ["a", "b"]),
        ("description", [b"\xff\xfe"], b"\xff\xfe"),
        ("description", ["Zoë 李".encode()], "Zoë 李"),
        ("memberOf", [b"CN=x"], ["CN=x"]),
        ("member;range=0-1", [b"CN=x"], ["CN=x"]),
        ("description", [], []),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_attribute(name: str, values: list[bytes], expected: Any) -> None:
    """Each attribute has its type; a value that breaks its promise is text, or octets."""
    assert decode.attribute(name, values) == expected


@given(st.sampled_from(["objectGUID", "objectSid", "lastLogon", "whenCreated", "userAccountControl", "x"]), st.binary())
def test_no_value_is_an_error(name: str, value: bytes) -> None:
    """Whatever a server sends, decoding gives something."""
    decode.attribute(name, [value])


@given(st.lists(st.integers(0, 2**32 - 1), max_size=15), st.integers(0, 2**48 - 1))
def test_sids_both_ways(parts: list[int], authority: int) -> None:
    """A SID's text and octets are two forms of one thing."""
    text = "-".join(map(str, ("S", 1, authority, *parts))).replace("S-1", "S-1", 1)
    assert decode.sid(decode.sid_octets(text)) == text


@pytest.mark.parametrize("text", ["", "S", "X-1-5", "S-1-5-4294967296", "S-1-281474976710656", "S-1-5-x", "S-300-5"])
def test_no_sid(text: str) -> None:
    """What is no SID has no octets."""
    with pytest.raises(ValueError, match="not a SID"):
        decode.sid_octets(text)


def test_the_authority_of_a_sid_has_six_octets() -> None:
    """Most people know the last one alone."""
    raw = bytes([1, 1]) + (2**47 + 5).to_bytes(6, "big") + (7).to_bytes(4, "little")
    assert decode.sid(raw) == f"S-1-{2**47 + 5}-7"


def test_names_compare_without_case() -> None:
    """Attributes are found in any spelling and listed in the server's."""
    found = decode.attributes({"sAMAccountName": [b"alice"], "mail": [b"a@b"]})
    assert found["samaccountname"] == found["SAMACCOUNTNAME"] == "alice"
    assert list(found) == ["sAMAccountName", "mail"]
    assert "MAIL" in found
    assert 7 not in found
    assert found.get("nothing") is None
    assert dict(found) == {"sAMAccountName": "alice", "mail": "a@b"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"userAccountControl": 512}, AccountState()),
        ({}, AccountState()),
        ({"userAccountControl": 514}, AccountState(disabled=True)),
        ({"accountExpires": NOW}, AccountState(expired=True, expires_at=NOW)),
        (
            {"accountExpires": NOW + timedelta(seconds=1)},
            AccountState(expires_at=NOW + timedelta(seconds=1)),
        ),
        ({"accountExpires": None}, AccountState()),
        ({"lockoutTime": NOW}, AccountState(locked=True)),
        ({"lockoutTime": NOW, "msDS-User-Account-Control-Computed": 0}, AccountState()),
        ({"msDS-User-Account-Control-Computed": 0x10}, AccountState(locked=True)),
        ({"msDS-User-Account-Control-Computed": 0x800000}, AccountState(password_expired=True)),
        ({"pwdLastSet": None, "userAccountControl": 512}, AccountState(must_change_password=True)),
        (
            {"pwdLastSet": None, "userAccountControl": 512, "msDS-User-Account-Control-Computed": 0x800000},
            AccountState(must_change_password=True),
        ),
        ({"pwdLastSet": None, "userAccountControl": 0x10200}, AccountState()),
        ({"pwdLastSet": NOW}, AccountState()),
        ({"userAccountControl": 0x7FFFFFFD}, AccountState()),
        ({"msDS-User-Account-Control-Computed": 0x7F7FFFEF}, AccountState()),
        ({"pwdLastSet": None, "userAccountControl": 0x7FFEFFFD}, AccountState(must_change_password=True)),
        ({"pwdLastSet": None}, AccountState(must_change_password=True)),
    ],
    ids=lambda value: str(value)[:50],
)
def test_account_state(values: dict[str, Any], expected: AccountState) -> None:
    """What the account's attributes mean at a moment."""
    assert decode.account_state(values, NOW) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(-2147483646, True), (2, False), (8, False), (0x80000008, True), (0x7FFFFFFF, False), (None, True)],
)
def test_security_groups(kind: int | None, expected: bool) -> None:
    """The highest bit of groupType, which AD sends as a sign."""
    assert decode.is_security_group({} if kind is None else {"groupType": kind}) is expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Alice", "ALICE", True),
        ("ZOË", "zoë", True),
        ("ΝΊΚΟΣ", "νίκος", True),
        ("jose", "josé", False),
        ("strasse", "straße", False),
        ("i", "ı", False),
        ("I", "İ", False),
        ("a", "ａ", False),
        ("ss", "ſſ", False),
    ],
)
def test_fold(one: str, other: str, same: bool) -> None:
    """Names compare letter by letter, without case, and nothing else is forgiven."""
    assert (decode.fold(one) == decode.fold(other)) is same


def test_filetime_both_ways() -> None:
    """A moment and its FILETIME."""
    assert decode.filetime(str(decode.ticks(NOW)).encode()) == NOW


def test_what_is_no_time_and_what_is() -> None:
    """The first tick after 1601 counts, 0 and what lies beyond the year 9999 do not; names tell who holds one."""
    assert decode.filetime(b"10") == datetime(1601, 1, 1, 0, 0, 0, 1, tzinfo=timezone.utc)
    assert decode.filetime(b"1") == datetime(1601, 1, 1, tzinfo=timezone.utc)
    assert [decode.filetime(value) for value in (b"0", b"-10", b"9223372036854775806")] == [None] * 3
    assert decode.is_filetime("pwdLastSet")
    assert decode.is_filetime("ACCOUNTEXPIRES")
    assert not decode.is_filetime("whenCreated")


def test_lengths_of_time() -> None:
    """Negative in AD; the longest that it can say is for ever."""
    assert decode.duration(b"-6000000000") == timedelta(minutes=10)
    assert decode.duration(b"-9223372036854775807") is None
    assert decode.duration(b"-9223372036854775808") is None
    assert decode.duration(b"-9223372036854775806") == timedelta(microseconds=9223372036854775806 // 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20200229120000.5Z", datetime(2020, 2, 29, 12, 0, 0, 500_000, tzinfo=timezone.utc)),
        ("20200229120000,25Z", datetime(2020, 2, 29, 12, 0, 0, 250_000, tzinfo=timezone.utc)),
        ("20200229120000", datetime(2020, 2, 29, 12, tzinfo=timezone.utc)),
        ("20200229120000-05", datetime(2020, 2, 29, 17, tzinfo=timezone.utc)),
        ("20200229120000+0130", datetime(2020, 2, 29, 10, 30, tzinfo=timezone.utc)),
        ("00000000000000.0Z", None),
    ],
)
def test_generalized_times(text: str, expected: datetime | None) -> None:
    """Fractions, offsets in hours and minutes, and AD's "no time"."""
    assert decode.generalized_time(text.encode()) == expected
