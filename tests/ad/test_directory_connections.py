"""Connections to a real controller: verified, bounded, and back by themselves after every kind of trouble."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ad.certificates import Authority
from tests.ad.directory import managed
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager, pool, rotation, trace
from wauth_core.exceptions import (
    BindError,
    ConfigurationError,
    DirectoryUnavailable,
    SigningRequired,
    TLSError,
    UserNotFound,
)


@pytest.fixture
def tap(samba: DomainController, ad_authority: Authority) -> Iterator[Tap]:
    """A tap before the controller."""
    with Tap(samba, ad_authority.issue("connections-tap", hosts=("localhost",))) as tap:
        yield tap


def through(tap: Tap, authority: Authority, **overrides: object) -> LDAPManager:
    """A manager whose every message passes *tap*."""
    settings = {"SERVER": tap.url, "CA_FILE": str(authority.ca_file), "OPERATION_TIMEOUT": 2, **overrides}
    return managed(tap.controller, **settings)


# -- TLS and binding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["name", "authority", "expired", "system store"])
def test_certificates_are_verified(
    samba: DomainController, ad_authority: Authority, tmp_path: Path, wrong: str
) -> None:
    """A certificate of another name or authority, or an expired one, is refused with the remedy; nothing is sent."""
    stranger = Authority(tmp_path / "stranger")
    issuer = stranger if wrong == "authority" else ad_authority
    host = "elsewhere.example.local" if wrong == "name" else "localhost"
    pair = issuer.issue(f"wrong-{wrong.split()[0]}", hosts=(host,), expired=wrong == "expired")
    ca_file = None if wrong == "system store" else str(ad_authority.ca_file)
    remedy = {"name": "SERVER", "authority": "CA_FILE", "expired": "Renew", "system store": "CA_FILE"}[wrong]
    with (
        Tap(samba, pair) as tap,
        through(tap, ad_authority, CA_FILE=ca_file) as manager,
    ):
        with pytest.raises(TLSError, match=remedy) as caught:
            manager.user("alice")
        assert not manager.authenticate("alice", samba.password)
    assert tap.accepted
    assert tap.seen == []
    assert isinstance(caught.value, DirectoryUnavailable)


def test_an_address_is_checked_like_a_name(samba: DomainController, ad_authority: Authority) -> None:
    """What SERVER says is what is checked, also where it is an address."""
    with managed(samba, SERVER=samba.address) as manager:
        assert manager.user("alice").username == "alice"
    with (
        Tap(samba, ad_authority.issue("no-address", hosts=("localhost",))) as tap,
        through(tap, ad_authority, SERVER=f"ldaps://127.0.0.1:{tap.port}") as manager,
        pytest.raises(TLSError, match="SERVER"),
    ):
        manager.user("alice")


def test_verification_can_be_turned_off_loudly(
    tap: Tap, ad_authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """TLS_VERIFY=False connects to whoever answers, and says so in the log."""
    with through(tap, ad_authority, CA_FILE=None, TLS_VERIFY=False) as manager:
        assert manager.user("alice").username == "alice"
    assert "TLS_VERIFY is off" in caplog.text


def test_start_tls(samba: DomainController) -> None:
    """StartTLS on port 389 encrypts before the bind, and verifies the same."""
    with managed(samba, START_TLS=True) as manager:
        assert manager.user("alice").username == "alice"
        assert manager.authenticate("alice", samba.password)
        assert manager.connection.server.port == 389
    with managed(samba, START_TLS=True, CA_FILE=None) as wrong, pytest.raises(TLSError, match="CA_FILE"):
        wrong.user("alice")


def test_plaintext_is_refused(samba: DomainController) -> None:
    """No password goes over an unencrypted connection, unless a setting says so; then Samba refuses, with advice."""
    with managed(samba, USE_SSL=False) as manager:
        with pytest.raises(ConfigurationError, match="unencrypted"):
            manager.user("alice")
        with pytest.raises(ConfigurationError, match="unencrypted"):
            _ = manager.connection
    overrides = {"USE_SSL": False, "ALLOW_INSECURE_PLAINTEXT_BIND": True}
    with managed(samba, **overrides) as manager, pytest.raises(SigningRequired, match="USE_SSL"):
        manager.user("alice")


@pytest.mark.parametrize(
    ("account", "password", "code", "advice"),
    [
        ("EXAMPLE\\svc_web", "wrong", "52e", "PASSWORD"),
        ("EXAMPLE\\nobody", "wrong", "52e", "USERNAME"),
        ("EXAMPLE\\disabled.dan", None, "533", "enable"),
        ("EXAMPLE\\expired.eve", None, "701", "expired"),
        ("EXAMPLE\\mustchange.mia", None, "773", "password must be changed"),
    ],
)
def test_the_service_account_is_refused_with_the_reason(
    samba: DomainController, account: str, password: str | None, code: str, advice: str
) -> None:
    """AD's sub-codes have names and advice."""
    with (
        managed(samba, USERNAME=account, PASSWORD=password or samba.password) as manager,
        pytest.raises(BindError, match=advice) as caught,
    ):
        manager.user("alice")
    assert caught.value.code in {code, "525"}


