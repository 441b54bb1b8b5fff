"""Names of Windows users: what is one, and what is not."""

from __future__ import annotations

import contextlib
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core import Identity, InvalidIdentity, Principal
from wauth_core.identity import NameRules, TransportFacts, fold_username

DOWN_LEVEL = [
    pytest.param("EXAMPLE\\alice", ("EXAMPLE", "alice"), id="plain"),
    pytest.param("EXAMPLE\\Alice", ("EXAMPLE", "alice"), id="upper case user"),
    pytest.param("example\\alice", ("EXAMPLE", "alice"), id="lower case NetBIOS domain"),
    pytest.param("Example.Local\\alice", ("example.local", "alice"), id="FQDN in front"),
    pytest.param("EXAMPLE\\ÄGIDIUS", ("EXAMPLE", "ägidius"), id="umlaut"),
    pytest.param("EXAMPLE\\o.brien (x) & co", ("EXAMPLE", "o.brien (x) & co"), id="dots, parentheses, ampersand"),
    pytest.param("EXAMPLE\\o'brien", ("EXAMPLE", "o'brien"), id="apostrophe"),
    pytest.param("EXAMPLE\\WEB01$", ("EXAMPLE", "web01$"), id="a computer's account"),
    pytest.param("EXAMPLE\\İpek", ("EXAMPLE", "İpek"), id="a letter whose lower case is two"),
    pytest.param("EX-AM_PLE1\\alice", ("EX-AM_PLE1", "alice"), id="dash and underline in the domain"),
    pytest.param("EXAMPLE\\" + "a" * 256, ("EXAMPLE", "a" * 256), id="256 letters"),
    pytest.param("EXAMPLE\\日本語", ("EXAMPLE", "日本語"), id="Japanese"),
]

UPN = [
    pytest.param("alice@example.local", ("example.local", "alice"), id="plain"),
    pytest.param("ALICE@EXAMPLE.LOCAL", ("example.local", "alice"), id="upper case"),
    pytest.param("first.last@sub.example.local", ("sub.example.local", "first.last"), id="dots"),
    pytest.param("alice@example", ("EXAMPLE", "alice"), id="no dot: a NetBIOS name"),
]

HOSTILE: list[Any] = [
    pytest.param("", id="empty"),
    pytest.param("alice", id="no separator"),
    pytest.param("\\alice", id="empty domain"),
    pytest.param("EXAMPLE\\", id="empty user"),
    pytest.param("EXAMPLE\\ ", id="blank user"),
    pytest.param("\\", id="separator alone"),
    pytest.param("A\\B\\C", id="two separators"),
    pytest.param("A\\B@C", id="both separators"),
    pytest.param("EXAMPLE\\\\alice", id="separator doubled"),
    pytest.param("EXAMPLE/alice", id="the wrong slash"),
    pytest.param("EXAMPLE\\*", id="asterisk"),
    pytest.param("*\\alice", id="asterisk domain"),
    pytest.param("EXAMPLE\\alice;administrator", id="ldap3's query language"),
    pytest.param("EXAMPLE\\alice,EXAMPLE\\bob", id="two names joined by a proxy"),
    pytest.param("EXAMPLE\\ali\x00ce", id="NUL"),
    pytest.param("EXAMPLE\\alice\n", id="line end"),
    pytest.param("EXAMPLE\\ali\tce", id="tab"),
    pytest.param("EXAMPLE\\ali\u200bce", id="zero-width space"),
    pytest.param("EXAMPLE\\ecila\u202e", id="right-to-left override"),
    pytest.param("EXAMPLE\\ali\u00a0ce", id="no-break space"),
    pytest.param("EXAMPLE\\ali\ufffdce", id="a letter lost on the way"),
    pytest.param("EXAMPLE\\ali?ce", id="a letter lost in an ANSI code page"),
    pytest.param("EXAMPLE\\ali\ud800ce", id="half a surrogate pair"),
    pytest.param("EXAMPLE\\ alice", id="leading space"),
    pytest.param("EXAMPLE\\alice ", id="trailing space"),
    pytest.param("EXAMPLE\\alice.", id="trailing dot"),
    pytest.param("EXAMPLE.\\alice", id="domain with a trailing dot"),
    pytest.param(".EXAMPLE\\alice", id="domain with a leading dot"),
    pytest.param("EX..AMPLE\\alice", id="domain with two dots"),
    pytest.param("EX AMPLE\\alice", id="domain with a space"),
    pytest.param("EXAMPLE\\" + "a" * 257, id="257 letters"),
    pytest.param("E" * 256 + "\\alice", id="a domain of 256 letters"),
    pytest.param("x" * 1_000_000, id="a megabyte"),
    pytest.param(None, id="None"),
    pytest.param(b"EXAMPLE\\alice", id="bytes"),
    pytest.param(["EXAMPLE\\alice"], id="a list"),
    pytest.param(7, id="a number"),
]


