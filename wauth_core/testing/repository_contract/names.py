"""Who is meant by a domain, a name or a GUID: hostile rows last."""

from __future__ import annotations

import uuid

import pytest

from wauth_core.exceptions import SyncError
from wauth_core.identity import canonical_domain
from wauth_core.sync.repository import UserRepository, UserSnapshot
from wauth_core.testing.repository_contract.samples import ALICE, ALL, BOB, NOW, link, link_of, new, one

FOUND = [
    pytest.param("EXAMPLE", "alice", None, ["alice"], id="by-name"),
    pytest.param("EXAMPLE", "ALICE", None, ["alice"], id="name-without-case"),
    pytest.param("example", "alice", None, ["alice"], id="domain-without-case"),
    pytest.param("EXAMPLE", "alice.new", ALICE, ["alice"], id="renamed-by-guid"),
    pytest.param("EXAMPLE", "bob", ALICE, ["alice", "bob"], id="name-passed-on"),
    pytest.param("EXAMPLE", "alice", uuid.UUID(int=9), ["alice"], id="reused-name"),
    pytest.param("OTHER", "alice", None, ["twin"], id="twin-in-another-domain"),
    pytest.param("OTHER", "alice", ALICE, ["twin"], id="guid-counts-in-its-domain"),
    pytest.param("NOWHERE", "alice", None, [], id="unknown-domain"),
    pytest.param("EXAMPLE", "carol", None, [], id="unlinked-user"),
    pytest.param("EXAMPLE", "", None, [], id="empty"),
    pytest.param("EXAMPLE", "ali%", None, [], id="percent"),
    pytest.param("EXAMPLE", "alic_", None, [], id="underscore"),
    pytest.param("EXAMPLE", "*", None, [], id="star"),
    pytest.param("EXAMPLE", "alice' OR '1'='1", None, [], id="quote"),
    pytest.param("EXAMPLE", "JOSÉ", None, ["josé"], id="non-ascii-without-case"),
    pytest.param("EXAMPLE", "jose", None, [], id="accent-counts"),
    pytest.param("EXAMPLE", "strasse", None, [], id="sharp-s-is-not-ss"),
    pytest.param("EXAMPLE", "İ" * 100, None, [], id="dotted-capital-i"),
]

NAMED = [
    pytest.param("carol", "carol", id="exact"),
    pytest.param("CAROL", "carol", id="without-case"),
    pytest.param("JOSÉ", "josé", id="non-ascii-without-case"),
    pytest.param("jose", None, id="accent-counts"),
    pytest.param("alice", "alice", id="linked"),
    pytest.param("a%b", "a%b", id="percent"),
    pytest.param("aXb", None, id="percent-is-no-pattern"),
    pytest.param("a_c", None, id="underscore-is-no-pattern"),
    pytest.param("nobody", None, id="nobody"),
    pytest.param("strasse", None, id="sharp-s-is-not-ss"),
    pytest.param("", None, id="empty"),
]

# Names that differ in AD, and that one database or another takes for the same.
APART = [
    pytest.param("weiß", "weis", id="sharp-s"),
    pytest.param("straße", "strasse", id="sharp-s-as-two"),
    pytest.param("josé", "jose", id="accent"),
    pytest.param("al\u0131ce", "alice", id="dotless-i"),
    pytest.param("\u212aen", "ken", id="kelvin-sign"),
    pytest.param("ａｌｉｃｅ", "alice", id="full-width"),
    pytest.param("ﬁn", "fin", id="ligature"),
    pytest.param("\U0001f600", "\U0001f601", id="beyond-the-basic-plane"),
]

HOSTILE = {
    "nul": "al\0ice",
    "ends-in-nul": "alice\0",
    "lone-surrogate": "alice\udc80",
    "trailing-blank": "alice ",
    "leading-blank": " alice",
    "newline": "alice\n",
    "quote": "alice' OR '1'='1",
    "double-quote": 'alice"; DROP TABLE users; --',
    "backslash": "ALICE\\alice",
    "percent": "ali%",
    "underscore": "alic_",
    "format": "{0.__class__}%s%(x)s",
    "right-to-left": "\u202eecila",
    "no-letter": "\U0010ffff",
    "dotted-capital-i": "İ" * 100,
    "ten-kilobytes": "alice" * 2000,
    "empty": "",
}


def names(users: list[UserSnapshot]) -> list[str]:
    """What they go by in the application."""
    return sorted(user.fields["username"] for user in users)


