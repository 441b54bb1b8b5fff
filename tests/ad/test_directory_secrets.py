"""Passwords: what is tried, what is told, and what must never be seen."""

from __future__ import annotations

import contextlib
import logging
import traceback

import ldap3
import pytest
from ldap3.utils.log import BASIC, EXTENDED, set_library_log_detail_level

from tests.ad.certificates import Authority
from tests.ad.directory import managed
from tests.ad.people import EXAMPLE
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import AuthReason, LDAPManager, trace
from wauth_core.exceptions import WauthError

CANARY = "c4n4ry-Str0ng!pw"


@pytest.mark.parametrize("person", [p for p in EXAMPLE.people if p.sam.startswith("pw.")], ids=lambda p: p.sam)
def test_passwords_are_byte_exact(manager: LDAPManager, person: object) -> None:
    """Ligatures, full-width and zero-width letters reach the controller as they were typed."""
    sam, password = person.sam, person.password  # type: ignore[attr-defined]
    assert manager.authenticate(sam, password)
    assert not manager.authenticate(sam, password + "x")


@pytest.mark.parametrize(
    "password",
    ["", " ", "\t\n", "\x00", "\x00\x00", "\u200b", "\u200b\u200c\u200d", "\ufeff", "\u00ad", "\u3000", "a\x00", None],
    ids=ascii,
)
def test_what_looks_empty_never_leaves(samba: DomainController, ad_authority: Authority, password: str) -> None:
    """An empty password, and whatever a server may take for one, is refused before anything is sent."""
    with Tap(samba, ad_authority.issue("secrets-tap", hosts=("localhost",))) as tap:
        with managed(samba, SERVER=tap.url, CA_FILE=str(ad_authority.ca_file)) as manager:
            result = manager.authenticate("alice", password)
        assert result.reason is AuthReason.EMPTY_PASSWORD
        assert not result
        assert tap.accepted == 0


@pytest.mark.parametrize(
    ("username", "password", "reason"),
    [
        ("alice", None, AuthReason.OK),
        ("EXAMPLE\\ALICE", None, AuthReason.OK),
        ("alice@example.local", None, AuthReason.OK),
        ("cn.quotes", None, AuthReason.OK),
        ("cn.spaces", None, AuthReason.OK),
        ("alice", "wrong", AuthReason.BAD_PASSWORD),
        ("alice", "\ud800", AuthReason.BAD_PASSWORD),
        ("nobody", "wrong", AuthReason.NO_SUCH_USER),
        ("*", None, AuthReason.NO_SUCH_USER),
        ("", None, AuthReason.NO_SUCH_USER),
        ("disabled.dan", None, AuthReason.DISABLED),
        ("expired.eve", None, AuthReason.EXPIRED),
        ("locked.lou", None, AuthReason.LOCKED),
        ("mustchange.mia", None, AuthReason.MUST_CHANGE),
    ],
)
def test_reasons(
    samba: DomainController, manager: LDAPManager, username: str, password: str | None, reason: AuthReason
) -> None:
    """Each way in and out has its reason; a wrong name and a wrong password are told in the same words."""
    result = manager.authenticate(username, samba.password if password is None else password)
    assert result.reason is reason
    assert bool(result) is result.ok is (reason is AuthReason.OK)
    assert result.message
    if reason is AuthReason.OK:
        assert result.user is not None
    if reason is AuthReason.NO_SUCH_USER:
        assert result.message == manager.authenticate("alice", "wrong").message


def test_no_server_is_a_reason_too(samba: DomainController) -> None:
    """A directory that is down is told to the visitor, not raised."""
    with managed(samba, SERVER="127.0.0.1:9") as manager:
        assert manager.authenticate("alice", "x").reason is AuthReason.UNAVAILABLE
    with managed(samba, USERNAME="EXAMPLE\\disabled.dan") as manager:
        assert manager.authenticate("alice", "x").reason is AuthReason.UNAVAILABLE


def test_a_password_is_seen_nowhere(samba: DomainController, caplog: pytest.LogCaptureFixture) -> None:
    """No repr, log record, trace, exception text or traceback's local variable shows a password."""
    sam = samba.create_user("canary", password=CANARY)
    checked = 0
    caplog.set_level(logging.DEBUG)
    logging.getLogger("ldap3").setLevel(logging.DEBUG)
    set_library_log_detail_level(EXTENDED)

    def check(*things: object) -> None:
        nonlocal checked
        for thing in things:
            checked += 1
            assert not shows_canary(thing)

    def look(manager: LDAPManager) -> None:
        for call in (
            lambda: manager.user("alice"),
            lambda: manager.connection,
            lambda: manager.authenticate("bob", CANARY),
        ):
            try:
                check(call())
            except WauthError as error:
                check(error)
                check("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))

    try:
        with trace() as operations:
            for overrides in (
                {},
                {"SERVER": "127.0.0.1:9"},
                {"CA_FILE": None},
                {"USE_SSL": False},
                {"USERNAME": "EXAMPLE\\bob"},
                {"AUTHENTICATION": "NTLM"},
                {"START_TLS": True},
            ):
                with managed(samba, **{"USERNAME": f"EXAMPLE\\{sam}", "PASSWORD": CANARY, **overrides}) as manager:
                    look(manager)
                    check(manager, manager.settings, vars(vars(manager)["_pool"]))
                    with contextlib.suppress(WauthError):
                        check(manager.connection, vars(manager.connection), manager.get_usage())
    finally:
        set_library_log_detail_level(BASIC)
        logging.getLogger("ldap3").setLevel(logging.NOTSET)
        samba.delete(sam)
    check(operations, caplog.text)
    assert checked > 40


def shows_canary(thing: object) -> bool:
    """Whether the text or the repr of *thing* shows it, as text or as octets."""
    return any(CANARY in text for text in (str(thing), repr(thing)))


def test_the_canary_test_can_fail(samba: DomainController) -> None:
    """ldap3's own repr does show a password: what the test above looks for is really there to be found."""
    connection = ldap3.Connection(ldap3.Server(samba.host), user="x", password=CANARY)
    assert shows_canary(connection)
    assert shows_canary({"password": CANARY.encode()})
