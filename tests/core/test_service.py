"""`Wauth` against the embedded directory: the first thing that is useful by itself."""

from __future__ import annotations

import os
import threading
import traceback
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.core.standing import person_of, standing
from wauth_core import ConfigurationError, Identity, SyncStatus, Wauth, WauthError, WindowsUser, passwords
from wauth_core.directory import AuthReason
from wauth_core.exceptions import DirectoryUnavailable, UnknownDomain
from wauth_core.identity import TransportFacts
from wauth_core.settings import ConfigurationWarning
from wauth_core.sync.knowledge import May
from wauth_core.testing import MemoryUserRepository
from wauth_core.testing.embedded import EmbeddedDirectory
from wauth_core.throttle import MemoryCache

ALICE = Identity("EXAMPLE", "alice")
BOB = Identity("EXAMPLE", "bob")


class Clock:
    """A clock that hardly moves until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)  # no two answers are of the same time
        return self.now


@pytest.fixture
def store() -> MemoryUserRepository:
    return MemoryUserRepository()


def wauth_for(directory: EmbeddedDirectory, settings: dict[str, Any] | None = None, **options: Any) -> Wauth:
    return Wauth({"EXAMPLE": directory.settings(**(settings or {}))}, **options)


@pytest.fixture
def wauth(directory: EmbeddedDirectory) -> Iterator[Wauth]:
    settings = {"STAFF_GROUPS": "Web Editors", "GROUP_MAP": {"users": "Web Users"}}
    with wauth_for(directory, settings) as made:
        yield made


def searches(directory: EmbeddedDirectory) -> int:
    return sum(operation.op == "search" for operation in directory.operations)


def test_nothing_connects_before_it_must(directory: EmbeddedDirectory) -> None:
    """Making a Wauth, a manager and a lazy user sends nothing."""
    with wauth_for(directory) as wauth:
        assert wauth.manager("EXAMPLE") is wauth.manager("example")
        assert person_of(wauth, ALICE).is_authenticated
        assert wauth.problems() == []
        assert wauth.rules.parse("example\\ALICE") == ALICE
        assert len(directory.operations) == 0


def test_what_settings_make_of_people_is_read_once(wauth: Wauth) -> None:
    """Each request asks for it. It follows from the settings, which are read again after a close."""
    policy = wauth.directories.policy("EXAMPLE")
    assert wauth.directories.policy("EXAMPLE") is policy
    wauth.close()
    again = wauth.directories.policy("EXAMPLE")
    assert again is not policy
    assert again == policy


def test_steady_state_is_one_search(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A later sync, with fields, flags and nested groups, is exactly one search, as the server counts, and no write."""
    first = wauth.sync(ALICE, store)
    assert first.status is SyncStatus.CREATED
    assert store.users[1].fields["email"] == "alice@example.local"
    assert store.users[1].groups == {"users"}
    before, writes = searches(directory), store.writes
    second = wauth.sync(ALICE, store)
    assert (second.status, second.groups) == (SyncStatus.UNCHANGED, {"users"})
    assert searches(directory) - before == 1
    assert store.writes == writes