@pytest.mark.parametrize(("text", "halves"), DOWN_LEVEL)
def test_down_level_logon_names(text: str, halves: tuple[str, str]) -> None:
    """DOMAIN\\username is read, its domain in the one spelling."""
    identity = Identity.parse(text)
    assert (identity.domain, identity.username) == halves


@pytest.mark.parametrize(("text", "halves"), UPN)
def test_user_at_domain(text: str, halves: tuple[str, str]) -> None:
    """username@domain is read where WAUTH_USE_SPN is on."""
    identity = Identity.parse(text, by_upn=True)
    assert (identity.domain, identity.username) == halves


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("by_upn", [False, True])
def test_what_is_no_identity(value: Any, by_upn: bool) -> None:
    """Everything else is refused with one error, in either scheme."""
    with pytest.raises(InvalidIdentity):
        Identity.parse(value, by_upn=by_upn)


def test_each_scheme_refuses_the_other() -> None:
    """What the site did not configure is not guessed."""
    with pytest.raises(InvalidIdentity, match="WAUTH_USE_SPN is on"):
        Identity.parse("EXAMPLE\\alice", by_upn=True)
    with pytest.raises(InvalidIdentity, match="WAUTH_USE_SPN is off"):
        Identity.parse("alice@example.local")


def test_case_is_kept_where_the_site_says_so() -> None:
    """Without WAUTH_LOWERCASE_USERNAME the user name stays; the domain has one spelling all the same."""
    assert Identity.parse("Example\\Alice", lowercase=False) == Identity("EXAMPLE", "Alice")


def test_shown_as_it_is_known() -> None:
    """An identity reads DOMAIN\\user, or user@fqdn where the domain is one; both spellings can be asked for."""
    assert str(Identity("EXAMPLE", "alice")) == "EXAMPLE\\alice"
    assert str(Identity("example.local", "alice")) == "alice@example.local"
    assert Identity("EXAMPLE", "alice").upn() == "alice@EXAMPLE"
    assert Identity("example.local", "alice").down_level() == "example.local\\alice"


def test_an_identity_is_a_value() -> None:
    """Equal ones are one key in a dictionary, and survive pickling, as a session store does it."""
    identity = Identity("example", "alice")
    assert {Identity("EXAMPLE", "alice"): 1}[identity] == 1
    assert pickle.loads(pickle.dumps(identity)) == identity


@pytest.mark.parametrize(
    ("domain", "username"),
    [("", "alice"), ("EXAMPLE", ""), ("EX\\AMPLE", "alice"), ("EXAMPLE", "a@b"), ("EXAMPLE", "a\x00")],
)
def test_an_impossible_identity_cannot_be_made(domain: str, username: str) -> None:
    """The constructor checks as parsing does."""
    with pytest.raises(InvalidIdentity):
        Identity(domain, username)


@given(st.text(max_size=600) | st.binary() | st.none() | st.integers(), st.booleans(), st.booleans())
def test_parsing_is_total(value: Any, by_upn: bool, lowercase: bool) -> None:
    """Anything in: an identity or InvalidIdentity out."""
    with contextlib.suppress(InvalidIdentity):
        identity = Identity.parse(value, by_upn=by_upn, lowercase=lowercase)
        assert identity.domain
        assert identity.username


@given(st.text(max_size=600))
def test_a_refusal_fits_a_log_line(value: str) -> None:
    """Whatever text is refused, the error is one short line."""
    with pytest.raises(InvalidIdentity) as refused:
        Identity.parse(value + "\n")
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