def test_a_wrong_service_password_does_not_lock_the_account(tap: Tap, ad_authority: Authority) -> None:
    """The same wrong password is not sent at each request; a new one is tried at once."""
    passwords = ["wrong"]
    with through(tap, ad_authority, PASSWORD=lambda domain: passwords[-1]) as manager:
        for _ in range(3):
            with pytest.raises(BindError) as caught:
                manager.user("alice")
            assert caught.value.code == "52e"
        assert [seen.kind for seen in tap.seen].count("bind") == 1
        passwords.append(tap.controller.bind_password)
        assert manager.user("alice").username == "alice"


@pytest.mark.parametrize("password", ["", "  ", None], ids=repr)
def test_an_empty_service_password_stays_here(tap: Tap, ad_authority: Authority, password: str | None) -> None:
    """An empty PASSWORD is a configuration error, not an unauthenticated bind."""
    with through(tap, ad_authority, PASSWORD=password) as manager, pytest.raises(ConfigurationError, match="PASSWORD"):
        manager.user("alice")
    assert tap.seen == []


def test_ntlm_that_the_server_does_not_take(samba: DomainController) -> None:
    """Samba has no NTLM bind: the error says that, and nothing hangs."""
    with managed(samba, AUTHENTICATION="NTLM") as manager, pytest.raises(BindError, match="NTLM"):
        manager.user("alice")


# -- trouble -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "in good order"])
def test_killed_while_idle(tap: Tap, ad_authority: Authority, reset: bool) -> None:
    """A connection that ended on the shelf is noticed; the next call works, and asks only once."""
    with through(tap, ad_authority) as manager:
        manager.user("alice")
        tap.cut(reset=reset)
        tap.forget()
        assert manager.user("bob").username == "bob"
        assert [seen.kind for seen in tap.seen] == ["bind", "search"]


def test_killed_in_the_middle_of_an_answer(tap: Tap, ad_authority: Authority) -> None:
    """A read whose answer breaks off is asked once more on a fresh connection; twice broken is an error."""
    with through(tap, ad_authority) as manager:
        manager.user("alice")
        tap.cuts = 1
        assert manager.user("bob").username == "bob"
        tap.cuts = 5
        with pytest.raises(DirectoryUnavailable):
            manager.user("bob")
        tap.cuts = 0
        assert manager.user("bob").username == "bob"


def test_black_hole(tap: Tap, ad_authority: Authority) -> None:
    """A server that falls silent costs one deadline, and service returns by itself."""
    with through(tap, ad_authority, OPERATION_TIMEOUT=1) as manager:
        manager.user("alice")
        with tap.silence():
            for _ in range(2):  # once on a connection at hand, once on a new one
                started = time.monotonic()
                with pytest.raises(DirectoryUnavailable):
                    manager.user("bob")
                assert time.monotonic() - started < 1.5
        assert manager.user("bob").username == "bob"


def test_refused(tap: Tap, ad_authority: Authority) -> None:
    """A server that refuses is told at once, and used again as soon as it listens."""
    with through(tap, ad_authority) as manager:
        tap.refuse()
        with pytest.raises(DirectoryUnavailable, match="cannot be reached"):
            manager.user("alice")
        tap.listen()
        assert manager.user("alice").username == "alice"


def test_unknown_host(samba: DomainController) -> None:
    """A name that does not resolve is told as that."""
    with managed(samba, SERVER="nowhere.invalid") as manager, pytest.raises(DirectoryUnavailable, match="resolved"):
        manager.user("alice")