class Names:
    """A name is one person's, whatever the store's own idea of equal is."""

    @pytest.mark.parametrize(("domain", "username", "guid", "expected"), FOUND)
    def test_users_are_found_by_link_only(
        self, repository: UserRepository, domain: str, username: str, guid: uuid.UUID | None, expected: list[str]
    ) -> None:
        """Domain and name compare without case and otherwise exactly; the GUID finds who was renamed."""
        repository.apply(
            [
                new("alice", link()),
                new("bob", link("bob", BOB)),
                new("twin", link("alice", uuid.UUID(int=3), "OTHER")),
                new("josé", link("josé", uuid.UUID(int=4))),
                new("straße", link("straße", uuid.UUID(int=5))),
                new("carol"),
            ],
            now=NOW,
        )
        assert names(repository.find(ALL, domain=domain, username=username, guid=guid)) == expected

    @pytest.mark.parametrize(("username", "expected"), NAMED)
    def test_a_name_that_is_taken_is_seen(
        self, repository: UserRepository, username: str, expected: str | None
    ) -> None:
        """named() finds whoever goes by a name in the application, linked or not, without case."""
        others = ("carol", "josé", "a%b", "abc", "straße")
        repository.apply([new("alice", link()), *(new(name) for name in others)], now=NOW)
        found = repository.named(ALL, username)
        assert (found and found.fields["username"]) == expected
        if found:
            assert (found.link is not None) == (expected == "alice")

    def test_names_that_differ_in_case_only_are_told_apart_or_refused(self, repository: UserRepository) -> None:
        """If a store lets two names differ in case only, the exact one is meant."""
        repository.apply([new("twice")], now=NOW)
        spellings = {"twice": "twice"}
        try:
            repository.apply([new("Twice")], now=NOW)
            spellings["Twice"] = "Twice"
        except SyncError:
            spellings["Twice"] = "twice"
        for asked, expected in spellings.items():
            found = repository.named(ALL, asked)
            assert found is not None
            assert found.fields["username"] == expected

    @pytest.mark.parametrize(("name", "twin"), APART)
    def test_names_that_look_alike_are_two_people(self, repository: UserRepository, name: str, twin: str) -> None:
        """Both are written, and each is found by the own name only."""
        repository.apply([new("first", link(name)), new("second", link(twin, BOB))], now=NOW)
        assert names(repository.find(ALL, domain="EXAMPLE", username=name)) == ["first"]
        assert names(repository.find(ALL, domain="EXAMPLE", username=twin)) == ["second"]
        with repository.lock("EXAMPLE", name) as mine, repository.lock("EXAMPLE", twin) as too:
            assert (mine, too) == (True, True)

    @pytest.mark.parametrize(("name", "twin"), APART)
    def test_users_whose_names_look_alike_are_two_or_refused(
        self, repository: UserRepository, name: str, twin: str
    ) -> None:
        """The application's own column may take them for one: then the second is refused, and nobody is the other."""
        repository.apply([new(name, link(name))], now=NOW)
        try:
            repository.apply([new(twin, link(twin, BOB))], now=NOW)
            expected = [twin]
        except SyncError:
            expected = []
        assert names(repository.find(ALL, domain="EXAMPLE", username=twin)) == expected
        assert names([user for user in [repository.named(ALL, twin)] if user]) == expected
        assert names(repository.find(ALL, domain="EXAMPLE", username=name)) == [name]

    @pytest.mark.parametrize(
        ("domain", "twin"),
        [
            pytest.param("STRASSE", "STRAßE", id="sharp-s-as-two"),
            pytest.param("WEIS", "WEIß", id="sharp-s"),
            pytest.param("straße.local", "strasse.local", id="dns-name"),
            pytest.param("CAFE", "CAFÉ", id="accent"),
            pytest.param("EXAMPLE", "EXAMPLE.LOCAL", id="netbios-and-dns-name"),
        ],
    )
    def test_domains_that_look_alike_are_two(self, repository: UserRepository, domain: str, twin: str) -> None:
        """The same name in both is two people, with claims and bookmarks of their own."""
        repository.apply([new("first", link(domain=domain)), new("second", link(domain=twin))], now=NOW)
        for each, expected in ((domain, ["first"]), (twin, ["second"])):
            assert names(repository.find(ALL, domain=each, username="alice", guid=ALICE)) == expected
            assert [names(list(page)) for page in repository.linked(ALL, each)] == [expected]
            repository.bookmark(each, each)
        assert [repository.bookmark(each) for each in (domain, twin)] == [domain, twin]
        with repository.lock(domain, "alice") as mine, repository.lock(twin, "alice") as too:
            assert (mine, too) == (True, True)

    def test_domains_are_kept_so_that_equal_means_the_same(self, repository: UserRepository) -> None:
        """A link gives its domain back as the same domain, NetBIOS name or FQDN."""
        repository.apply([new("alice", link(domain="example.local")), new("bob", link("bob", BOB))], now=NOW)
        assert canonical_domain(link_of(one(repository, domain="EXAMPLE.LOCAL")).domain) == "example.local"
        assert canonical_domain(link_of(one(repository, "bob")).domain) == "EXAMPLE"

    @pytest.mark.parametrize("half", ["username", "domain"])
    @pytest.mark.parametrize("hostile", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
    def test_a_hostile_name_is_a_name_or_a_sync_error(
        self, repository: UserRepository, hostile: str, half: str
    ) -> None:
        """Who comes by an odd name gets a link of their own or none, never somebody else's, and no other error."""
        domain, username = (hostile, "alice") if half == "domain" else ("EXAMPLE", hostile)
        repository.apply([new("victim", link())], now=NOW)
        found: list[str] = []
        try:
            assert repository.find(ALL, domain=domain, username=username) == []
            repository.apply([new("guest", link(username, BOB, domain))], now=NOW)
            found = names(repository.find(ALL, domain=domain, username=username))
            assert set(found) <= {"guest"}
        except SyncError:
            pass
        assert names(repository.find(ALL, domain="EXAMPLE", username="alice")) == ["victim"]
        try:
            named = repository.named(ALL, hostile)
            assert named is None
            with repository.lock(domain, username) as mine:
                assert mine is True
            repository.bookmark(domain, "here")
            assert repository.bookmark(domain) == "here"
        except SyncError:
            pass