_LETTERS = st.characters(categories=("L", "N"))


@given(st.from_regex(r"[A-Z][A-Z0-9-]{0,13}[A-Z0-9]", fullmatch=True), st.text(_LETTERS, min_size=1, max_size=40))
def test_what_was_read_is_written_the_same(domain: str, username: str) -> None:
    """Reading what an identity shows gives that identity again, whatever letters are in it."""
    identity = Identity.parse(f"{domain}\\{username}")
    assert Identity.parse(str(identity)) == identity
    assert len(identity.username) == len(username), "folding must never change the number of letters"


def test_folding_keeps_different_people_apart() -> None:
    """Letters that AD keeps apart stay apart; a Kelvin sign is no K, a sharp s is not ss."""
    assert fold_username("STRASSE") != fold_username("STRAßE")
    assert fold_username("İ") != fold_username("i")
    assert fold_username("\u212aim") != fold_username("Kim"), "KELVIN SIGN"
    assert fold_username("\u212bsa") != fold_username("\u00c5sa"), "ANGSTROM SIGN"
    assert fold_username("\u00c5SA ŁŚ Ω") == "\u00e5sa łś ω"


def test_folding_keeps_different_domains_apart() -> None:
    """A domain whose name only becomes another's by the case of its letters is another domain."""
    assert Identity("\u017fTAFF", "alice") != Identity("STAFF", "alice"), "LATIN SMALL LETTER LONG S"
    assert Identity("BAß", "alice") != Identity("BASS", "alice")
    assert Identity("\u212a.example", "alice") != Identity("k.example", "alice")
    assert Identity("büro", "alice") == Identity("BÜRO", "alice")


PRINCIPALS = [
    pytest.param("alice@EXAMPLE.LOCAL", ("alice", "EXAMPLE.LOCAL", False), id="plain"),
    pytest.param("ALICE@example.local", ("ALICE", "EXAMPLE.LOCAL", False), id="as typed; the realm in upper case"),
    pytest.param(
        "alice\\@example.local@EXAMPLE.LOCAL", ("alice@example.local", "EXAMPLE.LOCAL", True), id="enterprise"
    ),
    pytest.param("WEB01$@EXAMPLE.LOCAL", ("WEB01$", "EXAMPLE.LOCAL", False), id="a computer"),
]


@pytest.mark.parametrize(("text", "parts"), PRINCIPALS)
def test_kerberos_principals(text: str, parts: tuple[str, str, bool]) -> None:
    """A user's principal is read, an enterprise name as the UPN it is."""
    principal = Principal.parse(text)
    assert (principal.name, principal.realm, principal.enterprise) == parts


NO_PRINCIPALS: list[Any] = [
    pytest.param("alice", id="no realm"),
    pytest.param("@EXAMPLE.LOCAL", id="no name"),
    pytest.param("alice@", id="empty realm"),
    pytest.param("HTTP/web.example.local@EXAMPLE.LOCAL", id="a service"),
    pytest.param("alice\\@EXAMPLE.LOCAL", id="an escaped separator alone"),
    pytest.param("alice@evil@EXAMPLE.LOCAL", id="two separators"),
    pytest.param("alice\\@a\\@b@EXAMPLE.LOCAL", id="two escaped separators"),
    pytest.param("alice\\\\@EXAMPLE.LOCAL", id="a backslash in the name"),
    pytest.param("alice@EXAMPLE.LOCAL\x00", id="NUL"),
    pytest.param("alice@EX AMPLE", id="space in the realm"),
    pytest.param("a" * 2000 + "@EXAMPLE.LOCAL", id="two thousand letters"),
    pytest.param(None, id="None"),
    pytest.param(b"alice@EXAMPLE.LOCAL", id="bytes"),
]


@pytest.mark.parametrize("value", NO_PRINCIPALS)
def test_what_is_no_principal(value: Any) -> None:
    """Anything but one user's principal is refused."""
    with pytest.raises(InvalidIdentity):
        Principal.parse(value)


