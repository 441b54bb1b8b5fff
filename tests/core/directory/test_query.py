"""Conditions in mappings: what they become, that they are escaped, what they find; rows for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.directory import LDAPManager, wire
from wauth_core.directory.query import (
    after,
    all_of,
    any_of,
    before,
    contains,
    ends_with,
    filter_text,
    has_flag,
    missing,
    newer_than,
    not_,
    older_than,
    present,
    starts_with,
)
from wauth_core.exceptions import ConfigurationError
from wauth_core.settings import LDAPSettings
from wauth_core.testing import EmbeddedDirectory

MOMENT = datetime(2020, 1, 1, tzinfo=timezone.utc)

TEXTS = {
    "any of": ({"l": any_of("Leeds", "York")}, "(|(l=Leeds)(l=York))"),
    "not": ({"title": not_("Trainee")}, "(!(title=Trainee))"),
    "not any of": ({"title": not_(any_of("a", "b"))}, "(!(|(title=a)(title=b)))"),
    "all conditions": ({"l": "York", "sn": not_("*")}, "(&(l=York)(!(sn=*)))"),
    "missing": ({"mail": missing()}, "(!(mail=*))"),
    "present": ({"mail": present()}, "(mail=*)"),
    "begins": ({"cn": starts_with("A*")}, r"(cn=A\2a*)"),
    "ends": ({"cn": ends_with(")")}, r"(cn=*\29)"),
    "within": ({"cn": contains("(x")}, r"(cn=*\28x*)"),
    "a flag": (
        {"userAccountControl": has_flag(0x10000)},
        "(userAccountControl:1.2.840.113556.1.4.803:=65536)",
    ),
    "a filetime": (
        {"accountExpires": before(MOMENT)},
        "(&(accountExpires>=1)(accountExpires<=132223104000000000))",
    ),
    "never is not later": (
        {"accountExpires": after(MOMENT)},
        "(&(accountExpires>=132223104000000000)(accountExpires<=9223372036854775806))",
    ),
    "a time": ({"whenCreated": before(MOMENT)}, "(whenCreated<=20200101000000.0Z)"),
    "between": (
        {"whenCreated": all_of(after(MOMENT), before(MOMENT))},
        "(&(whenCreated>=20200101000000.0Z)(whenCreated<=20200101000000.0Z))",
    ),
    "one of two mappings": (any_of({"l": "York"}, {"sn": "x", "cn": "y"}), "(|(l=York)(&(sn=x)(cn=y)))"),
    "not a mapping": (not_({"l": "York"}), "(!(l=York))"),
    "a star is a letter in a helper": ({"cn": not_(any_of("a*b"))}, r"(!(cn=a\2ab))"),
}


@pytest.mark.parametrize(("condition", "text"), TEXTS.values(), ids=list(TEXTS))
def test_what_it_becomes(condition: Any, text: str) -> None:
    """The filter, and a repr that can be read."""
    assert filter_text(condition) == text
    assert " object at " not in repr(condition)


def test_terms_beside_nothing() -> None:
    """A term that needs an attribute says so; an empty one too."""
    with pytest.raises(ConfigurationError, match="beside an attribute"):
        filter_text(starts_with("x"))
    with pytest.raises(ConfigurationError, match="at least one"):
        any_of()
    with pytest.raises(ConfigurationError, match="time zone"):
        filter_text({"accountExpires": before(datetime(2020, 1, 1))})


@given(st.text(min_size=1))
def test_every_value_is_one_value(text: str) -> None:
    """No text breaks out of its condition: the filter has one item, whatever stands in it."""
    for term in (starts_with(text), contains(text), ends_with(text), not_(starts_with(text))):
        encoded = wire.encode_filter(filter_text({"cn": term}))
        assert encoded[0] in (0xA4, 0xA2)


@pytest.fixture(scope="module")
def manager() -> Iterator[LDAPManager]:
    """Over the example company, some of whose people are old."""
    with EmbeddedDirectory() as directory:
        old = datetime.now(timezone.utc) - timedelta(days=120)
        directory.update("carol", lastLogonTimestamp=int((old.timestamp() + 11644473600) * 10**7))
        now = datetime.now(timezone.utc)
        directory.update("bob", lastLogonTimestamp=int((now.timestamp() + 11644473600) * 10**7))
        with LDAPManager(LDAPSettings(**directory.settings()), "EXAMPLE") as manager:
            yield manager


def test_what_it_finds(manager: LDAPManager) -> None:
    """Old, new and never; combined with other conditions."""
    assert [each.username for each in manager.users({"lastLogonTimestamp": older_than(days=90)})] == ["carol"]
    assert [each.username for each in manager.users({"lastLogonTimestamp": newer_than(days=90)})] == ["bob"]
    stale = {each.username for each in manager.users({"lastLogonTimestamp": older_than(days=90, or_never=True)})}
    assert "bob" not in stale
    assert {"carol", "ada"} <= stale
    sales = {"department": any_of("Sales", "IT"), "sAMAccountName": not_(starts_with("a"))}
    names = {each.username for each in manager.users(sales)}
    assert "ada" not in names
    assert {"bob", "carol"} <= names
    assert {each.name for each in manager.groups(any_of({"cn": "Web Users"}, {"cn": "Web Editors"}))} == {
        "Web Users",
        "Web Editors",
    }


def test_rows(manager: LDAPManager) -> None:
    """A person and a computer go to JSON and CSV as they are."""
    rows = [manager.user("ada", ["memberOf", "whenCreated"]).as_row(), manager.computer("PC-0001").as_row()]
    assert json.loads(json.dumps(rows)) == rows
    written = io.StringIO()
    writer = csv.DictWriter(written, ["username", "kind", "memberOf", "whenCreated"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    [ada, pc] = csv.DictReader(io.StringIO(written.getvalue()))
    assert ada["username"] == "ada"
    assert "CN=" in ada["memberOf"]
    assert datetime.fromisoformat(ada["whenCreated"]).tzinfo is not None
    assert pc["kind"] == "computer"
