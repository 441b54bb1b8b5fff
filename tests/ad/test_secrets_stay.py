"""A canary for a password: after every kind of trouble it must be nowhere that people read."""

from __future__ import annotations

import base64
import gc
import io
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import ldap3.utils.log
import pytest

from tests.ad.conftest import IMPATIENT
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core import Wauth
from wauth_core.directory import LDAPManager, trace
from wauth_core.exceptions import DirectoryError
from wauth_core.settings import LDAPSettings

CANARY = "Tweety-Canary-9!"
SPELLINGS = (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex(), repr(CANARY.encode())[2:-1])

Open = Callable[..., LDAPManager]


def assert_clean(*texts: str) -> None:
    """None of the texts holds the canary, in any usual spelling."""
    for text in texts:
        for spelling in SPELLINGS:
            assert spelling not in text


def told(error: BaseException) -> str:
    """All that an error report with the values of local variables shows of an exception."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(line for line in lines if __file__ not in line)


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Every logger at its most talkative, ldap3's own included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    wordy = ldap3.utils.log.get_library_log_detail_level()
    ldap3.utils.log.set_library_log_detail_level(ldap3.utils.log.EXTENDED)
    ldap3.utils.log.set_library_log_activation_level(logging.DEBUG)
    yield stream
    ldap3.utils.log.set_library_log_detail_level(wordy)
    root.setLevel(level)
    root.removeHandler(handler)


def in_a_frame_of_its_own(call: Callable[[], object]) -> BaseException:
    """The error that the call raises; no frame of a test stands in its traceback."""
    try:
        call()
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


def test_working_manager(open_manager: Open, everything_logged: io.StringIO, samba: DomainController) -> None:
    """Neither the objects of a working manager show it, nor its operations, its metrics or its diagnosis."""
    account = samba.create_user(password=CANARY)
    manager = open_manager(USERNAME=f"EXAMPLE\\{account}", PASSWORD=CANARY, PRELOAD_DEFINITIONS=())
    with trace() as operations:
        user = manager.user("alice")
        connection = manager.connection
        connection.search(samba.base_dn, "(cn=alice)")
        checks = manager.doctor()
    things = (manager, manager.settings, connection, connection.server, user, user.attributes, checks)
    shown = [*map(repr, things), str(connection), repr(connection.request), str(manager.get_usage())]
    assert_clean(*shown, repr(list(operations)), everything_logged.getvalue())


@pytest.mark.parametrize("state", ["right", "wrong", "disabled", "must change"])
def test_person_who_signs_in(
    manager: LDAPManager, everything_logged: io.StringIO, samba: DomainController, state: str
) -> None:
    """A person's password leaves no trace, whatever the answer is."""
    person = samba.create_user(password=CANARY if state != "wrong" else samba.password)
    if state == "disabled":
        samba.disable(person)
    if state == "must change":
        samba.must_change_password(person)
    with trace() as operations:
        result = manager.authenticate(person, CANARY)
    assert result.ok == (state == "right")
    assert_clean(repr(result), str(result.message), repr(list(operations)), everything_logged.getvalue())


@pytest.mark.parametrize("trouble", ["refused", "cut", "silent"])
def test_trouble_in_the_middle_of_a_bind(
    open_manager: Open, tap: Tap, tap_settings: dict[str, Any], everything_logged: io.StringIO, trouble: str
) -> None:
    """When the connection fails while the password is on its way, the error does not hold it."""
    manager = open_manager(**tap_settings, **IMPATIENT, PASSWORD=CANARY)
    if trouble == "refused":
        tap.refuse()
    elif trouble == "cut":
        tap.cuts = 1000
    else:
        tap.silent = True
    calls: list[Callable[[], object]] = [lambda: manager.user("alice"), lambda: manager.connection]
    for call in calls:
        error = in_a_frame_of_its_own(call)
        assert isinstance(error, DirectoryError)
        assert_clean(str(error), told(error))
    result = manager.authenticate("alice", CANARY)
    assert_clean(repr(result), everything_logged.getvalue())
    tap.silent = False


def test_password_is_not_kept(open_manager: Open, samba: DomainController) -> None:
    """A person's password stays nowhere in memory that an object's attributes reach."""
    person = samba.create_user(password=CANARY)
    manager = open_manager()
    result = manager.authenticate(person, CANARY)
    assert result
    gc.collect()
    assert_clean(_deep(result), _deep(manager))


def _deep(thing: object) -> str:
    """The texts that an object's attributes reach."""
    seen: set[int] = set()
    texts: list[str] = []
    waiting: list[object] = [thing]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes | bytearray):
            texts.append(one if isinstance(one, str) else bytes(one).decode("latin-1"))
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        else:
            waiting += getattr(one, "__dict__", {}).values()
            waiting += [getattr(one, name, None) for name in getattr(type(one), "__slots__", ())]
    return "\n".join(texts)


def test_settings_of_every_kind(samba: DomainController) -> None:
    """No way of giving the password lets a repr show it."""

    class Own(LDAPSettings):
        PASSWORD = CANARY

    entry = samba.settings(PASSWORD=CANARY)
    plain = {name: value for name, value in entry.items() if name != "PASSWORD"}
    for settings in (LDAPSettings(**entry), Own(**plain), LDAPSettings(**{**plain, "PASSWORD": lambda domain: CANARY})):
        assert_clean(repr(settings), str(settings), repr(settings.for_domain("EXAMPLE")))
        with Wauth({"EXAMPLE": settings}) as wauth:
            assert_clean(repr(wauth), repr(wauth.domains), repr(wauth.problems()), repr(wauth.manager("EXAMPLE")))