@given(st.text(max_size=900) | st.binary() | st.none())
def test_reading_principals_is_total(value: Any) -> None:
    """Anything in: a principal or InvalidIdentity out."""
    with contextlib.suppress(InvalidIdentity):
        assert Principal.parse(value).name


LIMITS = [
    pytest.param("", "it is empty", id="nothing"),
    pytest.param("D" * 255 + "\\" + "a" * 257, "it is too long", id="one letter more than both halves may have"),
    pytest.param("D" * 256 + "\\" + "a" * 256, "it is too long", id="the same in the domain"),
    pytest.param("D" * 256 + "\\a", "its domain is too long", id="256 octets of a domain"),
    pytest.param("D\\" + "a" * 257, "its user name is too long", id="257 letters of a user name"),
    pytest.param("\\alice", "its domain is empty", id="no domain"),
]


@pytest.mark.parametrize(("text", "reason"), LIMITS)
def test_each_limit_says_which_it_is(text: str, reason: str) -> None:
    """AD's and DNS's own limits, to the letter, before anything else is looked at."""
    with pytest.raises(InvalidIdentity) as caught:
        Identity.parse(text)
    assert caught.value.reason == reason


def test_the_longest_names_are_names() -> None:
    """Exactly as long as may be."""
    assert Identity.parse("D" * 255 + "\\" + "a" * 256) == Identity("D" * 255, "a" * 256)
    assert Identity("D" * 255, "alice").domain == "D" * 255


def test_the_longest_principal_is_one() -> None:
    """A realm, a suffix and a name; one letter more is refused for its length."""
    realm = "R" * (2 * 255 + 256 - 6)
    assert Principal.parse(f"alice@{realm}").realm == realm
    with pytest.raises(InvalidIdentity) as caught:
        Principal.parse(f"alice@{realm}R")
    assert caught.value.reason == "it is too long"


def test_names_compare_without_case_and_apart_from_upns() -> None:
    """What a session is held against."""
    alice = Identity("EXAMPLE", "alice")
    assert alice.same_name(Identity("example", "ALICE"))
    assert not alice.same_name(Identity("EXAMPLE", "bob"))
    assert not alice.same_name(Identity("OTHER", "alice"))
    assert not alice.same_name(Identity("EXAMPLE", "alice", is_upn=True))


def test_what_is_read_unless_the_site_says_otherwise() -> None:
    """DOMAIN\\name, in lower case, and not an enterprise name."""
    assert NameRules().parse("EXAMPLE\\Alice") == Identity("EXAMPLE", "alice")
    assert NameRules(by_upn=True, lowercase=False).parse("Alice@example.local").username == "Alice"
    assert Principal("alice", "EXAMPLE.LOCAL").enterprise is False


AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
OLD = AT - timedelta(2)
FACTS = [
    pytest.param(TransportFacts("S", frozenset()), None, id="nobody knows"),
    pytest.param(TransportFacts("S", frozenset(), believed_for=timedelta(1)), AT - timedelta(1), id="as the site says"),
    pytest.param(TransportFacts("S", frozenset(), AT), AT, id="now"),
    pytest.param(
        TransportFacts("S", frozenset(), AT - timedelta(2), believed_for=timedelta(1)), AT - timedelta(2), id="old"
    ),
    pytest.param(TransportFacts("S", frozenset(), AT + timedelta(seconds=1)), None, id="a clock that is wrong"),
]


@pytest.mark.parametrize(("facts", "at"), FACTS)
def test_when_facts_were_true(facts: TransportFacts, at: datetime | None) -> None:
    """A ticket's own time; else what the operator says; never a time to come."""
    assert facts.true_at(AT) == at


def test_facts_are_complete_and_keep_groups_out_of_logs() -> None:
    """Unless they say otherwise; a thousand SIDs are no log line."""
    facts = TransportFacts("S-1-5-21-1", frozenset({"S-1-5-21-2"}))
    assert facts.complete
    assert "S-1-5-21-2" not in repr(facts)


def test_folding_ascii_is_lower_case_alone() -> None:
    """Without a look at each letter."""

    class Plain(str):
        def __iter__(self):
            raise AssertionError("looked at each letter")

    assert fold_username(Plain("ALICE")) == "alice"