def test_failover_and_back(
    tap: Tap, ad_authority: Authority, samba: DomainController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the first server down or silent the second serves; the first is used again after a while."""
    with (
        Tap(samba, ad_authority.issue("second-tap", hosts=("localhost",))) as second,
        through(tap, ad_authority, SERVER=[tap.url, second.url], OPERATION_TIMEOUT=3) as manager,
    ):
        manager.user("alice")
        assert (tap.accepted, second.accepted) == (1, 0)
        tap.refuse()
        tap.cut(reset=True)
        assert manager.user("bob").username == "bob"
        assert second.accepted == 1
        tap.listen()
        with tap.silence():
            second.cut(reset=True)
            assert manager.user("bob").username == "bob"
        second.cut(reset=False)
        monkeypatch.setattr(rotation, "SKIP_FAILED", 0.0)
        manager._pool.rotation.skipped.clear()
        before = tap.accepted
        assert manager.user("alice").username == "alice"
        assert tap.accepted == before + 1


def test_two_real_controllers(samba: DomainController, samba_second_dc: DomainController, tmp_path: Path) -> None:
    """The same person comes from either controller of the domain, and the second serves when the first is gone."""
    both = tmp_path / "both.pem"
    both.write_text(Path(samba.ca_file).read_text() + Path(samba_second_dc.ca_file).read_text())
    servers = [f"ldaps://{samba.host}:637", samba_second_dc.ldaps_url]
    with managed(samba) as first, managed(samba, SERVER=servers, CA_FILE=str(both)) as other:
        assert first.user("alice").guid == other.user("alice").guid
        assert other.connection.server.host == samba_second_dc.host


def test_controller_restarts(samba: DomainController) -> None:
    """While the controller restarts, calls fail clearly; afterwards they work, with no help."""
    if not samba.owned:
        pytest.skip("this controller belongs to another process")
    with managed(samba, OPERATION_TIMEOUT=3) as manager:
        manager.user("alice")
        samba.kill()
        with pytest.raises(DirectoryUnavailable):
            manager.user("alice")
        samba.start()
        assert manager.user("alice").username == "alice"


# -- the pool ----------------------------------------------------------------------------------------------------------


def test_threads_get_their_own_answers(tap: Tap, ad_authority: Authority) -> None:
    """Many threads, many people, one manager: no wrong answer, no error, and never more connections than POOL_SIZE."""
    people = [f"user{number:05d}" for number in range(200)]

    def look(start: int) -> None:
        for step in range(15):
            sam = people[(start * 37 + step * 11) % len(people)]
            assert manager.user(sam).username == sam
            with contextlib.suppress(UserNotFound):
                raise AssertionError(manager.user(f"no-{sam}"))

    with through(tap, ad_authority, POOL_SIZE=4, OPERATION_TIMEOUT=20) as manager:
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(look, range(32)))
        assert tap.most_open <= 4
        assert manager._pool.counts()[0] == 0


def test_a_full_pool_is_an_error_in_time(samba: DomainController) -> None:
    """Whoever waits for a connection waits until the deadline, and is told why."""
    with managed(samba, POOL_SIZE=1, OPERATION_TIMEOUT=1, PAGE_SIZE=2) as manager:
        manager.domain_sid  # noqa: B018
        held = manager.users()
        next(held)
        failures: list[BaseException] = []

        def other() -> None:
            try:
                manager.user("alice")
            except DirectoryUnavailable as error:
                failures.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(5)
        held.close()
        assert "POOL_SIZE" in str(failures[0])
        assert manager.user("alice").username == "alice"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_survives_fork(tap: Tap, ad_authority: Authority) -> None:
    """A forked child opens connections of its own; the parent's stay the parent's."""
    with through(tap, ad_authority) as manager:
        manager.user("alice")
        _ = manager.connection
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                assert manager.connection.search(tap.controller.base_dn, "(cn=alice)")
                os.write(writing, manager.user("bob").username.encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 100) == b"bob"
        tap.forget()
        assert manager.user("bob").username == "bob"
        assert [seen.kind for seen in tap.seen] == ["search"]
        os.close(reading)
        os.close(writing)


def test_an_old_connection_is_asked_first(tap: Tap, ad_authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long rest a connection must answer a small question; a very old one is replaced."""
    with through(tap, ad_authority) as manager:
        manager.user("alice")
        monkeypatch.setattr(pool, "CHECK_AFTER_IDLE", 0.0)
        tap.forget()
        manager.user("alice")
        assert (tap.seen[0].kind, tap.seen[0].base) == ("search", "")
        assert tap.accepted == 1
        monkeypatch.setattr(pool, "MAX_AGE", 0.0)
        manager.user("alice")
        assert tap.accepted == 2
        assert tap.open_connections <= 2


def test_nothing_connects_before_it_must(tap: Tap, ad_authority: Authority) -> None:
    """Making a manager opens nothing; closing one ends all its connections, and it opens again when used."""
    with through(tap, ad_authority) as manager:
        assert tap.accepted == 0
        manager.user("alice")
        _ = manager.connection
        manager.close()
        assert manager._pool.counts() == (0, 0)
        assert tap.accepted == 2
        manager.user("alice")
        assert tap.accepted == 3


def test_no_schema_is_fetched(tap: Tap, ad_authority: Authority) -> None:
    """Looking somebody up the first time is a bind and a search, nothing else."""
    with through(tap, ad_authority) as manager:
        with trace() as operations:
            manager.user("alice")
        assert [seen.kind for seen in tap.seen] == ["bind", "search"]
        assert [operation.kind for operation in operations] == ["connect", "bind", "search"]
        assert operations[-1].entries == 1
        assert operations[-1].stack