def test_first_sync_searches(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """The first sync of a user is two searches at most, once the meaning of group names is known."""
    wauth.sync(ALICE, store)
    before = searches(directory)
    assert wauth.sync(BOB, store).status is SyncStatus.CREATED
    assert searches(directory) - before <= 2


def test_rights_follow_the_directory(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Promotion, demotion, disabling, coming back, renaming and deletion reach the application at the next sync."""
    key = wauth.sync(ALICE, store).key
    directory.add_member("Web Developers", "alice")
    result = wauth.sync(ALICE, store)
    assert store.users[1].flags["is_staff"] is True
    assert result.why["is_staff"] == ("Web Editors",)
    directory.disable("alice")
    assert wauth.sync(ALICE, store).status is SyncStatus.DISABLED
    assert (store.users[1].flags["is_staff"], store.users[1].flags["is_active"], store.users[1].groups) == (
        False,
        False,
        set(),
    )
    directory.enable("alice")
    assert wauth.sync(ALICE, store).ok
    assert (store.users[1].flags["is_staff"], store.users[1].flags["is_active"], store.users[1].groups) == (
        True,
        True,
        {"users"},
    )
    directory.rename("alice", "alicia")
    assert wauth.sync(Identity("EXAMPLE", "alicia"), store).key == key
    assert store.users[1].fields["username"] == "alicia"
    directory.delete("alicia")
    assert wauth.sync(Identity("EXAMPLE", "alicia"), store).status is SyncStatus.NOT_FOUND
    assert store.users[1].flags["is_active"] is False


def test_a_reused_name(wauth: Wauth, directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """Who is hired under the name of somebody who left gets nothing of theirs."""
    old = wauth.sync(ALICE, store).key
    directory.delete("alice")
    directory.add_user("alice", name="Alice Newcomer")
    new = wauth.sync(ALICE, store)
    assert new.status is SyncStatus.CREATED
    assert new.key != old
    assert store.users[1].flags["is_active"] is False


def test_a_directory_that_is_down(directory: EmbeddedDirectory, store: MemoryUserRepository) -> None:
    """A sync raises and changes nothing; a refresh says what to do, by how long it has been."""
    clock = Clock()
    with wauth_for(directory, {"OPERATION_TIMEOUT": 2, "CONNECT_TIMEOUT": 2}, clock=clock) as wauth:
        wauth.sync(ALICE, store)
        before = store.users[1].link
        directory.close()
        with pytest.raises(DirectoryUnavailable):
            wauth.sync(ALICE, store)
        assert standing(wauth, store, ALICE).may is May.YES
        clock.now += timedelta(hours=1)
        within = standing(wauth, store, ALICE)
        assert within.may is May.YES
        assert isinstance(within.error, DirectoryUnavailable)
        assert standing(wauth, store, ALICE, required=True).raises
        assert standing(wauth, store, ALICE, delta=7200).error is None
        assert standing(wauth, store, BOB).may is May.UNKNOWN
        assert (store.users[1].link, len(store.users)) == (before, 1)
        clock.now += timedelta(days=2)
        assert standing(wauth, store, ALICE).may is May.YES
        lapsed = store.users[1].link
        assert (lapsed.lapsed, lapsed.last_sync, store.users[1].flags["is_active"]) == (True, before.last_sync, True)


# -- passwords

LOGINS: list[Any] = [
    pytest.param("alice", "EXAMPLE\\alice", id="plain name"),
    pytest.param("ALICE", "EXAMPLE\\alice", id="in capitals"),
    pytest.param("EXAMPLE\\alice", "EXAMPLE\\alice", id="down-level"),
    pytest.param("example\\Alice", "EXAMPLE\\alice", id="down-level in another case"),
    pytest.param("alice@example.local", "EXAMPLE\\alice", id="UPN"),
    pytest.param("OTHER\\alice", None, id="another domain"),
    pytest.param("\\alice", None, id="an empty domain"),
    pytest.param("alice@other.local", None, id="a UPN of another domain"),
    pytest.param("*", None, id="an asterisk"),
    pytest.param("a*", None, id="a pattern"),
    pytest.param("(sAMAccountName=alice)", None, id="a filter"),
    pytest.param("EXAMPLE\\alice\\x", None, id="two separators"),
    pytest.param("", None, id="nothing"),
    pytest.param("\x00", None, id="NUL"),
    pytest.param("alice\ud800", None, id="half a surrogate pair"),
    pytest.param("x" * 100_000, None, id="a hundred thousand letters"),
]


@pytest.mark.parametrize(("typed", "identity"), LOGINS)
def test_who_signs_in_with_a_password(
    wauth: Wauth, directory: EmbeddedDirectory, typed: str, identity: str | None
) -> None:
    """Any spelling of the right name signs in as one identity; whatever else is typed is refused, never an error."""
    result = wauth.authenticate(typed, directory.bind_password)
    assert (str(result.identity) if result.identity else None) == identity
    assert result.ok is (identity is not None)


def test_wrong_and_missing_passwords(wauth: Wauth) -> None:
    """A wrong password, an empty one and a strange name get no identity."""
    for password in ("wrong", "", " ", "\x00", "\u200b"):
        result = wauth.authenticate("alice", password)
        assert not result.ok
        assert result.identity is None


def test_a_plain_name_needs_one_domain(directory: EmbeddedDirectory) -> None:
    """With two domains a name alone is nobody's, unless the caller says which domain is meant."""
    settings = directory.settings()
    password = directory.bind_password
    with Wauth({"EXAMPLE": settings, "OTHER": settings}) as wauth:
        assert wauth.authenticate("alice", password).reason is AuthReason.NO_SUCH_USER
        assert wauth.authenticate("alice", password, domain="example").identity == ALICE
        assert not wauth.authenticate("OTHER\\alice", password, domain="EXAMPLE").ok


def test_a_upn_tells_the_domain(directory: EmbeddedDirectory) -> None:
    """Among several domains a UPN belongs to the one whose search base has its suffix; a strange suffix to none."""
    other = {"SERVER": "dc.other.local", "SEARCH_BASE": "DC=other,DC=local"}
    with Wauth({"OTHER": other, "EXAMPLE": directory.settings()}) as wauth:
        password = directory.bind_password
        assert passwords.domain_of(wauth.directories, "alice@example.LOCAL") == "EXAMPLE"
        assert passwords.domain_of(wauth.directories, "alice@other.local") == "OTHER"
        assert passwords.domain_of(wauth.directories, "alice@elsewhere.example") is None
        assert wauth.authenticate("alice@example.local", password).identity == ALICE
        assert wauth.authenticate("alice@elsewhere.example", password).reason is AuthReason.NO_SUCH_USER


def test_the_default_makes_nobody_a_member_of_any_domain(directory: EmbeddedDirectory) -> None:
    """Where __default__ serves all, a person still is of the own domain only."""
    with Wauth({"__default__": directory.settings()}) as wauth:
        assert wauth.authenticate("EXAMPLE\\alice", directory.bind_password).identity == ALICE
        assert not wauth.authenticate("OTHER\\alice", directory.bind_password).ok


# -- the lazy user


def test_the_lazy_user(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """Groups, attributes and membership come from the directory; its answer serves the next request too."""
    user = person_of(wauth, Identity("EXAMPLE", "ada"))
    assert user.in_group("Web Editors"), "nested"
    assert not user.in_group("Web Admins")
    assert not user.in_group("No Such Group")
    assert "Web Developers" in {group.name for group in user.groups}
    assert user.attributes["mail"] == "ada@example.local"
    before = searches(directory)
    again = person_of(wauth, Identity("EXAMPLE", "ada"))
    assert again.in_group("Web Editors")
    assert searches(directory) == before


def test_nobody_is_in_no_group(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """The lazy user of a request in which nobody is signed in asks nothing."""
    nobody = WindowsUser()
    assert not nobody
    assert (nobody.is_authenticated, nobody.groups, nobody.attributes) == (False, (), {})
    assert nobody.in_group("Domain Users") is False
    assert searches(directory) == 0


@pytest.mark.parametrize("name", ["dan", "eve", "nobody.at.all"], ids=["disabled", "expired", "unknown"])
def test_accounts_that_give_no_membership(wauth: Wauth, name: str) -> None:
    """A disabled, expired or unknown account is in no group."""
    assert person_of(wauth, Identity("EXAMPLE", name)).in_group("Domain Users") is False


def test_facts_need_no_directory(directory: EmbeddedDirectory) -> None:
    """SIDs that came with the sign-in answer for as long as they are believed; a SID is asked for without a search."""
    clock = Clock()
    sid = f"{directory.domain_sid}-512"
    facts = TransportFacts(directory.sid("mallory"), frozenset({sid}), clock.now)
    with wauth_for(directory, clock=clock) as wauth:
        user = person_of(wauth, Identity("EXAMPLE", "mallory"), facts)
        assert user.in_group(sid)
        assert user.in_group("Domain Admins")
        assert not user.in_group("S-1-5-32-544")
        assert len(directory.operations) == 0
        clock.now += timedelta(minutes=11)
        assert not user.in_group(sid), "old facts are not believed, and the directory says no"


def test_built_in_groups_follow_from_a_ticket(directory: EmbeddedDirectory) -> None:
    """A ticket lists no built-in group; who carries a member's SID is in it all the same."""
    clock = Clock()
    admins = f"{directory.domain_sid}-512"
    facts = TransportFacts(directory.sid("alice"), frozenset({admins}), clock.now, complete=False)
    with wauth_for(directory, clock=clock) as wauth:
        assert person_of(wauth, ALICE, facts).in_group("Administrators")
        assert not person_of(wauth, ALICE, facts).in_group("Account Operators")


# -- settings


def test_from_a_mapping(directory: EmbeddedDirectory) -> None:
    """WAUTH_ names are read out of a configuration that holds other things."""
    config = {"DEBUG": True, "WAUTH_DOMAINS": {"EXAMPLE": directory.settings()}, "WAUTH_RESYNC_DELTA": "60"}
    with Wauth.from_mapping(config) as wauth:
        assert wauth.settings.resync_delta == timedelta(minutes=1)
        assert person_of(wauth, ALICE).in_group("Web Users")


def test_a_misspelt_option_in_a_mapping_is_warned_of() -> None:
    """The warning sets the name right; WAUTH_IGNORE_SETTING_WARNINGS silences it."""
    with pytest.warns(ConfigurationWarning, match="Did you mean 'WAUTH_DOMAINS'"):
        Wauth.from_mapping({"WAUTH_DOMAIN": {}})
    with pytest.raises(ConfigurationError, match="Did you mean 'WAUTH_USE_SPN'"):
        Wauth(use_spm=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Wauth.from_mapping({"WAUTH_NONSENSE": 1, "WAUTH_IGNORE_SETTING_WARNINGS": True})


def test_a_misspelt_domain_setting_is_warned_of(directory: EmbeddedDirectory) -> None:
    """When a domain is first used, a name that means nothing in its settings is warned of."""
    with (
        wauth_for(directory, {"USER_FILED_MAP": {}}) as wauth,
        pytest.warns(ConfigurationWarning, match="Did you mean 'USER_FIELD_MAP'"),
    ):
        wauth.manager("EXAMPLE")


def test_from_toml(directory: EmbeddedDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TOML file holds options, a table for each domain, and secrets by reference."""
    monkeypatch.setenv("WAUTH_TEST_PASSWORD", directory.bind_password)
    path = tmp_path / "wauth.toml"
    path.write_text(
        f"""
        resync_delta = 300
        WAUTH_USERNAME_FORMAT = "{{username}}@{{domain}}"

        [domains.EXAMPLE]
        SERVER = "{directory.ldaps_url}"
        SEARCH_BASE = "{directory.base_dn}"
        USERNAME = 'EXAMPLE\\svc_web'
        PASSWORD = {{env = "WAUTH_TEST_PASSWORD"}}
        CA_FILE = '{directory.ca_file}'
        STAFF_GROUPS = ["Web Editors"]

        [domains.EXAMPLE.USER_FIELD_MAP]
        username = "sAMAccountName"

        [domains.EXAMPLE.GROUP_MAP]
        env = "Web Users"
        """,
        encoding="utf-8",
    )
    store = MemoryUserRepository()
    with Wauth.from_toml(path) as wauth:
        assert wauth.sync(Identity("EXAMPLE", "ada"), store).ok
    assert store.users[1].fields == {"username": "ada@EXAMPLE"}
    assert store.users[1].groups == {"env"}, "a table of one entry is no secret where tables belong"


TOML: list[Any] = [
    pytest.param(None, "cannot be read", id="missing"),
    pytest.param(b"a = ", "is not TOML", id="broken"),
    pytest.param(b"\xff", "is not TOML", id="not UTF-8"),
    pytest.param(b"domains = 1", "table of its own", id="domains is a number"),
    pytest.param(b"[domains]\nEXAMPLE = 1", "table of its own", id="a domain is a number"),
    pytest.param(b"resync_delta = 'x'", "WAUTH_RESYNC_DELTA", id="impossible option"),
]


@pytest.mark.parametrize(("content", "message"), TOML)
def test_a_toml_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, message: str) -> None:
    """The error is one of configuration, and names the file or the setting."""
    path = tmp_path / "wauth.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        Wauth.from_toml(path)


def test_an_unknown_domain(wauth: Wauth, store: MemoryUserRepository) -> None:
    """Nobody of a domain that is not configured is looked up anywhere."""
    with pytest.raises(UnknownDomain):
        wauth.sync(Identity("OTHER", "alice"), store)
    assert store.users == {}


def test_it_can_be_closed_and_used_again(wauth: Wauth, store: MemoryUserRepository) -> None:
    """Closing twice is no error, and the next use connects anew."""
    first = wauth.manager("EXAMPLE")
    wauth.close()
    wauth.close()
    assert wauth.sync(ALICE, store).ok
    assert wauth.manager("EXAMPLE") is not first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_makes_its_own_managers(wauth: Wauth, store: MemoryUserRepository) -> None:
    """A child of a preloading server syncs over connections of its own, and the parent's go on."""
    wauth.sync(ALICE, store)
    parents = wauth.manager("EXAMPLE")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if wauth.manager("EXAMPLE") is not parents and wauth.sync(BOB, store).ok:
                code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert wauth.manager("EXAMPLE") is parents
    assert wauth.sync(ALICE, store).ok


def test_many_threads_many_people(wauth: Wauth, directory: EmbeddedDirectory) -> None:
    """Thirty-two threads sync thirty people again and again through one Wauth: one user each, and never another's."""
    store = MemoryUserRepository()
    names = [user.username for user in wauth.manager("EXAMPLE").users() if user.enabled]
    wrong: list[object] = []

    def work(start: int) -> None:
        for offset in range(len(names)):
            name = names[(start * 7 + offset) % len(names)]
            try:
                result = wauth.sync(Identity("EXAMPLE", name), store)
                if result.user is not None and result.user.username != name:
                    wrong.append((name, result.user))
                elif not result.ok:
                    wrong.append((name, result))
            except Exception as error:
                wrong.append((name, error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(user.fields["username"] for user in store.users.values()) == sorted(name.lower() for name in names)


def test_no_secret_comes_out(
    directory: EmbeddedDirectory, store: MemoryUserRepository, caplog: pytest.LogCaptureFixture
) -> None:
    """The service account's password and a visitor's are in no repr, log record, exception or traceback."""
    service, visitor = "canary-service-8812", "canary-visitor-4471"
    settings = {"PASSWORD": service}
    shown: list[str] = []
    with caplog.at_level(0), wauth_for(directory, settings, clock=Clock()) as wauth:
        for action in (
            lambda: wauth.sync(ALICE, store),
            lambda: wauth.sync_all(store, "EXAMPLE"),
            lambda: person_of(wauth, ALICE).groups,
        ):
            with pytest.raises(WauthError) as caught:
                action()
            shown += [str(caught.value), *traceback.format_exception(caught.value)]
        unavailable = wauth.authenticate("alice", visitor)
        assert unavailable.reason is AuthReason.UNAVAILABLE
        refreshed = standing(wauth, store, ALICE)
        assert refreshed.may is May.UNKNOWN
        shown += [
            repr(each) for each in (wauth, wauth.manager("EXAMPLE"), wauth.domains["EXAMPLE"], refreshed, unavailable)
        ]
    with caplog.at_level(0), wauth_for(directory) as wauth:
        refused = wauth.authenticate("alice", visitor)
        shown += [repr(refused), refused.message]
    shown.append(caplog.text)
    assert not [text for text in shown if service in text or visitor in text]


def test_relative_paths_in_toml_start_at_the_file(tmp_path, monkeypatch):
    """A scheduled task starts in another folder than the person who wrote the file."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "password.txt").write_text("hush\n", encoding="utf-8")
    (tmp_path / "site" / "wauth.toml").write_text(
        '[domains.EXAMPLE]\nSERVER = "dc1"\nSEARCH_BASE = "DC=example,DC=local"\n'
        'CA_FILE = "ca.pem"\nAUTHENTICATION = "KERBEROS"\nCLIENT_KEYTAB = "web.keytab"\n'
        'PASSWORD = { file = "password.txt" }\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    with Wauth.from_toml("site/wauth.toml") as wauth:
        settings = wauth.domains["EXAMPLE"]
    assert str(tmp_path / "site" / "ca.pem") == settings.CA_FILE
    assert str(tmp_path / "site" / "web.keytab") == settings.CLIENT_KEYTAB
    assert settings.password() == "hush"


@pytest.mark.parametrize(("cache", "lapses"), [(MemoryCache(), True), (None, False)], ids=["shared", "no-cache"])
def test_mirrored_groups_lapse_in_a_process_that_never_read_them(
    directory: EmbeddedDirectory, store: MemoryUserRepository, cache: MemoryCache | None, lapses: bool
) -> None:
    """With MIRROR_GROUPS=True the list of the directory's groups says which of a user's groups may lapse. The workers
    share it; without it nothing is guessed: a group of the application's own would be lost."""
    clock, identity = Clock(), Identity("EXAMPLE", "ada")
    settings = {"MIRROR_GROUPS": True}
    with wauth_for(directory, settings, cache=cache, clock=clock) as first:
        key = first.sync(identity, store).key
    store.users[key].groups.add("chess club")
    assert len(store.users[key].groups) > 1
    clock.now += timedelta(days=30)
    with directory.faults.outage(), wauth_for(directory, settings, cache=cache, clock=clock) as second:
        assert standing(second, store, identity).may is (May.YES if lapses else May.UNKNOWN)
    assert (store.users[key].groups == {"chess club"}) is lapses
