"""Filters and DNs: built in one place, escaped; compared as the directory compares them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.directory import filters
from wauth_core.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, ""),
        ("", ""),
        ({}, ""),
        ("(a=b)", "(a=b)"),
        ("a=b", "(a=b)"),
        ({"a": "b"}, "(a=b)"),
        ({"a": "b", "c": 4}, "(&(a=b)(c=4))"),
        ({"a": ["b", "c"]}, "(|(a=b)(a=c))"),
        ({"a": "*"}, "(a=*)"),
        ({"a": "b*"}, "(a=b\\2a)"),
        ({"a": ")(x=y"}, "(a=\\29\\28x=y)"),
        ({"a": True}, "(a=TRUE)"),
        ({"a": b"\xff\x00"}, "(a=\\ff\\00)"),
    ],
    ids=repr,
)
def test_given(setting: Any, expected: str) -> None:
    """A filter's text stands as it is; a mapping's values are escaped."""
    assert filters.given(setting) == expected


@pytest.mark.parametrize("setting", ["(a=b", "(a)", {"a b": "c"}, {"a)(b": "c"}], ids=repr)
def test_given_wrongly(setting: Any) -> None:
    """What is no filter is a configuration error."""
    with pytest.raises(ConfigurationError):
        filters.given(setting)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=a,DC=x", "cn=A, dc=X"),
        ("CN=Comma\\, x,DC=x", "CN=Comma\\2C x,DC=x"),
        ('CN="Comma, x",DC=x', "CN=Comma\\, x,DC=x"),
        ("CN=Z\\c3\\abe,DC=x", "CN=Zëe,DC=x"),
        ("CN=a+OU=b,DC=x", "OU=b+CN=a,DC=x"),
        ("CN=\\ a\\ ,DC=x", "CN=\\20a\\20,DC=x"),
    ],
)
def test_equal_dns(one: str, other: str) -> None:
    """Case, spaces and ways of escaping do not matter."""
    assert filters.same_dn(one, other)
    assert filters.dn_key(one) == filters.dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("CN=a,DC=x", "CN=b,DC=x"), ("CN=a\\,DC=x", "CN=a,DC=x"), ("CN=straße,DC=x", "CN=strasse,DC=x")],
)
def test_other_dns(one: str, other: str) -> None:
    """Different entries stay different."""
    assert not filters.same_dn(one, other)
    assert filters.dn_key(one) != filters.dn_key(other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text(' \\,="#', min_size=1))
def test_a_dn_around_any_value(value: str) -> None:
    """An escaped value is read back, spaces and backslashes at its ends too, and adds no part."""
    dn = f"CN={filters.dn_escaped(value)},DC=x"
    assert filters.split_dn(dn) == (("cn", value.lower()), ("dc", "x"))


@pytest.mark.parametrize(
    ("value", "escaped"),
    [("a ", r"a\ "), ("\\ ", "\\\\\\ "), (" ", r"\ "), ("  ", r"\ \ "), ("#a", r"\#a"), ("a#", "a#")],
)
def test_the_ends_of_a_name(value: str, escaped: str) -> None:
    """RFC 4514 2.4: a space at either end is escaped, whatever is beside it, and a number sign at the beginning."""
    assert filters.dn_escaped(value) == escaped


@pytest.mark.parametrize(
    ("dn", "base", "expected"),
    [
        ("CN=a,OU=Staff,DC=x", "ou=staff, dc=X", True),
        ("OU=Staff,DC=x", "OU=Staff,DC=x", True),
        ("CN=a,OU=NotStaff,DC=x", "OU=Staff,DC=x", False),
        ("CN=a\\,OU=Staff,DC=x", "OU=Staff,DC=x", False),
        ("DC=x", "OU=Staff,DC=x", False),
    ],
)
def test_is_under(dn: str, base: str, expected: bool) -> None:
    """By whole parts, not by how the text ends."""
    assert filters.is_under(dn, base) is expected


def test_domains_of_dns() -> None:
    """The DC parts at the end are the domain."""
    assert filters.domain_root("OU=Staff, OU=x\\,DC=no,DC=example,DC=local") == "DC=example,DC=local"
    assert filters.domain_root("o=company") == "o=company"
    assert filters.dns_domain("CN=a,DC=Example,DC=local") == "example.local"
    assert filters.dns_domain("o=company") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S-1-5-32-544", True),
        ("s-1-5-21-1-2-3-500", True),
        ("S-1-5-x", False),
        ("S-1-5-21-1)", False),
        ("S-2-5", False),
    ],
)
def test_sids(text: str, expected: bool) -> None:
    """Only a SID written out in full is one."""
    assert filters.is_sid(text) is expected
    if not expected:
        with pytest.raises(ValueError, match="not a SID"):
            filters.sid_base(text)


def test_guids() -> None:
    """A UUID, or its text with or without braces; 32 bare hex digits are a name, as they may be one."""
    guid = uuid.uuid4()
    assert filters.as_guid(guid) == filters.as_guid(str(guid)) == filters.as_guid(f"{{{guid}}}") == guid
    assert filters.as_guid(guid.hex) is None
    assert filters.guid_base(guid) == f"<GUID={guid}>"


@pytest.mark.parametrize("value", ["\x00", "alice\x00", "\x00alice", "al\x00ice", ["bob", "al\x00ice"]])
def test_a_nul_matches_nobody(value: object) -> None:
    """A server may read a value up to its NUL, and find what was not asked for."""
    assert "alice" not in filters.given({"cn": value})
    assert filters.NOBODY in filters.given({"cn": value})
    if isinstance(value, str):
        for part in ("initial", "within", "final"):
            assert filters.substring("cn", **{part: value}) == filters.NOBODY
        with pytest.raises(ConfigurationError):
            filters.rdn("CN", value)


def test_the_parts_of_a_dn_as_they_are_written() -> None:
    """The first one, and the rest; an escaped comma splits nothing."""
    assert filters.leaf_rdn("CN=a\\,b, OU=Staff,DC=example") == "CN=a\\,b"
    assert filters.leaf_rdn(" CN=a ,DC=example") == "CN=a"
    assert filters.parent_dn("CN=a\\,b,OU=Staff,DC=example") == "OU=Staff,DC=example"
    assert filters.parent_dn("DC=example") == ""
    assert filters.leaf_name("CN=a\\,b+OU=x,DC=example") == "a,b"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Staff", "OU=Staff,DC=example,DC=local"),
        ("Staff/Sales", "OU=Sales,OU=Staff,DC=example,DC=local"),
        ("Example.Local/Staff", "OU=Staff,DC=example,DC=local"),
        ("Staff/example.local", "OU=example.local,OU=Staff,DC=example,DC=local"),
        ("/Staff//Sales, North/", "OU=Sales\\, North,OU=Staff,DC=example,DC=local"),
        ("", "DC=example,DC=local"),
        ("example.local", "DC=example,DC=local"),
    ],
)
def test_units_by_their_path(path: str, expected: str) -> None:
    """The canonical name that consoles show; the domain in front may be left out."""
    assert filters.unit_dn(path, "DC=example,DC=local") == expected


def test_an_or_of_nothing_is_an_error() -> None:
    """A server would find nobody, or everybody."""
    with pytest.raises(ValueError, match="needs a condition"):
        filters.any_of([])


class Loud:
    """A term of a query."""

    def for_attribute(self, name: str | None) -> str:
        return f"({name or 'cn'}=loud)"


def test_terms_write_themselves() -> None:
    """Alone, and as a value."""
    assert filters.given(Loud()) == "(cn=loud)"
    assert filters.given({"mail": Loud()}) == "(mail=loud)"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a ", "a"),
        ("  a", "a"),
        ("a\\ ", "a "),
        ("a\\  ", "a "),
        ("a\\\\ ", "a\\"),
        ("a\\\\\\ ", "a\\ "),
        ('"a,b"', "a,b"),
        ('""', ""),
    ],
)
def test_what_a_part_of_a_dn_says(written: str, value: str) -> None:
    """Blanks around it do not count, unless the last one is escaped; quotes are taken off."""
    assert filters.split_dn(f"CN={written},DC=x") == (("cn", value), ("dc", "x"))


def test_a_backslash_escapes_something() -> None:
    """Also at the very beginning; at the very end it makes it no DN. One quote alone is a letter."""
    assert filters._split("\\,a,b", ",") == ["\\,a", "b"]
    assert filters._split(",a", ",") == ["", "a"]
    assert filters._dn_value('"') == '"'
    assert not filters.is_dn("CN=a\\")
    assert not filters.is_dn("CN=a\\x")
